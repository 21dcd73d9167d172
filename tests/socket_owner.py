"""The owner of a stream with checkpoints who speaks the wire by hand, over a socket."""

import zmq

from streamer import wire
from tests.tiny_engine import FORMAT, noise

SAMPLES = noise(64_000, 3)


class SocketOwner:
    """Opens and closes a stream by hand, and keeps what it is given."""

    def __init__(self, address: str):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(address)
        self.checkpoint = b""

    def tell(self, message: wire.Input, payload: bytes | None = None) -> None:
        self.socket.send_multipart(wire.encode(message, payload))

    def hear(self, kind: type) -> wire.Output:
        """The next message of a `kind`; the checkpoints before it are kept."""
        while self.socket.poll(5000):
            header, *payload = self.socket.recv_multipart()
            message = wire.decode_output(header)
            if isinstance(message, wire.Checkpoint):
                (self.checkpoint,) = payload
            if isinstance(message, kind):
                return message
        raise AssertionError(f"no {kind.__name__} came")

    def open(self, request: str, publish: bool = True) -> wire.Opened:
        """A stream that has half a second of sound, and a checkpoint."""
        options = {"format": FORMAT}
        self.tell(wire.Open(request, "tiny", options=options, publish=publish, checkpoint_ms=1))
        opened = self.hear(wire.Opened)
        self.tell(wire.Audio(opened.stream, opened.owner, 1, 0), SAMPLES[:8000].tobytes())
        self.hear(wire.Checkpoint)
        return opened

    def close(self, opened: wire.Opened) -> wire.Closed:
        self.tell(wire.Close(opened.stream, opened.owner, 2))
        return self.hear(wire.Closed)

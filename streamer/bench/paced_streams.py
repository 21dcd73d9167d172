"""Many live streams, paced like microphones or typists, and how late their results come."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
import zmq

from streamer import wire

FRAME_MS = 100  # of sound
WORD_MS = 200  # from one word of a text to the next
SOCKETS = 4  # streams share them: a socket a stream would cost more than the streams
ANSWER_SECONDS = 30.0
LINGER_MS = 500


@dataclass(frozen=True)
class Material:
    """What streams bring, a frame every `frame_ms`, round and round."""

    message: type[wire.Audio] | type[wire.Text]
    options: dict[str, Any]
    frames: list[bytes]
    frame_ms: int
    position_bytes: int

    def ms(self, positions: int) -> float:
        """How long so many positions take, on the average."""
        return positions * self.position_bytes * self.frame_ms * len(self.frames) / sum(map(len, self.frames))


def spoken(samples: np.ndarray, rate_hz: int) -> Material:
    """Samples [n] int16, in frames of `FRAME_MS`. ValueError where they are too few, or of a rate
    that the wire doesn't take."""
    if rate_hz not in wire.RATES_HZ:
        raise ValueError(f"a recording at {rate_hz} Hz; the wire takes {wire.RATES_HZ}")
    size = 2 * rate_hz * FRAME_MS // 1000
    payload = samples.astype("<i2").tobytes()
    frames = [payload[at : at + size] for at in range(0, len(payload) - size + 1, size)]
    if not frames:
        raise ValueError(f"the recording is shorter than one frame of {FRAME_MS} ms")
    options = {"format": {"encoding": "s16", "rate": rate_hz, "channels": 1}}
    return Material(wire.Audio, options, frames, FRAME_MS, 2)


def typed(text: str) -> Material:
    """The words of `text`, one every `WORD_MS`. ValueError where there are none."""
    frames = [f"{word} ".encode() for word in text.split()]
    if not frames:
        raise ValueError("there is no word in the text")
    return Material(wire.Text, {}, frames, WORD_MS, 1)


@dataclass
class Speaker:
    """One paced stream and what was seen of it."""

    number: int
    stream: bytes = b""
    owner: bytes = b""
    ends: list[int] = field(default_factory=lambda: [0])  # positions after each frame sent so far
    sent_at: list[float] = field(default_factory=list)  # by seq - 1; the last is Close's
    window: int = 0  # positions that may be unprocessed
    processed: int = 0  # positions, as far as an Ack has told
    worst_backlog_ms: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    drained_ms: float | None = None  # from sending Close to hearing Closed
    refusal: wire.Refused | None = None
    closed: bool = False

    @property
    def frames(self) -> int:
        """Sent so far."""
        return len(self.ends) - 1


class Load:
    """`material` on many streams at once.

    The frames of all streams are spread evenly over the frame period, on a schedule that is fixed
    beforehand: a server that answers late gets no fewer frames for it. ConnectionError if the
    server refuses.
    """

    def __init__(self, address: str, material: Material):
        self.material = material
        self.description: wire.Description | None = None
        self.speakers: list[Speaker] = []
        self.late_ms: list[float] = []  # how far behind its schedule each frame left
        self._by_stream: dict[bytes, Speaker] = {}
        self._context = zmq.Context()
        self._sockets = [self._context.socket(zmq.DEALER) for _ in range(SOCKETS)]
        self._poller = zmq.Poller()
        for socket in self._sockets:
            socket.set(zmq.SNDHWM, 0)
            socket.set(zmq.RCVHWM, 0)
            socket.connect(address)
            self._poller.register(socket, zmq.POLLIN)

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is still open: a server that goes on must not wait for it."""
        for speaker in self.speakers:
            if speaker.stream and not speaker.closed and not speaker.refusal:
                self._send(speaker, wire.Close(speaker.stream, speaker.owner, speaker.frames + 1))
        self._context.destroy(linger=LINGER_MS)

    def describe(self, model: str) -> wire.ModelDescription:
        """What the server says of `model` now. ConnectionError where it doesn't answer."""
        self.description = None
        self._sockets[0].send_multipart(wire.encode(wire.Describe()))
        self._wait(lambda: self.description is not None)
        if self.description is None:
            raise ConnectionError(f"the server doesn't say what it serves within {ANSWER_SECONDS:.0f} s")
        served = {one.name: one for one in self.description.models}
        if model not in served:
            raise ConnectionError(f"the server serves no {model}; there are {', '.join(served) or 'none'}")
        return served[model]

    def open(self, model: str, streams: int) -> None:
        """Open `streams` streams and wait for all of them."""
        for number in range(streams):
            self.speakers.append(Speaker(number))
            self._send(self.speakers[-1], wire.Open(str(number), model, options=self.material.options))
        self._wait(lambda: all(s.stream or s.refusal for s in self.speakers))
        if refused := next((s.refusal for s in self.speakers if s.refusal), None):
            raise ConnectionError(f"the server refused a stream: {refused.message}")
        if not all(s.stream for s in self.speakers):
            raise ConnectionError(f"the server left a stream without an answer for {ANSWER_SECONDS:.0f} s")

    def play(self, seconds: float) -> None:
        """Frame f of stream s leaves at f + s/streams frame periods, Close in place of one more frame.

        Returns when the last words are in; streams that are stuck by then stay without `closed`.
        """
        streams, frames = len(self.speakers), round(seconds * 1000 / self.material.frame_ms)
        between = self.material.frame_ms / 1000 / streams
        began = time.perf_counter()
        for turn in range((frames + 1) * streams):
            due = began + turn * between
            while (left := due - time.perf_counter()) > 0:
                self._receive(left)
            speaker = self.speakers[turn % streams]
            if speaker.refusal:
                continue
            self.late_ms.append(-1000 * left)
            if speaker.frames < frames:
                self._send_frame(speaker)
            else:
                self._send(speaker, wire.Close(speaker.stream, speaker.owner, frames + 1))
        self._wait(lambda: all(s.closed or s.refusal for s in self.speakers))

    def _send_frame(self, speaker: Speaker) -> None:
        material, start = self.material, speaker.ends[-1]
        # Each begins elsewhere, lest all say the same at once.
        payload = material.frames[(7 * speaker.number + speaker.frames) % len(material.frames)]
        speaker.ends.append(start + len(payload) // material.position_bytes)
        self._send(speaker, material.message(speaker.stream, speaker.owner, speaker.frames, start), payload)
        # `start`, not its end: the frame that has just left isn't late yet.
        backlog_ms = material.ms(start - speaker.processed)
        speaker.worst_backlog_ms = max(speaker.worst_backlog_ms, backlog_ms)

    def _send(self, speaker: Speaker, message: wire.Input, payload: bytes | None = None) -> None:
        if isinstance(message, wire.StreamInput):
            speaker.sent_at.append(time.perf_counter())
        self._sockets[speaker.number % SOCKETS].send_multipart(wire.encode(message, payload))

    def _wait(self, done: Callable[[], bool]) -> None:
        """Until `done`, or ANSWER_SECONDS have passed."""
        until = time.perf_counter() + ANSWER_SECONDS
        while not done() and (left := until - time.perf_counter()) > 0:
            self._receive(left)

    def _receive(self, seconds: float) -> None:
        """Wait for messages for at most `seconds`, and take all that are there."""
        # poll counts whole milliseconds: rounded up, it sleeps a little long instead of spinning.
        for socket, _ in self._poller.poll(ceil(seconds * 1000)):
            while True:
                try:
                    parts = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._take(wire.decode_output(parts[0], parts[1] if parts[1:] else b""))

    def _take(self, message: wire.Output) -> None:
        now = time.perf_counter()
        if isinstance(message, wire.Description):
            self.description = message
            return
        if isinstance(message, wire.Opened):
            speaker = self.speakers[int(message.request)]
            speaker.stream, speaker.owner = message.stream, message.owner
            speaker.window = message.window
            self._by_stream[message.stream] = speaker
            return
        if isinstance(message, wire.Refused) and message.request:
            self.speakers[int(message.request)].refusal = message
            return
        speaker = self._by_stream[message.stream]
        if isinstance(message, wire.Refused):
            speaker.refusal = message
        if isinstance(message, wire.Ack):
            waiting = speaker.window - message.window
            taken = speaker.ends[min(message.accepted, speaker.frames)]
            speaker.processed = max(speaker.processed, taken - waiting)
        if isinstance(message, wire.Result):
            speaker.latencies_ms.append(1000 * (now - speaker.sent_at[message.accepted - 1]))
            speaker.processed = max(speaker.processed, message.through)
        if isinstance(message, wire.Closed):
            speaker.closed = True
            speaker.drained_ms = 1000 * (now - speaker.sent_at[-1])

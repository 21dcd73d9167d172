"""A loop in a thread, for tests that need both ends of a socket."""

import threading
from contextlib import contextmanager

from streamer.server.loop import Loop
from streamer.server.sockets import Sockets

ANY_PORT = "tcp://127.0.0.1:0"


class Server:
    """What a test may touch of a running loop."""

    def __init__(self, engine, inputs=ANY_PORT, publish=ANY_PORT, recorder=None, loop=None):
        self.engine, self.recorder = engine, recorder
        self.loop = loop or Loop(engine, Sockets(inputs, publish), recorder)
        self.sockets = self.loop.sockets
        self.address, self.publish = self.sockets.inputs, self.sockets.publish
        self._thread = threading.Thread(target=self.loop.run, daemon=True)
        self._thread.start()

    def stop(self):
        """Drain, close, and give the ports back."""
        self.loop.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self.sockets.close()

    def kill(self):
        """End without a word, as a crash does."""
        self.loop.engine.drain = lambda now: []
        self.loop.stop()
        self.stop()


@contextmanager
def serving(engine, **options):
    server = Server(engine, **options)
    try:
        yield server
    finally:
        server.stop()

"""A server of one's own that is started again, at the same addresses, when it dies."""

import threading
import time
from collections import deque
from types import TracebackType

from streamer.config import Config
from streamer.server.announcing import announce
from streamer.server.child_process import ServerProcess

MOST_DEATHS, WITHIN_S = 3, 60.0  # one that dies more often than this stays dead
LOOK_S = 0.1


class KeptServer:
    """A `ServerProcess` for as long as the `with` lasts, whatever becomes of its process.

    ValueError, one line, if it can't serve at first.
    """

    def __init__(self, config: Config):
        self._config, self._process = config, ServerProcess(config)
        self.inputs, self.publish = self._process.inputs, self._process.publish
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def __enter__(self) -> "KeptServer":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()
        self._process.stop()

    @property
    def pid(self) -> int:
        """The process that serves now."""
        return self._process.pid

    def kill(self) -> None:
        """End it for good, at once."""
        self._end()
        self._process.kill()

    def _end(self) -> None:
        self._ended.set()
        self._keeper.join()

    def _keep(self) -> None:
        deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        while not self._ended.wait(LOOK_S):
            if not self._process.dead:
                continue
            now = time.monotonic()
            if len(deaths) == MOST_DEATHS and now - deaths[0] < WITHIN_S:
                announce(f"the server died {MOST_DEATHS + 1} times within {WITHIN_S:g} s, and stays dead")
                return
            deaths.append(now)
            try:
                self._process = ServerProcess(self._config, self.inputs, self.publish)
            except ValueError as error:
                announce(f"the server died and can't be started again: {error}")
                return

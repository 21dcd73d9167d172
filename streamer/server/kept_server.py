"""A server of one's own that is started again, at the same addresses, when it dies."""

import threading
import time
from collections import deque
from types import TracebackType

from streamer.config import Config
from streamer.server.child_process import ServerProcess

MOST_DEATHS, WITHIN_S = 3, 60.0  # one that dies more often than this stays dead
LOOK_S = 0.1


class KeptServer:
    """A `ServerProcess` for as long as the `with` lasts, whatever becomes of its process.

    `lost` is one line that says why it stays dead, once it does. ValueError, one line, if it can't serve at
    first.
    """

    def __init__(self, config: Config):
        self._config, self._process = config, ServerProcess(config)
        self.inputs, self.publish = self._process.inputs, self._process.publish
        self.lost = ""
        self._ended, self._lock = threading.Event(), threading.Lock()
        threading.Thread(target=self._keep, daemon=True).start()

    def __enter__(self) -> "KeptServer":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end().stop()

    @property
    def pid(self) -> int:
        """The process that serves now."""
        return self._process.pid

    def kill(self) -> None:
        """End it for good, at once."""
        self._end().kill()

    def _end(self) -> ServerProcess:
        """The process that serves; no other one follows it."""
        # One that is being started takes seconds to load: nobody waits for it.
        with self._lock:
            self._ended.set()
            return self._process

    def _keep(self) -> None:
        deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        while not self._ended.wait(LOOK_S):
            if not self._process.dead:
                continue
            now = time.monotonic()
            if len(deaths) == MOST_DEATHS and now - deaths[0] < WITHIN_S:
                self.lost = f"the server died {MOST_DEATHS + 1} times within {WITHIN_S:g} s, and stays dead"
                return
            deaths.append(now)
            try:
                process = ServerProcess(self._config, self.inputs, self.publish)
            except ValueError as error:
                self.lost = f"the server died and can't be started again: {error}"
                return
            if not self._takes(process):
                process.kill()
                process.stop()

    def _takes(self, process: ServerProcess) -> bool:
        """Whether `process` serves from now on, or came too late."""
        with self._lock:
            if not self._ended.is_set():
                self._process = process
            return self._process is process

"""What happens to the server, and who stands in for it."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Literal

from streamer.chaos.namespace import Namespace
from streamer.config import Config
from streamer.server.child_process import ServerProcess

Kill = Literal["server", "term", "stop", "network"]
STOP_S = 3.0  # that a stopped server, or a cut network, lasts


class Deaths(threading.Thread):
    """Kills the server once in each `every_s` seconds, at a random moment; another one stands by, loaded.

    `times` says when, on `time.monotonic`.
    """

    def __init__(
        self,
        config: Config,
        kill: Kill,
        every_s: float,
        seed: int,
        told: Callable[[str], None],
        namespace: Namespace | None = None,
    ):
        super().__init__(daemon=True)
        self._namespace = namespace
        self.config, self.kill, self.every_s, self.told = config, kill, every_s, told
        self.times: list[float] = []
        self._random = random.Random(seed)
        self._over = threading.Event()
        if namespace:
            address = f"tcp://{namespace.address}:0"
            self.server = ServerProcess(config, address, address, within=namespace.command)
        else:
            self.server = ServerProcess(config)
        self.inputs, self.publish = self.server.inputs, self.server.publish
        self._standby = self._stand_by() if kill in ("server", "term") else None

    def run(self) -> None:
        began, number = time.monotonic(), 0
        while not self._over.is_set():
            # At a random moment of the next stretch, never in its last tenth: the standby must be ready.
            at = began + (number + 0.05 + 0.85 * self._random.random()) * self.every_s
            if self._over.wait(max(0.0, at - time.monotonic())):
                break
            self.strike()
            number += 1

    def strike(self) -> None:
        """Do it now."""
        self.times.append(time.monotonic())
        self.told(f"{self.kill} {len(self.times)}")
        if self.kill == "stop":
            os.kill(self.server.pid, signal.SIGSTOP)
            time.sleep(STOP_S)
            os.kill(self.server.pid, signal.SIGCONT)
            return
        if self._namespace:
            self._namespace.cut()
            time.sleep(STOP_S)
            self._namespace.mend()
            return
        if self.kill == "server":
            self.server.kill()
        else:
            self.server.stop()
        assert self._standby is not None
        self._standby.take_over()
        self.server.stop()
        self.server, self._standby = self._standby, self._stand_by()

    def end(self) -> None:
        """No more; the servers stop."""
        self._over.set()
        self.join()
        self.server.stop()
        if self._standby:
            self._standby.stop()

    def _stand_by(self) -> ServerProcess:
        return ServerProcess(self.config, self.inputs, self.publish, standby=True)

"""A network namespace with one link to it, which can be cut. Linux, root and `ip` (iproute2)."""

import os
import subprocess
import sys
from types import TracebackType

NETWORK = "10.213.77"  # private, and rarely taken


class Namespace:
    """For as long as the `with` lasts; `command` runs what follows it inside, where `address` is its own.

    OSError, one line, where the system doesn't let us.
    """

    def __init__(self) -> None:
        name = f"streamer-{os.getpid()}"
        self.name, self._near, self._far = name, f"sc{os.getpid()}a", f"sc{os.getpid()}b"
        self.address = f"{NETWORK}.2"
        self.command = ["ip", "netns", "exec", name]

    def __enter__(self) -> "Namespace":
        if sys.platform != "linux" or os.geteuid():
            raise OSError("--kill network cuts a network namespace's link: that takes Linux and root")
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far)
            _ip("link", "set", self._far, "netns", self.name)
            _ip("addr", "add", f"{NETWORK}.1/24", "dev", self._near)
            _ip("link", "set", self._near, "up")
            for inside in (
                ("addr", "add", f"{self.address}/24", "dev", self._far),
                ("link", "set", self._far, "up"),
                ("link", "set", "lo", "up"),
            ):
                _ip("-n", self.name, *inside)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for what in (("link", "del", self._near), ("netns", "del", self.name)):
            subprocess.run(["ip", *what], capture_output=True)

    def cut(self) -> None:
        """Nothing passes from now on."""
        _ip("link", "set", self._near, "down")

    def mend(self) -> None:
        """It passes again."""
        _ip("link", "set", self._near, "up")


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise OSError("--kill network needs `ip`; on Debian: apt install iproute2") from None
    except subprocess.CalledProcessError as error:
        raise OSError(f"`ip {' '.join(arguments)}` failed: {error.stderr.strip()}") from None

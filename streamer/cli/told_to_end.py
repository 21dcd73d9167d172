"""SIGTERM and SIGHUP end a command in order: files and the terminal are left as after Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NUMBERS = [number for number in signal.Signals if number.name in ("SIGTERM", "SIGHUP")]  # Windows has one


class ToldToEnd(KeyboardInterrupt):
    """A signal other than Ctrl-C's, by name."""


@contextmanager
def told_to_end_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise ToldToEnd inside; it leaves as OSError, "ended by SIGTERM".

    A signal that is ignored, as SIGHUP is under nohup, stays so. Only the main thread gets signals; in
    any other one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in NUMBERS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _tell)
    try:
        yield
    except ToldToEnd as told:
        raise OSError(f"ended by {told}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(number: int, frame: object) -> None:
    raise ToldToEnd(signal.Signals(number).name)

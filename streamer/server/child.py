"""The child that `ServerProcess` starts: a config on standard input, its addresses on standard output.

One that stands by has loaded everything, and binds its addresses when another byte comes.
"""

import os
import signal
import sys
import threading

import msgspec

from streamer.models.imports import leave_out_current_folder
from streamer.server.child_process import Failed, Serving, StandingBy, Start
from streamer.server.serve import serve


def main() -> None:
    """Serve until SIGTERM, or until standard input ends because the parent is gone."""
    leave_out_current_folder()
    start = msgspec.json.decode(sys.stdin.buffer.readline(), type=Start)
    wanted = threading.Event()
    threading.Thread(target=_stop_with_parent, args=[wanted], daemon=True).start()

    def stand_by() -> None:
        _say(StandingBy())
        wanted.wait()

    try:
        serve(start.config, _serving, loaded=stand_by if start.standby else None)
    except (ValueError, OSError) as error:
        _say(Failed(str(error)))
        sys.exit(1)


def _serving(inputs: str, publish: str) -> None:
    _say(Serving(inputs, publish))


def _stop_with_parent(wanted: threading.Event) -> None:
    # Past sys.stdin, whose lock a thread must not hold when the interpreter ends.
    while os.read(sys.stdin.fileno(), 4096):
        wanted.set()
    os.kill(os.getpid(), signal.SIGTERM)


def _say(answer: Serving | StandingBy | Failed) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""`streamer chaos`: streams whose server is killed again and again, and what became of their words."""

import sys
from dataclasses import asdict, dataclass
from typing import Literal

from streamer.cli.command import flag, option
from streamer.cli.figures import show
from streamer.cli.options import JSON, Configured


@dataclass(frozen=True, kw_only=True)
class Chaos(Configured):
    """How many streams, how long, and what happens to their server."""

    streams: int = option(
        20, "N", "How many paced streams: speech, typed text, and one that makes music.", min=1
    )
    seconds: float = option(30.0, "SECONDS", "How long they run.", min=1)
    kill: Literal["server", "term", "stop", "network"] = option(
        "server",
        "server|term|stop|network",
        "kill -9, SIGTERM, SIGSTOP for 3 s, or a network that is cut for 3 s (needs root).",
    )
    every: float = option(6.0, "SECONDS", "Once in each stretch of so long, at a random moment.", min=2)
    seed: int = option(1, "N", "What they say, and when the server dies, is a function of it.", min=0)
    json: bool = flag(JSON)


def chaos(options: Chaos) -> int:
    """Kill the server of many streams again and again, and compare every result with an undisturbed run.

    1 where a result was lost, came twice, or changed.
    """
    from streamer.chaos.run import chaos as run

    def told(line: str) -> None:
        if sys.stderr.isatty():
            print(f"streamer: {line}", file=sys.stderr)

    config = options.settings()
    verdict = run(config, options.streams, options.seconds, options.kill, options.every, options.seed, told)
    show(asdict(verdict), options.json)
    return 0 if verdict.clean else 1

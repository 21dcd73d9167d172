"""The whole of a chaos run: undisturbed first, then with deaths, then the verdict."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from streamer.chaos.actors import Heard, Watcher, perform
from streamer.chaos.deaths import Deaths, Kill
from streamer.chaos.namespace import Namespace
from streamer.chaos.plans import Plan, plans, served
from streamer.chaos.verdict import Verdict, judge, references
from streamer.config import Config
from streamer.server.child_process import ServerProcess

AWAY_S = 60.0  # that a server may be away


def chaos(
    config: Config,
    streams: int,
    seconds: float,
    kill: Kill,
    every_s: float,
    seed: int,
    told: Callable[[str], None],
) -> Verdict:
    """`streams` streams for `seconds`, while their server is killed once in each `every_s`.

    ValueError, one line, where no server can be started.
    """
    config = served(config)
    wanted = plans(streams, seconds, seed)
    told("undisturbed")
    kinds = list({plan.kind: plan for plan in wanted}.values())
    with ServerProcess(config) as server:
        # Twice, alone and all at once: what differs between these is a tie.
        undisturbed = [_heard(server.inputs, kinds), _one_by_one(server.inputs, kinds)]
    with Namespace() if kill == "network" else nullcontext() as namespace:
        deaths = Deaths(config, kill, every_s, seed, told, namespace)
        try:
            watcher = Watcher(deaths.publish, deaths.inputs)
            watcher.start()
            told(f"{streams} streams for {seconds:g} s")
            deaths.start()
            heard = asyncio.run(perform(deaths.inputs, wanted, paced=True, reconnect_s=AWAY_S))
            watcher.stop()
        finally:
            deaths.end()
    return judge(heard, watcher.said, references(undisturbed), deaths.times)


def _heard(address: str, wanted: Sequence[Plan]) -> list[Heard]:
    return asyncio.run(perform(address, wanted, paced=False, reconnect_s=0.0))


def _one_by_one(address: str, wanted: Sequence[Plan]) -> list[Heard]:
    return [_heard(address, [plan])[0] for plan in wanted]

"""The streams of a chaos run: they send at their times and write down what they hear, and a watcher does."""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamer import wire
from streamer.chaos.plans import Plan
from streamer.clients import aio
from streamer.clients.notices import Notice
from streamer.clients.subscriber import Subscriber

PER_CONNECTION = 10  # streams that share one
Said = tuple[int, str, str, int]  # seq, kind, text, through


@dataclass
class Heard:
    """What a stream was told: results in the order they came, and when."""

    plan: Plan
    topic: str = ""
    said: list[Said] = field(default_factory=list)
    came_at: list[float] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    ended: wire.Closed | None = None

    def add(self, result: wire.Result) -> None:
        self.said.append(content(result))
        self.came_at.append(time.monotonic())


def content(result: wire.Result) -> Said:
    """What must be the same whatever dies."""
    text = result.alternatives[0].text if result.alternatives else ""
    return result.seq, result.kind, text, result.through


async def perform(address: str, plans: Sequence[Plan], paced: bool, reconnect_s: float) -> list[Heard]:
    """Run all `plans` to their ends, `paced` at their times, else as fast as it goes."""
    groups = [plans[at : at + PER_CONNECTION] for at in range(0, len(plans), PER_CONNECTION)]
    heard = await asyncio.gather(*(_connection(address, group, paced, reconnect_s) for group in groups))
    return [one for group in heard for one in group]


async def _connection(address: str, plans: Sequence[Plan], paced: bool, reconnect_s: float) -> list[Heard]:
    async with aio.connect(address, reconnect_s=reconnect_s) as connection:
        return list(await asyncio.gather(*(_stream(connection, plan, paced) for plan in plans)))


async def _stream(connection: aio.Connection, plan: Plan, paced: bool) -> Heard:
    heard = Heard(plan)
    stream = await connection.open(plan.model, **plan.options)
    heard.topic = stream.opened.topic
    reader = asyncio.create_task(_listen(stream, heard))
    began = time.monotonic()
    for number, piece in enumerate(plan.pieces):
        if paced:
            await asyncio.sleep(max(0.0, began + number * plan.every_ms / 1000 - time.monotonic()))
        if isinstance(piece, int):
            await stream.credit(piece)
        else:
            await stream.send(piece)
    await stream.close()
    await reader
    heard.notices, heard.ended = stream.notices(), stream.closed
    return heard


async def _listen(stream: aio.Stream, heard: Heard) -> None:
    async for result in stream:
        heard.add(result)


class Watcher(threading.Thread):
    """A subscriber to everything, in a thread of its own: what it saw by topic."""

    def __init__(self, publish: str, inputs: str):
        super().__init__(daemon=True)
        self.said: dict[str, list[Said]] = {}
        self._stopped = threading.Event()
        self._subscriber = Subscriber(publish, inputs=inputs)
        self._subscriber.wait_connected()

    def run(self) -> None:
        quiet = 0
        # To the last word: what is under way when all is over still comes.
        while quiet < 10 or not self._stopped.is_set():
            published = self._subscriber.poll(0.2)
            quiet = 0 if published else quiet + 1
            for one in published:
                if isinstance(one.message, wire.Result):
                    self.said.setdefault(one.topic, []).append(content(one.message))
        self._subscriber.close()

    def stop(self) -> None:
        """Hear what is still to come, and end."""
        self._stopped.set()
        self.join()

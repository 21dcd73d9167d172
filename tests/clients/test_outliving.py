"""A stream outlives its server: what was accepted is said, once and in order, whatever dies or is lost."""

import random
from functools import partial
from math import inf

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from streamer import wire
from streamer.clients.keeping import Keeping
from streamer.clients.lifeline import QUICK_S
from streamer.clients.notices import Diverged, Gap, Refusal, Restarted, Resumed
from streamer.clients.protocol import StreamProtocol
from streamer.server.rings import Rings, replayed
from tests.server.test_pipelines import FEEDS, pipelines
from tests.tiny_engine import FORMAT, noise, plain, tiny_engine
from tests.tiny_text import MAKERS

SAMPLES = noise(60_000, 3)
TURN_S = 0.05
HALF_A_SECOND = Keeping(500)


class World:
    """A client, the network and servers that die: each message is lost with probability `loss`."""

    def __init__(self, make, loss: float = 0.0, seed: int = 0, keeping: Keeping = HALF_A_SECOND):
        self.make, self.loss, self.random = make, loss, random.Random(seed)
        self.engine, self.rings = make(), Rings()
        self.now, self.num_deaths = 0.0, 0
        self.protocol = StreamProtocol("tiny", {"format": FORMAT}, keeping=keeping)
        self.protocol.lifeline.quick_s = 0.0  # none of these deaths is the stream's fault
        self.up, self.down = [], []
        self.results: list[wire.Result] = []
        self.derived = []
        self.notices = []

    def send(self, parts) -> None:
        if not self.protocol.lifeline.parted and self.random.random() >= self.loss:
            self.up.append(parts)

    def die(self, unnoticed: bool = False) -> None:
        """The server is gone, with what was under way; another one stands in its place."""
        self.engine, self.rings = self.make(), Rings()
        self.num_deaths += 1
        self.up, self.down = [], []
        if not unnoticed:
            self.protocol.part(self.now)

    def turn(self, since: float) -> None:
        self.now += TURN_S
        for parts in self.protocol.due(self.now, since):
            if self.random.random() >= self.loss:
                self.up.append(parts)
        up, self.up = self.up, []
        for parts in up:
            self._answer(parts)
        self._said(self.engine.tick(self.now))
        down, self.down = self.down, []
        for message, payload in down:
            if self.random.random() >= self.loss:
                self._take(message, payload)
        self.results += self.protocol.inbox.take_results()
        self.derived += self.protocol.inbox.take_derived()
        self.notices += self.protocol.inbox.take_notices()

    def _answer(self, parts) -> None:
        payload = parts[1] if len(parts) > 1 else b""
        message = wire.decode_input(*parts)
        if isinstance(message, wire.Replay):
            kept = self.rings.since(message.stream, message.from_seq, message.owner)
            if kept is None:
                self.down.append((wire.Refused("unknown_stream", "", stream=message.stream), b""))
                return
            self.down += [(wire.decode_output(sent.header), b"") for sent in kept]
            self.down.append((replayed(message, kept), b""))
        else:
            self._said(self.engine.receive(b"", message, bytes(payload), self.now))

    def _said(self, outgoing) -> None:
        for out in outgoing:
            if isinstance(out.message, wire.Opened):
                self.rings.begin(out.message)
            elif isinstance(out.message, wire.Result):
                self.rings.add(out.message, wire.encode(out.message)[0])
            self.down.append((out.message, out.condition))

    def _take(self, message, payload) -> None:
        opened = self.protocol.opened
        own = opened is not None and message.stream == opened.stream
        asked = isinstance(message, wire.Opened) and not message.source
        if own or asked or (isinstance(message, wire.Refused) and message.request):
            self.protocol.take(message, payload, self.now)
        elif message.stream in self.protocol.fed or isinstance(message, wire.Opened):
            self.protocol.take_fed(message)

    def wait(self, done) -> None:
        since = self.now
        while not done():
            self.protocol.check()
            assert self.now - since < 2000, "no progress"
            self.turn(since)

    def live(self, chunks, deaths=(), unnoticed: bool = False) -> "World":
        """Send `SAMPLES` in chunks; the server dies before the chunks in `deaths`. To the end."""
        self.wait(lambda: self.protocol.opened)
        at = 0
        for number, chunk in enumerate(chunks):
            if number in deaths:
                self.die(unnoticed)
            piece = SAMPLES[at : at + chunk]
            at += len(piece)
            self.wait(partial(self.protocol.fits, len(piece)))
            self.send(self.protocol.input(piece.tobytes()))
            if number % 5 == 4:
                self.send(self.protocol.flush())
            self.turn(self.now)
        self.send(self.protocol.close())
        if len(chunks) in deaths:
            self.die(unnoticed)
        self.wait(lambda: self.protocol.closed)
        return self

    @property
    def said(self) -> list[tuple]:
        return [plain(result) for result in self.results]

    @property
    def derived_said(self) -> dict[str, list[tuple]]:
        said: dict[str, list[tuple]] = {}
        for one in self.derived:
            said.setdefault(one.model, []).append(plain(one.result))
        return said


CHUNKS = st.lists(st.integers(100, 5000), min_size=2, max_size=14)
LESS = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@LESS
@given(
    CHUNKS,
    st.sets(st.integers(0, 14), max_size=6),
    st.sampled_from([0.0, 0.05, 0.2]),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_every_result_once_in_order_and_unchanged(chunks, deaths, loss, seed, unnoticed):
    undisturbed = World(tiny_engine).live(chunks)
    world = World(tiny_engine, loss, seed).live(chunks, deaths, unnoticed)
    assert world.said == undisturbed.said
    assert world.protocol.closed.results == len(world.results)
    assert not [n for n in world.notices if isinstance(n, Gap | Diverged | Restarted)]


@settings(LESS, max_examples=8)
@given(CHUNKS, st.sets(st.integers(0, 14), max_size=4), st.booleans())
def test_what_is_fed_as_well(tmp_path_factory, chunks, deaths, unnoticed):
    folder = tmp_path_factory.mktemp("models")
    for name, make in MAKERS.items():
        make(folder / name)
    undisturbed = World(lambda: pipelines(folder, FEEDS)).live(chunks)
    world = World(lambda: pipelines(folder, FEEDS)).live(chunks, deaths, unnoticed)
    assert world.said == undisturbed.said and world.derived_said == undisturbed.derived_said


def test_a_client_without_checkpoints_begins_anew_and_says_so():
    world = World(tiny_engine, keeping=Keeping(0)).live([4000] * 10, {7})
    assert [type(n) for n in world.notices] == [Restarted]


def test_what_is_kept_is_covered_and_little():
    world = World(tiny_engine)
    world.wait(lambda: world.protocol.opened)
    most = 0
    for at in range(0, 60_000, 1000):
        world.wait(lambda: world.protocol.fits(1000))
        world.send(world.protocol.input(SAMPLES[at : at + 1000].tobytes()))
        world.wait(lambda: not world.protocol.kept)
        most = max(most, world.protocol._outbox.queue.position - world.protocol._outbox.queue.begin)
    # Half a second between checkpoints, and back to the end of an utterance.
    assert most < 60_000


def test_more_than_may_be_kept_is_lost_and_told_in_seconds():
    keeping = Keeping(3_600_000, most_s=1.0)
    world = World(tiny_engine, keeping=keeping)
    take = world.protocol.take
    world.protocol.take = lambda m, *rest: None if isinstance(m, wire.Checkpoint) else take(m, *rest)
    world.live([1600] * 30, {25})
    (notice,) = [n for n in world.notices if not isinstance(n, Diverged)]
    assert isinstance(notice, Resumed) and 1.0 < notice.lost_s < 1.6
    assert world.protocol.closed.reason == "closed"


def test_a_message_of_another_life_is_dropped():
    world = World(tiny_engine)
    world.wait(lambda: world.protocol.opened)
    old = world.protocol.opened
    world.send(world.protocol.input(SAMPLES[:30_000].tobytes()))
    for _ in range(20):
        world.turn(world.now)
    world.die()
    world.wait(lambda: not world.protocol.lifeline.parted)
    assert world.protocol.opened.stream == old.stream
    assert world.protocol.opened.incarnation != old.incarnation
    for late in (
        wire.Result(old.stream, 999, 9, "final", 0, 0, incarnation=old.incarnation),
        wire.Closed(old.stream, "closed", 999, 0, old.incarnation),
        wire.Checkpoint(old.stream, old.incarnation, 999),
    ):
        world.protocol.take(late, b"x", world.now)
    assert not world.protocol.closed and not world.protocol.inbox.results
    assert world.protocol.lifeline.checkpoint.covered < 999


def test_a_stream_that_kills_two_servers_is_told_and_not_tried_again():
    world = World(tiny_engine)
    world.wait(lambda: world.protocol.opened)
    world.send(world.protocol.input(SAMPLES[:30_000].tobytes()))
    world.wait(lambda: world.protocol.lifeline.checkpoint)
    world.protocol.lifeline.quick_s = QUICK_S
    world.protocol.input(SAMPLES[:1000].tobytes())  # which no server survives
    with pytest.raises(Refusal, match="fault"):
        for _ in range(10):
            world.die()
            world.wait(lambda: not world.protocol.lifeline.parted)
    assert world.num_deaths < 6


def test_a_server_with_other_weights_goes_on_at_the_last_end_of_an_utterance():
    def others():
        engine = tiny_engine()
        engine.models["tiny"].digest = b"others"
        return engine

    world = World(tiny_engine)
    world.wait(lambda: world.protocol.opened)
    for at in range(0, 30_000, 3000):
        world.send(world.protocol.input(SAMPLES[at : at + 3000].tobytes()))
        world.send(world.protocol.flush())
        for _ in range(20):
            world.turn(world.now)
    world.make = others
    world.die()
    world.live([3000] * 3)
    told = [n for n in world.notices if not isinstance(n, Diverged)]
    assert [(type(n), n.fresh, n.lost_s) for n in told] == [(Resumed, True, 0.0)]
    assert [r.seq for r in world.results] == list(range(1, len(world.results) + 1))


def test_a_server_that_knows_no_checkpoint_of_ours_gets_a_new_stream():
    world = World(tiny_engine)
    world.wait(lambda: world.protocol.opened)
    world.send(world.protocol.input(SAMPLES[:30_000].tobytes()))
    world.send(world.protocol.flush())
    world.wait(lambda: world.protocol._outbox.queue.begin)
    world.protocol.lifeline._payload = b"of another server"
    world.die()
    world.live([3000] * 3)
    assert Restarted in [type(n) for n in world.notices]
    assert world.engine.due == inf


def test_a_server_that_has_less_than_it_seemed_is_given_it_again():
    world = World(tiny_engine, keeping=Keeping(3_600_000))
    world.wait(lambda: world.protocol.opened)
    for at in range(0, 5000, 1000):
        world.protocol.input(SAMPLES[at : at + 1000].tobytes())
    opened = world.protocol.opened
    world.protocol.take(wire.Ack(opened.stream, 4, 100_000), b"", world.now)
    world.protocol.take(wire.Refused("hole", "", "seq", stream=opened.stream, expected=3), b"", world.now)
    world.protocol.check()
    again = [wire.decode_input(*parts) for parts in world.protocol.due(world.now + 0.01, world.now)]
    assert [message.seq for message in again] == [3, 4, 5]

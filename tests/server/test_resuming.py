"""Checkpoints and Resume: a stream that goes on elsewhere says what it would have said."""

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from streamer import wire
from streamer.server.conditions import decode, encode
from streamer.server.resuming import MOST_EPOCHS
from tests.resuming_owner import Owner
from tests.server.test_pipelines import FEEDS, pipelines
from tests.tiny_engine import FORMAT, noise, tiny_engine
from tests.tiny_generator import generator_engine
from tests.tiny_text import MAKERS, text_engine

SAMPLES = noise(60_000, 3)
TEXT = "The fox is in rome. The dog sleeps, fox dog rome is not in the fox . é the Dog ünd fox! " * 4
LESS = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# What happens after each input: nothing, a turn, all turns that are due, and whether the server dies then.
MOMENTS = st.lists(st.tuples(st.sampled_from(["", "tick", "settle"]), st.booleans()), min_size=1, max_size=25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, make in MAKERS.items():
        make(folder / name)
    return folder


def live(make, origin: wire.Open, inputs, moments, position_bytes: int = 1) -> Owner:
    """Give `inputs` to a stream whose servers die at some `moments`; then close it."""
    owner = Owner(make(), origin, position_bytes).open()
    for number, (kind, payload, count, keys) in enumerate(inputs):
        owner.give(kind, payload, count, **keys)
        what, dies = moments[number % len(moments)]
        if what:
            getattr(owner, what)()
        if dies:
            owner.resume(make())
    owner.give(wire.Close)
    owner.settle()
    return owner


def same(make, origin, inputs, moments, position_bytes: int = 1) -> Owner:
    undisturbed = live(make, origin, inputs, [("settle", False)], position_bytes)
    owner = live(make, origin, inputs, moments, position_bytes)
    assert not owner.refused
    assert owner.said() == undisturbed.said()
    stream = owner.opened.stream
    assert owner.closed[stream].reason == "closed"
    assert owner.closed[stream].results == undisturbed.closed[undisturbed.opened.stream].results
    return owner


def sound(chunks) -> list[tuple]:
    inputs, at = [], 0
    for number, chunk in enumerate(chunks):
        piece = SAMPLES[at : at + chunk]
        at += len(piece)
        inputs.append((wire.Audio, piece.tobytes(), len(piece), {}))
        if number % 4 == 3:
            inputs.append((wire.Flush, b"", 0, {}))
        if number % 5 == 4:
            inputs.append((wire.Skip, b"", 700, {}))
    return inputs


@LESS
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=12), MOMENTS, st.sampled_from([1, 200, 5000]))
def test_sound(chunks, moments, checkpoint_ms):
    origin = wire.Open("request", "tiny", options={"format": FORMAT}, checkpoint_ms=checkpoint_ms)
    same(tiny_engine, origin, sound(chunks), moments, 4)


@LESS
@given(st.lists(st.integers(1, 60), min_size=3, max_size=12), MOMENTS, st.sampled_from(sorted(MAKERS)))
def test_text(folder, cuts, moments, model):
    inputs, at = [], 0
    for number, cut in enumerate(cuts):
        piece = TEXT.encode()[at : at + cut]
        at += len(piece)
        inputs.append((wire.Text, piece, len(piece), {}))
        if number % 4 == 3:
            inputs.append((wire.Flush, b"", 0, {}))
    same(lambda: text_engine(folder), wire.Open("request", model, checkpoint_ms=1), inputs, moments)


def test_a_long_text_is_resumed_in_the_middle_of_an_input(folder):
    text = (TEXT * 60).encode()
    inputs = [(wire.Text, text, len(text), {}), (wire.Text, text, len(text), {})]
    owner = same(
        lambda: text_engine(folder), wire.Open("request", "tags", checkpoint_ms=1), inputs, [("tick", True)]
    )
    assert len(owner.offsets) == 2 and all(owner.offsets)


@LESS
@given(st.lists(st.integers(0, 90), min_size=1, max_size=10), MOMENTS)
def test_notes(tmp_path_factory, counts, moments):
    path = tmp_path_factory.mktemp("composer")
    inputs = []
    for number, count in enumerate(counts):
        inputs.append((wire.Credit, b"", count, {}))
        if number % 2:
            inputs.append((wire.Control, b"", 0, {"values": {"temperature": 0.5 + number / 10}}))
        if number % 3 == 2:
            inputs.append((wire.Flush, b"", 0, {}))
    origin = wire.Open("request", "tiny", options={"seed": 3}, checkpoint_ms=1)
    same(lambda: generator_engine(path / "tiny"), origin, inputs, moments)


@LESS
@given(st.lists(st.integers(1000, 9000), min_size=3, max_size=9), MOMENTS)
def test_a_stream_and_all_that_it_feeds(folder, chunks, moments):
    origin = wire.Open("request", "tiny", options={"format": FORMAT}, checkpoint_ms=300)
    same(lambda: pipelines(folder, FEEDS), origin, sound(chunks), moments, 4)


def begun(engine=None, checkpoint_ms: int = 1) -> Owner:
    """A stream that has said something and holds a checkpoint."""
    origin = wire.Open("request", "tiny", options={"format": FORMAT}, checkpoint_ms=checkpoint_ms)
    owner = Owner(engine or tiny_engine(), origin, 4).open()
    for kind, payload, count, keys in sound([4000] * 5):
        owner.give(kind, payload, count, **keys)
        owner.settle()
    assert owner.checkpoint and owner.results
    return owner


def asked(of: Owner, **changes) -> wire.Resume:
    ids = {"stream": of.opened.stream, "owner": of.opened.owner}
    return wire.Resume(**{"request": "again", **ids, "incarnation": of.opened.incarnation, **changes})


def answer(engine, message: wire.Resume, condition: bytes, peer: bytes = b"peer") -> wire.Output:
    (out,) = engine.receive(peer, message, condition, 1.0)
    return out.message


def test_a_stream_that_lives_is_reattached_and_not_rolled_back():
    owner = begun()
    owner.give(wire.Audio, SAMPLES[:2000].tobytes(), 2000)
    opened = answer(owner.engine, asked(owner), owner.checkpoint[1], b"another connection")
    assert opened.incarnation == owner.opened.incarnation and opened.request == "again"
    assert (opened.covered, opened.offset) == (owner.seq, 0)
    assert opened.results == len(owner.results)
    assert [out.peer for out in owner.engine.tick(2.0)][:1] == [b"another connection"]


def test_a_resume_that_is_repeated_is_answered_alike_and_another_client_is_refused():
    owner, elsewhere = begun(), tiny_engine()
    condition = owner.checkpoint[1]
    opened = answer(elsewhere, asked(owner), condition)
    assert opened.incarnation.epoch == owner.opened.incarnation.epoch + 1
    assert opened.incarnation.server != owner.opened.incarnation.server
    assert answer(elsewhere, asked(owner), condition) == opened
    refused = answer(elsewhere, asked(owner, request="another"), condition)
    assert refused.code == "superseded" and refused.fatal
    accepted = answer(elsewhere, asked(owner, request="third", incarnation=opened.incarnation), b"")
    assert accepted.incarnation == opened.incarnation
    refused = answer(elsewhere, asked(owner, owner=b"x" * 16), condition)
    assert refused.code == "not_owner"


def test_epochs_never_fall():
    owner = begun()
    later = wire.Incarnation(7, b"x")
    opened = answer(tiny_engine(), asked(owner, incarnation=later), owner.checkpoint[1])
    assert opened.incarnation.epoch == 8


def test_an_epoch_that_nobody_could_read_is_refused():
    owner, engine = begun(), tiny_engine()
    for epoch in (2**62, MOST_EPOCHS):
        refused = answer(engine, asked(owner, incarnation=wire.Incarnation(epoch, b"x")), owner.checkpoint[1])
        assert (refused.code, refused.field) == ("bad_header", "incarnation") and not engine.sessions
    last = wire.Incarnation(MOST_EPOCHS - 1, b"x")
    opened = answer(engine, asked(owner, incarnation=last), owner.checkpoint[1])
    assert wire.decode_output(*wire.encode(opened)) == opened


def test_a_closed_stream_stays_closed():
    owner = begun()
    owner.give(wire.Close)
    owner.settle()
    closed = owner.closed[owner.opened.stream]
    assert answer(owner.engine, asked(owner), owner.checkpoint[1]) == closed
    (out,) = owner.engine.receive(b"peer", wire.Close(closed.stream, owner.opened.owner, owner.seq), b"", 9.0)
    assert out.message == closed
    assert answer(owner.engine, asked(owner, owner=b"x" * 16), owner.checkpoint[1]).code == "not_owner"
    (out,) = owner.engine.receive(b"peer", asked(owner), owner.checkpoint[1], 4000.0)
    assert isinstance(out.message, wire.Opened), "after an hour nobody remembers"


@pytest.mark.parametrize(
    "broken",
    [
        lambda c: b"",
        lambda c: c[:-1],
        lambda c: c[: len(c) // 2],
        lambda c: b"\x92\x02" + c[2:],
        lambda c: c[:40] + bytes([c[40] ^ 255]) + c[41:],
        lambda c: msgspec.msgpack.encode((1, ["x"] * 12)),
        lambda c: b"\x91" * 100_000,
    ],
)
def test_what_is_no_condition_is_refused_and_leaves_nothing(broken):
    owner, engine = begun(), tiny_engine()
    refused = answer(engine, asked(owner), broken(owner.checkpoint[1]))
    assert isinstance(refused, wire.Refused) and refused.fatal and refused.request == "again"
    assert refused.code in ("bad_checkpoint", "unknown_model") and "\n" not in refused.message
    assert not engine.sessions and len(engine.models["tiny"].free_rows) == 8


def test_a_condition_of_parts_that_do_not_fit_leaves_nothing():
    owner, engine = begun(), tiny_engine()
    saved = decode(owner.checkpoint[1])
    for part in ("front", "network"):
        stage = getattr(saved, part)
        for wrong in (
            msgspec.structs.replace(stage, leaves=stage.leaves[1:]),
            msgspec.structs.replace(stage, leaves=(b"x" * 100_000, *stage.leaves[1:])),
            msgspec.structs.replace(stage, lane=msgspec.structs.replace(stage.lane, waiting=b"x" * 7)),
        ):
            condition = encode(msgspec.structs.replace(saved, **{part: wrong}))
            assert answer(engine, asked(owner), condition).code == "bad_checkpoint"
    for part in ("reader", "intake"):
        condition = encode(msgspec.structs.replace(saved, **{part: b"\xc1 nonsense"}))
        assert answer(engine, asked(owner), condition).code == "bad_checkpoint"
    condition = encode(msgspec.structs.replace(saved, stream=b"z" * 16))
    assert answer(engine, asked(owner), condition).code == "bad_checkpoint"
    assert not engine.sessions and len(engine.models["tiny"].free_rows) == 8


def test_a_stream_at_which_two_servers_died_is_not_tried_again():
    owner, engine = begun(), tiny_engine()
    refused = answer(engine, asked(owner, deaths=2), owner.checkpoint[1])
    assert refused.code == "fault" and refused.fatal and not engine.sessions
    assert isinstance(answer(engine, asked(owner, deaths=1), owner.checkpoint[1]), wire.Opened)


def test_other_weights_are_refused_unless_a_fresh_state_will_do():
    owner = begun()
    while owner.checkpoint[0].ended is False:
        owner.give(wire.Flush)
        owner.settle()
    engine = tiny_engine()
    engine.models["tiny"].digest = b"others"
    refused = answer(engine, asked(owner), owner.checkpoint[1])
    assert refused.code == "other_weights" and not engine.sessions
    opened = answer(engine, asked(owner, fresh=True), owner.checkpoint[1])
    held = owner.checkpoint[0]
    assert opened.fresh and (opened.covered, opened.results) == (held.covered, held.results)
    owner.engine, owner.opened, before = engine, opened, dict(owner.results)
    assert answer(engine, asked(owner, fresh=True), owner.checkpoint[1]) == opened
    owner.give(wire.Audio, SAMPLES[:30_000].tobytes(), 30_000)
    owner.give(wire.Close)
    owner.settle()
    later = [result for key, result in owner.results.items() if key not in before]
    last = max(before.values())
    assert later and [r[0] for r in later] == list(range(last[0] + 1, last[0] + 1 + len(later)))
    assert min(r[1] for r in later) == last[1] + 1, "utterances go on"
    assert min(r[3] for r in later) >= last[3], "positions go on"
    assert not owner.refused


@pytest.mark.parametrize("end", ["drain", "lease"])
def test_a_stream_with_checkpoints_leaves_and_goes_on(end):
    owner = begun(tiny_engine(lease_ms=1000))
    owner.give(wire.Audio, SAMPLES[:5000].tobytes(), 5000)
    if end == "drain":
        owner._take(owner.engine.drain(owner.now))
    else:
        owner.tick(5.0)
        owner.tick(5.0)
    assert isinstance(owner.checkpoint[0], wire.Moved) and not owner.closed
    assert not owner.engine.sessions and len(owner.engine.models["tiny"].free_rows) == 8
    owner.resume(tiny_engine())
    owner.give(wire.Close)
    owner.settle()
    assert owner.closed[owner.opened.stream].reason == "closed" and not owner.refused


def test_a_family_leaves_together(folder):
    origin = wire.Open("request", "tiny", options={"format": FORMAT}, checkpoint_ms=300)
    owner = Owner(pipelines(folder, FEEDS), origin, 4).open()
    for kind, payload, count, keys in sound([4000] * 9):
        owner.give(kind, payload, count, **keys)
        owner.settle()
    old = owner.engine
    owner._take(old.drain(owner.now))
    assert not old.engine.sessions and not owner.closed
    owner.resume(pipelines(folder, FEEDS))
    owner.give(wire.Close)
    owner.settle()
    assert len(owner.closed) == 4


def test_a_fed_stream_that_fails_where_it_goes_on_ends_alone_after_it_opened(folder):
    def broken(message, payload):
        raise ValueError("the model broke")

    origin = wire.Open("request", "tiny", options={"format": FORMAT}, checkpoint_ms=300)
    owner = Owner(pipelines(folder, FEEDS), origin, 4).open()
    for kind, payload, count, keys in sound([4000] * 9):
        owner.give(kind, payload, count, **keys)
        owner.settle()
        if any(fed.unread for fed in decode(owner.checkpoint[1]).fed):
            break
    engine = pipelines(folder, FEEDS)
    tags = engine.engine.models["tags"].input
    opens = tags.open

    def brittle(*args):
        intake = opens(*args)
        intake.read = broken
        return intake

    tags.open = brittle
    answers = [out.message for out in engine.receive(b"peer", asked(owner), owner.checkpoint[1], 1.0)]
    (ended,) = [message for message in answers if isinstance(message, wire.Closed)]
    assert ended.reason == "fault" and owner.fed[ended.stream] == "tags"
    opened = [message.stream for message in answers if isinstance(message, wire.Opened)]
    assert len(opened) == 4 and ended.stream in opened
    first = [type(message) for message in answers[:4]]
    assert first == [wire.Opened] * 4, "before anything is said of them"
    assert len(engine.engine.sessions) == 3


def test_a_checkpoint_comes_so_often_as_asked_and_after_an_utterance():
    owner = Owner(
        tiny_engine(), wire.Open("request", "tiny", options={"format": FORMAT}, checkpoint_ms=2000), 4
    ).open()
    seen = []
    for at in range(0, 60_000, 1600):
        owner.give(wire.Audio, SAMPLES[at : at + 1600].tobytes(), 1600)
        finals = sum(result[2] == "final" for result in owner.results.values())
        before = owner.checkpoint
        owner.tick()
        first = not at
        spoke = sum(result[2] == "final" for result in owner.results.values()) > finals
        if owner.checkpoint is not before and not first:
            seen.append((owner.now, spoke))
            assert owner.checkpoint[0].covered == owner.seq
        assert owner.checkpoint is not before or not spoke
    times = [0.1, *(now for now, _ in seen)]
    assert max(b - a for a, b in zip(times, times[1:])) < 2.2
    assert all(spoke or b - a >= 2.0 - 1e-9 for a, (b, spoke) in zip(times, seen))
    owner.tick(5.0)
    before = owner.checkpoint
    owner.tick(5.0)
    assert owner.checkpoint is before, "nothing came since"


def test_a_model_whose_streams_are_too_large_gives_none_and_says_so(folder):
    origin = wire.Open("request", "tiny", options={"format": FORMAT}, checkpoint_ms=1)
    for make in (tiny_engine, lambda: pipelines(folder, FEEDS)):
        whole = make()
        engine = getattr(whole, "engine", whole)
        assert not engine.unsaved
        engine.carry("tiny", ["tiny"] * 100_000)
        assert engine.unsaved == ["tiny"]
        owner = Owner(whole, origin, 4).open()
        assert owner.opened.checkpoint_ms == 0
        owner.give(wire.Audio, SAMPLES[:20_000].tobytes(), 20_000)
        owner.settle()
        owner._take(whole.drain(owner.now))
        owner.settle()
        assert owner.checkpoint is None and owner.closed[owner.opened.stream].reason == "draining"


def test_a_condition_is_as_large_as_those_of_all_that_a_stream_feeds(folder):
    alone, feeding = pipelines(folder, {}).engine, pipelines(folder, FEEDS).engine
    names = ("tiny", "tags", "kept", "judged")
    sizes = {name: alone.models[name].state_bytes for name in names}
    assert all(sizes.values())
    assert feeding.state_bytes["tiny"] == sum(sizes.values())
    assert feeding.state_bytes["kept"] == sizes["kept"] + sizes["judged"]


def test_without_checkpoints_nothing_is_told_of_them():
    owner = Owner(tiny_engine(), wire.Open("request", "tiny", options={"format": FORMAT}), 4).open()
    owner.give(wire.Audio, SAMPLES.tobytes(), len(SAMPLES))
    owner.settle()
    owner.tick(100.0)
    assert owner.checkpoint is None and owner.closed

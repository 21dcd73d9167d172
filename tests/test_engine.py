"""The engine: live equals whole, streams don't meet, ends are exact, refusals are typed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.readers.argmax import ArgmaxReader, GreedyCtcReader
from streamer import wire
from tests.tiny_engine import (
    FORMAT, LABELS, RATE_HZ, Client, alone, noise, plain, tiny_engine, tiny_model,
)  # fmt: skip


def whole_events(samples: np.ndarray, kind: type) -> list:
    """The same network and reader over the complete recording."""
    model = tiny_model()
    with torch.inference_mode():
        features = model.front(RATE_HZ)(torch.from_numpy(samples)[None, :, None])
        outputs = model.network(features).numpy()
    reader = kind(LABELS, {"row_ms": 30.0, "endpoint_silence_ms": 90}, 1)
    reader.open(0, reader.parse({}))
    (events,) = reader.read([0], outputs)
    return events + reader.finish(0)


@pytest.mark.parametrize("model, kind", [("tiny", GreedyCtcReader), ("labels", ArgmaxReader)])
@pytest.mark.parametrize("length", [1, 159, 160, 479, 481, 16000, 40000])
def test_live_says_what_the_whole_recording_says(model, kind, length):
    samples = noise(length)
    live = alone(samples, 700, model)
    whole = whole_events(samples, kind)
    assert [(r.kind, r.utterance, [a.text for a in r.alternatives]) for r in live.results] == [
        (e.kind, e.utterance, [a.text for a in e.alternatives]) for e in whole
    ]
    assert [r.through for r in live.results] == [min(e.through * 480, length) for e in whole]
    assert live.closed == wire.Closed(live.opened.stream, "closed", len(live.results), length)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=9), st.lists(st.booleans(), min_size=9))
def test_results_do_not_depend_on_chunks_or_ticks(chunks, ticks):
    samples = noise(sum(chunks), 3)
    client, at = Client(tiny_engine()).open(), 0
    for chunk, tick in zip(chunks, ticks):
        client.audio(samples[at : at + chunk])
        at += chunk
        if tick:
            client.tick()
    client.close()
    client.settle()
    settled, at = Client(tiny_engine()).open(), 0
    for chunk in chunks:
        settled.audio(samples[at : at + chunk])
        settled.settle()
        at += chunk
    settled.close()
    settled.settle()
    assert client.told == settled.told and client.closed
    words = [one[:4] + one[5:] for one in client.told]
    assert words == [one[:4] + one[5:] for one in alone(samples).told]


def test_fifty_streams_are_each_as_if_alone():
    engine, random = tiny_engine(50), np.random.default_rng(7)
    recordings = [noise(int(random.integers(1, 30000)), seed) for seed in range(50)]
    waiting, live, done = list(range(50)), {}, {}
    while waiting or live:
        if waiting and random.random() < 0.5:
            number = waiting.pop()
            live[number] = Client(engine, request=str(number)).open()
        for number, client in list(live.items()):
            if random.random() < 0.6:
                rest = recordings[number][client.position :]
                client.audio(rest[: int(random.integers(1, 4000))])
                if client.position == len(recordings[number]):
                    client.close()
                    done[client.opened.stream] = number, client, live.pop(number)
        _share(engine, live, done)
    while engine.busy:
        _share(engine, live, done)
    for number, client, _ in done.values():
        said = [one[:4] + one[5:] for one in client.told]
        assert said == [one[:4] + one[5:] for one in alone(recordings[number]).told]
        assert client.closed
    assert not engine.sessions and len(engine.models["tiny"].free_rows) == 50


def _share(engine, live, done):
    """One tick; what it says goes to the clients."""
    clients = {c.opened.stream: c for c in live.values()} | {s: c for s, (_, c, _) in done.items()}
    for out in engine.tick(0.0):
        clients[out.message.stream].answers.append(out.message)


def test_every_rate_shares_the_network():
    engine = tiny_engine()
    for rate_hz in (8000, 44100):
        client = Client(engine, request=str(rate_hz)).open(
            format={"encoding": "s16", "rate": rate_hz, "channels": 2}
        )
        samples = (noise(2 * rate_hz) * 20000).astype("<i2")
        client.seq, client.position = 1, rate_hz
        client.give(wire.Audio(**client.ids(), seq=1, start=0), samples.tobytes())
        client.close()
        client.settle()
        assert client.closed.through == rate_hz
        assert client.results[-1].through <= rate_hz
        # An output row is 30 ms; through is its end, rounded up to a whole position.
        assert all(
            any(r.through == min(rate_hz, -(-n * rate_hz * 3 // 100)) for n in range(40))
            for r in client.results
        )


def test_flush_says_finals_at_once_and_the_stream_goes_on():
    samples = noise(48000, 5)
    client = Client(tiny_engine()).open(endpoint_silence_ms=0)
    client.audio(samples[:20000])
    client.settle()
    before = len(client.results)
    client.flush()
    client.settle()
    final = client.results[-1]
    assert final.kind == "final" and final.through == 20000 and final.accepted == 2
    assert {r.kind for r in client.results[before:-1]} <= {"partial"}
    client.audio(samples[20000:])
    client.close()
    client.settle()
    unflushed = alone(samples, 20000, endpoint_silence_ms=0)
    # The network heard the same: after the Flush every row is read as it would have been.
    joined = "".join(r.alternatives[0].text for r in client.results if r.kind == "final")
    whole = "".join(r.alternatives[0].text for r in unflushed.results if r.kind == "final")
    rows = final.through // 480 + 1
    assert joined.replace(" ", "")[-20:] == whole.replace(" ", "")[-20:] and rows
    assert [r.through for r in client.results] == sorted(r.through for r in client.results)
    assert [r.seq for r in client.results] == list(range(1, len(client.results) + 1))
    assert client.closed


def test_two_flushes_and_a_close_repeat_nothing():
    client = Client(tiny_engine()).open(partials=False)
    client.audio(noise(9000))
    client.flush()
    client.flush()
    client.settle()
    told = len(client.results)
    client.close()
    client.settle()
    assert client.closed.results == len(client.results) == told


def test_flush_waits_its_turn_whenever_it_is_ticked():
    samples = noise(30000, 2)

    def told(settle: bool) -> list:
        client = Client(tiny_engine()).open()
        for at in range(0, 30000, 5000):
            client.audio(samples[at : at + 5000])
            if settle:
                client.settle()
            client.flush()
            if settle:
                client.settle()
        client.close()
        client.settle()
        return client.told

    assert told(True) == told(False)


def test_a_lease_that_runs_out_ends_the_stream():
    client = Client(tiny_engine(lease_ms=1000)).open()
    client.audio(noise(10000))
    client.settle()
    client.now = 0.999
    client.settle()
    assert not client.closed
    client.now = 1.0
    client.settle()
    assert client.closed.reason == "lease"
    whole = alone(noise(10000), 10000).told
    assert [one[:4] + one[6:] for one in client.told] == [one[:4] + one[6:] for one in whole]
    (refused,) = client.audio(noise(100))
    assert refused.code == "unknown_stream" and refused.fatal
    assert len(client.engine.models["tiny"].free_rows) == 8


def test_a_stream_that_is_heard_keeps_its_lease():
    client = Client(tiny_engine(lease_ms=1000)).open()
    for _ in range(5):
        client.now += 0.9
        client.audio(noise(100))
        client.settle()
    assert not client.closed


def test_full_is_a_typed_refusal_until_a_row_is_free():
    engine = tiny_engine(2)
    first, _ = (Client(engine, request=name).open() for name in "ab")
    third = wire.Open("c", "tiny", options={"format": FORMAT})
    (refused,) = engine.receive(b"peer", third, b"", 0.0)
    assert refused.message.code == "full" and refused.message.request == "c"
    assert refused.message.retry_after_ms
    first.close()
    first.settle()
    (opened,) = engine.receive(b"peer", third, b"", 0.0)
    assert isinstance(opened.message, wire.Opened)


def test_a_new_stream_in_an_old_row_starts_anew():
    engine = tiny_engine(1)
    for request in "abc":
        client = Client(engine, request=request).open()
        client.audio(noise(20000, 4))
        client.settle()
        client.close()
        client.settle()
        assert client.told == alone(noise(20000, 4), 20000).told


def test_a_repeated_open_is_the_same_stream():
    engine = tiny_engine()
    client = Client(engine, request="r" * 32).open()
    again = wire.Open("r" * 32, "tiny", options={"format": FORMAT})
    for peer in (b"peer", b"the same client on a new connection"):
        assert engine.receive(peer, again, b"", 0.0)[0].message == client.opened
    other = wire.Open("r" * 32, "tiny", options={"format": FORMAT, "partials": False})
    assert engine.receive(b"peer", other, b"", 0.0)[0].message.code == "bad_header"
    # A request that others may choose too is no proof on another connection.
    Client(engine, request="1").open()
    stranger = Client(engine, peer=b"stranger", request="1").open()
    assert len({*engine.sessions}) == 3 and stranger.opened.stream in engine.sessions


def test_repeats_are_ignored_and_holes_refused():
    client = Client(tiny_engine()).open()
    samples = noise(9600)
    client.audio(samples[:4800])
    repeated = client.give(wire.Audio(**client.ids(), seq=1, start=0), samples[:4800].tobytes())
    assert isinstance(repeated[0], wire.Ack) and repeated[0].accepted == 1
    (hole,) = client.give(wire.Audio(**client.ids(), seq=3, start=4800), samples[4800:].tobytes())
    assert (hole.code, hole.expected, hole.fatal) == ("hole", 2, False)
    (moved,) = client.give(wire.Audio(**client.ids(), seq=2, start=5000), samples[4800:].tobytes())
    assert (moved.code, moved.field, moved.expected) == ("hole", "start", 2)
    client.audio(samples[4800:])
    client.close()
    client.settle()
    assert client.told == alone(samples, 4800).told


def test_a_declared_loss_is_fed_neutral_steps():
    samples = noise(24000)
    client = Client(tiny_engine()).open()
    client.audio(samples[:8000])
    client.skip(8000)
    client.audio(samples[16000:])
    client.close()
    client.settle()
    silenced = samples.copy()
    silenced[8000:16000] = 0
    assert client.told == alone(silenced, 8000).told
    assert client.closed.through == 24000


def test_too_much_at_once_is_an_overrun_and_nothing_is_lost():
    client = Client(tiny_engine(window_ms=1000)).open()
    samples = noise(32000)
    assert client.opened.window == 16000
    client.audio(samples[:12000])
    (refused,) = client.give(wire.Audio(**client.ids(), seq=2, start=12000), samples[12000:20000].tobytes())
    assert (refused.code, refused.expected) == ("overrun", 2)
    client.settle()
    ack = [one for one in client.answers if isinstance(one, wire.Ack)][-1]
    assert ack.accepted == 1 and ack.window >= 16000 - 160
    client.audio(samples[12000:20000])
    client.settle()
    client.audio(samples[20000:])
    client.close()
    client.settle()
    assert client.closed.through == 32000
    said = [one[:4] + one[5:] for one in client.told]
    assert said == [one[:4] + one[5:] for one in alone(samples).told]
    big = Client(tiny_engine(window_ms=1000)).open()
    assert big.audio(samples)[0].code == "too_large"


@pytest.mark.parametrize("frame", [160, 1600, 2000, 4000, 8000])
def test_acks_come_every_250_ms_of_input(frame):
    client = Client(tiny_engine()).open()
    samples, acked = noise(48000), 0
    for at in range(0, 48000, frame):
        client.audio(samples[at : at + frame])
        client.settle()
        if any(isinstance(one, wire.Ack) for one in client.answers):
            assert client.position - acked <= max(4000, frame)
            acked = client.position
        client.answers.clear()
    assert client.position - acked < 4000


def test_the_owner_alone_is_heard():
    client = Client(tiny_engine()).open()
    stranger = wire.Close(client.opened.stream, b"x" * 16, 1)
    (refused,) = client.engine.receive(b"stranger", stranger, b"", 0.0)
    assert refused.message.code == "not_owner" and refused.peer == b"stranger"
    nobody = wire.Close(b"y" * 16, b"x" * 16, 1)
    assert client.engine.receive(b"p", nobody, b"", 0.0)[0].message.code == "unknown_stream"


def test_answers_follow_the_connection():
    client = Client(tiny_engine()).open()
    client.audio(noise(4000))
    client.peer = b"new"
    client.close()
    assert {out.peer for out in client.engine.tick(0.0)} == {b"new"}


@pytest.mark.parametrize(
    "model, options, code, field",
    [
        ("nothing", {"format": FORMAT}, "unknown_model", "model"),
        ("tiny", {}, "bad_format", "options.format"),
        ("tiny", {"format": 3}, "bad_format", "options.format"),
        ("tiny", {"format": FORMAT | {"rate": 16001}}, "bad_format", "options.format.rate"),
        ("tiny", {"format": FORMAT | {"rate": "x"}}, "bad_format", "options.format.rate"),
        ("tiny", {"format": FORMAT | {"encoding": "mp3"}}, "bad_format", "options.format.encoding"),
        ("tiny", {"format": FORMAT | {"channels": 0}}, "bad_format", "options.format.channels"),
        ("tiny", {"format": FORMAT | {"channels": 10**9}}, "bad_format", "options.format.channels"),
        ("tiny", {"format": FORMAT | {"bits": 3}}, "bad_format", "options.format"),
        ("tiny", {"format": FORMAT, "nonsense": 1}, "bad_option", "options.nonsense"),
        ("tiny", {"format": FORMAT, "partials": []}, "bad_option", "options.partials"),
        ("tiny", {"format": FORMAT, "endpoint_silence_ms": -1}, "bad_option", "options.endpoint_silence_ms"),
        ("tiny", {"format": FORMAT, "endpoint_silence_ms": 2**70}, "bad_option", "options.endpoint_silence_ms"),
    ],
)  # fmt: skip
def test_hostile_options_are_refused_by_name(model, options, code, field):
    engine = tiny_engine()
    (out,) = engine.receive(b"p", wire.Open("r", model, options=options), b"", 0.0)
    assert (out.message.code, out.message.field, out.message.request) == (code, field, "r")
    assert not engine.sessions and len(engine.models["tiny"].free_rows) == 8


@pytest.mark.parametrize(
    "payload", [b"abc", np.float32([np.nan]).tobytes(), np.float32([np.inf]).tobytes(), np.float32([1e9]).tobytes()]
)
def test_bad_payloads_are_refused_and_disturb_nobody(payload):
    engine = tiny_engine()
    good, bad = (Client(engine, request=name).open() for name in "ab")
    samples = noise(16000)
    good.audio(samples[:8000])
    (refused,) = bad.audio(np.frombuffer(payload, np.uint8))
    assert (refused.code, refused.expected) == ("bad_payload", 1)
    good.audio(samples[8000:])
    good.close()
    good.settle()
    said = [one[:4] + one[5:] for one in good.told]
    assert said == [one[:4] + one[5:] for one in alone(samples, 8000).told]


def test_what_an_audio_stream_does_not_know_is_refused():
    client = Client(tiny_engine()).open()
    for message in (
        wire.Text(**client.ids(), seq=1, start=0),
        wire.Credit(**client.ids(), seq=1, count=5),
        wire.Control(**client.ids(), seq=1, values={"partials": False}),
    ):
        (refused,) = client.give(message)
        assert refused.code == "unsupported" and refused.expected == 1
    (refused,) = client.skip(2**60)
    assert (refused.code, refused.field) == ("too_large", "count")


def test_after_close_nothing_is_taken():
    client = Client(tiny_engine()).open()
    client.audio(noise(800))
    client.close()
    (refused,) = client.audio(noise(10))
    assert refused.code == "unknown_stream"
    client.settle()
    assert client.closed.through == 800


def test_a_stream_without_input_closes():
    client = Client(tiny_engine()).open()
    client.flush()
    client.close()
    client.settle()
    assert client.closed == wire.Closed(client.opened.stream, "closed", 0, 0)


def test_draining_refuses_new_streams_and_says_the_last_words():
    client = Client(tiny_engine(max_wait_ms=100)).open()
    client.audio(noise(10000))
    for out in client.engine.drain(0.0):
        client.answers.append(out.message)
    client.settle()
    assert client.closed.reason == "draining" and not client.engine.sessions
    whole = alone(noise(10000), 10000).told
    assert [one[:4] + one[6:] for one in client.told] == [one[:4] + one[6:] for one in whole]
    (out,) = client.engine.receive(b"p", wire.Open("z", "tiny", options={"format": FORMAT}), b"", 0.0)
    assert out.message.code == "draining"


def test_a_step_waits_for_company_but_not_alone():
    engine = tiny_engine(max_wait_ms=10)
    one = Client(engine, request="1").open()
    one.audio(noise(4800))
    assert engine.busy
    one.settle()
    two = Client(engine, request="2").open()
    one.audio(noise(4800))
    assert not engine.busy and engine.due == pytest.approx(0.01)
    two.audio(noise(4800))
    assert engine.busy


def test_describe_tells_what_is_served():
    engine = tiny_engine(3)
    Client(engine).open()
    (out,) = engine.receive(b"p", wire.Describe("d"), b"", 0.0)
    first = out.message.models[0]
    assert (first.name, first.max_streams, first.streams, first.device) == ("tiny", 3, 1, "cpu")
    # Three frames of 10 ms make a row, whose network sees 3 rows ahead.
    assert first.latency_ms == 120 and "partials" in first.options


def test_results_name_the_input_that_they_needed():
    client = alone(noise(32000, 9), 1600)
    for result in client.results:
        assert (result.accepted - 1) * 1600 < result.through + 1600 * 3
        assert result.accepted * 1600 >= min(result.through, 32000)
    assert plain(client.results[0])

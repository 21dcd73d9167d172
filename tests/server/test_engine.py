"""The engine: live equals whole, streams don't meet, ends are exact."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer import wire
from streamer.models.readers.argmax import ArgmaxReader, GreedyCtcReader
from streamer.server.scheduler import ENOUGH
from tests.tiny_engine import (
    FORMAT,
    LABELS,
    RATE_HZ,
    Client,
    alone,
    noise,
    plain,
    tiny_engine,
    tiny_model,
    without_causes,
)


def whole_events(samples: np.ndarray, kind: type) -> list:
    """The same network and reader over the complete recording."""
    model = tiny_model()
    with torch.inference_mode():
        features = model.front(RATE_HZ)(torch.from_numpy(samples)[None, :, None])
        outputs = model.network(features).numpy()
    reader = kind(LABELS, {"row_ms": 30.0, "endpoint_silence_ms": 90}, 1)
    reader.open(1, reader.parse({}))
    (events,) = reader.read([1], outputs)
    return events + reader.finish(1)


@pytest.mark.parametrize("model, kind", [("tiny", GreedyCtcReader), ("labels", ArgmaxReader)])
@pytest.mark.parametrize("length", [1, 159, 160, 479, 481, 16000, 40000])
def test_live_says_what_the_whole_recording_says(model, kind, length):
    samples = noise(length)
    live = alone(samples, 700, model)
    whole = whole_events(samples, kind)
    assert [(r.kind, r.utterance, [a.text for a in r.alternatives]) for r in live.results] == [
        (e.kind, e.utterance, [a.text for a in e.alternatives]) for e in whole
    ]
    # A row of 480 samples rests on the rows that the network looks ahead, too.
    ahead = tiny_model().network.lookahead * 160
    assert [r.through for r in live.results] == [min(e.through * 480 + ahead, length) for e in whole]
    assert live.closed == wire.Closed(
        live.opened.stream, "closed", len(live.results), length, live.opened.incarnation
    )


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
    assert client.plain_results == settled.plain_results and client.closed
    assert without_causes(client) == without_causes(alone(samples))


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
        assert without_causes(client) == without_causes(alone(recordings[number]))
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
        assert [r.through for r in client.results] == sorted(r.through for r in client.results)


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
    before = len(client.results)
    client.close()
    client.settle()
    assert client.closed.results == len(client.results) == before


def test_flush_waits_its_turn_whenever_it_is_ticked():
    samples = noise(30000, 2)

    def results(settle: bool) -> list:
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
        return client.plain_results

    assert results(True) == results(False)


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
    whole = alone(noise(10000), 10000).plain_results
    assert [result[:4] + result[6:] for result in client.plain_results] == [
        result[:4] + result[6:] for result in whole
    ]
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


def test_a_new_stream_in_an_old_row_starts_afresh():
    engine = tiny_engine(1)
    for request in "abc":
        client = Client(engine, request=request).open()
        client.audio(noise(20000, 4))
        client.settle()
        client.close()
        client.settle()
        assert client.plain_results == alone(noise(20000, 4), 20000).plain_results


def test_a_stream_without_input_closes():
    client = Client(tiny_engine()).open()
    client.flush()
    client.close()
    client.settle()
    assert client.closed == wire.Closed(client.opened.stream, "closed", 0, 0, client.opened.incarnation)


def test_draining_refuses_new_streams_and_says_the_last_words():
    client = Client(tiny_engine(max_wait_ms=100)).open()
    client.audio(noise(10000))
    for out in client.engine.drain(0.0):
        client.answers.append(out.message)
    client.settle()
    assert client.closed.reason == "draining" and not client.engine.sessions
    whole = alone(noise(10000), 10000).plain_results
    assert [result[:4] + result[6:] for result in client.plain_results] == [
        result[:4] + result[6:] for result in whole
    ]
    (out,) = client.engine.receive(b"p", wire.Open("z", "tiny", options={"format": FORMAT}), b"", 0.0)
    assert out.message.code == "draining"


def test_a_step_waits_for_company_but_not_alone():
    engine = tiny_engine(max_wait_ms=10)
    first = Client(engine, request="1").open()
    first.audio(noise(4800))
    assert engine.busy
    first.settle()
    second = Client(engine, request="2").open()
    first.audio(noise(4800))
    assert not engine.busy and engine.due == pytest.approx(0.02 / ENOUGH)
    second.audio(noise(4800))
    assert engine.busy


def test_an_end_waits_for_company_too():
    engine = tiny_engine(max_wait_ms=10)
    first = Client(engine, request="1").open()
    second = Client(engine, request="2").open()
    first.close()
    assert not engine.busy
    second.audio(noise(4800))
    first.settle()
    assert first.closed


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


def test_a_stream_that_never_brought_input_has_a_short_lease():
    engine = tiny_engine(lease_ms=1000, first_input_ms=100)
    silent, heard = (Client(engine, request=request).open() for request in "ab")
    heard.audio(noise(100))
    for now in (0.05, 0.099, 0.1):
        silent.now = now
        engine.receive(b"p", wire.Open("a", "tiny", options={"format": FORMAT}), b"", now)
        silent.settle()
    assert silent.closed.reason == "lease" and not heard.closed


def test_a_repeat_keeps_no_lease_and_a_skip_of_nothing_does():
    engine = tiny_engine(lease_ms=1000)
    repeating, skipping = (Client(engine, request=request).open() for request in "ab")
    for client in (repeating, skipping):
        client.audio(noise(100))
    ids = {"stream": repeating.opened.stream, "owner": repeating.opened.owner}
    engine.receive(b"p", wire.Audio(**ids, seq=1, start=0), bytes(200), 0.9)
    ids = {"stream": skipping.opened.stream, "owner": skipping.opened.owner}
    engine.receive(b"p", wire.Skip(**ids, seq=2, start=100, count=0), b"", 0.9)
    closed = [out.message.stream for out in engine.tick(1.5) if isinstance(out.message, wire.Closed)]
    assert closed == [repeating.opened.stream]


def test_what_is_not_published_has_no_topic():
    engine = tiny_engine()
    opened = engine.receive(b"p", wire.Open("q", "tiny", options={"format": FORMAT}, publish=False), b"", 0.0)
    assert (opened[0].message.topic, opened[0].message.publish) == ("", "")

"""What clients may not do, and how they are told: typed refusals that disturb nobody."""

import numpy as np
import pytest

from streamer import wire
from tests.tiny_engine import FORMAT, Client, alone, noise, tiny_engine, without_causes


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
    assert client.plain_results == alone(samples, 4800).plain_results


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
    assert client.plain_results == alone(silenced, 8000).plain_results
    assert client.closed.through == 24000


def test_too_much_at_once_is_an_overrun_and_nothing_is_lost():
    client = Client(tiny_engine(window_ms=1000)).open()
    samples = noise(32000)
    assert client.opened.window == 16000
    client.audio(samples[:12000])
    (refused,) = client.give(wire.Audio(**client.ids(), seq=2, start=12000), samples[12000:20000].tobytes())
    assert (refused.code, refused.expected) == ("overrun", 2)
    client.settle()
    ack = [message for message in client.answers if isinstance(message, wire.Ack)][-1]
    assert ack.accepted == 1 and ack.window >= 16000 - 160
    client.audio(samples[12000:20000])
    client.settle()
    client.audio(samples[20000:])
    client.close()
    client.settle()
    assert client.closed.through == 32000
    assert without_causes(client) == without_causes(alone(samples))
    big = Client(tiny_engine(window_ms=1000)).open()
    assert big.audio(samples)[0].code == "too_large"


@pytest.mark.parametrize("frame", [160, 1600, 2000, 4000, 8000])
def test_acks_come_every_250_ms_of_input(frame):
    client = Client(tiny_engine()).open()
    samples, acked = noise(48000), 0
    for at in range(0, 48000, frame):
        client.audio(samples[at : at + frame])
        client.settle()
        if any(isinstance(message, wire.Ack) for message in client.answers):
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
        (
            "tiny",
            {"format": FORMAT, "endpoint_silence_ms": 2**70},
            "bad_option",
            "options.endpoint_silence_ms",
        ),
    ],
)
def test_hostile_options_are_refused_by_name(model, options, code, field):
    engine = tiny_engine()
    (out,) = engine.receive(b"p", wire.Open("r", model, options=options), b"", 0.0)
    assert (out.message.code, out.message.field, out.message.request) == (code, field, "r")
    assert not engine.sessions and len(engine.models["tiny"].free_rows) == 8


@pytest.mark.parametrize(
    "payload",
    [b"abc", np.float32([np.nan]).tobytes(), np.float32([np.inf]).tobytes(), np.float32([1e9]).tobytes()],
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
    assert without_causes(good) == without_causes(alone(samples, 8000))


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


def test_every_refusal_of_a_live_stream_tells_which_input_is_expected():
    client = Client(tiny_engine(window_ms=1000)).open()
    client.audio(noise(1600))
    ids, start = client.ids(), client.position
    refused = [
        (wire.Audio(**ids, seq=4, start=start), b"", "hole"),
        (wire.Audio(**ids, seq=2, start=start + 1), bytes(8), "hole"),
        (wire.Audio(**ids, seq=2, start=start), bytes(3), "bad_payload"),
        (wire.Audio(**ids, seq=2, start=start), np.full(2, np.nan, np.float32).tobytes(), "bad_payload"),
        (wire.Audio(**ids, seq=2, start=start), bytes(4 * 16001), "too_large"),
        (wire.Audio(**ids, seq=2, start=start), bytes(4 * 15000), "overrun"),
        (wire.Skip(**ids, seq=2, start=start, count=2**40), b"", "too_large"),
        (wire.Skip(**ids, seq=2, start=0, count=1), b"", "hole"),
        (wire.Text(**ids, seq=2, start=start), b"text", "unsupported"),
        (wire.Credit(**ids, seq=2, count=1), b"", "unsupported"),
        (wire.Control(**ids, seq=2, values={"seed": 1}), b"", "unsupported"),
    ]
    for message, payload, code in refused:
        (answer,) = client.give(message, payload)
        assert (answer.code, answer.expected, answer.fatal) == (code, 2, False), (message, answer)
    assert client.engine.expected(client.peer, client.opened.stream) == 2
    assert client.engine.expected(b"stranger", client.opened.stream) == 0

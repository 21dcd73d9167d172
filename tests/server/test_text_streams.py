"""Streams of text through the engine: cuts don't matter, streams don't meet, ends are exact."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer import wire
from streamer.clients.connection import connect
from streamer.models.bundle.build import load
from streamer.offline.sentences import Sentences
from streamer.server.inputs.text import WINDOW_BYTES
from tests.echo_engine import EchoEngine
from tests.serving import serving
from tests.tiny_text import TextClient, text_engine

TEXT = (
    "The fox sleeps in Rome. “Is it not the dog?” asked Mr. Grün, naïve as ever. Don't!\n\n"
    "No full stop here\n\nשלום עולם 👩‍👩‍👧 the 3.5 % dog, e.g. the fox... and in Rome"
)
WAYS = ["tags", "judged", "kept"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("text")


@pytest.fixture(scope="module")
def engine(folder):
    return text_engine(folder, 40)


def results_of(client: TextClient) -> list[tuple]:
    """All that results say but which input they needed: that depends on the frames."""
    return [
        (
            r.seq,
            r.utterance,
            r.kind,
            r.through,
            r.confirmed,
            [(a.text, [(w.text, w.start, w.end, w.label) for w in a.words]) for a in r.alternatives],
        )
        for r in client.results
    ]


def alone(engine, text: bytes, model: str, **options) -> TextClient:
    client = TextClient(engine, request=f"{random.random()}").open(model, **options)
    client.text(text)
    client.close()
    client.settle()
    return client


@pytest.mark.parametrize("model", WAYS)
@given(
    cuts=st.lists(st.integers(1, 40), min_size=20, max_size=60),
    ticks=st.lists(st.booleans(), min_size=60, max_size=60),
)
@settings(max_examples=10, deadline=None)
def test_frames_may_cut_words_and_characters_anywhere(engine, model, cuts, ticks):
    text, at = TEXT.encode(), 0
    client = TextClient(engine, request=f"{random.random()}").open(model)
    for cut, tick in zip([*cuts, len(text)], [*ticks, True]):
        client.text(text[at : at + cut])
        at = min(len(text), at + cut)
        if tick:
            client.settle()
    client.text(text[at:])
    client.close()
    client.settle()
    assert results_of(client) == results_of(alone(engine, text, model))
    assert client.closed.through == len(text)


def test_thirty_streams_are_each_as_if_alone(folder):
    engine = text_engine(folder, 40)
    texts = [" ".join(random.Random(n).choices(TEXT.split(), k=40)).encode() for n in range(30)]
    clients = [TextClient(engine, request=str(n)).open("tags", lookahead=n % 3) for n in range(30)]
    for at in range(0, max(map(len, texts)), 11):
        for client, text in zip(clients, texts):
            if at < len(text):
                client.text(text[at : at + 11])
        share(engine, clients)
    for client in clients:
        client.close()
    share(engine, clients)
    for number, (client, text) in enumerate(zip(clients, texts)):
        assert client.closed and results_of(client) == results_of(
            alone(engine, text, "tags", lookahead=number % 3)
        )


def share(engine, clients):
    while True:
        for out in engine.tick(0.0):
            next(c for c in clients if c.opened.stream == out.message.stream).answers.append(out.message)
        if not engine.busy:
            return


@pytest.mark.parametrize("lookahead", [0, 1, 2])
def test_live_says_what_whole_sentences_say(engine, folder, lookahead):
    sentences = [line.split() for line in ("The fox sleeps in Rome .", "zorilla", "is it not the dog ?")]
    spaced = "\n".join(" ".join(words) for words in sentences) + "\n"
    live = alone(engine, spaced.encode(), "tags", lookahead=lookahead, format={"tokens": "spaced"})
    finals = [r.alternatives[0] for r in live.results if r.kind == "final"]
    whole = Sentences(load(folder / "tags"), {"lookahead": lookahead}).finals(sentences)
    assert [final.text for final in finals] == [" ".join(words) for words in sentences]
    at = 0
    for words, final, other in zip(sentences, finals, whole):
        spans = [(w.text, w.start - at, w.end - at, w.label) for w in final.words]
        assert spans == [(w.text, w.start, w.end, w.label) for w in other.alternatives[0].words]
        at += len(" ".join(words).encode()) + 1


def test_a_result_names_the_input_that_it_needed(engine):
    client = TextClient(engine).open("judged")
    for part in ("The fo", "x", " sle", "eps."):
        client.text(part)
        client.settle()
    client.flush()
    client.settle()
    # "The" is known with the space after it, "fox" with the one in the third input; the rest with the flush.
    assert [(r.kind, r.through, r.accepted) for r in client.results] == [
        ("partial", 4, 1),
        ("partial", 8, 3),
        ("partial", 15, 5),
        ("partial", 15, 5),
        ("final", 15, 5),
    ]
    client.text(" dog")
    client.close()
    client.settle()
    assert [(r.utterance, r.kind, r.through, r.accepted) for r in client.results[5:]] == [
        (1, "partial", 19, 7),
        (1, "final", 19, 7),
    ]
    assert client.closed == wire.Closed(client.opened.stream, "closed", 7, 19, client.opened.incarnation)


@pytest.mark.parametrize("model", WAYS)
def test_a_flush_ends_a_sentence_once(engine, model):
    client = TextClient(engine, request=model).open(model)
    client.flush()
    client.settle()
    assert not client.results
    client.text("the fox")
    client.flush()
    client.flush()
    client.text("in Rome")
    client.close()
    client.settle()
    assert [r.utterance for r in client.results if r.kind == "final"] == [0, 1]


@pytest.mark.parametrize(
    "payload, complaint",
    [
        (b"fox \xff", "byte 8 of the text is no UTF-8"),
        (b"\xe2\x82\xe2", "byte 4 of the text is no UTF-8"),
        (b"a\0b", "byte 5 of the text is NUL"),
    ],
)
def test_what_is_no_text_is_refused_and_nothing_is_lost(engine, payload, complaint):
    client = TextClient(engine, request=complaint).open("tags")
    client.text("The ")
    (refused,) = client.text(payload)
    assert (refused.code, refused.expected, refused.fatal) == ("bad_payload", 2, False)
    assert refused.message.startswith(complaint)
    client.seq, client.position = 1, 4
    client.text("fox")
    client.close()
    client.settle()
    assert results_of(client) == results_of(alone(engine, b"The fox", "tags")) and client.closed.through == 7


def test_half_a_character_waits_for_the_next_frame(engine):
    client = TextClient(engine, request="half").open("tags")
    client.text(b"na" + "ï".encode()[:1])
    client.flush()
    client.text("ï".encode()[1:] + b"ve")
    client.close()
    client.settle()
    finals = [r.alternatives[0].text for r in client.results if r.kind == "final"]
    assert finals == ["na", "ïve"]


def test_messages_of_another_kind_are_refused(engine):
    client = TextClient(engine, request="kinds").open("tags")
    client.seq = 1
    (refused,) = client.give(wire.Audio(**client.ids(), seq=1, start=0), b"\0\0")
    assert (refused.code, refused.field) == ("unsupported", "type")
    (refused,) = client.give(wire.Skip(**client.ids(), seq=1, start=0, count=0))
    assert (refused.code, refused.field) == ("unsupported", "type") and "no part of a text" in refused.message
    client.seq = 0
    client.close()
    client.settle()


@pytest.mark.parametrize(
    "options, code, field",
    [
        ({"format": {"encoding": "latin1"}}, "bad_format", "options.format.encoding"),
        ({"format": {"rate": 16000}}, "bad_format", "options.format"),
        ({"lookahead": 3}, "bad_option", "options.lookahead"),
        ({"lookahead": "two"}, "bad_option", "options.lookahead"),
        ({"colour": "red"}, "bad_option", "options.colour"),
    ],
)
def test_options_that_the_model_lacks_are_refused(engine, options, code, field):
    (answer,) = engine.receive(b"peer", wire.Open(f"{options}", "tags", options=options), b"", 0.0)
    assert (answer.message.code, answer.message.field) == (code, field)


def test_a_server_tells_what_a_text_model_takes(engine):
    model = engine.models["tags"].description()
    assert (model.input, model.encodings, model.rates) == ("text", ("utf8",), ())
    assert set(model.options) == {"format", "partials", "lookahead"}


def test_a_text_without_an_end_keeps_speaking_and_keeps_little(engine):
    client = TextClient(engine, request="endless").open("tags", partials=False)
    session = engine.sessions[client.opened.stream]
    for _ in range(12):
        client.text("the fox in rome " * 500)
        client.settle()
        assert len(session.intake._known) < 1000 and session.network.waiting == 0
    finals = [r for r in client.results if r.kind == "final"]
    assert len(finals) >= 24_000 // 130 and finals[-1].through > client.position - 2000
    client.close()
    client.settle()
    assert client.closed


def test_a_word_of_ten_thousand_letters_holds_up_nobody(engine):
    client = TextClient(engine, request="long").open("kept")
    client.text("a" * 10_000)
    client.close()
    client.settle()
    assert client.closed.through == 10_000
    assert all(len(w.text) <= 100 for r in client.results for a in r.alternatives for w in a.words)


def test_more_than_the_window_is_refused(engine):
    client = TextClient(engine, request="window").open("tags")
    (refused,) = client.text("a" * (WINDOW_BYTES + 1))
    assert refused.code == "too_large"
    client.seq, client.position = 0, 0
    client.text(("a" * 63 + " ") * (WINDOW_BYTES // 64))
    (refused,) = client.text("fox")
    assert refused.code == "overrun" and refused.expected == 2
    client.seq = 1
    client.settle()
    acks = [message for message in client.answers if isinstance(message, wire.Ack)]
    assert acks and acks[-1].window == WINDOW_BYTES
    client.close()
    client.settle()


def test_a_stream_can_be_carried_in_its_readers_value(engine, folder):
    text = TEXT.encode()
    other = text_engine(folder, 4)
    whole = alone(engine, text, "kept")
    client = TextClient(other).open("kept")
    client.text(text[:60])
    client.settle()
    model, session = other.models["kept"], other.sessions[client.opened.stream]
    row = session.network.row
    value, fed = model.reader.save(row), session.intake.feeder.save()
    model.reader.open(row, model.reader.parse({}))
    session.intake.feeder.end_text()
    model.reader.restore(row, value)
    session.intake.feeder.restore(fed)
    client.text(text[60:])
    client.close()
    client.settle()
    assert results_of(client) == results_of(whole)


def test_the_client_sends_text(folder):
    with serving(text_engine(folder, 4)) as server, connect(server.address) as connection:
        assert {model.name: model.input for model in connection.describe().models} == dict.fromkeys(
            WAYS, "text"
        )
        stream = connection.open("tags", lookahead=2)
        stream.send("The fox sleeps in ")
        stream.send("Röme".encode()[:2])
        stream.send("Röme".encode()[2:])
        stream.flush()
        stream.send(f"{'ö' * 40}. " * 4000)  # more than the window holds
        stream.close()
        finals = [r.alternatives[0].text for r in stream if r.kind == "final"]
    assert finals == ["The fox sleeps in Röme"] + [f"{'ö' * 40} ."] * 4000
    assert stream.closed.through == stream.position == len("The fox sleeps in Röme".encode()) + 4000 * 82


def test_text_for_a_stream_of_sound_is_a_mistake_of_the_caller():
    with serving(EchoEngine()) as server, connect(server.address) as connection:
        stream = connection.open("echo")
        with pytest.raises(TypeError, match="echo takes sound"):
            stream.send("hello")


def test_a_lease_that_runs_out_before_much_text_holds_nobody_up(folder):
    engine = text_engine(folder, lease_ms=1000)
    client = TextClient(engine).open()
    client.text("word " * 20_000)
    client.now, ticks = 5.0, 0
    while not any(isinstance(answer, wire.Closed) for answer in client.answers):
        client.tick()
        ticks += 1
        assert list(engine.expired) == ([client.opened.stream] if ticks == 1 else [])
    assert client.answers[-1].reason == "lease" and ticks > 20

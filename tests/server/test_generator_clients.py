"""Clients of generators: over a channel that loses what it likes, and `streamer compose --connect`."""

import random

import pytest

from streamer.cli.compose_remote import RemoteSource
from streamer.clients.notices import NoServer, Rejected, Restarted
from streamer.clients.protocol import StreamProtocol
from streamer.server.loop import Loop
from streamer.server.sealing import Sealer
from streamer.server.sockets import Sockets
from tests.cli.test_cli import refused, streamer  # noqa: F401, a fixture
from tests.clients.test_client_protocol import Channel
from tests.server.test_generator_streams import begun, ended, notes
from tests.serving import ANY_PORT, Server, serving
from tests.tiny_generator import generator_engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("generator") / "tiny"


@pytest.fixture(scope="module")
def server(folder):
    with serving(generator_engine(folder, 4)) as server:
        yield server


@pytest.mark.parametrize("seed", range(6))
def test_credit_and_control_arrive_once_in_order_whatever_is_lost(folder, seed):
    engine = generator_engine(folder)
    channel, dice = Channel(engine, 0.3, seed), random.Random(seed)
    protocol = StreamProtocol("tiny", {"seed": 5})
    while not protocol.opened:
        channel.turn(protocol, 0.0)
    given = []
    for _ in range(12):
        count, values = (
            dice.randrange(9),
            dice.choice([{}, {"temperature": 0}, {"temperature": 1}, {"tempo": -1}]),
        )
        given.append((count, values))
        channel.send(protocol.credit(count))
        channel.send(protocol.control(values))
        channel.turn(protocol, channel.now)
    channel.send(protocol.close())
    began = channel.now
    while not protocol.closed:
        channel.turn(protocol, began)
        assert channel.now < 60 and not protocol.refusal
    wanted = begun(engine, seed=5)
    for count, values in given:
        wanted.credit(count)
        wanted.control(**values)
        wanted.seq -= "tempo" in values
    by_seq = {note[0]: note for note in notes(ended(wanted).results)}
    for note in notes(protocol.inbox.results):
        assert note == by_seq[note[0]]
    rejected = [n.values for n in protocol.inbox.notices if isinstance(n, Rejected)]
    assert all(values == {"tempo": -1} for values in rejected)
    assert len(rejected) <= sum(values == {"tempo": -1} for _, values in given)
    assert protocol.closed.through == protocol.position == sum(count for count, _ in given)


def test_what_a_lost_server_had_not_taken_begins_the_new_piece(folder):
    protocol = StreamProtocol("tiny", {"seed": 5})
    channel = Channel(generator_engine(folder), 0.0, 1)
    while not protocol.opened:
        channel.turn(protocol, 0.0)
    channel.send(protocol.credit(8))
    channel.turn(protocol, channel.now)
    assert not protocol.kept
    protocol.inbox.results.clear()
    channel.engine = generator_engine(folder)
    for parts in (protocol.control({"temperature": 0}), protocol.credit(6), protocol.close()):
        channel.send(parts)
    began = channel.now
    while not protocol.closed:
        channel.turn(protocol, began)
    assert [n.position for n in protocol.inbox.notices if isinstance(n, Restarted)] == [8]
    wanted = begun(generator_engine(folder), seed=5, temperature=0)
    wanted.credit(6)
    assert notes(protocol.inbox.results) == notes(ended(wanted).results)
    assert protocol.closed.through == 6 and protocol.position == 14


def test_a_source_far_away_gives_the_notes_of_its_options(folder, server):
    with RemoteSource(server.address, "tiny", 2) as source:
        assert [(v.name, v.lowest, v.count, v.width) for v in source.voices] == [
            ("soprano", 55, 29, 1),
            ("bass", 40, 29, 1),
        ]
        source.open({"seed": 5, "prompt": [[60, 50]]})
        heard = source.notes(3)
        source.control({"transpose": 2})
        heard += source.notes(30)
        with pytest.raises(ValueError, match="options.tempo"):
            source.control({"tempo": -1})
        heard += source.notes(7)
        given = source.stream.position
    assert heard[0] == (60, 50) and 40 <= given <= 40 + 8
    client = begun(generator_engine(folder), seed=5, prompt=[[60, 50]])
    client.credit(40)
    words = [r.alternatives[0].words for r in ended(client).results if r.kind == "partial"]
    with RemoteSource(server.address, "tiny", 0) as source:
        source.open({"seed": 5, "prompt": [[60, 50]]})
        plain = source.notes(40)
    assert [sum(note > 0 for note in step) for step in plain] == list(map(len, words))
    # Eleven steps (three, and two beats ahead) had credit before the transposition.
    moved = [tuple(note and note + 2 for note in step) for step in plain[11:]]
    assert heard == plain[:11] + moved


def test_a_server_that_stops_for_good_ends_the_piece(folder):
    with (
        serving(generator_engine(folder, 4)) as server,
        RemoteSource(server.address, "tiny", 1, reconnect_s=0.5) as source,
    ):
        source.open({"seed": 5})
        source.notes(4)
        server.loop.stop()
        with pytest.raises(NoServer, match="no server answers"):
            for _ in range(10_000):
                source.notes(8)


def test_a_piece_goes_on_at_the_next_server(folder):
    sealer = Sealer(None)

    def server_at(inputs: str = ANY_PORT):
        return Server(None, loop=Loop(generator_engine(folder, 4), Sockets(inputs, ANY_PORT), sealer=sealer))

    server = server_at()
    with RemoteSource(server.address, "tiny", 1) as source:
        source.open({"seed": 5})
        notes = source.notes(20)
        server.stop()
        server = server_at(server.address)
        notes += source.notes(60)
    server.stop()
    with serving(generator_engine(folder, 4)) as other, RemoteSource(other.address, "tiny", 1) as undisturbed:
        undisturbed.open({"seed": 5})
        assert notes == undisturbed.notes(80)


@pytest.fixture
def compose(streamer, server):  # noqa: F811
    return lambda *arguments: streamer("compose", "--model", "tiny", "--connect", server.address, *arguments)


def test_composing_far_away_gives_the_same_files(compose, streamer, folder, tmp_path):  # noqa: F811
    (tmp_path / "config.toml").write_text(f'[models.tiny]\nfolder = "{folder}"\n')
    asked = ("--seed", 4, "--seconds", 3.21, "--key", "G", "--prompt", "C4 E4")
    for name in ("a.wav", "a.mid"):
        code, out, lines = compose(*asked, "--output", tmp_path / name)
        assert (code, out, lines) == (0, "", ["streamer: seed 4"])
        here = tmp_path / f"here-{name}"
        assert (
            streamer(
                "compose", "--model", "tiny", "--config", tmp_path / "config.toml", *asked, "--output", here
            )[0]
            == 0
        )
        assert here.read_bytes() == (tmp_path / name).read_bytes()


def test_bad_input_far_away_is_one_line_and_leaves_nothing(compose, streamer, server, tmp_path):  # noqa: F811
    for arguments, part in [
        (("--key", "H"), "'H' is no key"),
        (("--prompt", "C9"), "out of range"),
        (("--tempo", "-3"), "tempo of -3"),
        (("--seconds", "1e9"), "at most 14400"),
        (("--model", "nobody"), "serves no nobody; there are tiny"),
        (("--connect", "nowhere"), "is no address"),
    ]:
        # A wrong call ends with 2, what the server lacks or refuses with 1.
        ends = 1 if arguments[0] == "--model" else 2
        refused(compose(*arguments, "--output", tmp_path / "a.wav"), ends, part)
        assert list(tmp_path.iterdir()) == []


def test_keys_steer_a_piece_far_away(compose, monkeypatch, tmp_path):
    pressed = iter("+[xx")

    class Terminal:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def pressed(self, wait_s):
            return next(pressed, "")

    class Loudspeaker(Terminal):
        underruns, waits = 0, 0

        def __init__(self, rate_hz):
            self.seconds = 0.0

        @property
        def lead(self):
            self.waits += 1
            return float(self.waits % 3 > 0)  # something to wait for, twice after each step

        def write(self, samples):
            self.seconds += len(samples) / 48000

        def end(self):
            pass

    controls = []
    control = RemoteSource.control
    monkeypatch.setattr(
        RemoteSource, "control", lambda self, values: controls.append(values) or control(self, values)
    )
    monkeypatch.setattr("streamer.cli.compose_live.Keys", Terminal)
    monkeypatch.setattr("streamer.cli.compose_live.Speaker", Loudspeaker)
    code, out, lines = compose("--seed", 4, "--play", "--output", tmp_path / "a.mid")
    assert (code, out, lines) == (0, "", ["streamer: 0 underruns", "streamer: seed 4"])
    begun, *steered = controls
    assert begun["seed"] == 4
    assert steered[:2] == [{"temperature": 1.05}, {"tempo": 116.0}]
    (end,) = steered[2:]
    assert 28 <= end["end"] <= 36

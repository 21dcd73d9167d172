"""Recordings: what is written comes back, and a replay says what was said."""

import os
import stat

import numpy as np
import pytest

from streamer import wire
from streamer.clients.connection import connect
from streamer.server.recording import MAGIC, Answer, Arrival, CutShort, Drain, Recorder, Tick, read_recording
from streamer.server.replay import Replay, recorded_results
from tests.echo_engine import EchoEngine
from tests.serving import Server, serving


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A recorded server: one stream that closed, one whose lease ran out, one that was drained."""
    path = tmp_path_factory.mktemp("wire") / "wire.recording"
    with Recorder(path) as recorder:
        server = Server(EchoEngine("recorded", steps=2, lease_s=0.3), recorder=recorder)
        with connect(server.address) as connection:
            silent = connection.open("echo")
            silent.send(b"abcd")
            closed = connection.open("echo")
            for number in range(30):
                closed.send(bytes([number]) * 400)
            closed.flush()
            closed.close()
            list(closed)
            connection._socket(server.address).send(b"nonsense")
            assert list(silent) and silent.closed.reason == "lease"
            drained = connection.open("echo")
            drained.send(b"efgh")
            drained.poll(5.0)
            server.stop()
            list(drained)
    return path


def by_stream(messages):
    streams: dict[bytes, list] = {}
    for message in messages:
        if isinstance(message, wire.Result):
            streams.setdefault(message.stream, []).append(message)
    return streams


def test_records_in_order(recording):
    records = list(read_recording(recording))
    assert isinstance(records[0], Arrival)
    assert sum(isinstance(r, Drain) for r in records) == 1
    assert [len(r.expired) for r in records if isinstance(r, Tick) and r.expired] == [1]
    assert any(r.parts == [b"nonsense"] for r in records if isinstance(r, Arrival))
    assert all(
        not isinstance(wire.decode_output(*r.parts), wire.Ack) for r in records if isinstance(r, Answer)
    )
    times = [r.now for r in records]
    assert times == sorted(times)


def test_a_replay_says_the_same_under_the_same_names(recording):
    replay = Replay(recording, EchoEngine("replayed", steps=7, lease_s=0.3))
    messages = list(replay.messages())
    assert by_stream(messages) == recorded_results(recording)
    assert len(by_stream(messages)) == 3
    assert [m.reason for m in messages if isinstance(m, wire.Closed)] == ["closed", "lease", "draining"]
    assert sum(isinstance(m, wire.Opened) for m in messages) == 3
    assert not replay.cut_short


def test_another_lease_is_noticed(recording):
    with pytest.raises(ValueError, match="other leases"):
        list(Replay(recording, EchoEngine(lease_s=1000)).messages())


def test_a_server_without_the_model_is_noticed(recording):
    engine = EchoEngine()
    engine.draining = True
    with pytest.raises(ValueError, match="'echo' that this server does not open"):
        list(Replay(recording, engine).messages())


@pytest.mark.parametrize("lost", [1, 3, 50])
def test_a_recording_cut_short_is_replayed_as_far_as_it_goes(recording, lost, tmp_path):
    short = tmp_path / "short"
    short.write_bytes(recording.read_bytes()[:-lost])
    records = list(read_recording(short))
    assert isinstance(records[-1], CutShort)
    replay = Replay(short, EchoEngine(lease_s=0.3))
    messages = list(replay.messages())
    assert replay.cut_short
    for stream, results in by_stream(messages).items():
        assert recorded_results(recording)[stream][: len(results)] == results


def test_what_is_no_recording_is_one_line(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(ValueError, match="is no recording"):
        list(read_recording(other))
    with pytest.raises(FileNotFoundError):
        list(read_recording(tmp_path / "missing"))


def test_a_damaged_recording_is_one_line(recording, tmp_path):
    damaged = tmp_path / "damaged"
    whole = bytearray(recording.read_bytes())
    whole[30:60] = b"\xff" * 30
    damaged.write_bytes(whole)
    with pytest.raises(ValueError, match="damaged") as caught:
        list(read_recording(damaged))
    assert "\n" not in str(caught.value)


def test_a_recording_is_private_and_never_written_over(recording):
    assert stat.S_IMODE(recording.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        Recorder(recording)


def test_a_full_disk_ends_the_recording_and_not_the_server(tmp_path, capsys):
    path = tmp_path / "wire.recording"
    with Recorder(path) as recorder:
        recorder._file = os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb", 0)
        with serving(EchoEngine(), recorder=recorder) as server, connect(server.address) as connection:
            stream = connection.open("echo")
            stream.send(b"abcd")
            stream.close()
            assert list(stream)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(path) in told and "No space left" in told


def test_what_a_hostile_peer_sends_is_recorded_and_read(tmp_path):
    path = tmp_path / "wire.recording"
    with (
        Recorder(path) as recorder,
        serving(EchoEngine(), recorder=recorder) as server,
        connect(server.address) as connection,
    ):
        connection._socket(server.address).send_multipart([bytes(2**21)] * 12 + [b""] * 100)
        stream = connection.open("echo")
        stream.send(b"abcd")
        stream.close()
        list(stream)
    replay = Replay(path, EchoEngine())
    assert by_stream(replay.messages()) == recorded_results(path)


@pytest.mark.parametrize("seed", range(300))
def test_a_hostile_recording_is_played_or_refused_in_one_line(recording, tmp_path, seed):
    random = np.random.default_rng(seed)
    content = bytearray(recording.read_bytes()[:20_000])
    for _ in range(random.integers(1, 6)):
        at = int(random.integers(len(MAGIC), len(content)))
        if random.random() < 0.5:
            content[at] = random.integers(256)
        else:
            content[at : at + int(random.integers(40))] = random.bytes(int(random.integers(40)))
    mutated = tmp_path / "mutated"
    mutated.write_bytes(content)
    try:
        list(Replay(mutated, EchoEngine(lease_s=0.3)).messages())
        recorded_results(mutated)
    except ValueError as error:
        assert str(error).startswith(str(mutated)) and "\n" not in str(error)


@pytest.mark.parametrize("times", [(2.0, 1.0), (float("nan"),), (float("inf"),)])
def test_a_time_that_falls_or_is_none_is_refused(tmp_path, times):
    path = tmp_path / "wire.recording"
    with Recorder(path) as recorder:
        for now in times:
            recorder.drain(now)
    with pytest.raises(ValueError, match="damaged"):
        list(read_recording(path))

"""A live session's middle: what the microphone gives, what a server that leaves does, offline rewriting."""

import multiprocessing
import os
import signal
import threading
import time
from contextlib import ExitStack
from itertools import islice

import numpy as np
import pytest

from streamer import wire
from streamer.cli import live_sources
from streamer.cli.live import Live, stream_options
from streamer.cli.live_sources import sound_blocks, sound_source
from streamer.cli.live_talk import Talk, moved
from streamer.cli.told_to_end import ToldToEnd, told_to_end_by_signals
from streamer.clients.caption_forms import TextLines
from streamer.clients.connection import connect
from streamer.clients.files import AudioFile
from streamer.clients.live_figures import Figures
from streamer.clients.live_lines import Lines
from streamer.clients.microphone import DeviceGone, NoMicrophone
from streamer.clients.notices import NoServer, StreamOver
from streamer.config import Config, ModelOptions
from streamer.offline.rewriter import MODEL, Rewriter
from streamer.server.loop import Loop
from streamer.server.sealing import Sealer
from streamer.server.sockets import Sockets
from tests.echo_engine import EchoEngine
from tests.serving import ANY_PORT, Server, serving
from tests.tiny_engine import noise, tiny_engine
from tests.tiny_model import OFFLINE, write_model

RATE_HZ = 16000
FORMAT = {"encoding": "s16", "rate": RATE_HZ, "channels": 1}
BLOCK = bytes(640)


class Zeros:
    """A microphone that is muted for three seconds, then is not."""

    rate_hz, lost_s = RATE_HZ, 2.0

    def __init__(self):
        self.given = 0

    def blocks(self, wait_s):
        for _ in range(10):
            self.given += 1
            yield bytes(1280) if self.given <= 75 else b"\1\0" * 640


def test_digital_silence_is_told_and_taken_back():
    figures = Figures("title")
    warned = [figures.warning for _ in islice(sound_blocks(Zeros(), figures), 100)]
    silent = [bool(warning) for warning in warned]
    # 2 s are 50 blocks of 40 ms; an empty block comes after every ten.
    assert silent.index(True) == 53
    assert 75 <= len(silent) - silent[::-1].index(True) <= 83 and not silent[-1]
    assert figures.lost_s == 2.0


def talk(stream) -> Talk:
    figures = Figures("title")
    return Talk(stream, figures, Lines(figures, TextLines()), None, None, None)


def test_computing_counts_from_the_block_that_holds_the_position():
    with serving(EchoEngine()) as server, connect(server.address) as connection:
        session = talk(connection.open("echo", format=FORMAT))
        session.run([BLOCK, b"", BLOCK])
        assert session.stream.closed.reason == "closed"
        assert session.figures.heard_s == 0.04
        assert len(session.figures.computing_ms) == 2
        assert all(0 <= latency < 1000 for latency in session.figures.computing_ms)


def test_a_server_that_leaves_ends_the_session_with_its_reason():
    server = Server(EchoEngine())
    with connect(server.address) as connection:
        session = talk(connection.open("echo", format=FORMAT))

        def blocks():
            yield BLOCK
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            until = time.monotonic() + 10
            while time.monotonic() < until:
                time.sleep(0.01)
                yield b""

        with pytest.raises(StreamOver, match="draining"):
            session.run(blocks())


def test_positions_go_on_over_a_restart():
    words = (wire.Word("one", 100, 200), wire.Word("two", 300, 400))
    result = wire.Result(bytes(16), 1, 0, "final", 500, 1, (wire.Alternative("one two", words),))
    later = moved(result, 16000)
    assert later.through == 16500
    assert [(w.start, w.end) for w in later.alternatives[0].words] == [(16100, 16200), (16300, 16400)]
    assert moved(result, 0) is result


def final(text: str, start: int, end: int) -> wire.Result:
    return wire.Result(
        bytes(16), 1, 0, "final", end, 1, (wire.Alternative(text, (wire.Word(text, start, end),)),)
    )


def test_utterances_are_rewritten_in_their_order(tmp_path):
    config = Config(
        models={MODEL: ModelOptions(folder=str(write_model(tmp_path / "whole", network=OFFLINE)))}
    )
    noise = np.random.default_rng(0).integers(-3000, 3000, RATE_HZ).astype("<i2").tobytes()
    with Rewriter(config, RATE_HZ) as rewriter:
        rewriter.wait_ready()
        # Longer than what is kept: the beginning of the sound is let go.
        for _ in range(90):
            rewriter.hear(noise)
        rewriter.rewrite(final("first", 50 * RATE_HZ, 51 * RATE_HZ))
        rewriter.rewrite(final("forgotten", 0, RATE_HZ))
        rewriter.rewrite(wire.Result(bytes(16), 1, 0, "final", 9, 1, (wire.Alternative("", ()),)))
        rewriter.rewrite(final("second", 80 * RATE_HZ, 81 * RATE_HZ))
        pairs = rewriter.finish(time.monotonic() + 60)
    assert [before.alternatives[0].text for before, _ in pairs] == ["first", "second"]
    for before, after in pairs:
        (word,), words = before.alternatives[0].words, after.alternatives[0].words
        assert after.seq == before.seq
        assert all(word.start - RATE_HZ <= w.start <= w.end <= word.end + RATE_HZ for w in words)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_offline_network_goes_on_after_signals_to_the_whole_terminal(tmp_path, number):
    config = Config(
        models={MODEL: ModelOptions(folder=str(write_model(tmp_path / "whole", network=OFFLINE)))}
    )
    with Rewriter(config, RATE_HZ) as rewriter:
        (child,) = multiprocessing.active_children()
        os.kill(child.pid, number)
        rewriter.wait_ready()
        os.kill(child.pid, number)
        rewriter.hear(bytes(4 * RATE_HZ))
        rewriter.rewrite(final("last", 0, RATE_HZ))
        assert len(rewriter.finish(time.monotonic() + 60)) == 1


def test_a_signal_that_is_ignored_stays_so_and_any_other_is_one_line():
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with pytest.raises(OSError, match="^ended by SIGTERM$"), told_to_end_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_an_offline_network_that_is_not_there_is_one_line(tmp_path):
    config = Config(models={MODEL: ModelOptions(folder=str(tmp_path / "nothing"))})
    with Rewriter(config, RATE_HZ) as rewriter, pytest.raises(ValueError) as refused:
        rewriter.wait_ready()
    assert "nothing" in str(refused.value) and "\n" not in str(refused.value)


def test_an_offline_network_whose_process_dies_is_one_line(tmp_path):
    config = Config(
        models={MODEL: ModelOptions(folder=str(write_model(tmp_path / "whole", network=OFFLINE)))}
    )
    with Rewriter(config, RATE_HZ) as rewriter:
        rewriter.wait_ready()
        rewriter.hear(bytes(4 * RATE_HZ))
        rewriter._child.kill()
        rewriter._child.join()
        with pytest.raises(OSError, match="has ended with status -9"):
            rewriter.rewrite(final("last", 0, RATE_HZ))
            rewriter.finish(time.monotonic() + 60)


def test_the_silence_that_ends_an_utterance_goes_to_the_stream():
    known = ("format", "partials", "endpoint_silence_ms", "sentences")
    assert stream_options(Live(), known) == {"sentences": True}
    for silence_ms in (0, 1500):
        chosen = stream_options(Live(endpoint_ms=silence_ms), known)
        assert chosen == {"sentences": True, "endpoint_silence_ms": silence_ms}
    with pytest.raises(ValueError, match="--endpoint-ms: captions-en has no silence"):
        stream_options(Live(endpoint_ms=500), ("format", "partials"))


class Unplugged:
    """A microphone that gives a block, goes, and is back when it was looked for twice."""

    rate_hz, lost_s = RATE_HZ, 0.0

    def __init__(self, looks=2):
        self.looks, self.given = looks, False

    def blocks(self, wait_s):
        if self.given:
            raise DeviceGone("Headset is gone; was it unplugged?")
        self.given = True
        yield b"\1\0" * 640

    def close(self):
        pass

    def reopened(self):
        self.looks -= 1
        if self.looks:
            raise OSError("not yet")
        return Unplugged()


def test_a_microphone_that_goes_is_told_or_waited_for(monkeypatch):
    monkeypatch.setattr(live_sources, "LOOK_AGAIN_S", 0.02)
    figures = Figures("title")
    with pytest.raises(DeviceGone):
        list(sound_blocks(Unplugged(), figures))
    blocks, heard = sound_blocks(Unplugged(), figures, reconnect=True), []
    while len(heard) < 2:
        if block := next(blocks):
            heard.append((block, figures.warning))
        else:
            assert not heard or "Waiting" in figures.warning or not figures.warning
    assert heard == [(b"\1\0" * 640, "")] * 2


@pytest.mark.parametrize("end", [DeviceGone("gone"), ToldToEnd("SIGHUP")])
def test_the_last_words_come_before_the_end_is_told(end):
    def blocks():
        yield BLOCK
        raise end

    with serving(EchoEngine()) as server, connect(server.address) as connection:
        session = talk(connection.open("echo", format=FORMAT))
        with pytest.raises(type(end)):
            session.run(blocks())
        assert session.stream.closed.reason == "closed" and session.stream.closed.results


def test_only_where_there_is_no_microphone_at_all_the_recording_plays(monkeypatch, capsys):
    def none(wanted):
        raise NoMicrophone("no microphone here")

    def broken(device):
        raise OSError("Headset: Device unavailable; choose another with --device")

    monkeypatch.setattr(live_sources, "choose", none)
    with ExitStack() as stack:
        assert isinstance(sound_source(stack, None, None), AudioFile)
        assert "no microphone here" in capsys.readouterr().err.splitlines()[0]
        with pytest.raises(NoMicrophone):
            sound_source(stack, "headset", None)
        monkeypatch.setattr(live_sources, "choose", lambda wanted: "headset")
        monkeypatch.setattr(live_sources, "Microphone", broken)
        with pytest.raises(OSError, match="Headset: Device unavailable"):
            sound_source(stack, None, None)


def test_what_is_said_while_the_server_is_away_is_kept():
    sealer, samples = Sealer(None), noise(32_000)
    blocks = [(samples[at : at + 640] * 32767).astype("<i2").tobytes() for at in range(0, 32_000, 640)]

    def server_at(inputs: str = ANY_PORT):
        return Server(None, loop=Loop(tiny_engine(), Sockets(inputs, ANY_PORT), sealer=sealer))

    def heard(servers):
        for number, block in enumerate(blocks):
            yield block
            if number == 20:
                servers[0].stop()
            if number == 35:
                servers.append(server_at(servers[0].address))
            yield b""

    servers = [server_at()]
    with connect(servers[0].address) as connection:
        form = {"encoding": "s16", "rate": 16_000, "channels": 1}
        session = talk(connection.open("tiny", format=form))
        session.run(heard(servers))
        assert session.stream.closed.reason == "closed"
        assert session.stream.closed.through == session.stream.position == 32_000
        assert session.figures.warning == "reconnected, nothing lost"
    servers[-1].stop()


def test_a_server_that_stays_away_is_given_up():
    server = Server(tiny_engine())
    with (
        pytest.raises(NoServer, match="within 0.2 s"),
        connect(server.address, reconnect_s=0.2) as connection,
    ):
        session = talk(connection.open("tiny", format=FORMAT))
        server.stop()
        session.run(iter(lambda: b"", None))

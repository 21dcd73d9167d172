"""`streamer live` as a user meets it: on a terminal, in a pipe, stopped with Ctrl-C."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pysubs2
import pytest
import soundfile

from streamer import wire
from streamer.clients.caption_forms import TextLines
from streamer.clients.live_figures import Figures, meter
from streamer.clients.live_lines import Lines
from tests.clients.emulator import result
from tests.tiny_model import LIVE, OFFLINE, write_model

PATIENCE_S = 60.0
LONG_S = 60  # of a recording that is not played to its end
READER = 'kind = "greedy_ctc"\nseparator = " "\nendpoint_silence_ms = 160'
CODES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def test_figures_are_in_one_line_and_the_first_ones_stay():
    figures = Figures("title", heard_s=123.42, real_time_factor=0.0456)
    figures.delays_ms.extend(range(200, 301))
    figures.computing_ms.extend([9, 11, 40])
    wanted = "123.4 s heard, delay p50 250, p95 295 ms, computing 11 ms, real-time factor 0.05"
    assert figures.line() == f"{wanted}, 0.0 s lost"
    assert figures.line(80) == wanted
    assert figures.line(40) == "123.4 s heard, delay p50 250, p95 295 ms"
    figures.lost_s = 1.0
    assert figures.line(40) == "123.4 s heard, 1.0 s lost"
    assert "real-time" not in Figures("title").line()


@pytest.mark.parametrize("level_dbfs, full", [(-np.inf, 0), (-60.0, 0), (-30.0, 12), (0.0, 24), (3.0, 24)])
def test_the_meter(level_dbfs, full):
    assert meter(level_dbfs).plain == "█" * full + "░" * (24 - full)


def test_lines_tell_a_warning_once_and_not_on_standard_output(capsys):
    figures = Figures("title")
    lines = Lines(figures, TextLines())
    for warning in ("", "digital silence", "digital silence", "", "digital silence"):
        figures.warning = warning
        lines.tick()
    lines.show(result("partial", "not yet"))
    lines.show(result("final", ""))
    lines.show(wire.Result(bytes(16), 1, 0, "final", 0, 1))
    lines.show(result("final", "a line"))
    out, err = capsys.readouterr()
    assert out == "a line\n"
    assert err.splitlines() == ["streamer: digital silence"] * 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a config, two small models of random weights, and three seconds of noise."""
    folder = tmp_path_factory.mktemp("live")
    for name, network in {"tiny": LIVE, "whole": OFFLINE}.items():
        card = write_model(folder / name, network=network) / "card.toml"
        card.write_text(card.read_text().replace('kind = "argmax"', READER).replace('" "]', '"maybe"]'))
    (folder / "own.toml").write_text(
        '[models.tiny]\nfolder = "tiny"\n[models.captions-en-offline]\nfolder = "whole"\n'
    )
    noise = np.random.default_rng(3).normal(0, 0.1, 3 * 16000).astype(np.float32)
    soundfile.write(folder / "noise.wav", noise, 16000)
    soundfile.write(folder / "long.wav", np.tile(noise, LONG_S // 3), 16000)
    return folder


def command(folder: Path, *more: str) -> list[str]:
    config = ["--config", str(folder / "own.toml"), "--model", "tiny"]
    return [sys.executable, "-m", "streamer", "live", *config, *more]


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "TERM": "xterm-256color", "COLUMNS": "100"}


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, arguments: list[str], env: dict[str, str]):
        self.pid, self._end = pty.fork()
        if not self.pid:
            os.execve(arguments[0], arguments, env)
        self.output = b""

    def read_until(self, wanted: bytes) -> None:
        """Read on until `wanted` is on the screen."""
        until = time.monotonic() + PATIENCE_S
        while wanted not in self.text() and time.monotonic() < until:
            if not self._read():
                break
        assert wanted in self.text(), self.text()[-2000:]

    def press(self, keys: bytes) -> None:
        os.write(self._end, keys)

    def wait(self) -> int:
        """Read to the end; the exit status."""
        while self._read():
            pass
        os.close(self._end)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def text(self) -> bytes:
        return CODES.sub(b"", self.output)

    def _read(self) -> bool:
        if not select.select([self._end], [], [], PATIENCE_S)[0]:
            os.kill(self.pid, signal.SIGKILL)
        try:
            new = os.read(self._end, 65536)
        except OSError:  # how Linux says that nobody is at the other end any more
            new = b""
        self.output += new
        return bool(new)


def piped_live(folder: Path, *options: str) -> subprocess.CompletedProcess:
    """A session in a pipe, of the noise."""
    call = command(folder, "--file", str(folder / "noise.wav"), *options)
    return subprocess.run(call, env=environment(folder), capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def piped(folder) -> subprocess.CompletedProcess:
    return piped_live(folder, "--save", str(folder / "out.srt"))


@pytest.fixture(scope="module")
def rewritten(folder) -> subprocess.CompletedProcess:
    return piped_live(folder, "--save", str(folder / "offline.srt"), "--offline-finals")


def finals(piped: subprocess.CompletedProcess) -> list[str]:
    return piped.stdout.splitlines()


def test_in_a_pipe_finals_are_lines(piped):
    assert piped.returncode == 0, piped.stderr
    assert finals(piped) and all(line.strip() for line in finals(piped))
    assert "\x1b" not in piped.stdout
    (figures,) = piped.stderr.splitlines()
    delay = r"delay p50 -?\d+, p95 -?\d+ ms"
    wanted = rf"streamer: 3\.0 s heard, {delay}, computing \d+ ms, real-time factor \d\.\d\d, 0\.0 s lost"
    assert re.fullmatch(wanted, figures)


@pytest.mark.parametrize("session, file", [("piped", "out.srt"), ("rewritten", "offline.srt")])
def test_the_subtitles_are_the_finals(request, folder, session, file):
    spoken = " ".join(finals(request.getfixturevalue(session))).split()
    events = pysubs2.load(str(folder / file)).events
    assert " ".join(event.plaintext for event in events).split() == spoken
    assert all(0 <= e.start < e.end <= 3000 for e in events)


def test_the_offline_words_take_the_place_of_the_live_ones(piped, rewritten):
    assert rewritten.returncode == 0, rewritten.stderr
    assert len(finals(rewritten)) == len(finals(piped))
    assert finals(rewritten) != finals(piped)


def test_formats_and_partials_reach_the_pipe(folder):
    done = piped_live(folder, "--format", "jsonl", "--partials", "--endpoint-ms", "0")
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["kind"] for line in done.stdout.splitlines()} == {"partial", "final"}


def test_a_silence_that_makes_no_sense_is_one_line(folder):
    (refused,) = piped_live(folder, "--endpoint-ms", "60001").stderr.splitlines()
    assert "--endpoint-ms" in refused and "60000" in refused


def test_on_a_terminal_the_screen_shows_all_of_it(piped, folder):
    terminal = Terminal(command(folder, "--file", str(folder / "noise.wav")), environment(folder))
    assert terminal.wait() == 0, terminal.text()
    shown = " ".join(terminal.text().decode().split())
    for wanted in ("tiny · noise.wav", "█", "delay p50", "computing", "real-time factor"):
        assert wanted in shown
    assert all(" ".join(text.split()) in shown for text in finals(piped))


@pytest.mark.parametrize("more", [(), ("--offline-finals",)])
def test_ctrl_c_ends_with_the_last_words_out(folder, more):
    srt = folder / "stopped.srt"
    options = ["--file", str(folder / "long.wav"), "--save", str(srt), "--force", *more]
    terminal = Terminal(command(folder, *options), environment(folder))
    terminal.read_until(b"1.0 s heard")
    terminal.press(b"\x03")
    assert terminal.wait() == 0
    text = terminal.text().decode()
    assert "Traceback" not in text
    # Stopped, not played to its end.
    assert max(float(heard) for heard in re.findall(r"(\d+\.\d) s heard", text)) < LONG_S - 1
    events = pysubs2.load(str(srt)).events
    assert events and " ".join(events[-1].text.split()) in " ".join(text.split())


def test_a_file_is_replaced_only_when_told(folder):
    kept = folder / "kept.srt"
    kept.write_text("old")
    options = ["--file", str(folder / "noise.wav"), "--save", str(kept)]
    refused = piped_live(folder, "--save", str(kept))
    (line,) = refused.stderr.splitlines()
    assert refused.returncode == 1 and "kept.srt is there already" in line and "--force" in line
    terminal = Terminal(command(folder, *options), environment(folder))
    terminal.read_until(b"Replace it?")
    terminal.press(b"n\n")
    assert terminal.wait() == 1
    assert kept.read_text() == "old" and b"Traceback" not in terminal.text()


def test_a_signal_to_end_lets_the_last_words_out_and_is_told(folder):
    terminal = Terminal(command(folder, "--file", str(folder / "long.wav")), environment(folder))
    terminal.read_until(b"1.0 s heard")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == 1
    assert b"ended by SIGTERM" in terminal.text()
    assert terminal.output.rindex(b"\x1b[?25h") > terminal.output.rindex(b"\x1b[?25l")  # the cursor is back


def test_ctrl_c_before_it_has_begun_waits_for_nothing(folder):
    terminal = Terminal(command(folder, "--file", str(folder / "long.wav")), environment(folder))
    terminal.read_until(b"loading tiny")
    terminal.press(b"\x03")
    assert terminal.wait() == 130
    assert b"s heard" not in terminal.text()
    assert b"Traceback" not in terminal.text()


@pytest.mark.parametrize(
    "options, wanted",
    [
        (["--file", "nowhere.wav"], "nowhere.wav: No such file"),
        (["--file", "noise.wav", "--save", "no/such/out.srt"], "no/such is no folder"),
        (["--file", "noise.wav", "--save", "out.doc"], "ends in none of .srt, .vtt, .txt, .json, .jsonl"),
        (["--file", "noise.wav", "--format", "srt", "--partials"], "--partials has no place in srt"),
        (["--file", "noise.wav", "--format", "vtt", "--with", "entities"], "--with has no place in vtt"),
        (["--file", "noise.wav", "--model", "unheard-of"], "unheard-of"),
        (["--file", "noise.wav", "--device", "any"], "--device and --file"),
        (["--file", "noise.wav", "--connect", "tcp://127.0.0.1:9"], "no server answers"),
    ],
)
def test_what_can_not_be_done_is_one_line(folder, options, wanted):
    done = subprocess.run(
        command(folder, *options),
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
    )
    wrong_call = {"--device", "out.doc", "srt", "vtt"}
    assert done.returncode == (2 if wrong_call & set(options) else 1)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("streamer: ") and wanted in line

"""Models of text that read along in a live session."""

import subprocess

import numpy as np
import pytest
import soundfile

from streamer import wire
from streamer.cli.along import reading_along
from streamer.cli.readable import readable
from streamer.clients.caption_forms import TextLines
from streamer.clients.live_figures import Figures
from streamer.clients.live_lines import Lines
from streamer.clients.screen import Screen
from streamer.config import Config, ModelOptions, Server, read_config
from tests.clients.emulator import Window, result
from tests.clients.test_terminal import READER, command, environment
from tests.tiny_model import LIVE, write_model
from tests.tiny_text import judge, shortener, tagger


def final(text: str, *words: wire.Word, confidence: float = 1.0) -> wire.Result:
    return wire.Result(bytes(16), 1, 0, "final", 9, 1, (wire.Alternative(text, words, confidence),))


def test_entities_stand_in_brackets_where_they_are():
    spans = wire.Word("Ann", 0, 3, 0.9, "PER"), wire.Word("New York", 18, 26, 0.8, "LOC")
    shown = readable("entities", final("Ann is n't in Ann 's New York , is she ?", *spans))
    assert shown.plain == "[PER Ann] isn't in Ann's [LOC New York], is she?"
    assert {str(span.style) for span in shown.spans} == {"magenta", "green"}


def test_verdicts_and_texts():
    assert readable("sentiment", final("very negative", confidence=0.876)).plain == "very negative 0.88"
    assert readable("translation", final("Guten Tag .")).plain == "Guten Tag ."
    assert readable("summary", wire.Result(bytes(16), 1, 0, "final", 9, 1)).plain == ""


def test_what_is_said_of_a_final_stands_under_it():
    window = Window(80, 24)
    with Screen(Figures("title"), console=window.console) as screen:
        for number in range(1, 4):
            screen.show(result("final", f"sentence {number}"))
        screen.show(result("final", ""))
        screen.derived(2, "moods", readable("sentiment", final("positive", confidence=0.9)))
        screen.derived(2, "names", readable("entities", final("one")))
        screen.derived(2, "names", readable("entities", final("two")))
    at = window.lines.index("sentence 2")
    assert window.lines[at + 1 : at + 4] == ["  moods: positive 0.90", "  names: one two", "sentence 3"]


def test_in_a_pipe_it_is_a_line_that_names_its_model(capsys):
    Lines(Figures("title"), TextLines()).derived(
        1, "moods", readable("sentiment", final("negative", confidence=0.5))
    )
    assert capsys.readouterr().out == "moods: negative 0.50\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A captioner that always has something to say, and three models that read it."""
    folder = tmp_path_factory.mktemp("along")
    card = write_model(folder / "tiny", network=LIVE) / "card.toml"
    card.write_text(card.read_text().replace('kind = "argmax"', READER).replace('" "]', '"maybe"]'))
    tagger(folder / "names"), judge(folder / "moods"), shortener(folder / "kept")
    models = "".join(f'[models.{name}]\nfolder = "{name}"\n' for name in ("tiny", "names", "moods", "kept"))
    (folder / "own.toml").write_text(
        f'{models}[pipelines]\ntiny = ["kept"]\nkept = ["moods"]\nmoods = ["names"]\n'
    )
    noise = np.random.default_rng(3).normal(0, 0.1, 3 * 16000).astype(np.float32)
    soundfile.write(folder / "noise.wav", noise, 16000)
    return folder


def test_names_and_tasks_choose_what_reads_along(folder):
    config = read_config(folder / "own.toml")
    chosen = reading_along(config, "tiny", "moods, names")
    assert (chosen.server.serve, chosen.pipelines) == (
        ["tiny", "moods", "names"],
        {"tiny": ["moods", "names"]},
    )
    assert reading_along(config, "tiny", "summary").server.serve == ["tiny", "compress-en"]
    own = reading_along(Config(), "captions-en", f"entities,{folder / 'moods'}")
    assert own.server.serve == ["captions-en", "entities-en", "moods"]
    assert own.model("moods").folder == str(folder / "moods")
    kept = reading_along(config, "tiny", None)
    assert kept.server.serve == ["tiny", "kept", "moods", "names"] and kept.pipelines == config.pipelines
    assert reading_along(config, "names", None).pipelines == {}
    with pytest.raises(ValueError, match="--with poetry: neither a model nor a task"):
        reading_along(config, "tiny", "poetry")


def test_without_pipelines_a_model_is_alone():
    config = Config(server=Server(serve=["other"]), models={"tiny": ModelOptions(folder="x")})
    alone = reading_along(config, "tiny", None)
    assert (alone.server.serve, alone.pipelines) == (["tiny"], {})


def test_a_live_session_says_what_they_say_of_each_final(folder):
    finished = subprocess.run(
        command(folder, "--file", str(folder / "noise.wav"), "--with", "names,moods"),
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    own = [line for line in lines if not line.startswith(("names: ", "moods: "))]
    assert own and len(finished.stderr.splitlines()) == 1
    assert len([line for line in lines if line.startswith("names: ")]) >= len(own)
    assert len([line for line in lines if line.startswith("moods: ")]) >= len(own)


def test_a_server_elsewhere_feeds_what_it_is_told_to(folder):
    finished = subprocess.run(
        command(folder, "--with", "names", "--connect", "tcp://127.0.0.1:9"),
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 2 and finished.stdout == ""
    assert "--with is for a server of our own" in finished.stderr

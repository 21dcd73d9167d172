"""What a user imports: `streamer` and its public names, docs/api.md done as a reader would do it."""

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile

import streamer
from streamer.clients.files import BUNDLED, AudioFile
from streamer.config import Config
from streamer.server.serve import unpaced_engine
from tests.serving import serving
from tests.tiny_ctc import write_ctc
from tests.tiny_text import judge, shortener, tagger

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs/api.md").read_text()
README = (ROOT / "README.md").read_text()
ADDRESS = "tcp://127.0.0.1:5550"


def snippet(text: str, holding: str) -> str:
    """The one Python example of `text` that has `holding` in it."""
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if holding in code)
    return code


@pytest.fixture(scope="module")
def server():
    with serving(unpaced_engine(Config(), ["captions-en"])) as server:
        yield server


class Recorded:
    """A microphone that hears the recording that ships, and is closed after three seconds."""

    def __init__(self):
        self.audio = AudioFile(BUNDLED)
        self.format = self.audio.format

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __iter__(self):
        return islice(self.audio.blocks(40), 75)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The working folder, with a recording in it."""
    samples, rate = soundfile.read(BUNDLED)
    soundfile.write(tmp_path / "talk.wav", samples[: 3 * rate], rate)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", [text for text in (GUIDE, README) if "streamer.Microphone()" in text])
def test_the_example_with_a_microphone_runs_as_it_stands(server, desk, monkeypatch, capsys, text):
    monkeypatch.setattr(streamer, "Microphone", Recorded)
    code = snippet(text, "streamer.Microphone()")
    exec(compile(code.replace(ADDRESS, server.address), "snippet", "exec"), {})
    printed = capsys.readouterr().out
    assert re.search(r"^partial \S+", printed, re.M) and re.search(r"^final that is", printed, re.M | re.I)


def test_the_example_with_asyncio_runs_as_it_stands(server):
    names: dict = {}
    exec(snippet(GUIDE, "streamer.aio.connect").replace(ADDRESS, server.address), names)
    samples, rate = soundfile.read(BUNDLED, dtype="int16")
    assert rate == 16000
    (text,) = asyncio.run(names["captions"]([samples[:48000], samples[48000:64000].tobytes()]))
    assert "story" in text


def test_the_example_with_a_recording_runs_as_it_stands(desk, capsys):
    exec(snippet(GUIDE, "streamer.transcribe"), {})
    text, figures = capsys.readouterr().out.splitlines()
    assert "story" in text and re.fullmatch(r"3\.0 1 0\.\d+", figures)


def test_the_example_with_texts_runs_as_it_stands(capsys):
    exec(snippet(GUIDE, "streamer.load"), {})
    good, bad, german = capsys.readouterr().out.splitlines()
    assert good.startswith("positive {'positive': 0.") and good.endswith("What a film!")
    assert bad.startswith("negative ") and bad.endswith("It was dull.")
    assert german == "Wo hast du dieses Buch gekauft?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (
        write_ctc(folder / "speech"),
        judge(folder / "moods"),
        tagger(folder / "names"),
        shortener(folder / "kept"),
    )
    return folder


def babble(seconds: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, round(16000 * seconds)).astype(np.float32)


def test_a_transcript_is_the_same_from_a_file_and_from_every_exact_array(folder, tmp_path):
    whole = np.round(babble(2.0) * 32768).clip(-32768, 32767).astype(np.int16)
    soundfile.write(tmp_path / "talk.wav", whole, 16000)
    speech = streamer.load(folder / "speech", raw=True)
    transcript = speech(tmp_path / "talk.wav")
    assert str(transcript) == transcript.text != ""
    assert transcript.seconds == 2.0
    assert transcript.words == tuple(word for segment in transcript.segments for word in segment.words)
    floats = whole / 32768
    for samples in (whole, floats, floats.astype(np.float32), np.stack([floats, floats], 1)):
        assert speech(samples, 16000) == transcript
    assert streamer.transcribe(whole, 16000, model=folder / "speech", raw=True) == transcript


def test_transcribe_refuses_with_one_line(folder, tmp_path):
    speech = streamer.load(folder / "speech", raw=True)
    for sound, rate, error, line in (
        (babble(1.0), None, TypeError, "an array has no rate"),
        (tmp_path / "talk.wav", 16000, TypeError, "a file has a rate of its own"),
        (tmp_path / "talk.wav", None, ValueError, "is missing"),
        (np.zeros(9, np.int32), 16000, TypeError, "an array of int32"),
        (np.zeros((2, 2, 2)), 16000, TypeError, r"\[n\] or \[n, channels\]"),
        (np.zeros((2, 16000)), 16000, TypeError, r"give samples\.T"),
        (babble(1.0), 0, ValueError, "a rate of 0 Hz"),
        ([0.0, 0.1], 16000, TypeError, "list is no recording; give the path of a file, or a NumPy array"),
        (b"RIFF", None, TypeError, "bytes is no recording"),
    ):
        with pytest.raises(error, match=line):
            speech(sound, rate)
    with pytest.raises(TypeError, match=r"give \['Cosette'\]"):
        streamer.load(folder / "speech", hot_words="Cosette")
    with pytest.raises(streamer.OptionError, match="options.numbers: words as they are recognised"):
        streamer.load(folder / "speech", raw=True, numbers=True)
    with pytest.raises(ValueError, match="hears no sound"):
        streamer.transcribe(babble(1.0), 16000, model=folder / "moods")


@pytest.mark.parametrize("text", [b"It is good.", 3, None])
def test_what_is_no_text_is_refused(folder, text):
    with pytest.raises(TypeError, match="is no text; give str"):
        streamer.load(folder / "moods")(text)


def test_a_text_is_read_sentence_by_sentence(folder):
    text = "  The fox isn't in Rome.  Is Zoë there?"
    first, second = streamer.load(folder / "moods")(text)
    for sentence in (first, second):
        assert text.encode()[sentence.start : sentence.end].decode() == sentence.text
        assert sentence.label == str(sentence) == next(iter(sentence.probabilities))
        with pytest.raises(AttributeError, match="a result of sentiment has no entities"):
            _ = sentence.entities
    assert len(streamer.load(str(folder / "moods"), classes=5)(text)[0].probabilities) == 5
    for sentence in streamer.load(folder / "names")(text):
        for entity in sentence.entities:
            assert text.encode()[entity.start : entity.end].decode().split()[0] == entity.text.split()[0]
    long = " ".join(f"The {word} fox of Rome sleeps near the house." for word in "ab cd ef gh".split() * 9)
    kept = streamer.load(folder / "kept", share=0.5)(long)
    assert 0 < sum(len(sentence.summary.split()) for sentence in kept) <= len(long.split()) / 2
    assert streamer.load(folder / "moods")("") == []


def test_load_refuses_what_it_cannot_do(folder):
    with pytest.raises(ValueError, match="model 'nobody' is unknown"):
        streamer.load("nobody")
    with pytest.raises(streamer.OptionError, match="cheese") as refused:
        streamer.load(folder / "moods", cheese=1)
    assert refused.value.field == "options.cheese"
    with pytest.raises(TypeError, match="cheese"):
        streamer.load(folder / "speech", cheese=1)
    with pytest.raises(ValueError, match="chorale is a model for music"):
        streamer.load("chorale")


def test_every_public_name_is_there_and_documented():
    for name in streamer.__all__:
        value = getattr(streamer, name)
        assert inspect.getdoc(value), name
        assert f"`{name}" in GUIDE or f"`streamer.{name}" in GUIDE or name in ("Connection", "Stream"), name
    assert set(streamer.__all__) <= set(dir(streamer))
    with pytest.raises(AttributeError, match="no attribute 'cheese'"):
        getattr(streamer, "cheese")  # noqa: B009, the access is what is tested


def test_what_type_checkers_see_is_what_there_is():
    tree = ast.parse((ROOT / "streamer/__init__.py").read_text())
    (block,) = (n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == {**streamer._MODULES, "aio": "streamer"}


def test_both_clients_have_the_same_verbs():
    from streamer import aio
    from streamer.clients import connection

    for blocking, awaited in ((connection.Connection, aio.Connection), (connection.Stream, aio.Stream)):
        verbs = {name for name in dir(blocking) if not name.startswith("_")} - {"pump"}
        assert verbs == {name for name in dir(awaited) if not name.startswith("_")}
        for name in verbs:
            before, after = getattr(blocking, name), getattr(awaited, name)
            if inspect.isfunction(before):
                assert inspect.signature(before).parameters == inspect.signature(after).parameters, name


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Python run in `folder`, with the source tree on its path."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_the_import_is_light(tmp_path):
    code = (
        "import sys, streamer; heavy = {'torch', 'zmq', 'numpy', 'msgspec'} & set(sys.modules); "
        "assert not heavy, heavy; import streamer.aio; streamer.connect; streamer.StreamerError; "
        "assert 'torch' not in sys.modules and streamer.aio.connect"
    )
    done = python(tmp_path, "-c", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_one_task_needs_is_not_loaded_for_the_others(tmp_path):
    code = (
        "import sys, streamer.api; "
        "heavy = {'sklearn', 'rich', 'zmq', 'matplotlib', 'sounddevice'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    done = python(tmp_path, "-c", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_files_of_ones_own_break_nothing(tmp_path):
    for name in ("models.py", "clients.py", "wire.py", "errors.py", "config.py", "server.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong one was imported')\n")
    for name in ("clients", "models", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one was imported')\n")
    code = "import streamer, streamer.models.bundle.catalog, streamer.clients.connection, streamer.api"
    for arguments in (("-c", code), ("-m", "streamer", "--help"), ("-m", "streamer", "models")):
        done = python(tmp_path, *arguments)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["models", "clients"])
def test_a_folder_of_the_source_tree_is_importable_under_one_name_only(name):
    done = python(ROOT, "-c", f"import {name}")
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last == f"ImportError: import streamer.{name}; `{name}` is only the folder where its source lies"


def test_no_source_imports_a_module_under_another_name():
    wrong = []
    for folder in ("streamer", "models", "clients", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else names
                wrong += [(path, name) for name in names if re.match(r"(models|clients)(\.|$)", name)]
    assert not wrong

"""The command line with bad input: one clear line, the right status, nothing on standard output."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import zmq

from streamer.cli import app as cli
from streamer.cli.command import Group
from streamer.cli.extras import needed
from streamer.clients.files import BUNDLED
from streamer.evaluation.tasks import TASKS
from tests.tiny_model import write_model


@pytest.fixture
def in_a_folder_of_files(tmp_path, monkeypatch):
    """The current folder holds what the calls name: a missing file is told first."""
    monkeypatch.chdir(tmp_path)
    for name in "x", "x.wav", "a.wav":
        (tmp_path / name).touch()


@pytest.fixture
def streamer(monkeypatch, capsys):
    """Runs the command line in this process: (status, standard output, lines of standard error)."""

    def run(*arguments: object) -> tuple[int, str, list[str]]:
        monkeypatch.setattr("sys.argv", ["streamer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err.splitlines()

    return run


def refused(answer: tuple[int, str, list[str]], status: int, *wanted: str) -> None:
    """One line on standard error that says `wanted`, nothing on standard output."""
    code, out, lines = answer
    assert (code, out, len(lines)) == (status, "", 1), answer
    for text in wanted:
        assert text in lines[0]


@pytest.mark.parametrize(
    "arguments, wanted",
    [
        ((), "Missing command; `streamer --help` lists the commands"),
        (("lab",), "Missing command; `streamer lab --help` lists the commands"),
        (("dance",), "dance"),
        (("live", "--loud"), "--loud"),
        (("transcribe",), "FILES"),
        (("evaluate", "captions"), "PATH"),
        (("bench", "--streams", "many"), "--streams"),
        (("train", "cook"), "cook"),
        (("transcribe", "x.wav", "--mode", "psychic"), "psychic"),
        (("transcribe", "x.wav", "--format", "pdf"), "pdf"),
        (("transcribe", "x.wav", "y.wav", "--format", "srt"), "--output"),
        (("evaluate", "cooking", "x"), "cooking"),
        (("evaluate", "commands", "x", "--mode", "offline"), "offline"),
        (("evaluate", "captions", "x", "--condition", "psychic"), "psychic"),
        (("evaluate", "captions", "x", "--condition", "noise"), "--noise"),
        (("evaluate", "captions", "x", "--joined", "0"), "--joined 0"),
        (("evaluate", "captions", "x", "--joined", "inf"), "--joined inf"),
        (("evaluate", "captions", "x", "--chunk-ms", "99999"), "99999"),
        (("evaluate", "commands", "x", "--joined", "10"), "--joined"),
        (("evaluate", "captions", "x", "--generated", "3"), "--generated"),
        (("evaluate", "music", "x", "--chunk-ms", "40"), "--chunk-ms"),
        (("evaluate", "summary", "x", "--long", "9"), "--mode offline"),
        (("evaluate", "music", "x", "--generated", "0"), "--generated 0"),
        (("evaluate", "summary", "x", "--mode", "offline", "--long", "0"), "--long 0"),
        (("bench", "--seconds", "0"), "--seconds 0"),
        (("bench", "--seconds", "nan"), "--seconds nan"),
        (("bench", "--seconds", "0.1"), "0.2 s"),
        (("bench", "--save", "figure.txt"), ".png"),
        (("bench", "--offline", "--search"), "--search"),
        (("bench", "entities-en", "--references"), "--references"),
        (("send", "x.wav", "--connect", "nonsense"), "tcp://HOST:PORT"),
        (("watch", "--connect", "tcp://127.0.0.1:99999"), "tcp://HOST:PORT"),
        (("live", "--file", "x.wav", "--device", "1"), "--device"),
        (("live", "--with", "entities", "--connect", "tcp://127.0.0.1:9"), "--with"),
        (("compose", "--seconds", "0"), "0 seconds"),
        (("compose", "--tempo", "1000"), "1000"),
        (("compose", "--key", "H"), "--key"),
        (("compose", "--output", "piece.txt"), ".wav"),
        (("compose", "--accompany", "keys"), "--play"),
        (("tune", "x", "--try", "beam"), "--try"),
        (("tag", "x", "--mode", "live", "--lookahead", "99"), "--lookahead"),
        (("summarize", "x", "--mode", "live", "--share", "0.5"), "--share"),
        (("transcribe", "x.wav", "--hot-words", ","), "--hot-words"),
        (("transcribe", "x.wav", "--raw", "--numbers"), "--numbers: "),
        (("transcribe", BUNDLED, "--model", "commands-en", "--hot-words", "Anna"), "--hot-words: this model"),
        (("evaluate", "commands", "x", "--hot-words", "anna"), "--hot-words"),
        (("transcribe", "x.wav", "--output", __file__), "is a file"),
        (("lab", "memory", "--output", __file__), "is a file"),
        (("lab", "gradients"), "DATA"),
        (("lab", "latency", "--quick", "--task", "cooking"), "cooking"),
        (("lab", "memory", "--text", "no gap"), "..."),
        (("lab", "gates"), "--text"),
        (("lab", "gates", "--text", "one", "--layer", "9"), "--layer 9"),
        (("lab", "gates", "--text", "one", "--output", "folder"), "--output: folder"),
    ],
)
@pytest.mark.usefixtures("in_a_folder_of_files")
def test_a_wrong_call_is_one_line(streamer, arguments, wanted):
    refused(streamer(*arguments), 2, wanted)


def test_help_and_version(streamer):
    code, out, lines = streamer("--version")
    assert (code, lines) == (0, []) and out.startswith("streamer ")
    code, out, lines = streamer("live", "--help")
    assert code == 0 and "--save" in out


@pytest.mark.parametrize("command", [["transcribe"], ["live", "--file"]])
def test_a_file_that_cannot_be_heard(streamer, tmp_path, command):
    text, empty, silent = tmp_path / "text.wav", tmp_path / "empty.wav", tmp_path / "none.wav"
    text.write_text("no sound")
    empty.touch()
    soundfile.write(silent, np.zeros(0, np.float32), 16000)
    for path, wanted in [
        (tmp_path / "missing.wav", "missing"),
        (tmp_path, "directory"),
        (text, "text.wav"),
        (empty, "empty.wav"),
        (silent, "no samples"),
    ]:
        refused(streamer(*command, path), 1, wanted)


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("[server]\nlease = 3\n", "server.lease"),
        ('[engine]\nthreads = "two"\n', "engine.threads"),
        ('[engine]\ndevice = "tpu"\n', "engine.device"),
        ("[server\n", "not TOML"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [["serve"], ["models"], ["live"], ["verify", "captions-en"], ["devices"], ["train", "commands", "x"]],
)
def test_a_config_that_is_wrong(streamer, tmp_path, text, wanted, command):
    path = tmp_path / "config.toml"
    path.write_text(text)
    refused(streamer(*command, "--config", path), 1, str(path), wanted)


def test_a_config_that_is_missing(streamer, tmp_path):
    refused(streamer("serve", "--config", tmp_path / "none.toml"), 1, "none.toml")


@pytest.mark.parametrize(
    "command",
    [
        ["live", "--model"],
        ["verify"],
        ["bench"],
        ["evaluate", "captions", "x", "--model"],
        ["transcribe", BUNDLED, "--model"],
        ["tag", "x", "--model"],
        ["compose", "--model"],
        ["tune", "x", "--model"],
        ["lab", "gates", "--text", "x", "--model"],
    ],
)
@pytest.mark.usefixtures("in_a_folder_of_files")
def test_a_model_that_is_unknown(streamer, command):
    refused(streamer(*command, "nobody"), 1, "nobody")


@pytest.mark.parametrize(
    "command",
    [
        ["verify", "FOLDER"],
        ["transcribe", "SOUND", "--mode", "live", "--model", "FOLDER"],
        ["live", "--file", "SOUND", "--model", "FOLDER"],
        ["bench", "FOLDER", "--seconds", "1", "--streams", "1", "--file", "SOUND", "--json"],
    ],
    ids=lambda command: command[0],
)
def test_the_folder_of_a_model_is_taken_where_its_name_is(streamer, tmp_path, command):
    sound, folder = tmp_path / "sound.wav", write_model(tmp_path / "mine")
    soundfile.write(sound, np.random.default_rng(1).normal(0, 0.1, 8000).astype(np.float32), 16000)
    code, _, lines = streamer(*({"FOLDER": folder, "SOUND": sound}.get(part, part) for part in command))
    assert code == 0, lines


PRODUCTS = (
    "live along devices transcribe text keyboard serve compose compose_plan compose_file compose_live".split()
)


@pytest.mark.parametrize("name", [*PRODUCTS, "compose_remote", "models", "options"])
def test_a_product_imports_no_measurement(name):
    source = Path(cli.__file__).with_name(f"{name}.py").read_text()
    assert not re.search(r"streamer\.(evaluation|bench|lab)\b", source)


def test_a_folder_whose_weights_are_broken(streamer, tmp_path):
    (tmp_path / "config.toml").write_text(f'[models.mine]\nfolder = "{tmp_path}/mine"\n')
    refused(streamer("verify", "mine", "--config", tmp_path / "config.toml"), 1, "card.toml")


def test_a_model_that_is_broken_keeps_no_other_from_the_list(streamer, tmp_path):
    write_model(tmp_path / "whole")
    write_model(tmp_path / "cut")
    weights = tmp_path / "cut" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    config = tmp_path / "config.toml"
    config.write_text('[models.cut]\nfolder = "cut"\n[models.whole]\nfolder = "whole"\n')
    code, out, lines = streamer("models", "--config", config)
    messages = [line for line in lines if "cut" in line]
    assert code == 1 and len(messages) == 1 and "weights.safetensors" in messages[0]
    assert "whole" in out and "cut" not in out and "captions-en" in out
    assert re.search(r"^    an4 {6,}word error rate 0\.\d+, character error rate 0\.\d+$", out, re.M)
    assert (
        re.search(r"^    jsb_chorales \(valid\)  nats a step \d\.\d+$", out, re.M) and "mode live" not in out
    )


def test_live_with_a_model_that_hears_no_sound(streamer, tmp_path):
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, np.zeros(1600, np.float32), 16000)
    refused(streamer("live", "--file", sound, "--model", "compress-en"), 1, "compress-en hears no sound")


def test_a_reader_that_cannot_be_had_is_told_by_whoever_looks_at_the_model(streamer, tmp_path):
    card = write_model(tmp_path / "mine") / "card.toml"
    card.write_text(card.read_text().replace('kind = "', 'kind = "un', 1))
    config = tmp_path / "config.toml"
    config.write_text('[models.mine]\nfolder = "mine"\n')
    refused(streamer("verify", "mine", "--config", config), 1, "card.toml", "reader.kind")
    code, _, lines = streamer("models", "--config", config)
    assert code == 1 and len(lines) == 1 and "mine" in lines[0] and "reader.kind" in lines[0]


@pytest.mark.parametrize("command", [["send", "FILE", "--connect"], ["live", "--file", "FILE", "--connect"]])
def test_a_server_that_does_not_answer(streamer, tmp_path, command):
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, np.zeros(1600, np.float32), 16000)
    command = [sound if part == "FILE" else part for part in command]
    refused(streamer(*command, "tcp://127.0.0.1:9"), 1, "tcp://127.0.0.1:9", "5 s")


def test_a_port_in_use(streamer, tmp_path):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        (tmp_path / "config.toml").write_text(
            f'[server]\ninputs = "tcp://127.0.0.1:{port}"\nserve = ["captions-en"]\n'
        )
        refused(streamer("serve", "--config", tmp_path / "config.toml"), 1, str(port))


@pytest.mark.parametrize(
    "arguments, wanted",
    [
        (("evaluate", "captions", "nowhere.manifest.jsonl"), "nowhere"),
        (("replay", "SOUND"), "no recording of a wire"),
        (("train", "captions", "nowhere", "--out", "FOLDER"), "nowhere"),
        (("train", "commands", "nowhere", "--out", "FOLDER"), "nowhere"),
        (("train", "language", "nowhere", "FOLDER"), "nowhere"),
    ],
)
def test_what_is_not_there_is_one_line(streamer, tmp_path, arguments, wanted):
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, np.zeros(1600, np.float32), 16000)
    places = {"SOUND": sound, "FOLDER": tmp_path / "out"}
    refused(streamer(*(places.get(a, a) for a in arguments)), 1, wanted)


def paths(group, *before):
    """The call of every command, the groups of commands among them."""
    for name, command in group.commands.items():
        yield [*before, name]
        if isinstance(command, Group):
            yield from paths(command, *before, name)


CALLS = list(paths(cli.command_line()))


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_every_command_has_help_and_takes_a_config(streamer, call):
    code, out, lines = streamer(*call, "-h")
    assert (code, lines) == (0, []) and out.startswith(f"Usage: streamer {' '.join(call)} ")
    assert (code, out, lines) == streamer(*call, "--help")
    assert "--config" in out or "COMMAND" in out
    assert not re.search(r"<\w+>|[{}]|\[\[", out) and "--help" in out


def test_help_lists_every_command_under_a_heading(streamer):
    _, out, _ = streamer("--help")
    for heading in ("Live", "Files", "Text", "Music", "Serve", "Measure", "Make"):
        assert f"\n{heading}:\n" in out
    assert all(f"\n  {call[0]} " in out for call in CALLS)


def test_every_task_that_can_be_evaluated_is_a_command():
    assert set(cli.EVALUATE.commands) == set(TASKS)


@pytest.mark.parametrize(
    "arguments, hint",
    [
        ((), "streamer --help"),
        (("train",), "streamer train --help"),
        (("trian",), "train"),
        (("evaluate", "capitons", "x"), "captions"),
        (("live", "--savee", "a.srt"), "Did you mean --save?"),
        (("transcribe",), "streamer transcribe --help"),
        (("compose", "--style", "jazz"), "--style': 'jazz' is not one of 'chorale', 'folk'"),
    ],
)
def test_a_wrong_call_is_given_a_hint(streamer, arguments, hint):
    refused(streamer(*arguments), 2, hint)


def test_shell_completion(streamer, monkeypatch):
    _, out, _ = streamer("--help")
    assert "--install-completion" in out and "--show-completion" in out
    monkeypatch.setenv("_STREAMER_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "streamer evaluate ")
    monkeypatch.setenv("COMP_CWORD", "2")
    code, out, _ = streamer()
    assert code == 0 and {"captions", "music"} <= set(out.split())
    monkeypatch.setenv("COMP_WORDS", "streamer live --off")
    code, out, _ = streamer()
    assert code == 0 and out.split() == ["--offline-finals"]


def test_a_missing_package_is_one_line_that_names_its_extra(tmp_path):
    (tmp_path / "x").touch()
    code = """
import sys
from streamer.cli import app, extras
sys.modules["jiwer"] = None
extras.requires = lambda name: ["numba", "jiwer>=3.0; extra == 'eval'", "jiwer>=3.0; extra == 'all'"]
sys.argv = ["streamer", "evaluate", "captions", "x"]
app.main()
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    line = "streamer: this needs jiwer: pip install 'streamer[eval]'\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", line)


def test_a_module_of_ours_that_is_missing_is_no_package(monkeypatch):
    monkeypatch.setattr(
        "streamer.cli.extras.requires", lambda name: ["numba", 'rouge-score>=0.1.2; extra == "eval"']
    )
    assert needed(ModuleNotFoundError("gone", name="streamer.gone"), "live") is None
    assert (
        needed(ModuleNotFoundError("gone", name="numba.core"), "live")
        == "this needs numba: pip install numba"
    )
    assert (
        needed(ModuleNotFoundError("", name="rouge_score.x"), "live")
        == "this needs rouge-score: pip install 'streamer[eval]'"
    )


@pytest.mark.parametrize(
    "call, heavy",
    [
        (["--help"], "rich numpy torch pydantic"),
        (["devices", "-h"], "torch rich"),
        (["transcribe", "-h"], "torch"),
        (["compose", "-h"], "torch"),
    ],
)
def test_help_imports_nothing_heavy(call, heavy):
    code = f"""
import sys
from streamer.cli import app
sys.argv = ["streamer", *{call}]
try:
    app.main()
finally:
    print(*sorted(sys.modules.keys() & set("{heavy}".split())), file=sys.stderr)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr.strip()) == (0, "")

"""The guide of docs/models.md, done as a reader would do it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from streamer.cli.models import models
from streamer.cli.options import Configured
from streamer.clients.connection import connect
from streamer.models.bundle import catalog
from streamer.models.bundle.build import load
from streamer.models.bundle.verify import verify
from streamer.models.card import read_card
from streamer.models.imports import Imports
from streamer.models.readers.build import reader

ANY_PORTS = 'inputs = "tcp://127.0.0.1:0"\npublish = "tcp://127.0.0.1:0"'
GUIDE = (Path(__file__).parent.parent / "docs/models.md").read_text()
FILES = {
    name: text
    for text in re.findall(r"```(?:toml|python)\n(.*?)```", GUIDE, re.DOTALL)
    for name in re.findall(r"\A# (\S+\.(?:toml|py))\n", text)
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def test_the_guide_builds_a_model(desk):
    ran = subprocess.run(
        [sys.executable, "build_tones.py"],
        cwd=desk,
        capture_output=True,
        text=True,
        timeout=120,
        env={"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert ran.returncode == 0, ran.stderr
    figures = dict(re.findall(r"^(accuracy|live differs from the whole by) (\S+)$", ran.stdout, re.M))
    assert float(figures["accuracy"]) > 0.9
    assert float(figures["live differs from the whole by"]) < 1e-4
    assert re.findall(r"^(\w+) +holds", ran.stdout, re.M) == ["cuts", "rows", "shape", "honesty", "drain"]

    model = load(desk / "tones")
    seconds = torch.arange(16000) / 16000
    hz = torch.where(seconds < 0.5, 400.0, 2000.0)
    sound = 0.3 * torch.sin(2 * torch.pi * (hz / 16000).cumsum(0)) + 0.01 * torch.randn(16000)
    rows = model.network(model.front(16000)(sound[None, :, None]))
    words = reader(model.card, model.folder, rows=1)
    words.open(1, words.parse({}))
    events = words.read([1], rows.numpy())[0] + words.finish(1)
    finals = [event.alternatives[0].text for event in events if event.kind == "final"]
    assert finals == ["low", "high"]


def test_the_guides_own_architecture_keeps_the_laws(desk, monkeypatch):
    monkeypatch.syspath_prepend(desk)
    import counting

    assert all(result.passed for result in verify(counting.network))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return tmp_path_factory.mktemp("elsewhere")


def test_the_guides_doorbell_rings(desk, elsewhere):
    """Own network on raw samples, own reader, own task: built, verified, served and sent to."""
    python = [sys.executable, "-m", "streamer"]
    called = dict(text=True, env={"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)})
    subprocess.run([sys.executable, "build_bell.py"], cwd=desk, check=True, timeout=120, **called)

    config = desk / "config.toml"
    config.write_text(FILES["config.toml"].replace("[server]", f"[server]\n{ANY_PORTS}"))
    laws = subprocess.run(
        [*python, "verify", "bell", "--config", str(config)],
        cwd=elsewhere,
        capture_output=True,
        timeout=120,
        **called,
    )
    assert laws.returncode == 0, laws.stderr
    network = [
        (part, law) for part in ("", "front: ") for law in ("cuts", "rows", "shape", "honesty", "drain")
    ]
    reader_laws = [("reader: ", law) for law in ("cuts", "rows", "save")]
    assert re.findall(r"^(front: |reader: )?(\w+) +holds", laws.stdout, re.M) == network + reader_laws
    serve = [*python, "serve", "--config", str(config)]
    with subprocess.Popen(serve, cwd=elsewhere, stderr=subprocess.PIPE, **called) as server:
        try:
            (address,) = re.findall(r"serving at (\S+),", server.stderr.readline())
            send = [*python, "send", str(desk / "visitor.wav"), "--model", "bell", "--connect", address]
            sent = subprocess.run(send, cwd=elsewhere, capture_output=True, timeout=120, **called)
            with connect(address) as connection:
                assert [(m.name, m.task) for m in connection.describe().models] == [("bell", "doorbell")]
        finally:
            server.terminate()
    assert (sent.stdout, sent.stderr) == ("ring\nring\n", "")


def test_the_guides_tagger_finds_colours(desk, elsewhere):
    called = dict(
        text=True,
        timeout=120,
        capture_output=True,
        env={"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    subprocess.run([sys.executable, "build_tagger.py"], cwd=desk, check=True, **called)
    config = desk / "tagger.toml"
    config.write_text("[models.colours]\nfolder = 'colours'\nallow_imports = ['tagger']")
    tag = [
        sys.executable,
        "-m",
        "streamer",
        "tag",
        "--model",
        "colours",
        "--mode",
        "live",
        "--config",
        str(config),
    ]
    ran = subprocess.run(tag, cwd=elsewhere, input="The car is dark red.", **called)
    assert ran.returncode == 0, ran.stderr
    (entity,) = json.loads(ran.stdout)["entities"]
    assert (entity["text"], entity["label"], entity["start"]) == ("dark red", "COLOUR", 11)


def test_the_guides_code_is_imported_from_the_configs_folder_alone(desk, elsewhere, monkeypatch):
    monkeypatch.chdir(desk)
    card = read_card(desk / "bell")
    with pytest.raises(ValueError, match=r"may not be imported; write allow_imports = \[.doorbell.\]"):
        Imports().named("task", card.task)
    with pytest.raises(ValueError, match=f"no module 'doorbell' in {elsewhere} nor among the installed"):
        Imports(("doorbell",), elsewhere).named("task", card.task)


def test_latencies_are_told_alike(capsys):
    """By `streamer models`, the README and docs/models.md; descriptions leave them to `latency_ms`."""
    root = Path(__file__).parent.parent
    assert models(Configured()) == 0
    told = dict(
        re.findall(
            r"^(\S+-en\S*) .* live +(?:audio|text) +(\d+ (?:ms|words?)) ", capsys.readouterr().out, re.M
        )
    )
    assert {"captions-en", "commands-en", "translate-en-de", "entities-en", "compress-en"} <= told.keys()
    readme = (root / "README.md").read_text()
    for name, latency in told.items():
        (row,) = (line for line in readme.splitlines() if line.startswith("|") and f"`{name}`" in line)
        assert latency in row
        if latency.endswith("ms"):
            (row,) = re.findall(rf"^\| `{name}` .*$", GUIDE, re.M)
            assert latency in row
        assert not re.search(r"\d ms", read_card(catalog.zoo()[name]).description)

"""Import paths in cards: which are allowed, where they are searched, and what is told when one fails."""

import sys
from textwrap import dedent

import pytest
import torch
from safetensors.torch import save_file

from streamer.config import parse
from streamer.models.bundle.build import load
from streamer.models.imports import Imports
from streamer.models.readers.build import reader

CARD = """
name = "own"
task = "{task}"
[front]
architecture = "{front}"
sample_rate_hz = 8000
[network]
architecture = "{network}"
[reader]
kind = "{reader}"
[labels]
words = ["", "yes"]
"""
PARTS = """
from fractions import Fraction

import torch
from streamer.models.card import Task
from streamer.models.layers.feedforward import Linear, Stack
from streamer.models.layers.stage import Chain, Stage

class Front(Stack):
    def __init__(self, sample_rate_hz):
        super().__init__(1, 80)

class Net(Linear):
    def __init__(self, outputs):
        super().__init__(80, outputs)

class Raises(Linear):
    def __init__(self, outputs):
        self.nothing.here

def two_inputs(sample_rate_hz):
    return Stack(2, 80)

def check(card):
    if card.labels["words"][0]:
        raise ValueError("labels.words: the first one is silence")

class Reader:
    def __init__(self, card, folder, rows):
        pass

TASK = Task("mine", check)
NUMBER = 3
"""
NAMES = dict(task="commands", front="{m}:Front", network="{m}:Net", reader="argmax")


@pytest.fixture
def model(tmp_path, request):
    """A model's folder beside the code that it names; the code has a name of its own in each test."""
    module = f"own_{abs(hash(request.node.name))}"
    code = tmp_path / "code" / f"{module}.py"
    code.parent.mkdir()
    code.write_text(PARTS)
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"map.weight": torch.zeros(2, 80), "map.bias": torch.zeros(2)}, folder / "weights.safetensors")

    def write(**names):
        (folder / "card.toml").write_text(CARD.format(**(NAMES | names)).replace("{m}", module))
        return folder, Imports((module,), code.parent), code

    path = list(sys.path)
    yield write
    sys.path[:] = path
    sys.modules.pop(module, None)


def refused(folder, allowed, *told):
    with pytest.raises(ValueError) as caught:
        loaded = load(folder, allowed)
        reader(loaded.card, folder, 1, allowed)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'card.toml'}: ")
    assert "\n" not in message
    for part in told:
        assert part in message


def test_front_network_and_task_of_ones_own(model):
    folder, allowed, _ = model(task="{m}:TASK")
    loaded = load(folder, allowed)
    assert loaded.card.task == "mine"
    assert loaded.front(16000)(torch.zeros(1, 1600, 1)).shape == (1, 10, 80)
    assert loaded.network(torch.zeros(1, 10, 80)).shape == (1, 10, 2)


def test_nothing_is_imported_that_is_not_allowed(model):
    folder, _, code = model()
    code.write_text("raise SystemExit('it ran')")
    refused(folder, Imports((), code.parent), "may not be imported", "allow_imports = [")
    refused(folder, Imports((code.stem[:-1],), code.parent), "may not be imported")


@pytest.mark.parametrize("key", ["task", "front", "network", "reader"])
def test_a_module_that_is_not_there_tells_what_was_searched(model, key):
    folder, _, code = model(**{key: "nowhere.at_all:Thing"})
    allowed = Imports(("nowhere", code.stem), code.parent)
    refused(folder, allowed, f"no module 'nowhere' in {code.parent} nor among the installed packages")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "import nothing_of_this_name",
            "ModuleNotFoundError: No module named 'nothing_of_this_name' ({}, line 1)",
        ),
        ("from streamer import nothing", "ImportError: cannot import name 'nothing'"),
        ("\nclass Front(:", "SyntaxError: invalid syntax ({}, line 2)"),
        ("\n\nx = 1 / 0", "ZeroDivisionError: division by zero ({}, line 3)"),
        ("x = 1", "{} has no 'Net'"),
        ("raise SystemExit('no more')", "SystemExit: no more ({}, line 1)"),
        ("class Odd(BaseException): ...\nraise Odd('odd')", "Odd: odd ({}, line 2)"),
    ],
)
def test_a_module_that_fails_tells_its_own_error(model, code, told):
    folder, allowed, path = model(front="samples")
    path.write_text(dedent(code))
    refused(folder, allowed, "network.architecture", "cannot be imported: ", told.format(path))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (dict(network="{m}:Raises"), "failed: AttributeError: 'Raises' object has no attribute 'nothing'"),
        (dict(network="{m}:Raises"), f"line {PARTS.splitlines().index('        self.nothing.here') + 1})"),
        (dict(network="{m}:NUMBER"), "is not callable"),
        (dict(front="{m}:two_inputs"), "is no Stage of one input feature"),
        (dict(front="{m}:NUMBER"), "is not callable"),
        (dict(task="{m}:NUMBER"), "is no streamer.models.card.Task"),
        (dict(reader="{m}:Reader"), "is no Reader: it lacks option_names, parse, open, read"),
        (dict(reader="{m}:NUMBER"), "is not callable"),
        (dict(reader="{m}:Net"), "is no Reader: it lacks option_names, parse, open, read"),
        (dict(front="{m}:Reader"), "is no Stage"),
        (dict(network="{m}:Reader"), "is no Stage and no Whole"),
        (dict(network="{m}:"), "has no ''"),
    ],
)
def test_what_is_named_must_be_of_its_kind(model, names, told):
    refused(*model(**names)[:2], told)


def test_a_task_checks_its_cards(model):
    folder, allowed, _ = model(task="{m}:TASK")
    card = folder / "card.toml"
    card.write_text(card.read_text().replace('[""', '["no"'))
    refused(folder, allowed, "labels.words: the first one is silence")


def test_the_config_tells_where_is_searched(tmp_path):
    config = parse(
        "[models.a]\nallow_imports = ['x']\n[models.c]\n"
        "[models.b]\nallow_imports = ['x']\nimport_folder = 'src'",
        tmp_path,
    )
    assert config.model("a").imports() == Imports(("x",), tmp_path)
    assert config.model("b").imports() == Imports(("x",), tmp_path / "src")
    assert config.model("c").imports() == config.model("d").imports() == Imports()

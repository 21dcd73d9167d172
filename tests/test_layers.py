"""The house holds: which folder may import which, without circles, and how large its rooms may grow.

Read from the source, so that an import inside a function counts as well.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# From the ground up: a folder may import those before it. The longest name that fits is a module's layer.
LAYERS = (
    "streamer.errors",
    "streamer.output_file",
    "streamer.sound",
    "streamer.wire",
    "streamer.clients",
    "streamer.models.options",
    "streamer.models.imports",
    "streamer.models.card",
    "streamer.models.text",
    "streamer.models.music",
    "streamer.models.layers",
    "streamer.models.audio",
    "streamer.models.kernels",
    "streamer.models.networks",
    "streamer.models.feeders",
    "streamer.models.readers",
    "streamer.models.bundle",
    "streamer.models.datasets",
    "streamer.models.training",
    "streamer.models",
    "streamer.config",
    "streamer.runtime",
    "streamer.server",
    "streamer.offline",
    "streamer.music",
    "streamer",  # the public API
    "streamer.evaluation",
    "streamer.bench",
    "streamer.lab",
    "streamer.cli",
    "streamer.__main__",
)
# Beyond the order: what a folder leaves alone although it lies below.
LEAVES_ALONE = {
    "streamer.models": ("streamer.wire", "streamer.clients"),
    "streamer.runtime": ("streamer.config", "streamer.wire", "streamer.clients", "streamer.models.training"),
    "streamer.server": ("streamer.clients", "streamer.models.training", "streamer.models.datasets"),
    "streamer.offline": ("streamer.models.training", "streamer.models.datasets"),
    "streamer.music": ("streamer.models.training", "streamer.models.datasets"),
}
NEITHER_TORCH_NOR_ZMQ = ("streamer.wire", "streamer.server.session", "streamer.server.scheduler")
NO_TORCH = (
    "streamer",
    "streamer.errors",
    "streamer.config",
    "streamer.sound",
    "streamer.clients",
    "streamer.models",
    "streamer.models.card",
    "streamer.models.options",
    "streamer.models.bundle.catalog",
    "streamer.models.feeders",
    "streamer.models.readers",
    "streamer.models.text",
    "streamer.models.music",
    "streamer.wire",
    "streamer.cli.app",
    "streamer.cli.live",  # a client: its server is a process of its own
)
MOST_LINES = 400
MOST_MODULES = 10  # directly in streamer/ and in models/


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "streamer" else ("streamer", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = [
    path for folder in ("streamer", "models", "clients") for path in sorted((ROOT / folder).rglob("*.py"))
]
SOURCES = {module_name(path): path for path in FILES}


def imports(module: str, everywhere: bool = True) -> Iterator[str]:
    """Modules that `module` imports, of ours by their file; with `everywhere`, inside functions too.

    What stands under `if TYPE_CHECKING:` is never run and does not count.
    """
    tree = ast.parse(SOURCES[module].read_text())
    unread = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree) if everywhere else tree.body:
        if id(node) in unread:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in SOURCES else node.module or ""


def within(name: str, folder: str) -> bool:
    return name == folder or name.startswith(folder + ".")


def layer(module: str) -> str:
    return max((name for name in LAYERS if within(module, name)), key=len)


def reaches(module: str) -> set[str]:
    """Everything that importing `module` imports at the top, packages on the way included."""
    seen, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            if name in SOURCES:
                waiting += imports(name, everywhere=False)
            if "." in name:
                waiting.append(name.rpartition(".")[0])
    return seen


@pytest.mark.parametrize("module", SOURCES)
def test_imports_point_down(module):
    own = layer(module)
    for name in imports(module):
        if within(name, "streamer") and layer(name) != own:
            assert LAYERS.index(layer(name)) < LAYERS.index(own), f"{module} imports {name}, which lies above"
            for folder, others in LEAVES_ALONE.items():
                if within(module, folder):
                    assert not any(within(name, other) for other in others), f"{module} imports {name}"


def test_no_circle():
    graph = {module: {name for name in imports(module) if name in SOURCES} for module in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("module", SOURCES)
def test_one_name_only(module):
    """`models` and `clients` are folders of the source tree, never names to import."""
    assert not [name for name in imports(module) if within(name, "models") or within(name, "clients")]


@pytest.mark.parametrize("module", [m for m in SOURCES if any(within(m, n) for n in NEITHER_TORCH_NOR_ZMQ)])
def test_wire_session_and_scheduler_are_plain(module):
    assert not [n for n in reaches(module) if within(n, "torch") or within(n, "zmq")]


def test_light_modules_import_no_torch():
    light = [m for m in SOURCES if any(within(m, n) for n in NO_TORCH[3:4] + NO_TORCH[8:13]) or m in NO_TORCH]
    assert not {m for m in light if any(within(n, "torch") for n in reaches(m))}
    code = f"import sys, {', '.join(light)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("path", [*FILES, *sorted((ROOT / "tests").rglob("*.py"))], ids=str)
def test_a_file_is_one_idea(path):
    lines = len(path.read_text().splitlines())
    assert lines <= MOST_LINES, f"{path} has {lines} lines; look for the second idea"


@pytest.mark.parametrize("folder", ["streamer", "models"])
def test_few_modules_stand_directly_in_a_folder(folder):
    assert len(list((ROOT / folder).glob("*.py"))) <= MOST_MODULES

"""Which room may import which: read from the source, so that a heavy import can't hide in a function."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("streamer", "models", "clients")
# The command line may import everything, and does so late.
COMMAND_LINE = ("streamer.cli", "streamer.__main__")
PUBLIC = ("streamer", "streamer.aio", "streamer.api")  # the package's face: names from every layer
BOTTOM = "streamer.errors"  # which every layer may raise
NEITHER_TORCH_NOR_ZMQ = ("streamer.wire", "streamer.server.session", "streamer.server.scheduler")
LIGHT = (
    "streamer",
    "streamer.clients",
    "streamer.models",
    "streamer.models.readers",
    "streamer.models.readers.build",
    "streamer.models.feeders",
    "streamer.models.feeders.audio",
    "streamer.models.card",
    "streamer.models.bundle.catalog",
    "streamer.wire",
    "streamer.cli.app",
    "streamer.cli.live",  # a client: its server is a process of its own
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "streamer" else ("streamer", *parts)  # there by a link
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(p): p for room in ROOMS for p in sorted((ROOT / room).rglob("*.py"))}


def imports(module: str, everywhere: bool = True) -> Iterator[str]:
    """Dotted names that `module` imports; with `everywhere`, inside functions too."""
    path = SOURCES[module]
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if everywhere else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def reaches(module: str) -> set[str]:
    """Everything that importing `module` imports at the top, through our own rooms."""
    seen, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in SOURCES:
            waiting += imports(name, everywhere=False)
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return seen


def own(module: str, *rooms: str) -> set[str]:
    """Our own modules that `module` imports, but those in `rooms`."""
    ours = {n for n in imports(module) if within(n, "streamer") and n != "streamer"}
    return {n for n in ours if not any(within(n, room) for room in (*rooms, BOTTOM))}


@pytest.mark.parametrize("module", [m for m in SOURCES if within(m, "streamer.clients")])
def test_clients_know_only_the_wire(module):
    assert own(module, "streamer.clients", "streamer.wire") == set()
    assert not any(within(n, "torch") for n in imports(module))


@pytest.mark.parametrize("module", [m for m in SOURCES if within(m, "streamer.models")])
def test_models_point_to_no_other_room(module):
    assert own(module, "streamer.models") == set()


@pytest.mark.parametrize(
    "module",
    [
        m
        for m in SOURCES
        if m not in PUBLIC and not any(within(m, c) for c in (*COMMAND_LINE, "streamer.clients"))
    ],
)
def test_the_pipeline_knows_no_client(module):
    assert not [n for n in imports(module) if within(n, "streamer.clients")]


@pytest.mark.parametrize("module", [m for m in NEITHER_TORCH_NOR_ZMQ if m in SOURCES])
def test_wire_session_and_scheduler_are_plain(module):
    assert not [n for n in reaches(module) if within(n, "torch") or within(n, "zmq")]


@pytest.mark.parametrize(
    "module",
    [
        m
        for m in SOURCES
        if m in LIGHT or within(m, "streamer.models.readers") or within(m, "streamer.models.feeders")
    ],
)
def test_light_modules_import_no_torch(module):
    assert not [n for n in reaches(module) if within(n, "torch")]


def test_the_light_rooms_leave_torch_alone_when_they_are_run():
    light = [m for m in LIGHT if m in SOURCES]
    code = f"import sys, {', '.join(light)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0

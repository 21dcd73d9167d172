"""Which extra of the distribution brings a package that is missing here."""

import re
from importlib.metadata import PackageNotFoundError, requires

DISTRIBUTIONS = {"sklearn": "scikit-learn", "zmq": "pyzmq"}  # where the import has another name

# The commands that have an extra of their own, which brings all that they need.
COMMANDS = {"evaluate": "eval", "tune": "eval", "lab": "lab", "train": "train"}


def needed(error: ModuleNotFoundError, command: str) -> str | None:
    """A line that says what to install for `command`; None for a module that this project doesn't list."""
    package = (error.name or "").partition(".")[0]
    distribution = DISTRIBUTIONS.get(package, package.replace("_", "-")).lower()
    extras = _extras(distribution)
    if extras is None:
        return None
    wanted = f"'streamer[{COMMANDS.get(command, extras[0])}]'" if extras else distribution
    return f"this needs {distribution}: pip install {wanted}"


def _extras(distribution: str) -> list[str] | None:
    """The extras that bring `distribution`, the first listed first; empty where all installations do."""
    try:
        listed = requires("streamer") or []
    except PackageNotFoundError:  # a source tree that nobody has installed
        return None
    names = [re.split(r"[\s<>=!~;\[]", line, maxsplit=1)[0].lower().replace("_", "-") for line in listed]
    lines = [line for line, name in zip(listed, names) if name == distribution]
    if not lines:
        return None
    return [match[1] for line in lines if (match := re.search(r"extra == ['\"]([\w-]+)['\"]", line))]

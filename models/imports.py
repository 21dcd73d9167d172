"""What a card names by import path: which paths are allowed, where they are searched, why one failed."""

import importlib
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast


@dataclass(frozen=True)
class Imports:
    """The prefixes that an import path may begin with, and the folder that is searched for them.

    What is installed goes first, then comes `folder`. The current folder is not searched.
    """

    prefixes: tuple[str, ...] = ()
    folder: Path | None = None

    def named(self, key: str, path: str) -> Any:
        """The object that `path`, "package.module:NAME", stands for; `key` is the card's key that has it.

        ValueError, one line, for a path that is not allowed or can't be imported: it tells the cause.
        """
        module_name, _, name = path.partition(":")
        if not any(module_name == prefix or module_name.startswith(prefix + ".") for prefix in self.prefixes):
            package = module_name.partition(".")[0]
            raise ValueError(
                f"{key} {path!r} may not be imported; "
                f'write allow_imports = ["{package}"] under [models.NAME] in the config'
            )
        module = self._module(key, path, module_name)
        if name not in vars(module):
            raise ValueError(
                f"{key} {path!r} cannot be imported: {module.__file__ or module_name} has no {name!r}"
            )
        return vars(module)[name]

    def callable_named(self, key: str, path: str) -> Callable[..., Any]:
        """As `named`, and it can be called."""
        make = self.named(key, path)
        if not callable(make):
            raise ValueError(f"{key} {path!r} is not callable; name a class or a function")
        return cast(Callable[..., Any], make)

    def _module(self, key: str, path: str, name: str) -> ModuleType:
        if self.folder and str(self.folder) not in sys.path:
            sys.path.append(str(self.folder))  # at the end: a file there can't take the place of a library
        importlib.invalidate_caches()
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name and (name == error.name or name.startswith(error.name + ".")):
                searched = f"in {self.folder} nor among" if self.folder else "among"
                raise ValueError(
                    f"{key} {path!r} cannot be imported: "
                    f"there is no module {error.name!r} {searched} the installed packages"
                ) from None
            raise ValueError(f"{key} {path!r} cannot be imported: {cause(error)}") from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module may raise anything, SystemExit too
            raise ValueError(f"{key} {path!r} cannot be imported: {cause(error)}") from None


NONE = Imports()


def leave_out_current_folder() -> None:
    """Undo what `python -m` does, so that nothing in the current folder is imported by chance."""
    if sys.path[0] == os.getcwd():
        del sys.path[0]


def is_import_path(name: str) -> bool:
    """Whether a name in a card is an import path, "package.module:NAME"."""
    return ":" in name


def called(key: str, path: str, make: Callable[..., Any]) -> Any:
    """What `make`, which `path` names, returns. ValueError, one line, for whatever its code raises."""
    try:
        return make()
    except (ValueError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ValueError(f"{key} {path!r} failed: {cause(error)}") from None


def cause(error: BaseException) -> str:
    """An error of a user's code in one line, with the file and the line where it arose."""
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen")]
    own = [f for f in frames if not _of_a_library(f.filename)] or frames
    place = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {text}{place}"


def _of_a_library(file: str) -> bool:
    """Whether `file` isn't the user's: an error often arises in a library, for what it was given."""
    return "site-packages" in file or file.startswith(sysconfig.get_path("stdlib"))

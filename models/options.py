"""Options from a card or a client, checked one by one: which of them is wrong, and what it should be."""

import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec

from streamer.errors import OptionError

Count = Annotated[int, msgspec.Meta(ge=1, le=16384)]
CountOrNone = Annotated[int, msgspec.Meta(ge=0, le=16384)]
Options = TypeVar("Options", bound=msgspec.Struct)


def converted(options: dict[str, Any], kind: type[Options], place: str) -> Options:
    """`options` as the struct `kind`; OptionError "PLACE.NAME" for one that is unknown or out of range."""
    hints = typing.get_type_hints(kind, include_extras=True)
    for name, value in options.items():
        if name not in hints:
            raise OptionError(f"{place}.{name}", f"unknown option; there are {', '.join(hints)}")
        _check(f"{place}.{name}", value, hints[name])
    return msgspec.convert(options, kind)


def built(table: str, name: str, make: Callable[..., Any], options: dict[str, Any]) -> Any:
    """`make` called with `options`, whose names and types must be those of its parameters.

    ValueError names the key, as `table.key`, and what `name` has.
    """
    accepted = inspect.signature(make).parameters
    called = make if inspect.isfunction(make) else make.__init__
    hints = typing.get_type_hints(called, include_extras=True)
    for key, value in options.items():
        if key not in accepted:
            raise ValueError(f"{table}.{key} is not an option of {name}; it has {', '.join(accepted)}")
        _check(f"{table}.{key}", value, hints.get(key, Any))
    for key, parameter in accepted.items():
        if parameter.default is parameter.empty and key not in options:
            raise ValueError(f"{table}.{key} is missing; {name} needs it")
    return make(**options)


def _check(field: str, value: Any, kind: Any) -> None:
    """OptionError for a `value` that is not of `kind`."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise OptionError(field, str(error).split(" - at ")[0]) from None

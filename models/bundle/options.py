"""Options from a card, checked against what is built with them."""

import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1, le=16384)]
CountOrNone = Annotated[int, msgspec.Meta(ge=0, le=16384)]


def built(table: str, name: str, make: Callable[..., Any], options: dict[str, Any]) -> Any:
    """`make` called with `options`, whose names and types must be those of its parameters.

    ValueError names the key, as `table.key`, and what `name` has.
    """
    accepted = inspect.signature(make).parameters
    hints = typing.get_type_hints(make if inspect.isfunction(make) else make.__init__, include_extras=True)
    for key, value in options.items():
        if key not in accepted:
            there_are = ", ".join(accepted)
            raise ValueError(f"{table}.{key} is not an option of {name}; it has {there_are}")
        try:
            msgspec.convert(value, hints.get(key, Any))
        except msgspec.ValidationError as error:
            raise ValueError(f"{table}.{key}: {error}") from None
    for key, parameter in accepted.items():
        if parameter.default is parameter.empty and key not in options:
            raise ValueError(f"{table}.{key} is missing; {name} needs it")
    return make(**options)

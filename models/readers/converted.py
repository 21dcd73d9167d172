"""Options from outside, checked one by one: which of them is wrong, and what it should be."""

from typing import Any, TypeVar

import msgspec

from streamer.errors import OptionError

Options = TypeVar("Options", bound=msgspec.Struct)


def converted(options: dict[str, Any], kind: type[Options], place: str) -> Options:
    """`options` as `kind`; OptionError "PLACE.NAME" for one that is unknown or out of range."""
    for name, value in options.items():
        if name not in kind.__struct_fields__:
            known = ", ".join(kind.__struct_fields__)
            raise OptionError(f"{place}.{name}", f"unknown option; there are {known}")
        try:
            msgspec.convert({name: value}, kind)
        except msgspec.ValidationError as error:
            raise OptionError(f"{place}.{name}", str(error).split(" - at ")[0]) from None
    return msgspec.convert(options, kind)

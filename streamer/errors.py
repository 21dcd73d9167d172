"""What a user called wrongly, told apart from what is wrong with the files, servers and models of the world."""

from collections.abc import Iterator
from contextlib import contextmanager


class WrongCall(ValueError):
    """An option or argument whose value makes no sense, or options that exclude each other: one line that names
    it. The command line ends with 2; with 1 for every other ValueError, which the same call may not meet elsewhere."""


@contextmanager
def options_named_as_called() -> Iterator[None]:
    """A stream's option that is refused, "options.NAME: ...", is the option --NAME of the call."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("options."):
            raise
        raise WrongCall(str(error).replace("options.", "--", 1)) from None

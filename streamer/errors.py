"""The errors of other people's making: values whose attributes say what is wrong, beside a line of text.

Imports nothing of `streamer`, so that every layer may raise them.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class StreamerError(ValueError):
    """What a caller, a peer or a file did wrong, in one line."""


class OptionError(StreamerError):
    """A refused option: `field` is its full name, such as "options.format.rate", `reason` what is wrong.

    `code` is the wire's: "bad_option", or "bad_format" of a stream's format. The text is "FIELD: REASON".
    """

    def __init__(self, field: str, reason: str, code: str = "bad_option"):
        super().__init__(f"{field}: {reason}")
        self.field, self.reason, self.code = field, reason, code


class PayloadError(StreamerError):
    """A payload that is not what its stream's format says: half a sample, broken UTF-8."""


class WireError(StreamerError):
    """A peer's fault: `code` is one of `wire.CODES`, `field` the key that is wrong, where one is.

    `request` and `stream` are what the broken message named, so that the refusal can name it too.
    """

    def __init__(self, code: str, message: str, field: str = "", request: str = "", stream: bytes = b""):
        super().__init__(message)
        self.code, self.message, self.field = code, message, field
        self.request, self.stream = request, stream


class WrongCall(StreamerError):
    """An option or argument whose value makes no sense, or options that exclude each other: one line that
    names it. The command line ends with 2; with 1 for every other ValueError, which the same call may not
    meet elsewhere.
    """


@contextmanager
def options_named_as_called() -> Iterator[None]:
    """A stream's option that is refused, "options.NAME", is the option --NAME of the call."""
    try:
        yield
    except OptionError as error:
        if not error.field.startswith("options."):
            raise
        raise WrongCall(f"--{error.field.removeprefix('options.')}: {error.reason}") from None

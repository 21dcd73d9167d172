"""The errors that callers, peers and files cause: attributes say what is wrong, beside a line of text.

Imports nothing of `streamer`, so that every layer may raise them.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class StreamerError(ValueError):
    """A mistake of a caller, a peer or a file, in one line."""


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
    """An option or argument whose value makes no sense, or options that exclude each other, in one line.

    The command line exits with 2 for it, and with 1 for any other ValueError: that depends on files or the
    machine, and the same call may succeed elsewhere.
    """


@contextmanager
def options_named_as_called() -> Iterator[None]:
    """Inside, a refused option of a stream, "options.NAME", is reported as the option --NAME of the call."""
    try:
        yield
    except OptionError as error:
        if not error.field.startswith("options."):
            raise
        raise WrongCall(
            f"--{error.field.removeprefix('options.').replace('_', '-')}: {error.reason}"
        ) from None

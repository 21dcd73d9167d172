"""Errors as `Refused`, and a `Refused` as the error that it tells of."""

from streamer.errors import OptionError, StreamerError, WireError
from streamer.wire.messages import Refused


def refusal_of(error: WireError | OptionError, request: str = "") -> Refused:
    """The answer to a message that could not be decoded, or whose option is refused."""
    if isinstance(error, OptionError):
        return Refused(error.code, str(error), error.field, request)
    return Refused(error.code, error.message, error.field, error.request, error.stream)


def error_of(refused: Refused) -> StreamerError:
    """What `refused` tells of, to be raised: an OptionError where it names an option."""
    if refused.code in ("bad_option", "bad_format"):
        reason = refused.message.removeprefix(f"{refused.field}: ")
        return OptionError(refused.field, reason, refused.code)
    return StreamerError(refused.message)

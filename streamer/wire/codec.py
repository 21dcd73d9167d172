"""The wire: messages to bytes and back. docs/wire.md is its specification.

A message is a msgpack map with the key "type" and, for `Audio`, `Text`, `Resume`, `Checkpoint` and
`Moved`, a raw payload: one or two ZeroMQ parts. What this module lets through, nobody checks again.
"""

import re
from typing import Any, overload

import msgspec
from msgspec import Struct

from streamer.errors import WireError
from streamer.wire.messages import (
    ID_BYTES,
    VERSION,
    Audio,
    Control,
    Input,
    Open,
    Output,
    Resume,
    Text,
)

MAX_HEADER_BYTES = 64 * 1024
MAX_PAYLOAD_BYTES = 1024 * 1024
MAX_ANSWER_BYTES = 1024 * 1024
MAX_DEPTH = 8  # of the values inside `options` and `values`
MAX_NODES = 4096  # of them, keys and values together
MAX_PARTS = 3  # that are looked at: a header, a payload, and one that is too many
CODES = (
    "bad_header",
    "unsupported",
    "unknown_model",
    "bad_option",
    "bad_format",
    "full",
    "unknown_stream",
    "not_owner",
    "hole",
    "overrun",
    "bad_payload",
    "too_large",
    "draining",
    "fault",
    "bad_checkpoint",
    "expired",
    "other_weights",
    "superseded",
)
RESERVED = ("Attach",)


class Envelope(Struct):
    """What can still be read of a message that is not understood."""

    type: str = ""
    request: Any = ""
    stream: Any = b""


_encoder = msgspec.msgpack.Encoder()
_inputs = msgspec.msgpack.Decoder(Input)
_outputs = msgspec.msgpack.Decoder(Output)
_envelopes = msgspec.msgpack.Decoder(Envelope)
# What msgspec raises on hostile bytes: the last four come out of values that no type describes.
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError, TypeError, ValueError)
_PAYLOAD = (Audio, Text, Resume)


@overload
def encode(message: Input | Output) -> list[bytes]: ...
@overload
def encode(message: Input | Output, payload: bytes | memoryview | None) -> list[bytes | memoryview]: ...
def encode(
    message: Input | Output, payload: bytes | memoryview | None = None
) -> list[bytes] | list[bytes | memoryview]:
    """The parts of a message: its header and, where there is one, its payload."""
    header = _encoder.encode(message)
    return [header] if payload is None else [header, payload]


def decode_input(header: bytes | memoryview, payload: bytes | memoryview = b"") -> Input:
    """The message of a client. Raises WireError and nothing else, whatever the bytes are."""
    if len(header) > MAX_HEADER_BYTES:
        raise WireError("too_large", f"a header of {len(header)} bytes; at most {MAX_HEADER_BYTES} are taken")
    try:
        message: Input = _inputs.decode(header)
    except _BROKEN as error:
        raise _refusal(header, error, Input) from None
    if len(payload):
        _check_payload(message, len(payload))
    if isinstance(message, Open | Resume) and message.wire != VERSION:
        text = f"wire {message.wire}; this server speaks wire {VERSION}"
        raise WireError("unsupported", text, "wire", request=message.request)
    if isinstance(message, Open):
        _check_plain(message.options, "options", request=message.request)
    elif isinstance(message, Control):
        _check_plain(message.values, "values", stream=message.stream)
    return message


def decode_output(header: bytes | memoryview, payload: bytes | memoryview = b"") -> Output:
    """The message of a server. Raises WireError and nothing else, whatever the bytes are."""
    if len(header) > MAX_ANSWER_BYTES or len(payload) > MAX_PAYLOAD_BYTES:
        raise WireError("too_large", f"an answer of {len(header)} and {len(payload)} bytes")
    try:
        message: Output = _outputs.decode(header)
    except _BROKEN as error:
        raise _refusal(header, error, Output) from None
    return message


def _check_payload(message: Input, num_bytes: int) -> None:
    kind, stream = type(message).__name__, getattr(message, "stream", b"")
    if not isinstance(message, _PAYLOAD):
        text = f"{kind} with {num_bytes} bytes of payload; it takes none"
        raise WireError("bad_payload", text, stream=stream)
    if num_bytes > MAX_PAYLOAD_BYTES:
        text = f"a payload of {num_bytes} bytes; at most {MAX_PAYLOAD_BYTES} are taken"
        raise WireError("too_large", text, stream=stream)


def _check_plain(values: dict[str, Any], field: str, request: str = "", stream: bytes = b"") -> None:
    """Refuse what is nested too deep or is no plain value (a msgpack extension, a date)."""
    waiting: list[tuple[Any, int]] = [(values, 1)]
    nodes = 1
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise WireError("bad_header", f"{field} nested deeper than {MAX_DEPTH}", field, request, stream)
        # Counted before they are collected: a peer's list costs what it takes to count it.
        nodes += 2 * len(value) if isinstance(value, dict) else len(value) if isinstance(value, list) else 0
        if nodes > MAX_NODES:
            text = f"{field} hold more than {MAX_NODES} keys and values"
            raise WireError("too_large", text, field, request, stream)
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for part in value.values()]
            waiting += [(key, depth + 1) for key in value]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]
        elif not isinstance(value, str | bytes | int | float | None):
            text = f"{field} holds a {type(value).__name__}; maps, lists, text, bytes and numbers are taken"
            raise WireError("bad_header", text, field, request, stream)


def _refusal(header: bytes | memoryview, error: Exception, known: Any) -> WireError:
    """Why `header` is no message: as much as can still be read of it."""
    try:
        envelope = _envelopes.decode(header)
    except _BROKEN:
        return WireError("bad_header", f"not a msgpack map with a type: {_short(error)}")
    request = envelope.request[:200] if isinstance(envelope.request, str) else ""
    stream = (
        envelope.stream if isinstance(envelope.stream, bytes) and len(envelope.stream) == ID_BYTES else b""
    )
    if not envelope.type:
        return WireError("bad_header", "the key type is missing", "type", request, stream)
    if envelope.type not in {kind.__name__ for kind in known.__args__}:
        what = "is reserved" if envelope.type in RESERVED else "is unknown"
        return WireError("unsupported", f"type {envelope.type[:40]!r} {what}", "type", request, stream)
    return WireError("bad_header", f"{envelope.type}: {_short(error)}", _field(error), request, stream)


def _field(error: Exception) -> str:
    """The key that msgspec complains of: "... - at `$.seq`" or "... required field `seq`"."""
    match = re.search(r"at `\$\.(\w+)|required field `(\w+)`", str(error))
    return (match[1] or match[2])[:200] if match else ""


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

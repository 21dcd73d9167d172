"""A stream's whole condition at a block boundary, as a plain value: what a checkpoint holds."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from streamer import wire
from streamer.errors import WireError
from streamer.runtime.lane import LaneCondition

VERSION = 1
MAX_FED = 64  # streams that one feeds

Id = Annotated[bytes, Meta(min_length=wire.ID_BYTES, max_length=wire.ID_BYTES)]
Count = Annotated[int, Meta(ge=0, le=2**62)]


class Standing(Struct, frozen=True, array_like=True):
    """How far a stream is: `offset` positions of input `covered` + 1 are in its lanes, and all before."""

    covered: Count = 0
    offset: Count = 0
    position: Count = 0
    results: Count = 0
    utterances: Count = 0  # that were said to their end


class Base(Struct, frozen=True, array_like=True):
    """Where a stream's state began: at 0, or where it was resumed with a fresh one."""

    position: Count = 0
    utterances: Count = 0


class StageCondition(Struct, frozen=True, array_like=True):
    """A stream's lane and its row of the arena; the zeros that end a leaf are left out."""

    lane: LaneCondition
    leaves: tuple[bytes, ...]


class StreamCondition(Struct, frozen=True, array_like=True):
    """All that a stream is. `digest` names what its results rest on beside it: weights, lexicon, dtype.

    `ended` is where it stood when a checkpoint was last made at the end of an utterance.
    """

    digest: bytes
    stream: Id
    owner: Id
    origin: wire.Open  # as it was asked for
    epoch: Count
    at: Standing
    ended: Standing
    base: Base
    front: StageCondition | None
    network: StageCondition
    reader: bytes
    intake: bytes
    fed: Annotated[tuple["FedCondition", ...], Meta(max_length=MAX_FED)] = ()


class FedCondition(Struct, frozen=True, array_like=True):
    """A stream that the server feeds, and what it was given and has not read: a text, or None for a Flush."""

    stream: StreamCondition
    unread: tuple[bytes | None, ...] = ()
    waiting: tuple[bytes, ...] = ()  # finals that did not fit into its window


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw])
_conditions = msgspec.msgpack.Decoder(StreamCondition)


def encode(condition: StreamCondition) -> bytes:
    """The bytes that are sealed."""
    return _encoder.encode((VERSION, condition))


def decode(encoded: bytes) -> StreamCondition:
    """What `encode` wrote. WireError `bad_checkpoint` for anything else."""
    try:
        version, condition = _decoder.decode(encoded)
        if version != VERSION:
            raise WireError("bad_checkpoint", f"a checkpoint of version {version}; {VERSION} is read here")
        return _conditions.decode(condition)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise WireError("bad_checkpoint", f"no checkpoint: {' '.join(str(error).split())[:100]}") from None

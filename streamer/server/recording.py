"""A wire written down, and given back: every input with its peer, its order and the engine's time.

The file begins with MAGIC; then come records, each a length (4 bytes, little-endian) and a msgpack
array whose first element names the record. Ticks are written where they mattered: after inputs, and
where a lease ran out.
"""

import math
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta, Struct

from streamer import wire
from streamer.server.announcing import announce

MAGIC = b"streamer recording 1\n"
MAX_RECORD_BYTES = 16 * 1024 * 1024
_LENGTH = struct.Struct("<I")

Parts = Annotated[list[bytes], Meta(max_length=wire.MAX_PARTS)]
Streams = Annotated[list[bytes], Meta(max_length=100_000)]


class Arrival(Struct, frozen=True, tag="Input", array_like=True):
    """A message as it arrived, understood or not."""

    now: float  # seconds on the engine's clock
    peer: bytes
    parts: Parts


class Tick(Struct, frozen=True, tag=True, array_like=True):
    """The engine stepped; the leases of the `expired` streams ran out."""

    now: float
    expired: Streams


class Drain(Struct, frozen=True, tag=True, array_like=True):
    """The server was told to stop."""

    now: float


class Answer(Struct, frozen=True, tag=True, array_like=True):
    """What was sent; every message but `Ack`, which depends on when steps happened to run."""

    now: float
    peer: bytes
    parts: Parts


class CutShort(Struct, frozen=True):
    """The file ends inside a record: the server did not get to close it."""

    num_bytes: int  # of the broken record


Record = Arrival | Tick | Drain | Answer
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


class Recorder:
    """Writes a recording. The file holds people's speech: only its owner may read it.

    Where it can't be written any further (a full disk), that is announced, and serving goes on.
    """

    def __init__(self, path: Path):
        """Begin the file at `path`; OSError where it can't be written or exists already."""
        self.path = path
        self._file: BinaryIO | None = os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        )
        self._file.write(MAGIC)

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._file:
            try:
                self._file.close()
            except OSError as error:
                self._give_up(error)

    def input(self, now: float, peer: bytes, parts: list[bytes]) -> None:
        self._write(Arrival(now, peer, parts))

    def tick(self, now: float, expired: list[bytes]) -> None:
        self._write(Tick(now, expired))

    def drain(self, now: float) -> None:
        self._write(Drain(now))

    def answer(self, now: float, peer: bytes, parts: list[bytes]) -> None:
        self._write(Answer(now, peer, parts))

    def _write(self, record: Record) -> None:
        if self._file:
            body = _encoder.encode(record)
            try:
                self._file.write(_LENGTH.pack(len(body)) + body)
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Record no more. What the buffer still holds is dropped with the file."""
        file, self._file = self._file, None
        announce(f"{self.path}: the recording ends here, serving goes on: {error.strerror or error}")
        if file:
            with suppress(OSError):
                file.close()


def read_recording(path: Path) -> Iterator[Record | CutShort]:
    """The records of a file, in order; a `CutShort` last, where the file is cut short.

    ValueError, one line, where the file is no recording.
    """
    last = -math.inf
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError(f"{path} is no recording of a wire; `streamer serve --record FILE` writes one")
        while head := file.read(_LENGTH.size):
            size = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
            if size > MAX_RECORD_BYTES:
                raise ValueError(f"{path}: a record of {size} bytes at {file.tell()}; the file is damaged")
            body = file.read(size)
            if not size or len(body) < size:
                yield CutShort(len(head) + len(body))
                return
            try:
                record: Record = _decoder.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValueError(f"{path}: a damaged record at {file.tell()}: {error}") from None
            if not last <= record.now < math.inf:
                text = f"a record at {file.tell()} of {record.now} s after one of {last} s"
                raise ValueError(f"{path}: {text}; the file is damaged")
            last = record.now
            yield record

"""The events of a MIDI file. Takes what players take: a broken signature is no reason to refuse the notes.

Source: Standard MIDI Files 1.0 (MIDI Manufacturers Association, RP-001).
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MOST_BYTES = 1 << 22
META, END_OF_TRACK, TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0xFF, 0x2F, 0x51, 0x58, 0x59
SYSTEM_EXCLUSIVE = (0xF0, 0xF7)
SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # bytes that follow; none of the other ones
PROGRAM, CHANNEL_PRESSURE = 0xC0, 0xD0  # have one byte of data, the other channel messages two
SMPTE_FRAMES = {24: 24.0, 25: 25.0, 29: 30000 / 1001, 30: 30.0}  # a second
SMPTE_TEMPO = 120.0  # the beats that such a file is read in; it has none of its own


class MidiEvent(NamedTuple):
    """An event at `tick`: `kind` is a channel message without its channel, or META; `number` the rest."""

    tick: int
    kind: int
    number: int  # of the channel, or of the kind of meta event
    data: bytes


@dataclass(frozen=True)
class MidiEvents:
    """The tracks of a file. In one `by_seconds` (SMPTE) events of tempo mean nothing."""

    tracks: list[list[MidiEvent]]
    ticks_per_beat: float
    by_seconds: bool


def read_events(path: Path) -> MidiEvents:
    """Read a MIDI file, in a RIFF wrapper or without. ValueError, one line, for what isn't a whole one."""
    try:
        if path.is_file() and path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path}: is larger than {MOST_BYTES >> 20} MiB")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or 'cannot be read'}") from None
    try:
        return _parsed(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _parsed(content: bytes) -> MidiEvents:
    if content[:4] == b"RIFF" and content[8:12] == b"RMID":
        content = _unwrapped(content)
    if content[:4] != b"MThd":
        reason = "it doesn't begin with MThd" if content else "it is empty"
        raise ValueError(f"not a MIDI file ({reason})")
    (_, header), *others = _chunks(content, "big")
    if len(header) < 6:
        raise ValueError("not a whole MIDI file (it ends too soon)")
    if int.from_bytes(header[:2], "big") == 2:
        raise ValueError("has no common time in beats; save it as MIDI of type 0 or 1")
    tracks = [chunk for name, chunk in others if name == b"MTrk"]
    if not tracks:
        raise ValueError("a broken MIDI file (it has no track)")
    per_beat, by_seconds = _division(int.from_bytes(header[4:6], "big", signed=True))
    return MidiEvents([list(_events(track)) for track in tracks], per_beat, by_seconds)


def _unwrapped(content: bytes) -> bytes:
    for name, chunk in _chunks(content[12:], "little"):
        if name == b"data":
            return chunk
    raise ValueError("a RIFF file without MIDI in it")


def _chunks(content: bytes, order: str) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents, those of RIFF (order "little") filled up to an even length."""
    at = 0
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], order)  # type: ignore[arg-type]  # little or big
        chunk = content[at + 8 : at + 8 + size]
        if len(chunk) < size:
            raise ValueError("not a whole MIDI file (it ends too soon)")
        yield name, chunk
        at += 8 + size + (size % 2 if order == "little" else 0)
    if at == 0:
        raise ValueError("not a whole MIDI file (it ends too soon)")


def _division(division: int) -> tuple[float, bool]:
    """Ticks a beat, and whether the file counts in seconds."""
    if division > 0:
        return float(division), False
    frames, ticks = -(division >> 8), division & 0xFF
    if not division or not ticks or frames not in SMPTE_FRAMES:
        raise ValueError(
            f"a broken MIDI file (its time division is {division & 0xFFFF:#06x}; wanted ticks a beat, "
            "or SMPTE frames of 24, 25, 29 or 30 a second)"
        )
    return SMPTE_FRAMES[frames] * ticks * 60 / SMPTE_TEMPO, True


def _events(track: bytes) -> Iterator[MidiEvent]:
    """The channel messages and meta events of a track, up to its end."""
    file, tick, running = io.BytesIO(track), 0, 0
    while file.tell() < len(track):
        tick += _number(file)
        status = _byte(file)
        if status < 0x80:
            file.seek(-1, io.SEEK_CUR)
            status = running
        if status == META:
            kind, data = _byte(file), _taken(file, _number(file))
            if kind == END_OF_TRACK:
                return
            yield MidiEvent(tick, META, kind, data)
        elif status in SYSTEM_EXCLUSIVE:
            _taken(file, _number(file))
        elif status >= 0xF0:
            _taken(file, SYSTEM_DATA.get(status, 0))
        elif status:
            running, kind = status, status & 0xF0
            data = _taken(file, 1 if kind in (PROGRAM, CHANNEL_PRESSURE) else 2)
            # Values have seven bits; players take larger ones for the largest.
            yield MidiEvent(tick, kind, status & 0x0F, bytes(min(value, 127) for value in data))
        else:
            raise ValueError("a broken MIDI file (an event has no status)")


def _taken(file: io.BytesIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError("a broken MIDI file (an event goes beyond the end of its track)")
    return data


def _byte(file: io.BytesIO) -> int:
    return _taken(file, 1)[0]


def _number(file: io.BytesIO) -> int:
    """A number of variable length, at most four bytes of seven bits."""
    number = 0
    for _ in range(4):
        byte = _byte(file)
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number
    raise ValueError("a broken MIDI file (a number of more than four bytes)")

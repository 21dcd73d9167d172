"""MP3: its frames counted, and told to a decoder that would guess them otherwise."""

from dataclasses import dataclass

# ISO/IEC 11172-3 and 13818-3, layer III; the version is two bits: 0 is MPEG 2.5, 2 is MPEG 2, 3 is MPEG 1
RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
KBITS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
LAYER_3 = 1
MONO = 3
FRAMES_AND_BYTES = 3  # the flags of a Xing frame that has both numbers


@dataclass(frozen=True)
class Header:
    """What the four bytes before a frame say."""

    version: int
    rate_hz: int
    channels: int
    size: int  # of the frame in bytes

    @property
    def samples(self) -> int:
        return 1152 if self.version == 3 else 576

    @property
    def side_bytes(self) -> int:
        """Between the header and the place of a Xing frame's name."""
        if self.version == 3:
            return 17 if self.channels == 1 else 32
        return 9 if self.channels == 1 else 17


def with_length(content: bytes) -> tuple[bytes, float] | None:
    """The frames of an MP3 behind a Xing frame that counts them, and how many seconds they are.

    Tags and what lies between joined files are left out; the seconds include frames of another rate or
    channel count than the first, which are left out as well. None where the file's own Xing frame promises
    as much or more and all are alike, or where there is no frame.
    """
    frames: list[bytes] = []
    kind, promised, other_s, at = None, -1, 0.0, 0
    while at + 4 <= len(content):
        if content[at : at + 3] == b"ID3":
            at += _id3_bytes(content, at)
            continue
        head = header(content, at)
        if head is None or not _goes_on(content, at + head.size):
            at = _next(content, at + 1)
            continue
        name = at + 4 + head.side_bytes
        if content[name : name + 4] in (b"Xing", b"Info"):
            if promised < 0 and not frames:
                promised = int.from_bytes(content[name + 8 : name + 12], "big") * (content[name + 7] & 1)
        elif kind in (None, (head.rate_hz, head.channels)):
            kind = head.rate_hz, head.channels
            frames.append(content[at : at + head.size])
        else:
            other_s += head.samples / head.rate_hz
        at += head.size
    first = header(frames[0], 0) if frames else None
    if first is None or (promised >= len(frames) and not other_s):
        return None
    audio = b"".join(frames)
    seconds = len(frames) * first.samples / first.rate_hz + other_s
    return _xing(frames[0], len(frames), len(audio)) + audio, seconds


def _goes_on(content: bytes, at: int) -> bool:
    """Whether what follows a frame is another, a tag or the end."""
    return (
        at == len(content)
        or header(content, at) is not None
        or content[at : at + 3] in (b"ID3", b"TAG", b"APE", b"LYR")
    )


def _next(content: bytes, at: int) -> int:
    """The next place where a frame or a tag may start."""
    places = [place for sign in (b"\xff", b"ID3") if (place := content.find(sign, at)) >= 0]
    return min(places, default=len(content))


def _id3_bytes(content: bytes, at: int) -> int:
    size = 0
    for byte in content[at + 6 : at + 10]:
        size = size << 7 | byte & 127
    return 10 + size


def _xing(frame: bytes, num_frames: int, num_bytes: int) -> bytes:
    """A frame like `frame` that holds no sound but the numbers."""
    # No CRC, a bit rate that has the place, no padding.
    start = bytes([frame[0], frame[1] | 1, 0x90 | frame[2] & 0x0C, frame[3]])
    head = header(start, 0)
    assert head is not None
    numbers = [FRAMES_AND_BYTES, num_frames, num_bytes + head.size]
    place = start + bytes(head.side_bytes) + b"Xing" + b"".join(n.to_bytes(4, "big") for n in numbers)
    return place.ljust(head.size, b"\0")


def header(content: bytes, at: int) -> Header | None:
    """The header of the layer III frame at a place; None where there is none, or one of free format."""
    word = int.from_bytes(content[at : at + 4], "big")
    version, layer, kbit, rate = word >> 19 & 3, word >> 17 & 3, word >> 12 & 15, word >> 10 & 3
    if word >> 21 != 0x7FF or version == 1 or layer != LAYER_3 or kbit in (0, 15) or rate == 3:
        return None
    rate_hz = RATES_HZ[version][rate]
    bits = 1000 * KBITS[version or 2][kbit]
    size = (144 if version == 3 else 72) * bits // rate_hz + (word >> 9 & 1)
    return Header(version, rate_hz, 1 if word >> 6 & 3 == MONO else 2, size)

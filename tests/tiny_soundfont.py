"""A SoundFont of one instrument, a short wave that is repeated: the smallest that a synthesiser plays."""

import struct
from pathlib import Path

import numpy as np

PERIOD, PERIODS = 100, 40  # samples of a wave at 44.1 kHz, near A4, and how many there are
SILENCE = 46  # samples that must follow each wave
SAMPLE_ID, INSTRUMENT, LOOPED = 53, 41, 54  # generators: SoundFont 2.04, section 8.1.2


def write_soundfont(path: Path) -> Path:
    """Write the file, laid out as the SoundFont 2.04 specification says (sections 4 to 7)."""
    wave = np.sin(2 * np.pi * np.arange(PERIOD * PERIODS) / PERIOD)
    samples = np.concatenate([20000 * wave, np.zeros(SILENCE)]).astype("<i2")
    end = PERIOD * PERIODS
    sounds = [(b"wave", 0, end, PERIOD, end - PERIOD, 44100, 69, 0, 0, 1), (b"EOS", *[0] * 9)]
    records = [
        (b"phdr", "<20sHHHIII", [(b"tiny", 0, 0, 0, 0, 0, 0), (b"EOP", 0, 0, 1, 0, 0, 0)]),
        (b"pbag", "<HH", [(0, 0), (1, 0)]),
        (b"pmod", "<HHhHH", [(0, 0, 0, 0, 0)]),
        (b"pgen", "<HH", [(INSTRUMENT, 0), (0, 0)]),
        (b"inst", "<20sH", [(b"tiny", 0), (b"EOI", 1)]),
        (b"ibag", "<HH", [(0, 0), (2, 0)]),
        (b"imod", "<HHhHH", [(0, 0, 0, 0, 0)]),
        (b"igen", "<HH", [(LOOPED, 1), (SAMPLE_ID, 0), (0, 0)]),
        (b"shdr", "<20sIIIIIBbHH", sounds),
    ]
    info = [(b"ifil", struct.pack("<HH", 2, 4)), (b"isng", b"EMU8000\0"), (b"INAM", b"tiny\0\0")]
    tables = [(name, b"".join(struct.pack(form, *row) for row in rows)) for name, form, rows in records]
    lists = [(b"INFO", info), (b"sdta", [(b"smpl", samples.tobytes())]), (b"pdta", tables)]
    body = b"".join(
        _chunk(b"LIST", kind + b"".join(_chunk(*chunk) for chunk in parts)) for kind, parts in lists
    )
    path.write_bytes(_chunk(b"RIFF", b"sfbk" + body))
    return path


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body

"""Files of named arrays beside a card: safetensors with a kind in the header, mapped into memory."""

import mmap
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from streamer.output_file import write_bytes

DTYPES = {"U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "I64": np.int64}


class _Entry(msgspec.Struct):
    dtype: str
    shape: list[int]
    data_offsets: list[int]


def write_tables(path: Path, kind: str, tables: dict[str, np.ndarray]) -> None:
    """Write `tables` as a safetensors file that calls itself `kind`."""
    arrays = {name: np.ascontiguousarray(array) for name, array in tables.items()}
    write_bytes(path, save(arrays, {"kind": kind}))


def read_tables(path: Path, kind: str, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The arrays `names` of a file that `write_tables` made, read-only and mapped.

    Refuses (ValueError, one line) what is missing, cut short, not safetensors or of another kind.
    """
    try:
        with safe_open(path, "np") as checked:  # verifies header, sizes and offsets
            kind_found = (checked.metadata() or {}).get("kind")
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path}: not a readable {kind} file ({error})") from None
    if kind_found != kind:
        raise ValueError(f"{path}: holds {kind_found or 'something else'}, wanted {kind}; build it again")
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    size = int.from_bytes(mapped[:8], "little")
    header = msgspec.json.decode(mapped[8 : 8 + size], type=dict[str, msgspec.Raw])
    tables = {}
    for name in names:
        if name not in header:
            raise ValueError(f"{path}: lacks the table {name!r}; build it again")
        entry = msgspec.json.decode(header[name], type=_Entry)
        if entry.dtype not in DTYPES or len(entry.shape) != 1:
            raise ValueError(f"{path}: table {name!r} is {entry.dtype} {entry.shape}; build it again")
        start = 8 + size + entry.data_offsets[0]
        tables[name] = np.frombuffer(mapped, DTYPES[entry.dtype], entry.shape[0], start)
    return tables


def pack_words(name: str, words: np.ndarray) -> dict[str, np.ndarray]:
    """Numbers [n] below 2^17 as two tables, their low 16 bits and the 17th, eight to a byte."""
    if len(words) and int(words.max()) >= 1 << 17:
        raise ValueError(f"{name}: {int(words.max())} is above the {(1 << 17) - 1} that a file can name")
    return {
        name: (words & 0xFFFF).astype(np.uint16),
        f"{name}_high": np.packbits((words >> 16).astype(np.uint8)),
    }


def unpack_words(tables: dict[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    """What `pack_words` packed, taken out of `tables`: uint32 [n]."""
    low, high = tables.pop(name), tables.pop(f"{name}_high")
    if len(high) != -(-len(low) // 8):
        raise ValueError(
            f"{path}: table {name!r} lacks its high bits; build it again with `streamer train language`"
        )
    return low | (np.unpackbits(high, count=len(low)).astype(np.uint32) << 16)

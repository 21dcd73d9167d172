"""Speech sets on disk: SPLIT.manifest.jsonl, the tars of recordings beside it, and its alignments."""

import gzip
import io
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np

from streamer.sound.sound_file import read_mono

SUFFIX = ".manifest.jsonl"
AUDIO_SUFFIXES = (".opus", ".flac", ".wav", ".ogg", ".mp3")
Span = tuple[str, int, int]  # a label, its start, its length, in frames of 10 ms


class ManifestRow(msgspec.Struct, frozen=True):
    """One line of a manifest; further keys are the set's own and are ignored."""

    key: str
    text: str
    tar: str
    seconds: float = 0.0


class Alignment(msgspec.Struct, frozen=True):
    """When the words and the phones of the recording `key` are spoken; None where nobody knows."""

    key: str
    words: tuple[Span, ...] | None = None
    phones: tuple[Span, ...] | None = None


def read_rows(path: Path) -> list[ManifestRow]:
    """The rows of the manifest `path`; every tar that they name must be there.

    Raises ValueError, one line that names the file, where anything is missing or malformed.
    """
    if not path.is_file():
        what = "a directory" if path.is_dir() else "no such file"
        raise ValueError(f"{path}: {what}; give a SPLIT{SUFFIX}")
    if not path.name.endswith(SUFFIX):
        raise ValueError(f"{path}: not a SPLIT{SUFFIX}")
    rows = []
    decoder = msgspec.json.Decoder(ManifestRow)
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
    if not rows:
        raise ValueError(f"{path}: no recordings in it")
    for name in sorted({row.tar for row in rows}):
        if not (path.parent / name).is_file():
            raise ValueError(f"{path.parent / name}: missing, though {path.name} names it")
    return rows


def read_alignments(manifest: Path) -> dict[str, Alignment] | None:
    """`../alignments/SET.SPLIT.jsonl.gz` by key, or None where there is no such file."""
    folder = manifest.resolve().parent
    split = manifest.name.removesuffix(SUFFIX)
    path = folder.parent / "alignments" / f"{folder.name}.{split}.jsonl.gz"
    if not path.is_file():
        return None
    try:
        with gzip.open(path) as lines:
            aligned = map(msgspec.json.Decoder(Alignment).decode, lines)
            return {alignment.key: alignment for alignment in aligned}
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"{path}: not a file of alignments ({error})") from None


def sounds(folder: Path, rows: Sequence[ManifestRow]) -> Iterator[tuple[ManifestRow, np.ndarray, int]]:
    """Each row, its samples [n] float32, mono, and their rate, decoded when they are asked for.

    Raises ValueError naming the tar in `folder` or the file in it that is missing or can't be decoded.
    """
    tars: dict[str, _Tar] = {}
    with ExitStack() as opened:
        for row in rows:
            if row.tar not in tars:
                tars[row.tar] = _Tar(folder / row.tar)
                opened.callback(tars[row.tar].file.close)
            yield row, *tars[row.tar].sound(row.key)


class _Tar:
    """An open tar and where each file lies in it."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.file = tarfile.open(path, "r:")  # noqa: SIM115, closed by `sounds`
            self.members = {member.name: member for member in self.file.getmembers()}
        except (tarfile.TarError, OSError) as error:
            raise ValueError(f"{path}: not a readable tar ({error})") from None

    def sound(self, key: str) -> tuple[np.ndarray, int]:
        """Samples [n] float32, mono, of the recording `key`, and their rate."""
        name = next((key + s for s in AUDIO_SUFFIXES if key + s in self.members), None)
        if name is None:
            raise ValueError(f"{self.path}: no {key}{AUDIO_SUFFIXES[0]} in it")
        try:
            member = self.file.extractfile(self.members[name])
            if member is None:
                raise tarfile.TarError("no file")
            content = member.read()
        except (tarfile.TarError, OSError) as error:
            raise ValueError(f"{self.path}: {name} cannot be read ({error})") from None
        try:
            return read_mono(name, io.BytesIO(content))
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None

"""Reading a set: SPLIT.manifest.jsonl, the tars of KEY.opus + KEY.txt beside it, and its alignments."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from streamer.evaluation.recordings import Recording, SpokenWord

SUFFIX = ".manifest.jsonl"
AUDIO_SUFFIXES = (".opus", ".flac", ".wav", ".ogg", ".mp3")
FRAMES_PER_SECOND = 100  # of the alignments


class Row(msgspec.Struct, frozen=True):
    """One line of a manifest; further keys are the set's own and are ignored."""

    key: str
    text: str
    tar: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Manifest:
    """A split on disk. Its recordings are decoded one by one, as they are asked for."""

    path: Path
    rows: tuple[Row, ...]
    alignments: dict[str, tuple[SpokenWord, ...]] | None  # None: no file of alignments

    def __len__(self) -> int:
        return len(self.rows)

    def recordings(self) -> Iterator[Recording]:
        """Each row's recording, in order.

        Raises ValueError naming the tar or the file in it that is missing or cannot be decoded.
        """
        tars: dict[str, _Tar] = {}
        try:
            for row in self.rows:
                if row.tar not in tars:
                    tars[row.tar] = _Tar(self.path.parent / row.tar)
                samples, rate_hz = tars[row.tar].sound(row.key)
                words = None if self.alignments is None else self.alignments.get(row.key)
                yield Recording(row.key, row.text, samples, rate_hz, words)
        finally:
            for tar in tars.values():
                tar.close()


def read_manifest(path: Path) -> Manifest:
    """The split whose manifest is `path`; every tar that it names must be there.

    Raises ValueError, one line that names the file, where anything is missing or malformed.
    """
    if not path.is_file():
        what = "a directory" if path.is_dir() else "no such file"
        raise ValueError(f"{path}: {what}; give a SPLIT{SUFFIX}")
    if not path.name.endswith(SUFFIX):
        raise ValueError(f"{path}: not a SPLIT{SUFFIX}")
    rows = []
    decoder = msgspec.json.Decoder(Row)
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
    return Manifest(path, tuple(rows), _alignments(path))


def _alignments(manifest: Path) -> dict[str, tuple[SpokenWord, ...]] | None:
    """The words of `../alignments/SET.SPLIT.jsonl.gz` by key, or None where there is no such file."""
    folder = manifest.resolve().parent
    split = manifest.name.removesuffix(SUFFIX)
    path = folder.parent / "alignments" / f"{folder.name}.{split}.jsonl.gz"
    if not path.is_file():
        return None
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return {row["key"]: _words(row["words"]) for row in map(json.loads, lines)}
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a file of alignments ({error})") from None


def _words(rows: list) -> tuple[SpokenWord, ...]:
    return tuple(
        SpokenWord(word, start / FRAMES_PER_SECOND, (start + length) / FRAMES_PER_SECOND)
        for word, start, length in rows
    )


class _Tar:
    """An open tar and where each file lies in it."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.file = tarfile.open(path, "r:")  # noqa: SIM115, closed by `close`
            self.members = {member.name: member for member in self.file.getmembers()}
        except (tarfile.TarError, OSError) as error:
            raise ValueError(f"{path}: not a readable tar ({error})") from None

    def close(self) -> None:
        self.file.close()

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
            samples, rate_hz = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise ValueError(f"{self.path}: {name} is not audio ({error})") from None
        return samples.mean(axis=1), rate_hz

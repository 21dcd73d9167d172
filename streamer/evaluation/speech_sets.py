"""A set as recordings to evaluate on, with the times of their words where these are known."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamer.evaluation.recordings import Recording, SpokenWord
from streamer.models.datasets.manifests import Alignment, ManifestRow, read_alignments, read_rows, sounds

FRAMES_PER_SECOND = 100  # of the alignments


@dataclass(frozen=True)
class Manifest:
    """A split on disk. Its recordings are decoded one by one, as they are asked for."""

    path: Path
    rows: list[ManifestRow]
    alignments: dict[str, Alignment] | None  # None: no file of alignments

    def __len__(self) -> int:
        return len(self.rows)

    def recordings(self) -> Iterator[Recording]:
        """Each row's recording, in order. ValueError as `sounds`."""
        for row, samples, rate_hz in sounds(self.path.parent, self.rows):
            yield Recording(row.key, row.text, samples, rate_hz, self._words(row.key))

    def _words(self, key: str) -> tuple[SpokenWord, ...] | None:
        alignment = (self.alignments or {}).get(key)
        if alignment is None or alignment.words is None:
            return None
        return tuple(
            SpokenWord(word, start / FRAMES_PER_SECOND, (start + length) / FRAMES_PER_SECOND)
            for word, start, length in alignment.words
        )


def read_manifest(path: Path) -> Manifest:
    """The split whose manifest is `path`. ValueError as `read_rows` and `read_alignments`."""
    return Manifest(path, read_rows(path), read_alignments(path))

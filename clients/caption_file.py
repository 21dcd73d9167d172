"""A file of captions that is written as they come: whole after every utterance."""

from pathlib import Path

from streamer import wire
from streamer.clients.caption_forms import document
from streamer.output_file import write_text

SUFFIXES = (".srt", ".vtt", ".txt", ".json", ".jsonl")


class CaptionFile:
    """Collects finals and keeps `path` up to date, in the format that its suffix names."""

    def __init__(self, path: Path, rate_hz: int):
        """`rate_hz` is of the positions. ValueError or OSError where the file can't be written, at once."""
        self.path, self.rate_hz = path, rate_hz
        self._finals: dict[tuple[bytes, int], wire.Result] = {}
        self._write()

    def add(self, final: wire.Result) -> None:
        """A final that says something becomes a part of the file."""
        if final.alternatives and final.alternatives[0].words:
            self._finals[final.stream, final.seq] = final
            self._write()

    def rewritten(self, before: wire.Result, after: wire.Result) -> None:
        """`after` takes the place of `before`, if that is in the file."""
        if (before.stream, before.seq) in self._finals:
            self._finals[before.stream, before.seq] = after
            self._write()

    def _write(self) -> None:
        write_text(self.path, document(list(self._finals.values()), self.rate_hz, self.path.suffix.lower()))

"""Subtitles written as the words come: an SRT file that is whole after every utterance."""

from pathlib import Path

import pysubs2

from streamer import wire
from streamer.clients.cues import Cue, CueWord, cues
from streamer.output_file import write_text


def subtitle(cue: Cue) -> pysubs2.SSAEvent:
    """A cue as the subtitles' library has it."""
    start, end = round(1000 * cue.start), round(1000 * cue.end)
    # A word may begin and end in one output row; what shows for no time is not seen.
    event = pysubs2.SSAEvent(start=start, end=max(end, start + 1))
    event.plaintext = cue.text
    return event


class Subtitles:
    """Collects finals and keeps `path` up to date; times are sample counts over the rate."""

    def __init__(self, path: Path, rate_hz: int):
        """ValueError or OSError where the file can't be written, before anything is said."""
        self.path, self.rate_hz = path, rate_hz
        self._file = pysubs2.SSAFile()
        self._write()

    def add(self, result: wire.Result) -> None:
        """A final that says something becomes a subtitle, a long one several."""
        best = result.alternatives[0] if result.alternatives else None
        if best is None or not best.words:
            return
        rate = self.rate_hz
        for cue in cues([CueWord(word.text, word.start / rate, word.end / rate) for word in best.words]):
            self._file.append(subtitle(cue))
        self._write()

    def _write(self) -> None:
        write_text(self.path, self._file.to_string("srt"))

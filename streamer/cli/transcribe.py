"""`streamer transcribe`: recordings in, text, JSON or subtitles out."""

import json
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
import pysubs2
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from streamer.cli.command import argument, option
from streamer.cli.options import MODES, Mode, Written
from streamer.clients.cues import Cue, CueWord, cues
from streamer.clients.files import AudioFile
from streamer.clients.subtitles import subtitle
from streamer.config import Config
from streamer.errors import WrongCall
from streamer.offline.transcript import Segment, Transcript
from streamer.output_file import write_text
from streamer.sound.libsndfile import told_seconds
from streamer.sound.sound_file import refuse_missing

if TYPE_CHECKING:
    from streamer.offline.speech import Progress, SoundBlocks

BLOCK_MS = 1000


@dataclass(frozen=True, kw_only=True)
class Transcribe(Written):
    """Recordings, and what is made of them."""

    files: list[str] = argument("FILES", "Audio files; - is standard input.")
    mode: Mode = option("offline", MODES, "offline hears the whole recording before it answers.")
    format: Literal["txt", "json", "srt", "vtt"] = option("txt", "txt|json|srt|vtt", "What is written.")
    output: Path | None = option(None, "DIR", "Write a file in DIR for each recording.", file_okay=False)
    model: str | None = option(
        None,
        "MODEL",
        "Another network's name, or its folder.",
        usual="captions-en-offline, live: captions-en",
    )


def transcribe(options: Transcribe) -> int:
    """Transcribe recordings: 0, or 1 when some couldn't be read (each is a line on standard error)."""
    return write(options.settings(), options)


def write(config: Config, options: Transcribe) -> int:
    """As `transcribe`, with a config that is read. ValueError or OSError, one line, for what keeps all
    of the recordings from being written.
    """
    files, format, output = options.files, options.format, options.output
    if format in ("srt", "vtt") and len(files) > 1 and output is None:
        raise WrongCall(f"{format} of several files makes one file each; name their folder with --output")
    targets = _targets(files, output, format) if output else [None] * len(files)
    writing = options.writing()
    reading = _Reading(files)
    if not reading.files:
        return 1
    from streamer.offline.transcribe import transcriber  # late: neither --help nor a missing file needs torch

    network = transcriber(config, options.mode, options.model, writing)
    with _progress(files) as progress:
        for transcript in network.transcripts(reading.sounds(), progress):
            recording = reading.heard()
            if recording.whole:
                text = rendered(recording.name, transcript, format)
                label = f"{recording.name}: " if len(files) > 1 and format == "txt" else ""
                _put(text, label, targets[recording.index])
    return 1 if reading.failures else 0


class _Opened:
    """A file that is being read; `whole` turns false where it breaks off."""

    def __init__(self, index: int, name: str):
        self.index, self.name, self.whole = index, name, True


class _Reading:
    """Opens file after file as the network asks for them, and says which ones it can't read.

    Law: a file that fails, with whatever error, costs no other file its text.
    """

    def __init__(self, files: Sequence[str]):
        """Tells at once which of `files` are missing."""
        self.failures = 0
        self.files: dict[int, str] = {}  # those that exist, by their places in the call
        for index, name in enumerate(files):
            try:
                refuse_missing(name)
                self.files[index] = name
            except (ValueError, OSError) as error:
                self._fail(str(error))
        self._opened: deque[_Opened] = deque()

    def sounds(self) -> "Iterator[SoundBlocks]":
        """The files that can be opened, in order."""
        from streamer.offline.speech import SoundBlocks

        for index, name in self.files.items():
            try:
                audio = AudioFile(name)
            except Exception as error:
                self._fail(_line(name, error))
                continue
            opened = _Opened(index, name)
            self._opened.append(opened)
            yield SoundBlocks(self._blocks(opened, audio), audio.rate_hz)

    def heard(self) -> _Opened:
        """The file that the next transcript is of."""
        return self._opened.popleft()

    def _blocks(self, opened: _Opened, audio: AudioFile) -> Iterator[np.ndarray]:
        # Its end closes the file: thousands of transcripts may wait for their turn.
        try:
            yield from audio.samples(BLOCK_MS)
        except Exception as error:
            opened.whole = False
            self._fail(_line(opened.name, error))
        if audio.warning:
            self._warn(audio.warning)
        self.failures += audio.broken

    def _fail(self, message: str) -> None:
        self.failures += 1
        self._warn(message)

    def _warn(self, message: str) -> None:
        print(f"streamer: {message}", file=sys.stderr)


def _line(name: str, error: Exception) -> str:
    """One line that names the file and what is wrong with it."""
    if isinstance(error, ValueError) and name in str(error):
        return str(error)
    return " ".join(f"{name} can't be read: {type(error).__name__}: {error}".split())


def _targets(files: Sequence[str], output: Path, format: str) -> list[Path]:
    """A file of its own in `output` for each of `files`: STEM.format, else NAME.format, else numbered."""
    output.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    targets = []
    for name in files:
        path = Path("stdin" if name == "-" else name)
        names = [path.stem, path.name, *(f"{path.name}-{number}" for number in range(2, len(files) + 2))]
        # Some file systems don't tell A from a.
        chosen = next(stem for stem in names if stem.casefold() not in taken)
        taken.add(chosen.casefold())
        targets.append(output / f"{chosen}.{format}")
    return targets


def _put(text: str, label: str, target: Path | None) -> None:
    if target:
        write_text(target, text + "\n")
    else:
        print(label + text, flush=True)


@contextmanager
def _progress(files: Sequence[str]) -> "Iterator[Progress]":
    """Takes the seconds of sound that are done; shows them on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda seconds: None
        return
    columns = BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f} s"), TimeRemainingColumn()
    # rich would print results to standard error too, unless both are the terminal.
    shown = Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty())
    with shown as bar:
        task = bar.add_task("", total=sum(map(told_seconds, files)))
        yield lambda seconds: bar.advance(task, seconds)


def rendered(name: str, transcript: Transcript, format: str) -> str:
    """The transcript as `format`, without a last line break; `name` is the recording's."""
    if format == "txt":
        return transcript.text
    if format == "json":
        # A name may be no text; json escapes what is not, and msgspec refuses it.
        return f'{{"file":{json.dumps(name)},{msgspec.json.encode(transcript).decode()[1:]}'
    subtitles = pysubs2.SSAFile()
    for segment in transcript.segments:
        subtitles.extend(subtitle(cue) for cue in _cues(segment))
    return subtitles.to_string(format).rstrip("\n")


def _cues(segment: Segment) -> list[Cue]:
    """The cues of an utterance; one where no word has a time."""
    if not segment.words:
        return [Cue(segment.start, segment.end, segment.text)]
    return cues([CueWord(word.word, word.start, word.end) for word in segment.words])

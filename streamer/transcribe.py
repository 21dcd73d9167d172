"""`streamer transcribe`: recordings in, text, JSON or subtitles out."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pysubs2
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from clients.files import AudioFile
from models import catalog
from models.build import load
from streamer.config import Config
from streamer.offline import Offline, Segment, SpokenWord, Transcript

MODELS = {"offline": "captions-en-offline", "live": "captions-en"}
FORMATS = ("txt", "json", "srt", "vtt")
GROUP_S = 1800.0  # seconds of sound that are read and transcribed together
LIVE_CHUNK_MS, LIVE_STREAMS = 100, 32

Sound = tuple[np.ndarray, int]  # mono float32 samples and their rate
Transcriber = Callable[[Sequence[Sound], Callable[[float], None]], list[Transcript]]


def run(
    config: Config, files: Sequence[str], mode: str, format: str, output: Path | None, model: str | None
) -> int:
    """Transcribe `files`; 0, or 1 when some couldn't be read (each is a line on standard error)."""
    if mode not in MODELS:
        raise ValueError(f"mode {mode!r}; there are {', '.join(MODELS)}")
    if format not in FORMATS:
        raise ValueError(f"format {format!r}; there are {', '.join(FORMATS)}")
    targets = _targets(files, output, format)
    good, failed = [], 0
    for name in files:
        try:
            good.append((name, AudioFile(name)))
        except ValueError as error:
            failed += _report(str(error))
    transcribe = _transcriber(config, mode, model or MODELS[mode]) if good else None
    with _progress(sum(audio.seconds for _, audio in good)) as told:
        for group in _groups(good):
            sounds, names = [], []
            for name, audio in group:
                try:
                    sounds.append(read(audio))
                    names.append(name)
                except ValueError as error:
                    failed += _report(str(error))
            for name, transcript in zip(names, transcribe(sounds, told)):
                text = rendered(name, transcript, format)
                _put(text, name, targets[name], several=len(files) > 1, labelled=format == "txt")
    return 1 if failed else 0


def read(audio: AudioFile) -> Sound:
    """The whole file, mono, at a rate of the wire. ValueError where it breaks off."""
    try:
        blocks = list(audio.samples(1000))
    except RuntimeError as error:
        raise ValueError(f"{audio.name} breaks off: {error}") from None
    return np.concatenate([np.zeros(0, np.float32), *blocks]), audio.rate_hz


def rendered(name: str, transcript: Transcript, format: str) -> str:
    """The transcript in one of FORMATS, without a last line break."""
    if format == "txt":
        return transcript.text
    if format == "json":
        return msgspec.json.encode({"file": name} | msgspec.to_builtins(transcript)).decode()
    subtitles = pysubs2.SSAFile()
    for segment in transcript.segments:
        start, end = round(1000 * segment.start), round(1000 * segment.end)
        subtitles.append(pysubs2.SSAEvent(start=start, end=end, text=segment.text))
    return subtitles.to_string(format).rstrip("\n")


def _targets(files: Sequence[str], output: Path | None, format: str) -> dict[str, Path | None]:
    """Where each file's text goes; ValueError where two would go to one place."""
    if len(set(files)) < len(files):
        raise ValueError("a file is named twice; name each once")
    if output is None:
        return dict.fromkeys(files)
    targets = {name: output / f"{'stdin' if name == '-' else Path(name).stem}.{format}" for name in files}
    if len(set(targets.values())) < len(files):
        raise ValueError(f"two files of the same name would overwrite each other in {output}; rename one")
    output.mkdir(parents=True, exist_ok=True)
    return targets


def _put(text: str, name: str, target: Path | None, *, several: bool, labelled: bool) -> None:
    if target:
        target.write_text(text + "\n", encoding="utf-8")
    else:
        print(f"{name}: {text}" if several and labelled else text, flush=True)


def _report(message: str) -> int:
    print(f"streamer: {message}", file=sys.stderr)
    return 1


def _groups(files: Sequence[tuple[str, AudioFile]]) -> Iterator[list[tuple[str, AudioFile]]]:
    """Files in their order, as many together as memory takes."""
    group: list[tuple[str, AudioFile]] = []
    for name, audio in files:
        if group and sum(a.seconds for _, a in group) + audio.seconds > GROUP_S:
            yield group
            group = []
        group.append((name, audio))
    if group:
        yield group


def _transcriber(config: Config, mode: str, name: str) -> Transcriber:
    if mode == "offline":
        folder = catalog.find(name, config.folders())
        return Offline(load(folder, config.model(name).allow_imports)).transcribe
    return _live(config, name)


def _live(config: Config, name: str) -> Transcriber:
    """The live network, through the engine that serves."""
    from streamer.evaluation.live_driver import Heard, listen
    from streamer.evaluation.recordings import Recording
    from streamer.serve import unpaced_engine

    engine = unpaced_engine(config, [name])

    def transcript(heard: Heard) -> Transcript:
        segments = []
        for result in heard.finals:
            best = result.alternatives[0]
            words = tuple(
                SpokenWord(w.text, w.start / heard.rate_hz, w.end / heard.rate_hz, round(w.confidence, 3))
                for w in best.words
            )
            if words:
                segments.append(Segment(words[0].start, words[-1].end, best.text, words))
        return Transcript(round(heard.seconds, 3), heard.text, tuple(segments))

    def transcribe(sounds: Sequence[Sound], progress: Callable[[float], None]) -> list[Transcript]:
        recordings = [Recording(str(i), "", samples, rate_hz) for i, (samples, rate_hz) in enumerate(sounds)]
        found = {}
        for heard in listen(engine, name, recordings, LIVE_CHUNK_MS, LIVE_STREAMS):
            found[int(heard.key)] = transcript(heard)
            progress(heard.seconds)
        return [found[i] for i in range(len(sounds))]

    return transcribe


@contextmanager
def _progress(seconds: float) -> Iterator[Callable[[float], None]]:
    """Seconds of sound done, on standard error, and on a terminal alone."""
    columns = TextColumn("{task.completed:.0f} of {task.total:.0f} s of sound"), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("", total=seconds)
        yield lambda done: bar.advance(task, done)

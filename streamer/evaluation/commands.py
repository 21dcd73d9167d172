"""Evaluation of commands: clips one by one, empty ones as one stream, and words in a running stream."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from streamer.evaluation.command_scores import UNKNOWN, accuracy, words_per_minute
from streamer.evaluation.job import Job, Measured, Mode, Task
from streamer.evaluation.recognition import Heard, LiveModel, hear, live_model
from streamer.evaluation.recordings import Recording, SpokenWord, join
from streamer.evaluation.speech_sets import read_manifest
from streamer.evaluation.spliced import SEED, score, splice
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.word_delays import delay_figures

MODEL = "commands-en"
SPLICED_MINUTES = 10
LONG_CHUNK_MS = 1000


def live(job: Job) -> Measured:
    """`accuracy` over the file, and `false_words_per_minute` over its empty texts joined to one stream."""
    recordings = list(read_manifest(job.path).recordings())
    empty = join("empty", [r for r in recordings if not r.text.strip()])
    model = live_model(job, "commands")
    with Stopwatch() as watch:
        clips = hear(model, recordings, job)
        false = _count_words(model, empty, job) if empty.seconds else 0
    figures = {
        "accuracy": accuracy(
            [clip.reference for clip in clips],
            [[word.text for word in words(clip)] for clip in clips],
            _vocabulary(model),
        ),
        "false_words_per_minute": words_per_minute(false, empty.seconds),
        **delay_figures(clips),
    }
    return Measured(len(clips), sum(r.seconds for r in recordings), watch, figures)


def spliced(job: Job, speech: Path, noise: Path) -> Measured:
    """Recall and false words of the file's clips in running streams with conversation and noise."""
    clips = list(read_manifest(job.path).recordings())
    background = [r for path in (speech, noise) for r in read_manifest(path).recordings()]
    model = live_model(job, "commands")
    vocabulary = _vocabulary(model)
    running = splice(clips, background, vocabulary, SPLICED_MINUTES)
    with Stopwatch() as watch:
        heard = {h.key: h for h in hear(model, [s.recording for s in running], job)}
    result = score([(s, words(heard[s.recording.key])) for s in running], vocabulary)
    pieces = sum(len(s.pieces) for s in running)
    seconds = sum(s.recording.seconds for s in running)
    return Measured(pieces, seconds, watch, {"seed": SEED, **asdict(result)})


TASK = Task("commands", {"live": Mode(MODEL, live)})


def spliced_mode(speech: Path, noise: Path) -> Mode:
    """The live mode over clips spliced into `speech` and `noise`, two manifests."""
    return Mode(MODEL, partial(spliced, speech=speech, noise=noise))


def words(heard: Heard) -> list[SpokenWord]:
    """The words of the finals, in seconds."""
    return [
        SpokenWord(word.text, word.start / heard.rate_hz, word.end / heard.rate_hz)
        for final in heard.finals
        for word in final.alternatives[0].words
    ]


def _count_words(model: LiveModel, recording: Recording, job: Job) -> int:
    """The words heard in one long stream."""
    # Chunks change no result, and a stream that runs alone is quicker in large ones.
    chunk_ms = min(LONG_CHUNK_MS, job.config.server.window_ms)
    (heard,) = hear(model, [recording], replace(job, chunk_ms=chunk_ms))
    return len(words(heard))


def _vocabulary(model: LiveModel) -> frozenset[str]:
    """The words that the model can tell apart: its first head, without the blank and `unknown`."""
    return frozenset(next(iter(model.card.labels.values()))) - {"", UNKNOWN}

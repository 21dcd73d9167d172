"""`streamer lab latency --quick`: the networks that ship, on a small sample that ships too."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamer.config import Config
from streamer.errors import WrongCall
from streamer.evaluation.alignment import matched
from streamer.evaluation.entity_scores import tags_of
from streamer.evaluation.error_rates import error_counts
from streamer.evaluation.job import Job
from streamer.evaluation.recognition import hear, live_model, offline_model, read_whole
from streamer.evaluation.speech_sets import read_manifest
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.transcribed import Transcribed, from_stream, from_transcript
from streamer.evaluation.translation_scores import average_lagging
from streamer.evaluation.word_delays import settled, word_delays
from streamer.lab.latency import translation_task, word_tasks
from streamer.lab.latency.measure import Line, Point, Progress, bounds
from streamer.lab.latency.task import Error, Scored
from streamer.lab.latency.views import View
from streamer.lab.sample import FOLDER
from streamer.models.bundle.build import Model
from streamer.models.datasets.sentence_pairs import read_pairs
from streamer.models.datasets.tagged import read_conll
from streamer.offline.sentences import Sentences
from streamer.offline.translate import Translator
from streamer.server.loading import load_model

CHUNK_MS = 40
SETS = ("librispeech_8spk", "an4")


def quickly(config: Config, tasks: Sequence[str] | None, progress: Progress) -> list[Line]:
    """The lines of the tasks whose sample ships; ValueError for another."""
    made = {"captions": _captions, "entities": _entities, "translation": _translation}
    unknown = [task for task in tasks or () if task not in made]
    if unknown:
        # The sentences that summaries learn from aren't free to ship.
        raise WrongCall(f"no sample of {unknown[0]!r} ships; --quick has {', '.join(made)}")
    return [made[task](config, progress) for task in tasks or made]


def _captions(config: Config, progress: Progress) -> Line:
    files = [FOLDER / "speech" / name / "dev.manifest.jsonl" for name in SETS]
    recordings = [recording for file in files for recording in read_manifest(file).recordings()]
    job = Job(files[0], "captions-en", config, CHUNK_MS, lambda seconds: None)
    model = live_model(job, "captions")
    progress("captions, live")
    with Stopwatch() as watch:
        streams = hear(model, recordings, job)
    delays = [word_delays(heard.spoken or (), settled(heard)) for heard in streams]
    size = load_model(config, job.model)
    live = [from_stream(heard) for heard in streams]
    points = [_transcribed_point(f"live, {_millions(size)}", size, live, delays, watch)]

    progress("captions, offline")
    whole = offline_model(replace(job, model="captions-en-offline"))
    with Stopwatch() as watch:
        transcripts = read_whole(whole, recordings, job)
    offline = [from_transcript(*pair) for pair in zip(recordings, transcripts)]
    delays = [_to_the_end(each) for each in offline]
    view = f"offline, {_millions(whole.model)}"
    points.append(_transcribed_point(view, whole.model, offline, delays, watch))
    return Line("captions", "ms", "wrong words", points)


def _to_the_end(transcribed: Transcribed) -> list[float]:
    """Seconds from the end of each word that is matched to that of its recording."""
    spoken = transcribed.spoken or ()
    return [transcribed.seconds - spoken[place].end for place, _ in matched(spoken, transcribed.words)]


def _transcribed_point(
    view: str,
    model: Model,
    recordings: Sequence[Transcribed],
    delays: Sequence[list[float]],
    watch: Stopwatch,
) -> Point:
    scored = Scored(
        np.array([error_counts(each.reference, each.text) for each in recordings], float),
        np.array([1000 * sum(seconds) for seconds in delays]),
        np.array([len(seconds) for seconds in delays]),
        np.array([each.seconds / 3600 for each in recordings]),
    )
    return _point(view, model, scored, lambda counts: counts[0] / counts[1], watch)


def _entities(config: Config, progress: Progress) -> Line:
    sentences = read_conll(FOLDER / "entities.conll.gz")
    lengths = np.array([len(words) for words, _ in sentences])
    points: list[Point] = []
    for view, name, options, waits in (
        *((f"{k} ahead", "entities-en", {"lookahead": k}, k) for k in (0, 1, 2)),
        ("offline", "entities-en-offline", {}, int(lengths.max())),
    ):
        progress(f"entities, {view}")
        model = load_model(config, name)
        network = Sentences(model, options)
        with Stopwatch() as watch:
            finals = network.finals([words for words, _ in sentences])
        counts = [
            word_tasks.span_counts(tags_of(words, final.alternatives[0].words if final else ()), tags)
            for (words, tags), final in zip(sentences, finals)
        ]
        waited = np.array([View(view, waits).waits(length).sum() for length in lengths])
        hours = lengths / word_tasks.SPOKEN_WORDS_AN_HOUR
        scored = Scored(np.array(counts, float), waited, lengths, hours)
        points.append(_point(_sized(view, model, points), model, scored, word_tasks.span_error, watch))
    return Line("entities", "words", "1 - F1 of names", points)


def _translation(config: Config, progress: Progress) -> Line:
    pairs = read_pairs(FOLDER / "en-de.tsv.gz")
    sources = [source.split() for source, _ in pairs]
    lengths = np.array([len(source) for source in sources])
    points: list[Point] = []
    for view, name, options in (
        *((f"{k} behind", "translate-en-de", {"lookahead": k}) for k in (1, 3, 5, 9)),
        ("offline", "translate-en-de-offline", {}),
    ):
        progress(f"translation, {view}")
        model = load_model(config, name)
        translator = Translator(model, options)
        with Stopwatch() as watch:
            targets = translator.translate(sources)
        texts = [(target.text, reference) for target, (_, reference) in zip(targets, pairs)]
        counts = np.array([translation_task.bleu_counts(*pair) for pair in texts], float)
        lags = lengths.astype(float)
        if options:
            reads = [target.read for target in targets]
            lags = np.array([average_lagging(read, n) or n for read, n in zip(reads, lengths)], float)
        hours = lengths / word_tasks.SPOKEN_WORDS_AN_HOUR
        scored = Scored(counts, lags, np.ones(len(pairs)), hours)
        points.append(_point(_sized(view, model, points), model, scored, translation_task.bleu_error, watch))
    return Line("translation", "words", "1 - BLEU", points)


def _sized(view: str, model: Model, before: Sequence[Point]) -> str:
    """The view, with the network's size where it is the first of that network."""
    parameters = _parameters(model)
    return view if before and before[-1].parameters == parameters else f"{view}, {_millions(model)}"


def _millions(model: Model) -> str:
    return f"{_parameters(model) / 1e6:.1f} M weights"


def _parameters(model: Model) -> int:
    return sum(part.numel() for part in model.network.parameters())


def _point(view: str, model: Model, scored: Scored, error: Error, watch: Stopwatch) -> Point:
    mean, low, high = bounds(error, scored)
    delay = float(scored.waited.sum() / max(1.0, scored.outputs.sum()))
    seconds = watch.cpu_seconds / float(scored.amount.sum())
    reads_back = view.startswith("offline")
    return Point(view, reads_back, 0, _parameters(model), delay, mean, low, high, seconds)

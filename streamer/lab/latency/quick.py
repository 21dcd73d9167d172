"""`streamer lab latency --quick`: the networks that ship, on a small sample that ships too."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamer.config import Config
from streamer.errors import WrongCall
from streamer.evaluation.alignment import matched
from streamer.evaluation.captions import shown
from streamer.evaluation.entity_scores import tags_of
from streamer.evaluation.error_rates import error_counts
from streamer.evaluation.job import Job
from streamer.evaluation.manifests import read_manifest
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.transcribed import Said, live_said, offline_said
from streamer.evaluation.translation_scores import average_lagging
from streamer.evaluation.word_delays import Shown, word_delays
from streamer.lab.latency import translation_task, word_tasks
from streamer.lab.latency.measure import Line, Point, Progress, bounds
from streamer.lab.latency.task import Error, Scored
from streamer.lab.latency.views import View
from streamer.lab.sample import FOLDER
from streamer.models.bundle import catalog
from streamer.models.bundle.build import Model, load
from streamer.models.datasets.sentence_pairs import read_pairs
from streamer.models.datasets.tagged import read_conll
from streamer.offline.live_driver import Heard, hear, live_model
from streamer.offline.offline_driver import offline_model, read_whole
from streamer.offline.recordings import Recording
from streamer.offline.sentences import Sentences
from streamer.offline.translate import Translator

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
    recordings = [one for file in files for one in read_manifest(file).recordings()]
    job = Job(files[0], "captions-en", config, CHUNK_MS, lambda seconds: None)
    model = live_model(job, "captions")
    progress("captions, live")
    with Stopwatch() as watch:
        heard = hear(model, recordings, job)
    delays = [word_delays(one.spoken or (), settled(one)) for one in heard]
    size = load(catalog.find(job.model, config.folders()))
    points = [
        _heard_point(f"live, {_millions(size)}", size, [live_said(one) for one in heard], delays, watch)
    ]

    progress("captions, offline")
    whole = offline_model(replace(job, model="captions-en-offline"), "captions")
    with Stopwatch() as watch:
        transcripts = read_whole(whole, recordings, job)
    said = [offline_said(one, transcript) for one, transcript in zip(recordings, transcripts)]
    delays = [_to_the_end(recording, one) for recording, one in zip(recordings, said)]
    points.append(_heard_point(f"offline, {_millions(whole.model)}", whole.model, said, delays, watch))
    return Line("captions", "ms", "wrong words", points)


def settled(heard: Heard) -> list[Shown]:
    """What a stream showed, but only those words that never change again."""
    counts = [
        len(result.alternatives[0].text[: result.confirmed].split()) if result.kind == "partial" else None
        for result in heard.results
        if result.alternatives
    ]
    return [replace(one, words=one.words[:count]) for one, count in zip(shown(heard), counts)]


def _to_the_end(recording: Recording, said: Said) -> list[float]:
    """Seconds from the end of each word that was found to that of its recording."""
    spoken = recording.words or ()
    return [recording.seconds - spoken[place].end for place, _ in matched(spoken, said.words)]


def _heard_point(
    view: str, model: Model, said: Sequence[Said], delays: Sequence[list[float]], watch: Stopwatch
) -> Point:
    scored = Scored(
        np.array([error_counts(one.reference, one.text) for one in said], float),
        np.array([1000 * sum(some) for some in delays]),
        np.array([len(some) for some in delays]),
        np.array([one.seconds / 3600 for one in said]),
    )
    return _point(view, model, scored, lambda counts: counts[0] / counts[1], watch)


def _entities(config: Config, progress: Progress) -> Line:
    sentences = read_conll(FOLDER / "entities.conll.gz")
    lengths = np.array([len(some) for some, _ in sentences])
    points = []
    for view, name, options, waits in (
        *((f"{k} ahead", "entities-en", {"lookahead": k}, k) for k in (0, 1, 2)),
        ("offline", "entities-en-offline", {}, int(lengths.max())),
    ):
        progress(f"entities, {view}")
        model = load(catalog.find(name, config.folders()))
        network = Sentences(model, options)
        with Stopwatch() as watch:
            finals = network.finals([some for some, _ in sentences])
        counts = [
            word_tasks.span_counts(tags_of(some, final.alternatives[0].words if final else ()), tags)
            for (some, tags), final in zip(sentences, finals)
        ]
        waited = [View(view, waits).waits(length).sum() for length in lengths]
        scored = Scored(
            np.array(counts, float), np.array(waited), lengths, lengths / word_tasks.SPOKEN_WORDS_AN_HOUR
        )
        points.append(_point(_sized(view, model, points), model, scored, word_tasks.span_error, watch))
    return Line("entities", "words", "1 - F1 of names", points)


def _translation(config: Config, progress: Progress) -> Line:
    pairs = read_pairs(FOLDER / "en-de.tsv.gz")
    sources = [source.split() for source, _ in pairs]
    lengths = np.array([len(source) for source in sources])
    points = []
    for view, name, options in (
        *((f"{k} behind", "translate-en-de", {"lookahead": k}) for k in (1, 3, 5, 9)),
        ("offline", "translate-en-de-offline", {}),
    ):
        progress(f"translation, {view}")
        model = load(catalog.find(name, config.folders()))
        translator = Translator(model, options)
        with Stopwatch() as watch:
            told = translator.translate(sources)
        counts = [translation_task.bleu_counts(one.text, target) for one, (_, target) in zip(told, pairs)]
        lags = [average_lagging(one.read, n) or n for one, n in zip(told, lengths)] if options else lengths
        scored = Scored(
            np.array(counts, float),
            np.array(lags, float),
            np.ones(len(pairs)),
            lengths / word_tasks.SPOKEN_WORDS_AN_HOUR,
        )
        points.append(_point(_sized(view, model, points), model, scored, translation_task.bleu_error, watch))
    return Line("translation", "words", "1 - BLEU", points)


def _sized(view: str, model: Model, before: Sequence[Point]) -> str:
    """The view, with the network's size where it is the first of that network."""
    parameters = _parameters(model)
    return view if before and before[-1].parameters == parameters else f"{view}, {_millions(model)}"


def _millions(model: Model) -> str:
    return f"{_parameters(model) / 1e6:.1f} M weights"


def _parameters(model: Model) -> int:
    return sum(one.numel() for one in model.network.parameters())


def _point(view: str, model: Model, scored: Scored, error: Error, watch: Stopwatch) -> Point:
    found, low, high = bounds(error, scored)
    delay = float(scored.waited.sum() / max(1.0, scored.outputs.sum()))
    seconds = watch.cpu_seconds / float(scored.amount.sum())
    back = view.startswith("offline")
    return Point(view, back, 0, _parameters(model), delay, found, low, high, seconds)

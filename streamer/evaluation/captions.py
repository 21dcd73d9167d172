"""Evaluation of captions: error rates in both modes, delays of the live one."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial

from streamer.evaluation.delays import Shown, summarise, word_delays
from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.live_driver import Heard, hear, live_model
from streamer.evaluation.manifests import read_manifest
from streamer.evaluation.offline_driver import offline_model, read_whole
from streamer.evaluation.recordings import SpokenWord, join_to_length
from streamer.evaluation.scoring_captions import error_rates, plain
from streamer.evaluation.stopwatch import Stopwatch

JOINING_SILENCE_SECONDS = 0.5


def live(job: Job) -> Measured:
    """WER and CER pooled over the file, and the delay from a word's end to its first appearance."""
    manifest = read_manifest(job.path)
    model = live_model(job, "captions")
    with Stopwatch() as watch:
        heard = hear(model, manifest.recordings(), job)
    figures = _live_rates(heard) | delay_figures(heard)
    return Measured(len(heard), sum(h.seconds for h in heard), watch, figures)


def joined(job: Job, minutes: float) -> Measured:
    """WER of the file joined into recordings of `minutes`, each through one stream, beside the separate one.

    `times_monotone` says whether no word of a stream starts before the one in front of it.
    """
    separate = list(read_manifest(job.path).recordings())
    long = join_to_length(separate, minutes, JOINING_SILENCE_SECONDS)
    model = live_model(job, "captions")
    with Stopwatch() as watch:
        heard = hear(model, [*long, *separate], job)
    keys = {recording.key for recording in long}
    together = [h for h in heard if h.key in keys]
    apart = [h for h in heard if h.key not in keys]
    alone = _live_rates(apart)
    figures = {
        "joined_minutes": minutes,
        "recordings": len(long),
        **_live_rates(together),
        "separate_wer": alone["wer"],
        "separate_cer": alone["cer"],
        "times_monotone": all(times_monotone(h) for h in together),
        **delay_figures(together),
    }
    return Measured(len(separate), sum(h.seconds for h in heard), watch, figures)


def offline(job: Job) -> Measured:
    """WER and CER pooled over the file; a network that waits for the end has no delay to measure."""
    recordings = list(read_manifest(job.path).recordings())
    model = offline_model(job, "captions")
    with Stopwatch() as watch:
        transcripts = read_whole(model, recordings, job)
    figures = asdict(error_rates([r.text for r in recordings], [t.text for t in transcripts]))
    return Measured(len(recordings), sum(r.seconds for r in recordings), watch, figures)


TASK = Task(
    "captions",
    {"live": Mode("captions-en", live), "offline": Mode("captions-en-offline", offline)},
)


def joined_mode(minutes: float) -> Mode:
    """The live mode over recordings joined to `minutes`."""
    return Mode("captions-en", partial(joined, minutes=minutes))


def delay_figures(heard: Iterable[Heard]) -> Figures:
    """`delay_mean_ms` and `delay_p95_ms` over the words whose place is known, else None."""
    delays: list[float] = []
    for one in heard:
        delays += word_delays(one.spoken or (), shown(one))
    summary = summarise(delays)
    return {"delay_mean_ms": summary.mean_ms, "delay_p95_ms": summary.p95_ms}


def shown(heard: Heard) -> list[Shown]:
    """The partials and finals of a stream, as their best alternative was shown."""
    return [
        Shown(
            result.utterance,
            result.kind == "final",
            heard.heard_seconds(result),
            tuple(
                SpokenWord(plain(word.text), word.start / heard.rate_hz, word.end / heard.rate_hz)
                for word in result.alternatives[0].words
            ),
        )
        for result in heard.results
        if result.alternatives
    ]


def times_monotone(heard: Heard) -> bool:
    """Whether the finals' words start in the order in which they stand, and none ends before it starts."""
    words = [word for final in heard.finals for word in final.alternatives[0].words]
    ordered = all(one.start <= after.start for one, after in zip(words, words[1:]))
    return ordered and all(word.start <= word.end for word in words)


def _live_rates(heard: Sequence[Heard]) -> Figures:
    return asdict(error_rates([h.reference for h in heard], [h.text for h in heard]))

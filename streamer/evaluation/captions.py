"""Evaluation of captions: error rates in both modes, delays of the live one, long streams."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from streamer.evaluation import conditions, references
from streamer.evaluation.delays import Shown, summarise, word_delays
from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.live_driver import Heard, hear, live_model
from streamer.evaluation.manifests import read_manifest
from streamer.evaluation.memory import Growth
from streamer.evaluation.offline_driver import offline_model, read_whole
from streamer.evaluation.recordings import Recording, SpokenWord, join_to_length, looped
from streamer.evaluation.said import (
    Said,
    calibration_figures,
    figures,
    hot_word_figures,
    live_said,
    offline_said,
    rates,
)
from streamer.evaluation.scoring_captions import plain
from streamer.evaluation.stopwatch import Stopwatch
from streamer.writing import Writing
from streamer.wrong_call import WrongCall

JOINING_SILENCE_SECONDS = 0.5
LONGEST_MINUTES = 24 * 60.0  # a stream is joined before it is heard


@dataclass(frozen=True)
class Asked:
    """What is asked of an evaluation of captions beside its rates."""

    condition: str = "clean"
    noise: Path | None = None  # a manifest, for the condition of that name
    first: int | None = None  # how many recordings of the file; None: all
    joined: float | None = None  # minutes of a stream
    calibration: bool = False
    references: bool = False
    hot_words: tuple[str, ...] = ()

    @property
    def figures(self) -> Figures:
        return {"condition": self.condition}

    @property
    def writing(self) -> Writing:
        return Writing(raw=True, hot_words=self.hot_words)


PLAIN = Asked()


def live(job: Job, asked: Asked = PLAIN) -> Measured:
    """WER and CER pooled over the file, and the delay from a word's end to its first appearance."""
    recordings = _recordings(job, asked)
    model = live_model(job, "captions")
    with Stopwatch() as watch:
        heard = hear(model, recordings, job, asked.writing)
    found = asked.figures | _figures([live_said(one) for one in heard], asked) | delay_figures(heard)
    if asked.references:
        found |= references.pocketsphinx(recordings, watch.cpu_seconds, job.progress)
    return Measured(len(heard), sum(one.seconds for one in heard), watch, found)


def joined(job: Job, asked: Asked) -> Measured:
    """WER of the file joined into streams of `asked.joined` minutes, beside the separate one.

    A file that is shorter is repeated, and its separate recordings count as often as the stream has
    them. `times_monotone` says whether no word of a stream starts before the one in front of it.
    Memory is this process's, from the first minute of the streams on to their end: what it
    remembers of all results is in it.
    """
    separate = _recordings(job, asked)
    parts = looped(separate, asked.joined, JOINING_SILENCE_SECONDS)
    long = join_to_length(parts, asked.joined, JOINING_SILENCE_SECONDS)
    model, memory = live_model(job, "captions"), Growth()
    with Stopwatch() as watch:
        together = hear(model, long, job, asked.writing, memory)
        apart = hear(model, separate, job, asked.writing)
    by_key = {one.key: live_said(one) for one in apart}
    alone = rates([by_key[part.key] for part in parts])
    found = {
        **asked.figures,
        "joined_minutes": asked.joined,
        "recordings": len(long),
        **_figures([live_said(one) for one in together], asked),
        "separate_wer": alone["wer"],
        "separate_cer": alone["cer"],
        "memory_before_mb": round(memory.before / 1e6, 1),
        "memory_growth_percent": memory.percent,
        "times_monotone": all(times_monotone(one) for one in together),
        "false_full_stops_per_100_words": false_full_stops(together, parts),
        **delay_figures(together),
    }
    seconds = sum(one.seconds for one in (*together, *apart))
    return Measured(len(separate), seconds, watch, found)


def offline(job: Job, asked: Asked = PLAIN) -> Measured:
    """WER and CER pooled over the file; a network that waits for the end has no delay to measure."""
    recordings = _recordings(job, asked)
    model = offline_model(job, "captions", asked.writing)
    with Stopwatch() as watch:
        transcripts = read_whole(model, recordings, job)
    said = [offline_said(one, transcript) for one, transcript in zip(recordings, transcripts)]
    found = asked.figures | _figures(said, asked)
    if asked.references:
        found |= references.pocketsphinx(recordings, watch.cpu_seconds, job.progress)
    return Measured(len(recordings), sum(one.seconds for one in recordings), watch, found)


TASK = Task("captions", {"live": Mode("captions-en", live), "offline": Mode("captions-en-offline", offline)})


def captions_mode(name: str, asked: Asked) -> Mode:
    """The mode `name`, "live" or "offline", for what is asked. ValueError for what it can't do."""
    if asked.joined is not None:
        if name != "live" or asked.references:
            raise WrongCall("--joined MINUTES goes with mode live, without --references")
        if not 0 < asked.joined <= LONGEST_MINUTES:
            raise WrongCall(
                f"--joined {asked.joined:g}; give more than 0 and at most {LONGEST_MINUTES:g} minutes"
            )
        return Mode("captions-en", partial(joined, asked=asked))
    usual = TASK.modes[name]
    return Mode(usual.model, partial(usual.measure, asked=asked))


def delay_figures(heard: Iterable[Heard]) -> Figures:
    """`delay_mean_ms` and `delay_p95_ms` over the words whose place is known, else None."""
    delays: list[float] = []
    for one in heard:
        delays += word_delays(one.spoken or (), shown(one))
    summary = summarise(delays)
    return {"delay_mean_ms": summary.mean_ms, "delay_p95_ms": summary.p95_ms}


def false_full_stops(streams: Sequence[Heard], parts: Sequence[Recording]) -> float | None:
    """Utterances that end between two words of one recording, per 100 words; None where no times are known.

    `parts` are the recordings that the streams are joined from, one stream after another.
    """
    false, words, rest = 0, 0, iter(parts)
    for stream in streams:
        if stream.spoken is None:
            return None
        ends, seconds = [], 0.0
        while seconds < stream.seconds - JOINING_SILENCE_SECONDS:
            seconds += next(rest).seconds + JOINING_SILENCE_SECONDS
            ends.append(seconds)
        middles = [(word.start + word.end) / 2 for word in stream.spoken]
        recording = np.searchsorted(ends, middles)
        for final in stream.finals:
            ended = final.alternatives[0].words[-1].end / stream.rate_hz
            at = int(np.searchsorted(middles, ended))
            false += 0 < at < len(middles) and bool(recording[at - 1] == recording[at])
        words += len(middles)
    return round(100 * false / words, 2) if words else None


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


def _recordings(job: Job, asked: Asked) -> list[Recording]:
    """Those of the file that are asked for, as they are heard under the condition."""
    change = conditions.condition(asked.condition, asked.noise)
    return [change(one) for one in islice(read_manifest(job.path).recordings(), asked.first)]


def _figures(said: Sequence[Said], asked: Asked) -> Figures:
    found = figures(said)
    if asked.calibration:
        found |= calibration_figures(said)
    if asked.hot_words:
        found |= hot_word_figures(said, asked.hot_words)
    return found

"""Evaluation of captions: error rates in both modes, delays of the live one, long streams."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from streamer.errors import WrongCall
from streamer.evaluation import conditions
from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.pocketsphinx import pocketsphinx_figures
from streamer.evaluation.recognition import Heard, hear, live_model, offline_model, read_whole
from streamer.evaluation.recordings import Recording, join_to_length, looped
from streamer.evaluation.speech_sets import read_manifest
from streamer.evaluation.stopwatch import Stopwatch
from streamer.evaluation.transcribed import (
    Transcribed,
    calibration_figures,
    figures,
    from_stream,
    from_transcript,
    hot_word_figures,
    rates,
)
from streamer.evaluation.whisper import whisper_figures
from streamer.evaluation.word_delays import delay_figures
from streamer.offline.caption_options import CaptionOptions
from streamer.server.usage import resident_bytes

JOINING_SILENCE_SECONDS = 0.5
LONGEST_MINUTES = 24 * 60.0  # a stream is joined before it is heard
SETTLED_SECONDS = 60.0  # of input, after which a stream has all that it will need; between looks


@dataclass(frozen=True)
class CaptionsOptions:
    """What is asked of an evaluation of captions beside its rates."""

    condition: str = "clean"
    noise: Path | None = None  # a manifest, for the condition of that name
    first: int | None = None  # how many recordings of the file; None: all
    joined: float | None = None  # minutes of a stream
    calibration: bool = False
    references: bool = False
    hot_words: tuple[str, ...] = ()

    @property
    def writing(self) -> CaptionOptions:
        return CaptionOptions(raw=True, hot_words=self.hot_words)


PLAIN = CaptionsOptions()


def live(job: Job, options: CaptionsOptions = PLAIN) -> Measured:
    """WER and CER pooled over the file, and the delay from a word's end to its first appearance."""
    recordings = _recordings(job, options)
    model = live_model(job, "captions")
    with Stopwatch() as watch:
        streams = hear(model, recordings, job, options.writing)
    result = _figures([from_stream(heard) for heard in streams], options) | delay_figures(streams)
    return _measured(job, options, recordings, watch, result)


def offline(job: Job, options: CaptionsOptions = PLAIN) -> Measured:
    """WER and CER pooled over the file; a network that waits for the end has no delay to measure."""
    recordings = _recordings(job, options)
    model = offline_model(job, options.writing)
    with Stopwatch() as watch:
        transcripts = read_whole(model, recordings, job)
    result = _figures([from_transcript(*pair) for pair in zip(recordings, transcripts)], options)
    return _measured(job, options, recordings, watch, result)


def joined(job: Job, options: CaptionsOptions, minutes: float) -> Measured:
    """WER of the file joined into streams of `minutes`, beside the separate one.

    A file that is shorter is repeated, and its separate recordings count as often as the stream has
    them. `times_monotone` says whether no word of a stream starts before the one in front of it.
    Memory is this process's, from the first minute of the streams on to their end: all results,
    which it keeps, are in it.
    """
    separate = _recordings(job, options)
    parts = looped(separate, minutes, JOINING_SILENCE_SECONDS)
    long = join_to_length(parts, minutes, JOINING_SILENCE_SECONDS)
    model, memory = live_model(job, "captions"), Growth()
    with Stopwatch() as watch:
        together = hear(model, long, job, options.writing, memory)
        apart = hear(model, separate, job, options.writing)
    by_key = {heard.key: from_stream(heard) for heard in apart}
    alone = rates([by_key[part.key] for part in parts])
    result: Figures = {
        "condition": options.condition,
        "joined_minutes": minutes,
        "recordings": len(long),
        **_figures([from_stream(heard) for heard in together], options),
        "separate_wer": alone["wer"],
        "separate_cer": alone["cer"],
        "memory_before_mb": round(memory.before / 1e6, 1),
        "memory_growth_percent": memory.percent,
        "times_monotone": all(map(times_monotone, together)),
        "false_full_stops_per_100_words": false_full_stops(together, parts),
        **delay_figures(together),
    }
    seconds = sum(heard.seconds for heard in (*together, *apart))
    return Measured(len(separate), seconds, watch, result)


MODES = {"live": ("captions-en", live), "offline": ("captions-en-offline", offline)}
TASK = Task("captions", {name: Mode(*mode) for name, mode in MODES.items()})


def captions_mode(name: str, options: CaptionsOptions) -> Mode:
    """The mode `name`, "live" or "offline", for what is asked. ValueError for what it can't do."""
    if options.joined is not None:
        if name != "live" or options.references:
            raise WrongCall("--joined MINUTES goes with mode live, without --references")
        if not 0 < options.joined <= LONGEST_MINUTES:
            raise WrongCall(
                f"--joined {options.joined:g}; give more than 0 and at most {LONGEST_MINUTES:g} minutes"
            )
        return Mode("captions-en", partial(joined, options=options, minutes=options.joined))
    model, measure = MODES[name]
    return Mode(model, partial(measure, options=options))


class Growth:
    """How much memory this process takes more as a stream goes on.

    Called with the seconds of input done; keeps the resident set after the first minute and the latest.
    """

    def __init__(self) -> None:
        self.before = self.after = 0
        self._next = SETTLED_SECONDS

    def __call__(self, seconds: float) -> None:
        if seconds >= self._next:
            self._next = seconds + SETTLED_SECONDS
            self.after = resident_bytes(os.getpid())
            self.before = self.before or self.after

    @property
    def percent(self) -> float | None:
        """None where the input was shorter than two minutes."""
        return 100 * (self.after / self.before - 1) if self.before else None


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


def times_monotone(heard: Heard) -> bool:
    """Whether the finals' words start in the order in which they stand, and none ends before it starts."""
    words = [word for final in heard.finals for word in final.alternatives[0].words]
    ordered = all(word.start <= after.start for word, after in zip(words, words[1:]))
    return ordered and all(word.start <= word.end for word in words)


def _recordings(job: Job, options: CaptionsOptions) -> list[Recording]:
    """Those of the file that are asked for, as they sound under the condition."""
    change = conditions.condition(options.condition, options.noise)
    return [change(recording) for recording in islice(read_manifest(job.path).recordings(), options.first)]


def _figures(transcribed: Sequence[Transcribed], options: CaptionsOptions) -> Figures:
    result = figures(transcribed)
    if options.calibration:
        result |= calibration_figures(transcribed)
    if options.hot_words:
        result |= hot_word_figures(transcribed, options.hot_words)
    return result


def _measured(
    job: Job, options: CaptionsOptions, recordings: Sequence[Recording], watch: Stopwatch, result: Figures
) -> Measured:
    if options.references:
        result |= pocketsphinx_figures(recordings, watch.cpu_seconds, job.progress)
        result |= whisper_figures(recordings, job.config.engine.threads, job.progress)
    seconds = sum(recording.seconds for recording in recordings)
    return Measured(len(recordings), seconds, watch, {"condition": options.condition, **result})

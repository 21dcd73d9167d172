"""What was said in a recording and what was heard of it, whichever mode heard it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from operator import and_

import numpy as np

from streamer.evaluation.alignment import time_errors
from streamer.evaluation.calibration import reliability, right_words
from streamer.evaluation.command_scores import words_per_minute
from streamer.evaluation.error_rates import error_rates, plain
from streamer.evaluation.job import Figures
from streamer.offline.live_driver import Heard
from streamer.offline.recordings import Recording, SpokenWord
from streamer.offline.transcript import Transcript


@dataclass(frozen=True)
class Said:
    """A recording's reference, and the final words with their confidences; times are seconds."""

    reference: str
    spoken: tuple[SpokenWord, ...] | None
    seconds: float
    text: str
    words: tuple[SpokenWord, ...]
    confidences: tuple[float, ...]


def live_said(heard: Heard) -> Said:
    """Of a stream's finals."""
    words = [word for final in heard.finals for word in final.alternatives[0].words]
    return Said(
        heard.reference,
        heard.spoken,
        heard.seconds,
        heard.text,
        tuple(SpokenWord(plain(w.text), w.start / heard.rate_hz, w.end / heard.rate_hz) for w in words),
        tuple(word.confidence for word in words),
    )


def offline_said(recording: Recording, transcript: Transcript) -> Said:
    """Of a transcript."""
    words = [word for segment in transcript.segments for word in segment.words]
    return Said(
        recording.text,
        recording.words,
        recording.seconds,
        transcript.text,
        tuple(SpokenWord(plain(w.word), w.start, w.end) for w in words),
        tuple(word.confidence for word in words),
    )


def rates(said: Sequence[Said]) -> Figures:
    """`wer` and `cer`, pooled."""
    return asdict(error_rates([one.reference for one in said], [one.text for one in said]))


def figures(said: Sequence[Said]) -> Figures:
    """The rates, words heard where nothing was said, and how far the words' times are off."""
    errors = [error for one in said for error in time_errors(one.spoken or (), one.words)]
    empty = [one for one in said if not plain(one.reference)]
    false = sum(len(one.words) for one in empty)
    return {
        **rates(said),
        "false_words_per_minute": words_per_minute(false, sum(one.seconds for one in empty)),
        "word_time_error_median_ms": round(1000 * float(np.median(errors)), 1) if errors else None,
    }


def calibration_figures(said: Sequence[Said]) -> Figures:
    """`calibration_error` and the `reliability` that it is the mean distance of."""
    confidences, right = [], []
    for one in said:
        confidences += one.confidences
        right += right_words(plain(one.reference).split(), [word.text for word in one.words])
    found = reliability(confidences, right)
    return {"calibration_error": found.error, "reliability": found.table}


def hot_word_figures(said: Sequence[Said], hot_words: Sequence[str]) -> Figures:
    """How often the words of `hot_words` were said, were heard where they were said, and were written where not."""
    wanted = {word for phrase in hot_words for word in plain(phrase).split()}
    spoken = heard = written = 0
    for one in said:
        reference, words = plain(one.reference).split(), plain(one.text).split()
        hot = [word in wanted for word in words]
        spoken += sum(word in wanted for word in reference)
        heard += sum(map(and_, hot, right_words(reference, words)))
        written += sum(hot)
    return {"hot_words_said": spoken, "hot_words_heard": heard, "hot_words_false": written - heard}

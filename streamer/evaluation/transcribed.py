"""A recording's reference beside what a network made of it, in either mode, and the figures of many."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from operator import and_

import numpy as np

from streamer.evaluation.alignment import right_words, time_errors
from streamer.evaluation.calibration import reliability
from streamer.evaluation.command_scores import words_per_minute
from streamer.evaluation.error_rates import error_rates, plain
from streamer.evaluation.job import Figures
from streamer.evaluation.recognition import Heard
from streamer.evaluation.recordings import Recording, SpokenWord
from streamer.evaluation.word_delays import in_seconds
from streamer.offline.transcript import Transcript


@dataclass(frozen=True)
class Transcribed:
    """A recording's reference, and the final words with their confidences; times are seconds."""

    reference: str
    spoken: tuple[SpokenWord, ...] | None
    seconds: float
    text: str
    words: tuple[SpokenWord, ...]
    confidences: tuple[float, ...]


def from_stream(heard: Heard) -> Transcribed:
    """Of a stream's finals."""
    words = [word for final in heard.finals for word in final.alternatives[0].words]
    return Transcribed(
        heard.reference,
        heard.spoken,
        heard.seconds,
        heard.text,
        in_seconds(words, heard.rate_hz),
        tuple(word.confidence for word in words),
    )


def from_transcript(recording: Recording, transcript: Transcript) -> Transcribed:
    """Of a transcript."""
    words = [word for segment in transcript.segments for word in segment.words]
    return Transcribed(
        recording.text,
        recording.words,
        recording.seconds,
        transcript.text,
        tuple(SpokenWord(plain(word.word), word.start, word.end) for word in words),
        tuple(word.confidence for word in words),
    )


def rates(recordings: Sequence[Transcribed]) -> Figures:
    """`wer` and `cer`, pooled."""
    return asdict(error_rates([each.reference for each in recordings], [each.text for each in recordings]))


def figures(recordings: Sequence[Transcribed]) -> Figures:
    """The rates, words heard where nothing was said, and how far the words' times are off."""
    errors = [error for each in recordings for error in time_errors(each.spoken or (), each.words)]
    empty = [each for each in recordings if not plain(each.reference)]
    false = sum(len(each.words) for each in empty)
    return {
        **rates(recordings),
        "false_words_per_minute": words_per_minute(false, sum(each.seconds for each in empty)),
        "word_time_error_median_ms": round(1000 * float(np.median(errors)), 1) if errors else None,
    }


def calibration_figures(recordings: Sequence[Transcribed]) -> Figures:
    """`calibration_error` and the `reliability` that it is the mean distance of."""
    confidences: list[float] = []
    right: list[bool] = []
    for each in recordings:
        confidences += each.confidences
        right += right_words(plain(each.reference).split(), [word.text for word in each.words])
    result = reliability(confidences, right)
    return {"calibration_error": result.error, "reliability": result.table}


def hot_word_figures(recordings: Sequence[Transcribed], hot_words: Sequence[str]) -> Figures:
    """How often words of `hot_words` are said, are heard where they are said, and are written where not."""
    wanted = {word for phrase in hot_words for word in plain(phrase).split()}
    spoken = heard = written = 0
    for each in recordings:
        reference, words = plain(each.reference).split(), plain(each.text).split()
        hot = [word in wanted for word in words]
        spoken += sum(word in wanted for word in reference)
        heard += sum(map(and_, hot, right_words(reference, words)))
        written += sum(hot)
    return {"hot_words_said": spoken, "hot_words_heard": heard, "hot_words_false": written - heard}

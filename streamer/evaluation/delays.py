"""How long after its end a word is first shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from streamer.evaluation.recordings import SpokenWord


@dataclass(frozen=True)
class Shown:
    """One partial or final: the words of `utterance` as shown when `heard` seconds were needed."""

    utterance: int
    final: bool
    heard: float
    words: tuple[str, ...]


def word_delays(spoken: Sequence[SpokenWord], shown: Sequence[Shown]) -> list[float]:
    """Seconds from the end of each spoken word to its first appearance, for words found in the finals.

    Finals are aligned with the reference by edit distance. The n-th "the" of an utterance appears with
    the first partial or final that holds n of them and rests on input past the word's start.
    """
    finals = [(one.utterance, word) for one in shown if one.final for word in one.words]
    if not spoken or not finals:
        return []
    aligned = jiwer.process_words(
        " ".join(word.text for word in spoken), " ".join(word for _, word in finals)
    )
    nth = _occurrences(finals)
    delays = []
    for chunk in aligned.alignments[0]:
        if chunk.type != "equal":
            continue
        for reference, found in zip(
            range(chunk.ref_start_idx, chunk.ref_end_idx), range(chunk.hyp_start_idx, chunk.hyp_end_idx)
        ):
            utterance, word = finals[found]
            target = spoken[reference]
            heard = _first(shown, utterance, word, nth[found], target.start)
            delays.append(heard - target.end)
    return delays


def _occurrences(finals: list[tuple[int, str]]) -> list[int]:
    """How often each word has been said in its utterance up to here, itself included."""
    seen: Counter = Counter()
    nth = []
    for said in finals:
        seen[said] += 1
        nth.append(seen[said])
    return nth


def _first(shown: Sequence[Shown], utterance: int, word: str, count: int, after: float) -> float:
    final = 0.0
    for one in shown:
        if one.utterance == utterance and one.words.count(word) >= count:
            if one.heard >= after:
                return one.heard
            final = one.heard
    return final  # aligned with a word that is spoken later: shown before it was heard


@dataclass(frozen=True)
class Delays:
    """Milliseconds; None where no word's time is known."""

    mean_ms: float | None
    p95_ms: float | None


def summarise(delays: Sequence[float]) -> Delays:
    """The mean and the 95th percentile of delays in seconds."""
    if not delays:
        return Delays(None, None)
    milliseconds = 1000 * np.asarray(delays)
    return Delays(float(milliseconds.mean()), float(np.percentile(milliseconds, 95)))

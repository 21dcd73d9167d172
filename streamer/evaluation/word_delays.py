"""How long after its end a word is first shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamer.evaluation.alignment import matched
from streamer.offline.recordings import SpokenWord


@dataclass(frozen=True)
class Shown:
    """One partial or final: the words of `utterance` as shown when `heard` seconds were in."""

    utterance: int
    final: bool
    heard: float
    words: tuple[SpokenWord, ...]

    def count(self, text: str) -> int:
        """How often the word `text` stands in it."""
        return sum(word.text == text for word in self.words)


def word_delays(spoken: Sequence[SpokenWord], shown: Sequence[Shown]) -> list[float]:
    """Seconds from the end of each spoken word to its first appearance, for words found in the finals.

    Finals are aligned with the reference by edit distance, and by place. The n-th "the" of an
    utterance appears with the first partial or final that holds n of them and came after its start.
    """
    finals = [(one.utterance, word) for one in shown if one.final for word in one.words]
    nth = _occurrences(finals)
    delays = []
    for reference, found in matched(spoken, [word for _, word in finals]):
        (utterance, word), target = finals[found], spoken[reference]
        heard = _first(shown, utterance, word.text, nth[found], target.start)
        delays.append(heard - target.end)
    return delays


def _occurrences(finals: list[tuple[int, SpokenWord]]) -> list[int]:
    """How often each word has been said in its utterance up to here, itself included."""
    seen: Counter = Counter()
    nth = []
    for utterance, word in finals:
        seen[utterance, word.text] += 1
        nth.append(seen[utterance, word.text])
    return nth


def _first(shown: Sequence[Shown], utterance: int, text: str, count: int, after: float) -> float:
    """When the `count`-th `text` of an utterance came; its final holds it, so it came."""
    holding = [one for one in shown if one.utterance == utterance and one.count(text) >= count]
    return next((one.heard for one in holding if one.heard >= after), holding[-1].heard)


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

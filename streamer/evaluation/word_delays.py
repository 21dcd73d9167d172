"""What a live stream showed and when, and how long after its end a word is first shown."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamer import wire
from streamer.evaluation.alignment import matched
from streamer.evaluation.error_rates import plain
from streamer.evaluation.job import Figures
from streamer.evaluation.recognition import Heard
from streamer.evaluation.recordings import SpokenWord


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


def in_seconds(words: Iterable[wire.Word], rate_hz: float) -> tuple[SpokenWord, ...]:
    """Words whose positions count at `rate_hz`, in plain letters and seconds."""
    return tuple(SpokenWord(plain(word.text), word.start / rate_hz, word.end / rate_hz) for word in words)


def shown(heard: Heard) -> list[Shown]:
    """The partials and finals of a stream, as their best alternative was shown."""
    return [
        Shown(
            result.utterance,
            result.kind == "final",
            heard.heard_seconds(result),
            in_seconds(result.alternatives[0].words, heard.rate_hz),
        )
        for result in heard.results
        if result.alternatives
    ]


def settled(heard: Heard) -> list[Shown]:
    """What a stream showed, but only those words that never change again."""
    counts = [
        len(result.alternatives[0].text[: result.confirmed].split()) if result.kind == "partial" else None
        for result in heard.results
        if result.alternatives
    ]
    return [replace(result, words=result.words[:count]) for result, count in zip(shown(heard), counts)]


def word_delays(spoken: Sequence[SpokenWord], results: Sequence[Shown]) -> list[float]:
    """Seconds from the end of each spoken word to its first appearance, for words that stand in the finals.

    Finals are aligned with the reference by edit distance, and by place. The n-th "the" of an
    utterance appears with the first partial or final that holds n of them and came after its start.
    """
    finals = [(result.utterance, word) for result in results if result.final for word in result.words]
    nth = _occurrences(finals)
    delays = []
    for reference, place in matched(spoken, [word for _, word in finals]):
        (utterance, word), target = finals[place], spoken[reference]
        holding = [r for r in results if r.utterance == utterance and r.count(word.text) >= nth[place]]
        heard = next((r.heard for r in holding if r.heard >= target.start), holding[-1].heard)
        delays.append(heard - target.end)
    return delays


def _occurrences(finals: Sequence[tuple[int, SpokenWord]]) -> list[int]:
    """How often each word has stood in its utterance up to here, itself included."""
    seen: Counter[tuple[int, str]] = Counter()
    nth = []
    for utterance, word in finals:
        seen[utterance, word.text] += 1
        nth.append(seen[utterance, word.text])
    return nth


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


def delay_figures(streams: Iterable[Heard]) -> Figures:
    """`delay_mean_ms` and `delay_p95_ms` over the words whose place is known, else None."""
    delays: list[float] = []
    for heard in streams:
        delays += word_delays(heard.spoken or (), shown(heard))
    summary = summarise(delays)
    return {"delay_mean_ms": summary.mean_ms, "delay_p95_ms": summary.p95_ms}

"""`streamer lab latency --file`: one recording, live and offline, side by side on a time line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from streamer.config import Config
from streamer.evaluation.alignment import right_words
from streamer.evaluation.error_rates import plain
from streamer.evaluation.job import Job
from streamer.evaluation.recognition import hear, live_model, offline_model, read_whole
from streamer.evaluation.recordings import COMMON_RATE_HZ, Recording, SpokenWord
from streamer.evaluation.transcribed import from_transcript
from streamer.evaluation.word_delays import Shown, settled, shown
from streamer.lab.drawing import SHADES, figure, save
from streamer.sound.sound_file import read_mono

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHUNK_MS = 40
LONGEST_S = 40.0  # of a recording whose words still stand legibly side by side


@dataclass(frozen=True)
class LiveWord:
    """A final word, and the seconds of recording that were heard when it was shown and when it was settled.

    `before` are the other words that were shown in its place, with when they came.
    """

    word: SpokenWord
    shown: float
    settled: float
    before: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Timeline:
    """What both networks heard; `right` says of each word whether it was said, None where nobody knows."""

    seconds: float
    live: list[LiveWord]
    offline: list[SpokenWord]
    live_right: list[bool | None]
    offline_right: list[bool | None]


def both(config: Config, path: Path, text: str | None) -> Timeline:
    """`path` through captions-en and captions-en-offline; `text` is what was said, where it is known.

    ValueError for what isn't audio, and for a recording that is too long for a picture.
    """
    recording = Recording(path.name, text or "", *read_mono(path))
    if (seconds := recording.seconds) > LONGEST_S:
        raise ValueError(
            f"{path} lasts {seconds:.0f} s; a time line holds up to {LONGEST_S:.0f} s: give a part of it"
        )
    recording = recording.at(COMMON_RATE_HZ)
    job = Job(path, "captions-en", config, CHUNK_MS, lambda seconds: None)
    (heard,) = hear(live_model(job, "captions"), [recording], job)
    live = live_words(shown(heard), settled(heard))
    whole = offline_model(replace(job, model="captions-en-offline"))
    (transcript,) = read_whole(whole, [recording], job)
    offline = list(from_transcript(recording, transcript).words)
    live_right = right(text, [live_word.word.text for live_word in live])
    offline_right = right(text, [word.text for word in offline])
    return Timeline(recording.seconds, live, offline, live_right, offline_right)


def live_words(everything: Sequence[Shown], settled: Sequence[Shown]) -> list[LiveWord]:
    """The finals' words; what stood in a word's place before is what overlaps it the most."""
    words = []
    for final in (result for result in everything if result.final):
        utterance = [result for result in everything if result.utterance == final.utterance]
        settling = [result for result in settled if result.utterance == final.utterance]
        for place, word in enumerate(final.words):
            history: list[tuple[float, str]] = []
            for result in utterance:
                text = _overlapping(result.words, word)
                if text != (history[-1][1] if history else ""):
                    history.append((result.heard, text))
            settled_at = next((result.heard for result in settling if len(result.words) > place), final.heard)
            before = tuple((heard, text) for heard, text in history[:-1] if text)
            words.append(LiveWord(word, history[-1][0] if history else final.heard, settled_at, before))
    return words


def _overlap(first: SpokenWord, second: SpokenWord) -> float:
    """The seconds that two words share; below zero where they lie apart."""
    return min(first.end, second.end) - max(first.start, second.start)


def _overlapping(words: Sequence[SpokenWord], word: SpokenWord) -> str:
    """The word of `words` that shares the most time with `word`; "" where none does."""
    shares = [(_overlap(other, word), other.text) for other in words]
    share, text = max(shares, default=(0.0, ""))
    return text if share > 0 else ""


def right(text: str | None, words: Sequence[str]) -> list[bool | None]:
    """Of each word whether an alignment by edit distance finds it in `text`."""
    if text is None or not plain(text):
        return [None] * len(words)
    return [*right_words(plain(text).split(), words)]


def show(timeline: Timeline) -> None:
    """The live words with their times beside the offline network's, on standard output."""
    table = Table(title="seconds of the recording")
    for column in ("live", "said at", "shown", "sure", "shown before", "offline"):
        table.add_column(column, justify="right" if column in ("said at", "shown", "sure") else "left")
    for live, is_right in zip(timeline.live, timeline.live_right):
        word, other = live.word, _overlapping(timeline.offline, live.word)
        table.add_row(
            _marked(word.text, is_right),
            *(f"{seconds:.2f}" for seconds in (word.end, live.shown, live.settled)),
            ", ".join(f"{text} ({heard:.2f})" for heard, text in live.before),
            "" if other == word.text else other,
        )
    Console(width=110).print(table)
    delays = [(live.shown - live.word.end, live.settled - live.word.end) for live in timeline.live]
    if delays:
        seen, settled = np.median(np.array(delays), 0)
        print(
            f"live: half of the words are shown within {seen:.2f} s of their ends, "
            f"and sure within {settled:.2f} s"
        )
    print(f"offline: all {len(timeline.offline)} words at the recording's end, {timeline.seconds:.2f} s")


def _marked(text: str, is_right: bool | None) -> str:
    return f"{text} (wrong)" if is_right is False else text


def draw(timeline: Timeline, path: Path) -> None:
    """A row for each word: when it was said, shown and settled; what the offline network has at the end."""
    rows = _rows(timeline)
    made, (panel,) = figure(13, 1.4 + 0.23 * max(4, len(rows)))
    end, column = timeline.seconds, 1.14 * timeline.seconds  # space for what the last words were before
    for height, (live, live_right, other, other_right) in enumerate(rows):
        if live:
            word, level = live.word, [height, height]
            panel.plot([word.end, live.settled], level, color=SHADES[2], linewidth=0.8)
            panel.plot([word.start, word.end], level, color=SHADES[0], linewidth=5, solid_capstyle="butt")
            panel.plot([live.shown], [height], "|", color=SHADES[1], markersize=9, markeredgewidth=1.5)
            panel.plot([live.settled], [height], "o", color=SHADES[1], markersize=4)
            _text(panel, (word.start - 0.05, height), word.text, live_right, "right")
            if live.before:
                was = "was: " + ", ".join(text for _, text in live.before[-3:])
                panel.text(live.settled + 0.08, height, was, fontsize=7, color="#666666", va="center")
        if other:
            _text(panel, (column, height), other.text, other_right, "left")
    panel.axvline(end, ymax=0.98, color="black", linewidth=0.8, linestyle=":")
    panel.set_xlim(-0.6, column + 0.13 * end)
    panel.set_ylim(len(rows) - 0.3, -1.6)
    legend = "live: a bar where the word is said, | when it is shown as it stays, \u25cf when it is sure"
    for x, title in ((column, "offline, all at once"), (0, legend)):
        panel.text(x, -1, title, fontsize=9, fontweight="bold", va="center")
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    known = timeline.live_right[:1] != [None]
    panel.set_xlabel("seconds of the recording" + ("; bold words are wrong" if known else ""))
    save(made, path)


_Row = tuple[LiveWord | None, bool | None, SpokenWord | None, bool | None]


def _rows(timeline: Timeline) -> list[_Row]:
    """The live words in order, each beside the offline one that overlaps it the most; others alone."""
    left = list(zip(timeline.offline, timeline.offline_right))
    rows: list[tuple[float, _Row]] = []
    for live, is_right in zip(timeline.live, timeline.live_right):
        shares = [(_overlap(word, live.word), at) for at, (word, _) in enumerate(left)]
        share, at = max(shares, default=(0.0, 0))
        other, other_right = left.pop(at) if share > 0 else (None, None)
        rows.append((live.word.start, (live, is_right, other, other_right)))
    rows += [(word.start, (None, None, word, is_right)) for word, is_right in left]
    return [row for _, row in sorted(rows, key=lambda row: row[0])]


def _text(panel: "Axes", place: tuple[float, float], text: str, is_right: bool | None, side: str) -> None:
    colour, weight = (SHADES[1], "bold") if is_right is False else ("black", "normal")
    panel.text(*place, text, fontsize=9, va="center", ha=side, color=colour, fontweight=weight)

"""`streamer lab latency --file`: one recording, live and offline, side by side on a time line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import jiwer
import numpy as np
from rich.console import Console
from rich.table import Table

from streamer.config import Config
from streamer.evaluation.captions import shown
from streamer.evaluation.error_rates import plain
from streamer.evaluation.job import Job
from streamer.evaluation.word_delays import Shown
from streamer.lab.drawing import SHADES, figure, save
from streamer.lab.latency.quick import settled
from streamer.offline.live_driver import hear, live_model
from streamer.offline.offline_driver import offline_model, read_whole
from streamer.offline.recordings import COMMON_RATE_HZ, Recording, SpokenWord, read_sound

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHUNK_MS = 40
LONGEST_S = 40.0  # of a recording whose words still stand legibly side by side


@dataclass(frozen=True)
class LiveWord:
    """A final word, and the seconds of recording that were heard when it was shown and when it was sure.

    `before` are the other words that were shown in its place, with when they came.
    """

    word: SpokenWord
    shown: float
    sure: float
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

    ValueError for what is no audio, and for a recording that is too long for a picture.
    """
    recording = Recording(path.name, text or "", *read_sound(path))
    if (seconds := recording.seconds) > LONGEST_S:
        raise ValueError(
            f"{path} lasts {seconds:.0f} s; a time line holds up to {LONGEST_S:.0f} s: give a part of it"
        )
    recording = recording.at(COMMON_RATE_HZ)
    job = Job(path, "captions-en", config, CHUNK_MS, lambda seconds: None)
    (heard,) = hear(live_model(job, "captions"), [recording], job)
    live = live_words(shown(heard), settled(heard))
    whole = offline_model(replace(job, model="captions-en-offline"), "captions")
    (transcript,) = read_whole(whole, [recording], job)
    offline = [
        SpokenWord(plain(word.word), word.start, word.end)
        for segment in transcript.segments
        for word in segment.words
    ]
    live_right = right(text, [one.word.text for one in live])
    return Timeline(
        recording.seconds, live, offline, live_right, right(text, [word.text for word in offline])
    )


def live_words(everything: Sequence[Shown], sure: Sequence[Shown]) -> list[LiveWord]:
    """The finals' words; what stood in a word's place before is what overlaps it the most."""
    words = []
    for final in (one for one in everything if one.final):
        utterance = [one for one in everything if one.utterance == final.utterance]
        settling = [one for one in sure if one.utterance == final.utterance]
        for place, word in enumerate(final.words):
            history: list[tuple[float, str]] = []
            for one in utterance:
                text = _overlapping(one.words, word)
                if text != (history[-1][1] if history else ""):
                    history.append((one.heard, text))
            known = next((one.heard for one in settling if len(one.words) > place), final.heard)
            before = tuple((heard, text) for heard, text in history[:-1] if text)
            words.append(LiveWord(word, history[-1][0] if history else final.heard, known, before))
    return words


def _overlapping(words: Sequence[SpokenWord], word: SpokenWord) -> str:
    """The word of `words` that shares the most time with `word`; "" where none does."""
    shares = [(min(one.end, word.end) - max(one.start, word.start), one.text) for one in words]
    share, text = max(shares, default=(0.0, ""))
    return text if share > 0 else ""


def right(text: str | None, words: Sequence[str]) -> list[bool | None]:
    """Of each word whether an alignment by edit distance finds it in `text`."""
    if text is None or not plain(text) or not words:
        return [None] * len(words)
    found: list[bool | None] = [False] * len(words)
    for chunk in jiwer.process_words(plain(text), " ".join(words)).alignments[0]:
        if chunk.type == "equal":
            found[chunk.hyp_start_idx : chunk.hyp_end_idx] = [True] * (
                chunk.hyp_end_idx - chunk.hyp_start_idx
            )
    return found


def show(found: Timeline) -> None:
    """The live words with their times, and what the offline network has in their place, on standard output."""
    table = Table(title="seconds of the recording")
    for column in ("live", "said at", "shown", "sure", "shown before", "offline"):
        table.add_column(column, justify="right" if column in ("said at", "shown", "sure") else "left")
    for one, good in zip(found.live, found.live_right):
        other = _overlapping(found.offline, one.word)
        before = ", ".join(f"{text} ({heard:.2f})" for heard, text in one.before)
        table.add_row(
            _marked(one.word.text, good),
            f"{one.word.end:.2f}",
            f"{one.shown:.2f}",
            f"{one.sure:.2f}",
            before,
            "" if other == one.word.text else other,
        )
    Console(width=110).print(table)
    delays = [(one.shown - one.word.end, one.sure - one.word.end) for one in found.live]
    if delays:
        seen, sure = np.median(np.array(delays), 0)
        print(
            f"live: half of the words are shown within {seen:.2f} s of their ends, and sure within {sure:.2f} s"
        )
    print(f"offline: all {len(found.offline)} words at the recording's end, {found.seconds:.2f} s")


def _marked(text: str, good: bool | None) -> str:
    return text if good in (True, None) else f"{text} (wrong)"


def draw(found: Timeline, path: Path) -> None:
    """A row for each word: where it was said, what was shown for it and when, when it was sure; offline at the end."""
    rows = _rows(found)
    made, (panel,) = figure(13, 1.4 + 0.23 * max(4, len(rows)))
    end, column = found.seconds, 1.14 * found.seconds  # room for what the last words were before
    for height, (one, live_right, other, other_right) in enumerate(rows):
        if one:
            word = one.word
            panel.plot([word.end, one.sure], [height, height], color=SHADES[2], linewidth=0.8)
            panel.plot(
                [word.start, word.end], [height, height], color=SHADES[0], linewidth=5, solid_capstyle="butt"
            )
            panel.plot([one.shown], [height], "|", color=SHADES[1], markersize=9, markeredgewidth=1.5)
            panel.plot([one.sure], [height], "o", color=SHADES[1], markersize=4)
            _text(panel, word.start - 0.05, height, word.text, live_right, "right")
            if one.before:
                told = ", ".join(text for _, text in one.before[-3:])
                panel.text(one.sure + 0.08, height, f"was: {told}", fontsize=7, color="#666666", va="center")
        if other:
            _text(panel, column, height, other.text, other_right, "left")
    panel.axvline(end, ymax=0.98, color="black", linewidth=0.8, linestyle=":")
    panel.set_xlim(-0.6, column + 0.13 * end)
    panel.set_ylim(len(rows) - 0.3, -1.6)
    panel.text(column, -1, "offline, all at once", fontsize=9, fontweight="bold", va="center")
    panel.text(
        0,
        -1,
        "live: a bar where the word is said, | when it is shown as it stays, \u25cf when it is sure",
        fontsize=9,
        fontweight="bold",
        va="center",
    )
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    known = found.live_right[:1] != [None]
    panel.set_xlabel("seconds of the recording" + ("; bold words are wrong" if known else ""))
    save(made, path)


_Row = tuple[LiveWord | None, bool | None, SpokenWord | None, bool | None]


def _rows(found: Timeline) -> list[_Row]:
    """The live words in order, each beside the offline one that overlaps it the most; others by themselves."""
    left = list(zip(found.offline, found.offline_right))
    rows: list[tuple[float, _Row]] = []
    for one, good in zip(found.live, found.live_right):
        shares = [
            (min(w.end, one.word.end) - max(w.start, one.word.start), at) for at, (w, _) in enumerate(left)
        ]
        share, at = max(shares, default=(0.0, 0))
        other, other_right = left.pop(at) if share > 0 else (None, None)
        rows.append((one.word.start, (one, good, other, other_right)))
    rows += [(word.start, (None, None, word, good)) for word, good in left]
    return [row for _, row in sorted(rows, key=lambda row: row[0])]


def _text(panel: "Axes", x: float, height: float, text: str, good: bool | None, side: str) -> None:
    wrong = good is False
    panel.text(
        x,
        height,
        text,
        fontsize=9,
        va="center",
        ha=side,
        color=SHADES[1] if wrong else "black",
        fontweight="bold" if wrong else "normal",
    )

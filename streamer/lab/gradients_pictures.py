"""The pictures of `streamer lab gradients`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from streamer.lab.agreement_scores import Score
from streamer.lab.drawing import (
    COLOURS,
    MARKS,
    NAMES,
    SHADES,
    draw_cell,
    figure,
    in_percent,
    label_ends,
    save,
)
from streamer.lab.exploding import CLIP
from streamer.lab.gradients import DISTANCES, Findings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = 1e-7  # the least that a picture shows


def draw(findings: Findings, folder: Path) -> list[Path]:
    """All pictures of these findings; that of the training where there was one."""
    drawn = {"gradients": _reach, "exploding": _exploding, "attractors": _attractors}
    if findings.courses:
        drawn["training"] = _training
    paths = []
    for name, make in drawn.items():
        paths.append(folder / f"gradients-{name}.png" if name != "gradients" else folder / "gradients.png")
        save(make(findings), paths[-1])
    return paths


def _reach(findings: Findings) -> "Figure":
    made, axes = figure(10, 4.2, columns=2)
    for panel, title, reaches in zip(axes, ("untrained", "trained"), (findings.untrained, findings.trained)):
        ends = []
        for cell, reach in reaches.items():
            x, colour = reach.distance, COLOURS[cell]
            ends.append(draw_cell(panel, cell, x, reach.median, markersize=4))
            panel.fill_between(x, reach.low, reach.high, color=colour, alpha=0.15, linewidth=0)
        panel.set_yscale("log")
        panel.set_ylim(FLOOR, 3)
        panel.set_xlim(0, max(DISTANCES) * 1.16)
        panel.set_xticks(range(0, max(DISTANCES) + 1, 4))
        panel.set_title(title)
        panel.set_xlabel("distance t - k, words")
        label_ends(panel, ends)
    axes[0].set_ylabel("share of the gradient that is left\n|dL/da_k| / |dL/da_t|, median and quartiles")
    return made


def _exploding(findings: Findings) -> "Figure":
    made, (left, right) = figure(10, 4.2, columns=2)
    ends, explosions = [], findings.exploding
    for shade, explosion in zip(SHADES, explosions):
        distance, median = explosion.reach.distance, explosion.reach.median
        left.plot(distance, median, color=shade)
        ends.append((f"radius {explosion.radius:g}", distance[-1], median[-1], shade))
    left.set_yscale("log")
    left.set_xlim(0, max(DISTANCES) * 1.3)
    left.set_xlabel("distance t - k, words")
    left.set_xticks(range(0, max(DISTANCES) + 1, 4))
    left.set_ylabel("share of the gradient that is left")
    left.set_title("an untrained RNN, by the spectral radius\nof its recurrent matrix")
    label_ends(left, ends)
    places = np.arange(len(explosions))
    for shift, shade, norms in (
        (-0.2, SHADES[2], [explosion.norm for explosion in explosions]),
        (0.2, SHADES[0], [explosion.clipped for explosion in explosions]),
    ):
        right.bar(places + shift, norms, 0.38, color=shade)
        for place, norm in zip(places, norms):
            right.text(place + shift, norm * 1.1, f"{norm:.3g}", ha="center", fontsize=9)
    right.axhline(CLIP, color="black", linewidth=0.8, linestyle=":")
    right.text(-0.55, CLIP * 1.12, f"clipped to {CLIP:g}", fontsize=9, va="bottom")
    right.set_yscale("log")
    right.set_xticks(places, [f"{explosion.radius:g}" for explosion in explosions])
    right.set_xlabel("spectral radius")
    right.set_ylabel("norm of the gradient of all parameters")
    right.set_title("light: as it comes; dark: clipped")
    return made


def _attractors(findings: Findings) -> "Figure":
    made, axes = figure(11, 7.6, rows=2, columns=2)
    panels = (
        ("attractors", "made by rule: nouns of the other number in between", "attractors"),
        ("agreeing", "made by rule: nouns of the subject's own number in between", "nouns in between"),
        ("fillers", "made by rule: adverbials without a noun in between", "adverbials in between"),
        ("distance", "dev sentences, by the words from subject to verb", "words, the most of each class"),
    )
    for panel, (group, title, across) in zip(axes, panels):
        scores = [score for score in findings.scores if score.group == group]
        _lines(panel, scores)
        if group == "attractors":
            _real(panel, next(score for score in findings.scores if score.group == "dev" and score.at == 1))
        panel.set_title(title, fontsize=10)
        panel.set_xlabel(across)
        if group == "distance":
            panel.set_xticks([score.at for score in scores], [_short(score) for score in scores], fontsize=8)
    for panel in axes[::2]:
        panel.set_ylabel("verbs' numbers given right, %")
    seeds = f" and {findings.seeds} seeds" if findings.seeds > 1 else ""
    bars = f"bars: 95 % bootstrap intervals over sentences{seeds}"
    made.suptitle(f"Does the network still know the subject's number? ({bars})", fontsize=11)
    return made


def _lines(axes: "Axes", scores: Sequence[Score]) -> None:
    ends, places = [], np.array([score.at for score in scores], float)
    for shift, (cell, colour) in zip((-1, 0, 1), COLOURS.items()):
        means, bars = in_percent([score.accuracy[cell] for score in scores])
        x = places + shift * 0.012 * (places[-1] - places[0])
        axes.errorbar(x, means, bars, color=colour, marker=MARKS[cell], markersize=5, capsize=2.5)
        ends.append((NAMES[cell], x[-1], means[-1], colour))
    axes.set_ylim(min(40, *(100 * score.accuracy[cell].low - 3 for score in scores for cell in COLOURS)), 102)
    axes.set_xlim(places[0] - 0.04 * places[-1], places[-1] * 1.17)
    axes.set_xticks(places)
    axes.axhline(50, color="black", linewidth=0.6, linestyle=":")
    label_ends(axes, ends)


def _real(axes: "Axes", score: Score) -> None:
    """Beside those made by rule, hollow: dev sentences with one attractor."""
    for cell, accuracy in score.accuracy.items():
        mark, colour, mean = MARKS[cell], COLOURS[cell], 100 * accuracy.mean
        axes.plot([1.25], [mean], mark, markersize=7, color=colour, markerfacecolor="white")
    axes.text(1.33, 100 * score.accuracy["rnn"].mean, "hollow: dev sentences", fontsize=8, va="center")


def _short(score: Score) -> str:
    name = score.name.replace(" words", "").replace(" to ", "-").replace("next word", "1")
    return f"{name}\n({score.rows})"


def _training(findings: Findings) -> "Figure":
    made, (left, right) = figure(10, 4.2, columns=2)
    for axes in (left, right):
        ends = []
        for cell in COLOURS:
            courses = [course for course in findings.courses if course.cell == cell]
            updates = courses[0].updates
            lines = np.array([course.left[16] if axes is left else course.natural for course in courses])
            for line in lines:
                axes.plot(updates, line, color=COLOURS[cell], linewidth=0.8, alpha=0.6)
            mean = np.exp(np.log(np.maximum(lines, FLOOR)).mean(0)).tolist()
            ends.append(draw_cell(axes, cell, updates, mean, linewidth=2, markersize=4))
        axes.set_xlabel("updates of the weights")
        axes.set_xlim(0, updates[-1] * 1.13)
        if axes is left:
            axes.set_yscale("log")
        label_ends(axes, ends)
    left.set_ylabel("share of the gradient left after 16 words, median")
    right.set_ylabel("accuracy on dev, natural mixture")
    made.suptitle("Through training (thin: one seed each; thick: their geometric mean)", fontsize=11)
    return made

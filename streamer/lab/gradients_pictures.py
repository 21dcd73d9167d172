"""The pictures of `streamer lab gradients`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamer.lab.agreement_scores import Score
from streamer.lab.drawing import COLOURS, MARKS, NAMES, SHADES, figure, label_ends, save
from streamer.lab.exploding import CLIP
from streamer.lab.gradients import Findings
from streamer.lab.watching import DISTANCES

FLOOR = 1e-7  # what a picture shows at most below


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


def _reach(findings: Findings):
    made, axes = figure(10, 4.2, columns=2)
    for one, title, reaches in zip(axes, ("untrained", "trained"), (findings.untrained, findings.trained)):
        ends = []
        for cell, reach in reaches.items():
            one.plot(reach.distance, reach.median, color=COLOURS[cell], marker=MARKS[cell], markersize=4)
            one.fill_between(
                reach.distance, reach.low, reach.high, color=COLOURS[cell], alpha=0.15, linewidth=0
            )
            ends.append((NAMES[cell], reach.distance[-1], reach.median[-1], COLOURS[cell]))
        one.set_yscale("log")
        one.set_ylim(FLOOR, 3)
        one.set_xlim(0, max(DISTANCES) * 1.16)
        one.set_xticks(range(0, max(DISTANCES) + 1, 4))
        one.set_title(title)
        one.set_xlabel("distance t - k, words")
        label_ends(one, ends)
    axes[0].set_ylabel("share of the gradient that is left\n|dL/da_k| / |dL/da_t|, median and quartiles")
    return made


def _exploding(findings: Findings):
    made, (left, right) = figure(10, 4.2, columns=2)
    ends = []
    for shade, one in zip(SHADES, findings.exploding):
        left.plot(one.reach.distance, one.reach.median, color=shade)
        ends.append((f"radius {one.radius:g}", one.reach.distance[-1], one.reach.median[-1], shade))
    left.set_yscale("log")
    left.set_xlim(0, max(DISTANCES) * 1.3)
    left.set_xlabel("distance t - k, words")
    left.set_xticks(range(0, max(DISTANCES) + 1, 4))
    left.set_ylabel("share of the gradient that is left")
    left.set_title("an untrained RNN, by the spectral radius\nof its recurrent matrix")
    label_ends(left, ends)
    places = np.arange(len(findings.exploding))
    right.bar(places - 0.2, [one.norm for one in findings.exploding], 0.38, color=SHADES[2])
    right.bar(places + 0.2, [one.clipped for one in findings.exploding], 0.38, color=SHADES[0])
    for place, one in zip(places, findings.exploding):
        right.text(place - 0.2, one.norm * 1.1, f"{one.norm:.3g}", ha="center", fontsize=9)
        right.text(place + 0.2, one.clipped * 1.1, f"{one.clipped:.3g}", ha="center", fontsize=9)
    right.axhline(CLIP, color="black", linewidth=0.8, linestyle=":")
    right.text(-0.55, CLIP * 1.12, f"clipped to {CLIP:g}", fontsize=9, va="bottom")
    right.set_yscale("log")
    right.set_xticks(places, [f"{one.radius:g}" for one in findings.exploding])
    right.set_xlabel("spectral radius")
    right.set_ylabel("norm of the gradient of all parameters")
    right.set_title("light: as it comes; dark: clipped")
    return made


def _attractors(findings: Findings):
    made, axes = figure(11, 7.6, rows=2, columns=2)
    panels = (
        ("attractors", "made by rule: nouns of the other number in between", "attractors"),
        ("agreeing", "made by rule: nouns of the subject's own number in between", "nouns in between"),
        ("fillers", "made by rule: adverbials without a noun in between", "adverbials in between"),
        ("distance", "dev sentences, by the words from subject to verb", "words, the most of each class"),
    )
    for one, (group, title, across) in zip(axes, panels):
        some = [score for score in findings.scores if score.group == group]
        _lines(one, some)
        if group == "attractors":
            _real(one, next(score for score in findings.scores if score.group == "dev" and score.at == 1))
        one.set_title(title, fontsize=10)
        one.set_xlabel(across)
        if group == "distance":
            one.set_xticks([score.at for score in some], [_short(score) for score in some], fontsize=8)
    for one in axes[::2]:
        one.set_ylabel("verbs' numbers told right, %")
    bars = "bars: 95 % bootstrap intervals over sentences" + (
        f" and {findings.seeds} seeds" if findings.seeds > 1 else ""
    )
    made.suptitle(f"Does the network still know the subject's number? ({bars})", fontsize=11)
    return made


def _lines(axes, some: Sequence[Score]) -> None:
    ends, places = [], np.array([score.at for score in some], float)
    for shift, cell in zip((-1, 0, 1), COLOURS):
        found = [score.accuracy[cell] for score in some]
        means = np.array([100 * one.mean for one in found])
        bars = [means - [100 * one.low for one in found], [100 * one.high for one in found] - means]
        spread = places + shift * 0.012 * (places[-1] - places[0])
        axes.errorbar(
            spread,
            means,
            np.maximum(bars, 0),
            color=COLOURS[cell],
            marker=MARKS[cell],
            markersize=5,
            capsize=2.5,
        )
        ends.append((NAMES[cell], spread[-1], means[-1], COLOURS[cell]))
    axes.set_ylim(min(40, *(100 * score.accuracy[cell].low - 3 for score in some for cell in COLOURS)), 102)
    axes.set_xlim(places[0] - 0.04 * places[-1], places[-1] * 1.17)
    axes.set_xticks(places)
    axes.axhline(50, color="black", linewidth=0.6, linestyle=":")
    label_ends(axes, ends)


def _real(axes, score: Score) -> None:
    """Beside those made by rule, hollow: dev sentences with one attractor."""
    for cell, one in score.accuracy.items():
        axes.plot(
            [1.25], [100 * one.mean], MARKS[cell], markersize=7, color=COLOURS[cell], markerfacecolor="white"
        )
    axes.text(1.33, 100 * score.accuracy["rnn"].mean, "hollow: dev sentences", fontsize=8, va="center")


def _short(score: Score) -> str:
    return (
        f"{score.name.replace(' words', '').replace(' to ', '-').replace('next word', '1')}\n({score.rows})"
    )


def _training(findings: Findings):
    made, (left, right) = figure(10, 4.2, columns=2)
    for axes in (left, right):
        ends = []
        for cell in COLOURS:
            some = [course for course in findings.courses if course.cell == cell]
            lines = np.array([course.left[16] if axes is left else course.natural for course in some])
            for line in lines:
                axes.plot(some[0].updates, line, color=COLOURS[cell], linewidth=0.8, alpha=0.6)
            mean = np.exp(np.log(np.maximum(lines, FLOOR)).mean(0))
            axes.plot(
                some[0].updates, mean, color=COLOURS[cell], linewidth=2, marker=MARKS[cell], markersize=4
            )
            ends.append((NAMES[cell], some[0].updates[-1], mean[-1], COLOURS[cell]))
        axes.set_xlabel("updates of the weights")
        axes.set_xlim(0, some[0].updates[-1] * 1.13)
        if axes is left:
            axes.set_yscale("log")
        label_ends(axes, ends)
    left.set_ylabel("share of the gradient left after 16 words, median")
    right.set_ylabel("accuracy on dev, natural mixture")
    made.suptitle("Through training (thin: one seed each; thick: their geometric mean)", fontsize=11)
    return made

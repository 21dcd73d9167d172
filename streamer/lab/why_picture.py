"""The picture of `streamer lab why`."""

from pathlib import Path

import numpy as np

from streamer.lab.drawing import NAMES, SHADES, figure, in_percent, label_ends, save
from streamer.lab.why import GROUPS, SEEN, TIMED_EPOCHS, Why
from streamer.lab.why_networks import PADDED

MARKS = ("o", "s", "^")
PLACES = (
    "short\nsentences",
    f"long ones,\nwords 1-{SEEN}",
    f"words {SEEN + 1}-{PADDED}:\nnot seen",
    f"past {PADDED}:\ncut off by\nthe padding",
)


def draw(why: Why, path: Path) -> None:
    """Accuracy by position, then weights and seconds."""
    made, (left, middle, right) = figure(12, 4.2, columns=3)
    names = [NAMES.get(name, name) for name in why.kinds]
    ends, places = [], np.arange(len(GROUPS))
    for shift, shade, mark, name, kind in zip((-0.04, 0, 0.04), SHADES, MARKS, names, why.kinds.values()):
        means, bars = in_percent([kind.accuracy[group] for group in GROUPS])
        left.errorbar(places + shift, means, bars, color=shade, marker=mark, markersize=5, capsize=2.5)
        ends.append((name, places[-1] + shift, means[-1], shade))
    left.plot([-0.2, places[-1]], [50, 50], color="black", linewidth=0.7, linestyle=":")
    left.set_xticks(places, PLACES, fontsize=8)
    left.set_xlim(-0.2, 4.5)
    left.set_ylim(45, 100)
    left.set_ylabel("balanced accuracy of names, %; 50 is a guess")
    left.set_title("words of dev sentences\n95 % intervals over words and 3 seeds", fontsize=10)
    label_ends(left, ends)
    weights = [kind.cost.parameters for kind in why.kinds.values()]
    middle.bar(names, weights, color=SHADES[: len(names)])
    for at, (kind, count) in enumerate(zip(why.kinds.values(), weights)):
        note = f"{count:,}\n{kind.padding:.0%} of its work\nis on padding"
        middle.text(at, count, note, ha="center", va="bottom", fontsize=8.5)
    middle.set_ylim(0, max(weights) * 1.22)
    middle.set_yticks([])
    middle.spines["left"].set_visible(False)
    middle.set_title("weights without the words' vectors", fontsize=10)
    depths = list(why.seconds)
    right.plot(depths, list(why.seconds.values()), color=SHADES[2], marker="^")
    for depth, seconds in why.seconds.items():
        right.text(depth, seconds, f" {seconds:.2f} s", ha="left", va="top", fontsize=9)
    right.set_xticks(depths)
    right.set_xlim(0.8, max(depths) + 0.5)
    right.set_ylim(0, max(why.seconds.values()) * 1.15)
    right.set_xlabel("layers of the RNN")
    right.set_ylabel(f"seconds for {TIMED_EPOCHS} epochs, one thread")
    right.set_title("training by depth", fontsize=10)
    save(made, path)

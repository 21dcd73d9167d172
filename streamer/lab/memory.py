"""`streamer lab memory`: a language model of each cell says "was" or "were" behind a filler that grows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from streamer.errors import WrongCall
from streamer.lab.drawing import COLOURS, MARKS, NAMES, figure, label_ends, save
from streamer.lab.unrolled import encoded
from streamer.models.bundle.build import Model
from streamer.models.datasets.agreement_rows import Row
from streamer.models.feeders.encoders import reading
from streamer.models.text.words import WordsEncoder, split_words
from streamer.models.training.text.agreement_recipes import CELLS

TEXTS = ("the cat, which already ate ..., was full", "the cats, which already ate ..., were full")
VERBS = ("was", "were")
GAPS = ("...", "…")
# The filler, one phrase more at a time. Its nouns are singular: harmless to a cat, attractors to cats.
PHRASES = (
    "the bread",
    "with great pleasure",
    "in the kitchen",
    "of the house",
    "at the end",
    "of the day",
    "near the old door",
    "in the morning",
    "after the rain",
)


@dataclass(frozen=True)
class Said:
    """What the language model of a cell says at the verb behind a filler of `words` words."""

    cell: str
    words: int
    was: float  # P(was), of all words
    were: float
    singular: float  # what the verdict beside it gives the singular

    def right(self, verb: str) -> float:
        """The share of the right form: of 1/2 the network knows nothing."""
        return (self.was if verb == "was" else self.were) / max(self.was + self.were, 1e-12)


@dataclass(frozen=True)
class Remembered:
    """A text, its verb, and what each cell says for each filler."""

    text: str
    verb: str
    said: list[Said]


def remember(models: Mapping[str, Model], text: str) -> Remembered:
    """What the network of each cell says, as the gap "..." of `text` fills. ValueError for a text without one."""
    before, verb, until = _parted(text)
    said = []
    for cell, model in models.items():
        encoder = reading(model.card, model.folder).encoder
        for filler in _fillers():
            was, were, singular = _at_the_end(model, encoder, [*before, *filler, *until])
            said.append(Said(cell, len(filler), was, were, singular))
    return Remembered(text, verb, said)


def show(found: Sequence[Remembered], models: Mapping[str, Model]) -> None:
    """A table for each text, on standard output."""
    for one in found:
        table = Table("words of filler", *(NAMES[cell] for cell in CELLS), title=one.text)
        by_cell = {cell: [said for said in one.said if said.cell == cell] for cell in CELLS}
        for row in zip(*by_cell.values()):
            cells = (f"{said.right(one.verb):.2f}  ({said.was:.3f}, {said.were:.3f})" for said in row)
            table.add_row(str(row[0].words), *cells)
        Console(width=100).print(table)
    print("The share of the right form of the two, and P(was), P(were) among all words; 0.5 is a guess.")
    known = (
        (NAMES[cell], models[cell].card.scores.get("ner_gmb_dev", {}).get("perplexity")) for cell in CELLS
    )
    print("Perplexity on news: " + ", ".join(f"{name} {value}" for name, value in known if value is not None))


def write(found: Sequence[Remembered], folder: Path) -> Path:
    """`folder`/memory.json."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "memory.json"
    whole = json.loads(
        json.dumps([asdict(one) for one in found]), parse_float=lambda text: float(f"{float(text):.4g}")
    )
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return path


def draw(found: Sequence[Remembered], path: Path) -> None:
    """The share of the right form against the filler's words, a panel for each text."""
    made, axes = figure(5.4 * len(found), 3.9, columns=len(found))
    for one, panel in zip(axes, found):
        ends = []
        for cell in CELLS:
            some = [said for said in panel.said if said.cell == cell]
            shares = [said.right(panel.verb) for said in some]
            one.plot(
                [said.words for said in some], shares, color=COLOURS[cell], marker=MARKS[cell], markersize=5
            )
            ends.append((NAMES[cell], some[-1].words, shares[-1], COLOURS[cell]))
        one.axhline(0.5, color="black", linewidth=0.7, linestyle=":")
        one.text(0, 0.51, "a guess", fontsize=8, va="bottom")
        one.set_ylim(-0.03, 1.05)
        one.set_xlim(-0.5, some[-1].words * 1.16)
        one.set_title(panel.text, fontsize=10)
        one.set_xlabel("words in place of the dots")
        other = VERBS[panel.verb == "was"]
        one.set_ylabel(f"P({panel.verb}) / (P({panel.verb}) + P({other}))")
        label_ends(one, ends)
    save(made, path)


def _parted(text: str) -> tuple[list[str], str, list[str]]:
    """The words in front of the gap, the verb, and the words between gap and verb."""
    for gap in GAPS[1:]:
        text = text.replace(gap, GAPS[0])
    before, *after = text.split(GAPS[0])
    if len(after) != 1 or not split_words(before):
        raise WrongCall(f'--text {text!r}; write one "..." behind the subject, where the filler grows')
    words = [word.lower() for word in split_words(after[0])]
    verbs = [at for at, word in enumerate(words) if word in VERBS]
    if not verbs:
        raise WrongCall(f'--text {text!r}; behind the "..." wanted was or were')
    return [word.lower() for word in split_words(before)], words[verbs[0]], words[: verbs[0]]


def _fillers() -> list[list[str]]:
    """From the first phrase to all of them."""
    return [" ".join(PHRASES[:count]).split() for count in range(1, len(PHRASES) + 1)]


@torch.inference_mode()
def _at_the_end(model: Model, encoder: WordsEncoder, words: list[str]) -> tuple[float, float, float]:
    """P(was), P(were) and P(singular) behind `words`."""
    ((x, _),) = encoded(encoder, [Row(0, words)])
    network = model.network
    h, _ = network.hidden(x, network.initial_state(1))
    following = network.next_words(h[0, -1]).softmax(-1)
    was, were = (float(following[encoder.ids[verb]]) for verb in VERBS)
    return was, were, float(network.number(h[0, -1]).softmax(-1)[0])

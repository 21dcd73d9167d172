"""`streamer lab memory`: a language model of each cell says "was" or "were" after a filler that grows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from streamer.errors import WrongCall
from streamer.lab.drawing import NAMES, draw_cell, figure, label_ends, save
from streamer.lab.rounded_json import write_json
from streamer.lab.unrolled import agreement_network, encoded, words_encoder
from streamer.models.bundle.build import Model
from streamer.models.datasets.agreement_rows import AgreementRow
from streamer.models.networks.agreement_network import AgreementLive
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
class VerbProbabilities:
    """What the language model of a cell gives for the verb after a filler of `words` words."""

    cell: str
    words: int
    was: float  # P(was), of all words
    were: float
    singular: float  # what the verdict beside it gives the singular

    def right(self, verb: str) -> float:
        """The share of the right form; 1/2 is a guess."""
        return (self.was if verb == "was" else self.were) / max(self.was + self.were, 1e-12)


@dataclass(frozen=True)
class Remembered:
    """A text, its verb, and what each cell gives for each filler."""

    text: str
    verb: str
    said: list[VerbProbabilities]

    def of(self, cell: str) -> list[VerbProbabilities]:
        """Those of one cell, the shortest filler first."""
        return [verbs for verbs in self.said if verbs.cell == cell]


def remember(models: Mapping[str, Model], text: str) -> Remembered:
    """What the network of each cell gives as the gap "..." of `text` fills. ValueError without a gap."""
    before, verb, until = _parted(text)
    probabilities = []
    for cell, model in models.items():
        encoder, network = words_encoder(model), agreement_network(model)
        for filler in _fillers():
            ((x, _),) = encoded(encoder, [AgreementRow(0, [*before, *filler, *until])])
            probabilities.append(VerbProbabilities(cell, len(filler), *_at_the_end(network, encoder, x)))
    return Remembered(text, verb, probabilities)


def show(texts: Sequence[Remembered], models: Mapping[str, Model]) -> None:
    """A table for each text, on standard output."""
    for text in texts:
        table = Table("words of filler", *(NAMES[cell] for cell in CELLS), title=text.text)
        for row in zip(*(text.of(cell) for cell in CELLS)):
            cells = (f"{verbs.right(text.verb):.2f}  ({verbs.was:.3f}, {verbs.were:.3f})" for verbs in row)
            table.add_row(str(row[0].words), *cells)
        Console(width=100).print(table)
    print("The share of the right form of the two, and P(was), P(were) among all words; 0.5 is a guess.")
    known = ((NAMES[cell], perplexity(models[cell])) for cell in CELLS)
    print("Perplexity on news: " + ", ".join(f"{name} {value}" for name, value in known if value is not None))


def perplexity(model: Model) -> float | str | None:
    """The card's own, on the dev sentences of news; None where it has none."""
    return model.card.scores.get("ner_gmb_dev", {}).get("perplexity")


def write(texts: Sequence[Remembered], folder: Path) -> Path:
    """`folder`/memory.json."""
    return write_json([asdict(text) for text in texts], folder / "memory.json")


def draw(texts: Sequence[Remembered], path: Path) -> None:
    """The share of the right form against the filler's words, a panel for each text."""
    made, axes = figure(5.4 * len(texts), 3.9, columns=len(texts))
    for panel, text in zip(axes, texts):
        ends = []
        for cell in CELLS:
            fillers = [verbs.words for verbs in text.of(cell)]
            shares = [verbs.right(text.verb) for verbs in text.of(cell)]
            ends.append(draw_cell(panel, cell, fillers, shares, markersize=5))
        panel.axhline(0.5, color="black", linewidth=0.7, linestyle=":")
        panel.text(0, 0.51, "a guess", fontsize=8, va="bottom")
        panel.set_ylim(-0.03, 1.05)
        panel.set_xlim(-0.5, text.said[-1].words * 1.16)
        panel.set_title(text.text, fontsize=10)
        panel.set_xlabel("words in place of the dots")
        other = VERBS[text.verb == "was"]
        panel.set_ylabel(f"P({text.verb}) / (P({text.verb}) + P({other}))")
        label_ends(panel, ends)
    save(made, path)


def _parted(text: str) -> tuple[list[str], str, list[str]]:
    """The words in front of the gap, the verb, and the words between gap and verb."""
    for gap in GAPS[1:]:
        text = text.replace(gap, GAPS[0])
    before, *after = text.split(GAPS[0])
    if len(after) != 1 or not split_words(before):
        raise WrongCall(f'--text {text!r}; write one "..." after the subject, where the filler grows')
    words = [word.lower() for word in split_words(after[0])]
    verbs = [at for at, word in enumerate(words) if word in VERBS]
    if not verbs:
        raise WrongCall(f'--text {text!r}; after the "..." wanted was or were')
    return [word.lower() for word in split_words(before)], words[verbs[0]], words[: verbs[0]]


def _fillers() -> list[list[str]]:
    """From the first phrase to all of them."""
    return [" ".join(PHRASES[:count]).split() for count in range(1, len(PHRASES) + 1)]


@torch.inference_mode()
def _at_the_end(network: AgreementLive, encoder: WordsEncoder, x: Tensor) -> tuple[float, float, float]:
    """P(was), P(were) and P(singular) after the words x [1, T, C]."""
    h, _ = network.hidden(x, network.initial_state(1))
    following = network.next_words(h[0, -1]).softmax(-1)
    was, were = (float(following[encoder.ids[verb]]) for verb in VERBS)
    return was, were, float(network.number(h[0, -1]).softmax(-1)[0])

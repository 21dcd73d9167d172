"""Smaller files of weights: a table as the product of two narrower ones, a list of words without its end.

    python -m streamer.models.training.shrink MODEL --table words.words.weight --rank 48
    python -m streamer.models.training.shrink MODEL --words 8000

MODEL is the folder of a model that reads words; its files are overwritten. Evaluate it afterwards.
"""

import re
from pathlib import Path
from typing import Annotated

import torch
import typer
from safetensors.torch import load_file, save
from torch import Tensor

from streamer.models.bundle.weights import LEFT, RIGHT
from streamer.output_file import write_bytes, write_text


def shrink(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model's folder.")],
    table: Annotated[str, typer.Option(help="The tensor to be stored as a product.")] = "",
    rank: Annotated[int, typer.Option(min=1, help="The width between the two factors.")] = 48,
    words: Annotated[
        int, typer.Option(min=0, help="How many words stay listed, the most frequent first.")
    ] = 0,
) -> None:
    """Store a model in less space; its results change a little."""
    weights = load_file(model / "weights.safetensors")
    if words:
        weights = without_rare_words(model, weights, words)
    if table:
        weights |= factors(table, weights.pop(table), rank)
    write_bytes(model / "weights.safetensors", save(weights))


def factors(name: str, table: Tensor, rank: int) -> dict[str, Tensor]:
    """The two tensors that stand for `table` [N, C], of which the best of `rank` is kept."""
    u, s, v = torch.linalg.svd(table.float(), full_matrices=False)
    root = s[:rank].sqrt()
    left, right = u[:, :rank] * root, root[:, None] * v[:rank]
    return {name + LEFT: left.to(table.dtype).contiguous(), name + RIGHT: right.to(table.dtype).contiguous()}


def without_rare_words(model: Path, weights: dict[str, Tensor], words: int) -> dict[str, Tensor]:
    """The weights without the rows of the words after the first `words`, which leave list and card, too."""
    card = (model / "card.toml").read_text(encoding="utf-8")
    if re.search(r"^names = ", card, re.MULTILINE):
        raise typer.BadParameter(
            "after the words of this model stand kinds of names; no word can leave the list"
        )
    count = re.search(r"^words = (\d+)$", card, re.MULTILINE)
    if count is None:
        raise typer.BadParameter("this model's card has no count of words")
    rows = int(count[1])
    listed = model / "words.txt"
    if listed.exists():
        kept = listed.read_text(encoding="utf-8").split("\n")[:words]
        write_text(listed, "\n".join(kept) + "\n")
    changed = re.sub(r"^words = \d+$", f"words = {words + 2}", card, flags=re.MULTILINE)
    write_text(model / "card.toml", changed)
    # The first two rows are no word and an unknown one.
    return {
        k: v[: words + 2].contiguous() if v.dim() == 2 and len(v) == rows else v for k, v in weights.items()
    }


if __name__ == "__main__":
    typer.run(shrink)

"""How many inputs a network takes for how many outputs: the types of sequence networks."""

from streamer.models.bundle.build import Model
from streamer.models.imports import is_import_path
from streamer.models.layers.stage import Stage

ONE_TO_ONE, ONE_TO_MANY, MANY_TO_ONE = "one-to-one", "one-to-many", "many-to-one"
EQUAL, UNEQUAL = "many-to-many equal", "many-to-many unequal"

# What a reader makes of the rows of a sequence, by its kind: an answer for each row, one for all of
# them, or as many as it finds.
EACH = ("argmax", "entities", "none", "summary", "summary_whole")
ALL = ("sentiment",)
FOUND = ("captions", "commands", "greedy_ctc", "headline", "translation", "translation_whole")


def relation(model: Model) -> str:
    """The type of `model`: one of the five above, by its network's inputs and what its reader emits.

    A composer is fed nothing but its own choices, from one beginning: one-to-many. A network without
    a memory answers each step by itself: one-to-one. Of the others the reader decides; one of the
    user's own counts as one that finds as many as it finds. ValueError for a reader of unknown kind.
    Source: Karpathy, The unreasonable effectiveness of recurrent neural networks (2015).
    """
    card, network = model.card, model.network
    if card.feeder and card.feeder.kind == "composer":
        return ONE_TO_MANY
    if (
        isinstance(network, Stage)
        and network.block == 1
        and not network.lookahead
        and not network.initial_state(1)
    ):
        return ONE_TO_ONE
    kind = card.reader.kind
    if kind in ALL:
        return MANY_TO_ONE
    if kind in EACH:
        return EQUAL if network.ratio == 1 else UNEQUAL
    if kind in FOUND or is_import_path(kind):
        return UNEQUAL
    raise ValueError(f"{model.folder / 'card.toml'}: reader.kind is {kind!r}, of which no type is known")

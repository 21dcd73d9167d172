"""The type of each network: of those that ship, of every reader, and of one without memory."""

from dataclasses import replace
from fractions import Fraction

import pytest

from streamer.models.bundle import catalog
from streamer.models.bundle.build import Model, load
from streamer.models.bundle.relation import (
    ALL,
    EACH,
    EQUAL,
    FOUND,
    MANY_TO_ONE,
    ONE_TO_MANY,
    ONE_TO_ONE,
    UNEQUAL,
    relation,
)
from streamer.models.card import ReaderPart
from streamer.models.layers.feedforward import Delay, Linear
from streamer.models.layers.stage import Chain
from streamer.models.readers.build import KINDS

EXPECTED = {
    "captions": UNEQUAL,
    "commands": UNEQUAL,
    "entities": EQUAL,
    "sentiment": MANY_TO_ONE,
    "translation": UNEQUAL,
    "summary": EQUAL,
    "headline": UNEQUAL,
    "agreement": MANY_TO_ONE,
}


@pytest.mark.parametrize("name", catalog.zoo())
def test_the_shipped_networks(name):
    model = load(catalog.zoo()[name])
    music = EQUAL if name.startswith("roll") else ONE_TO_MANY
    assert relation(model) == EXPECTED.get(model.card.task, music)


def test_every_reader_but_that_of_composers_has_a_type():
    assert {*EACH, *ALL, *FOUND} - {"none"} == set(KINDS) - {"notes"}


def test_a_network_without_memory_is_one_to_one():
    live = load(catalog.zoo()["entities-en"])
    width = live.network.in_features
    memoryless = replace(live, network=Linear(width, 3))
    assert relation(memoryless) == ONE_TO_ONE
    assert relation(replace(live, network=Chain(Linear(width, 3), Delay(3, 2)))) == EQUAL


def test_a_row_for_several_steps_is_unequal_and_an_unknown_reader_refused():
    model = load(catalog.zoo()["entities-en-offline"])
    model.network.ratio = Fraction(1, 2)
    assert relation(model) == UNEQUAL
    card = model.card
    strange = type(card)(
        **{name: getattr(card, name) for name in card.__struct_fields__} | {"reader": ReaderPart("odd")}
    )
    with pytest.raises(ValueError, match="reader.kind is 'odd'"):
        relation(Model(card.name, strange, model.folder, model.network))

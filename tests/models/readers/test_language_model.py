"""The trigram that the search asks: what it may leave unasked."""

import numpy as np
import pytest

from streamer.models.readers.captions.language_model import Grams, after, factors, read_grams, write_grams
from streamer.models.training.language.ngrams import Trigrams

WORDS = 12


def model(seed: int, backoff: float) -> Trigrams:
    """Any pairs and triples, with back-off weights up to `backoff` nats; nothing is likelier than sure."""
    random = np.random.default_rng(seed)
    pairs = np.unique(random.integers(WORDS**2, size=40))
    triples = np.unique(random.choice(pairs, 40) * WORDS + random.integers(WORDS, size=40))
    return Trigrams(
        WORDS,
        -1 - 6 * random.random(WORDS),
        backoff - 2 * random.random(WORDS),
        pairs,
        -1 - 4 * random.random(len(pairs)),
        backoff - 2 * random.random(len(pairs)),
        triples,
        -3 * random.random(len(triples)),
    )


@pytest.mark.parametrize("backoff", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(6))
def test_no_context_makes_a_word_likelier_than_its_least_cost(tmp_path, seed, backoff):
    written = model(seed, backoff)
    write_grams(tmp_path / "lm.bin", written)
    grams: Grams = read_grams(tmp_path / "lm.bin", WORDS)
    weighed, reached = factors(0.8), np.zeros(WORDS)
    for word in range(WORDS):
        highest = weighed.cost[grams.least_cost[word]] * (1 + 1e-6)
        for context in range(1 + WORDS + len(written.pairs)):
            factor, _ = after(context, word, grams, weighed)
            assert factor <= highest
            reached[word] = max(reached[word], factor / highest)
    if not backoff:
        assert np.all(reached > 0.999)  # some context does, with none that raises what it backs off to

"""Translating: the wait-k policy, the live network's targets, the offline one's guard, sub-words."""

import io

import numpy as np
import pytest
import torch

from streamer.evaluation.translation_scores import average_lagging, broken_off, repeats
from streamer.models.layers.wait_k import prefixes
from streamer.models.networks.translator_live import TranslateLive
from streamer.models.networks.translator_offline import TranslateOffline, without_repeated_trigrams
from streamer.models.text.clauses import clauses
from streamer.models.text.pieces import (
    COMPLETES,
    EMPTY,
    FIRST,
    PIECE,
    WAIT,
    PiecesEncoder,
    chunks,
    pieces_encoder,
)
from tests.translation_data import pairs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from streamer.models.datasets import sentence_pairs

    here = tmp_path_factory.mktemp("pieces")
    sentence_pairs.train_source_model((source for source, _ in pairs()), 60, here / "source.model")
    sentence_pairs.train_target_model((target for _, target in pairs()), 80, here / "target.model")
    return here


# Waiting


def test_k_words_must_be_complete():
    # Words of 1, 2 and 1 pieces, then a stop; a word is complete at its last piece.
    begins = torch.tensor([[1, 1, 0, 1, 0]])
    completes = torch.tensor([[1, 0, 1, 1, 1]])
    lengths = torch.tensor([5])
    for wait, wanted in (
        (1, [1, 3, 3, 4, 5, 6]),  # the second word's two units wait for its end
        (2, [3, 4, 4, 6, 6, 6]),
        (9, [6, 6, 6, 6, 6, 6]),  # 6: all five pieces and the end
    ):
        prefix = prefixes(begins, completes, lengths, torch.tensor([wait]), 2, 6)
        assert prefix.tolist() == [wanted], wait


def test_a_step_says_no_more_than_its_slots():
    ones = torch.ones(1, 4, dtype=torch.long)
    begins = torch.tensor([[1, 0, 0, 1]])
    completes = torch.tensor([[0, 0, 1, 1]])
    prefix = prefixes(begins, completes, ones.sum(1), torch.tensor([1]), 1, 4)
    assert prefix.tolist() == [[3, 4, 5, 5]]


# The live network


def sentence(words: int, wait: int, tail: int) -> torch.Tensor:
    x = torch.zeros(1, words + tail, 6)
    x[0, :words, PIECE] = torch.arange(words) % 4 + 3.0
    x[0, :words, COMPLETES] = x[0, :words, 4] = 1
    x[0, words:, EMPTY] = 1
    x[0, 0, FIRST] = 1
    x[..., WAIT] = wait
    return x


def network(**options) -> TranslateLive:
    torch.manual_seed(3)
    made = TranslateLive(9, 12, 4, size=6, memory_size=8, hidden_size=8, **options).eval()
    with torch.no_grad():
        made.decoder.bias[0] = -1e4  # it never ends by itself
    return made.requires_grad_(False)


@pytest.mark.parametrize("wait", [1, 3, 9])
def test_live_says_a_unit_a_word_after_k_words(wait):
    y = network()(sentence(7, wait, 4))
    counts = (y[0, :, 0::2] > 0).sum(1).tolist()
    assert counts[:7] == [int(t >= wait - 1) for t in range(7)]
    assert counts[7:] == [2] * 4


def test_live_starts_afresh_with_each_sentence():
    live, short = network(), sentence(5, 1, 3)
    alone = live(short)
    after, _ = live.step(torch.cat([sentence(7, 3, 4), short], 1), live.initial_state(1))
    assert torch.allclose(alone, after[:, -8:], atol=1e-5)


def test_live_ends_only_after_its_source():
    live = network()
    with torch.no_grad():
        live.decoder.bias[0] = 1e4
    y = live(sentence(5, 1, 3))
    assert y[0, :, 0].tolist() == [0, 0, 0, 0, 0, -1, 0, 0]


def test_live_hears_no_more_than_it_keeps():
    y = network(most=4)(sentence(30, 1, 3))
    assert torch.isfinite(y).all() and (y[0, :4, 0] > 0).all()


def test_streams_of_different_k_share_a_batch():
    live = network()
    together = live(torch.cat([sentence(7, 1, 4), sentence(7, 3, 4)]))
    for row, wait in enumerate((1, 3)):
        assert torch.allclose(together[row], live(sentence(7, wait, 4))[0], atol=1e-5)


# The offline network


def test_offline_goes_in_no_circles():
    torch.manual_seed(1)
    offline = TranslateOffline(9, 12, size=6, memory_size=8, hidden_size=8).eval()
    with torch.no_grad():
        offline.decoder.bias[0] = -50
        offline.decoder.bias[5] = 8  # whatever it says, it wants to say this
        x = torch.zeros(1, 8, 6)
        x[0, :, PIECE] = 4
        units = offline(x, torch.tensor([8]))[0, :, 0].long().tolist()
    emitted = [unit for unit in units if unit]
    runs = list(zip(emitted, emitted[1:], emitted[2:]))
    assert len(emitted) > 10 and len(set(runs)) == len(runs)


def test_the_guard_counts_only_what_was_told():
    emitted = torch.tensor([[3, 4, 5, 3, 4, 0, 0]])
    table = without_repeated_trigrams(torch.zeros(1, 6), emitted, torch.tensor([5]))
    assert (table < 0).nonzero()[:, 1].tolist() == [5]


# Sub-words


def test_glued_and_parted_text_has_the_same_pieces(folder):
    encoder = pieces_encoder(folder, waits=[1, 3], wait=3)
    whole = np.concatenate([encoder.steps(t, i == 0) for i, t in enumerate(["cats", "sleep."])])
    parted = np.concatenate([encoder.steps(t, i == 0) for i, t in enumerate(["cats", "sleep", "."])])
    assert np.array_equal(whole, parted)
    assert whole[0, FIRST] == 1 and not whole[1:, FIRST].any()
    assert (whole[:, WAIT] == 3).all()


def test_chunks():
    assert chunks("I don’t know - “well-known”, 5%!") == [
        " I",
        " don't",
        " know",
        "-",
        '"',
        " well",
        "-",
        " known",
        '"',
        ",",
        " 5",
        "%",
        "!",
    ]


def test_what_no_model_knows_is_a_step_still(folder):
    encoder = pieces_encoder(folder)
    for text in ("🙂", "שלום", "x" * 100, "..."):
        steps = encoder.steps(text, True)
        assert 1 <= len(steps) <= 12 and (steps[:, PIECE] > 0).all()


def test_the_further_behind_a_translation_is_the_longer_it_may_take_to_end(folder):
    encoder = pieces_encoder(folder, waits=[1, 5], wait=1, growth=0.25, spare=2)
    tails = {k: [len(encoder.opened({"lookahead": k}).tail(steps)) for steps in (4, 20)] for k in (1, 5)}
    assert tails == {1: [3, 7], 5: [5, 11]}


def test_options_of_a_stream(folder):
    encoder = pieces_encoder(folder, waits=[1, 3], wait=3, growth=0.5, spare=2)
    assert encoder.parse({}) == {"lookahead": 3}
    assert encoder.opened(encoder.parse({"lookahead": 1})).tail(3)[:, WAIT].tolist() == [1] * 4
    for options, name in (
        ({"lookahead": 2}, "lookahead"),
        ({"lookahead": True}, "lookahead"),
        ({"k": 1}, "k"),
    ):
        with pytest.raises(ValueError, match=f"options.{name}"):
            encoder.parse(options)
    with pytest.raises(ValueError, match="options.lookahead"):
        pieces_encoder(folder).parse({"lookahead": 3})


def test_a_model_that_cannot_be_read_is_named(folder, tmp_path):
    with pytest.raises(ValueError, match="feeder.model: .*gone.model"):
        pieces_encoder(tmp_path, model="gone.model")
    (tmp_path / "source.model").write_bytes(b"no model")
    with pytest.raises(ValueError, match="feeder.model"):
        pieces_encoder(tmp_path)


# Clauses


def test_long_sentences_are_cut_where_a_clause_ends():
    words = "I came home , and it was late , but nobody slept because the dog barked .".split()
    cuts = clauses(words, [1] * len(words), 8)
    assert [words[a:b][-1] for a, b in zip([0, *cuts], [*cuts, len(words)])] == [",", ",", "."]
    assert clauses(words, [1] * len(words), 40) == []


def test_what_has_no_clauses_is_cut_all_the_same():
    assert clauses(["word"] * 10, [3] * 10, 9) == [3, 6, 9]
    assert clauses(["word"] * 3, [20, 1, 20], 9) == [1, 2]


# Scores


def test_average_lagging():
    assert average_lagging([3, 4, 5, 5, 5], 5) == 3  # wait-3 on equal lengths lags by three words
    assert average_lagging([5, 5, 5, 5, 5], 5) == 5
    assert average_lagging([], 5) is None


def test_repetition_and_truncation():
    assert repeats("das ist das ist gut und das ist das ist gut", "that is good")
    assert repeats("sehr sehr sehr gut", "very good") and not repeats("sehr sehr gut", "very good")
    assert not repeats("nein nein nein", "no no no")
    assert broken_off("Ich", "I have never seen it") and not broken_off("Nein", "No way")


def test_a_text_without_pieces_has_no_tail():
    assert PiecesEncoder(io.BytesIO(), growth=0.5).tail(0).shape == (0, 6)

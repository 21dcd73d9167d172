"""From text and dictionary to lexicon and language model: every step on a few words."""

import gzip

import numpy as np
import pytest

from streamer.models.datasets.spoken_text import sentences, spoken_form
from streamer.models.readers.captions.language_model import (
    HIGHEST_BACKOFF,
    after,
    factors,
    read_grams,
    write_grams,
)
from streamer.models.readers.captions.lexicon import QUANTUM, build_lexicon, read_lexicon
from streamer.models.training.language import irstlm
from streamer.models.training.language import knowledge as language
from streamer.models.training.language.morphology import derive
from streamer.models.training.language.ngrams import Trigrams, mix, normalised, prune, read_arpa

WORDS = ["<s>", "</s>", "a", "b", "c", "d"]
START = 0
SUM_TOLERANCE = 1e-6
ARPA = """\\data\\
ngram  1=  4
ngram  2=  2
ngram  3=  1

\\1-grams:
-99 <s> -0.5
-0.30103 a -0.3
-0.60206 b
-0.60206 </s>

\\2-grams:
-0.1 <s> a -0.2
-0.2 a zebra

\\3-grams:
-0.05 <s> a b

\\end\\
"""


def model(seed: int) -> Trigrams:
    """A random trigram over `WORDS`."""
    random, size = np.random.default_rng(seed), len(WORDS)
    words = random.dirichlet(np.ones(size - 1))
    pairs = np.sort(random.choice(np.arange(size * size), 9, replace=False))
    pairs = pairs[pairs % size != START]
    triples = np.unique(np.concatenate([pairs * size + w for w in (1, 3)]))
    return normalised(
        Trigrams(
            size,
            np.log(np.concatenate([[1e-9], words])),
            np.zeros(size),
            pairs,
            np.log(random.uniform(0.05, 0.15, len(pairs))),
            np.zeros(len(pairs)),
            triples,
            np.log(random.uniform(0.1, 0.3, len(triples))),
        )
    )


def sums(trigrams: Trigrams) -> np.ndarray:
    """What every context of two words sums to."""
    keys = np.arange(len(WORDS) ** 3)
    return np.exp(trigrams.after_pair(keys)).reshape(-1, len(WORDS)).sum(axis=1)


def test_text_is_what_a_speaker_says():
    assert spoken_form("“Mr. Smith’s dog!” he said; 'twas old") == "mister smith's dog he said twas old"
    assert spoken_form("It was 1842.") == ""
    assert spoken_form("Ça va") == ""


@pytest.mark.parametrize(
    "word, phones",
    [
        ("cats", "K AE T S"),
        ("dog's", "D AO G Z"),
        ("kisses", "K IH S AH Z"),
        ("hoped", "HH OW P T"),
        ("patted", "P AE T AH D"),
        ("hoping", "HH OW P IH NG"),
        ("happiness", "HH AE P IY N AH S"),
        ("colour", "K AH L ER"),
        ("unhappily", "AH N HH AE P IY L IY"),
        ("doghouse", "D AO G HH AW S"),
    ],
)
def test_words_are_derived_from_known_ones(word, phones):
    known = {
        "cat": "K AE T",
        "dog": "D AO G",
        "kiss": "K IH S",
        "hope": "HH OW P",
        "pat": "P AE T",
        "happy": "HH AE P IY",
        "color": "K AH L ER",
        "house": "HH AW S",
    }
    sounds = derive([word, "xyzzy"], {word: [tuple(p.split())] for word, p in known.items()})
    assert sounds == {word: [tuple(phones.split())]}


def test_mixtures_and_what_is_left_of_them_sum_to_one():
    mixed = mix([model(1), model(2)], [0.7, 0.3], START)
    pruned = prune(mixed, 4, 3, START)
    for trigrams in (model(1), mixed, pruned):
        assert np.allclose(sums(trigrams), 1.0, atol=SUM_TOLERANCE)
    assert len(pruned.triples) == 3


def test_a_mixture_trusts_the_text_that_knows_the_context():
    one, other = model(1), model(2)
    one.word_logp[2], other.word_logp[2] = np.log(0.9), np.log(1e-6)
    mixed = mix([one, other], [0.5, 0.5], START)
    pairs = mixed.pairs[mixed.pairs // len(WORDS) == 2]
    assert np.allclose(mixed.after_word(pairs), one.after_word(pairs), atol=1e-4)


def test_arpa_files_are_read_with_their_own_words_only(tmp_path):
    (tmp_path / "arpa").write_text(ARPA)
    trigrams = read_arpa(tmp_path / "arpa", WORDS)
    size = len(WORDS)
    assert trigrams.pairs.tolist() == [0 * size + 2]
    assert trigrams.triples.tolist() == [(0 * size + 2) * size + 3]
    assert np.isclose(trigrams.word_logp[2], np.log(0.5), atol=1e-4)
    backed_off = trigrams.after_pair(np.array([(2 * size + 2) * size + 3]))[0]
    assert np.isclose(backed_off, -0.902 * np.log(10), atol=0.01)


def test_bytes_mean_what_the_model_says(tmp_path):
    trigrams = mix([model(1), model(2)], [0.5, 0.5], START)
    write_grams(tmp_path / "lm.bin", trigrams)
    grams, weight = read_grams(tmp_path / "lm.bin", len(WORDS)), 0.7
    size = len(WORDS)
    rounding = weight * 3 * 0.5 / QUANTUM + 1e-4
    for first in range(size):
        for second in range(size):
            context = after(1 + first, second, grams, factors(weight))[1]
            for word in range(1, size):
                factor, _ = after(context, word, grams, factors(weight))
                wanted = trigrams.after_pair(np.array([(first * size + second) * size + word]))[0]
                assert abs(np.log(factor) - weight * max(wanted, -255 / QUANTUM)) < rounding
    assert np.exp(trigrams.pair_backoff).max() < np.exp(HIGHEST_BACKOFF)


def test_the_tree_holds_every_pronunciation(tmp_path):
    sounds = [(2, (1, 2)), (3, (1, 2)), (4, (1,)), (5, (2, 1, 3)), (2, (3,))]
    build_lexicon(tmp_path / "lexicon.bin", WORDS, sounds, np.log(np.full(6, 0.1)), 3)
    spelling, tree = read_lexicon(tmp_path / "lexicon.bin", 3)
    assert list(spelling) == WORDS
    found = []
    waiting = [(0, ())]
    while waiting:
        node, said = waiting.pop()
        first = int(tree.first_word[node])
        found += [(int(w), said) for w in tree.word[first : first + int(tree.words[node])]]
        below = range(int(tree.child[node]), int(tree.child[node]) + int(tree.children[node]))
        assert tree.follow[node] == sum(1 << int(tree.phone[child]) for child in below)
        waiting += [(child, (*said, int(tree.phone[child]))) for child in below]
    assert sorted(found) == sorted(sounds)


def test_a_missing_estimator_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(irstlm, "IRSTLM", tmp_path / "tlm")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt install irstlm"):
        language.build_language(tmp_path, tmp_path / "out")


def test_a_missing_word_list_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(language, "WORD_LIST", tmp_path / "american-english")
    with pytest.raises(FileNotFoundError, match="apt install wamerican"):
        language.listed_words()


def test_listed_words_are_plain_and_none_is_a_possessive(monkeypatch, tmp_path):
    (tmp_path / "list").write_text("Aachen\nabbey\nabbey's\néclair\ncan't\n", encoding="utf-8")
    monkeypatch.setattr(language, "WORD_LIST", tmp_path / "list")
    assert language.listed_words() == ["aachen", "abbey", "can't"]


def test_plays_and_newspapers_become_sentences(tmp_path):
    plays, news = tmp_path / "text" / "tinyshakespeare", tmp_path / "text" / "ner_gmb"
    plays.mkdir(parents=True)
    news.mkdir()
    (plays / "train.txt").write_text("First Citizen:\nSpeak,\nspeak. Come!\n\nAll:\nNo more.\n")
    first = "Iran\tB-geo\tB-LOC\n" + "".join(
        f"{word}\tO\tO\n" for word in "'s leader did n't speak .".split()
    )
    rows = f"{first}\nIn\tO\tO\n1999\tO\tO\n"
    with gzip.open(news / "train.conll.gz", "wt") as file:
        file.write(rows)
    assert sentences(tmp_path, "shakespeare") == ["speak speak", "come", "no more"]
    assert sentences(tmp_path, "news") == ["iran's leader didn't speak"]

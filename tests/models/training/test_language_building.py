"""From text and dictionary to lexicon and language model: every step on a few words."""

import gzip
import json
import lzma

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
from streamer.models.readers.captions.tables import pack_words, unpack_words
from streamer.models.training.language import knowledge as language
from streamer.models.training.language.counts import book_words, count, read_counts
from streamer.models.training.language.kneser_ney import estimate
from streamer.models.training.language.morphology import derive
from streamer.models.training.language.ngrams import Trigrams, normalised

WORDS = ["<s>", "</s>", "a", "b", "c", "d"]
START = 0
SUM_TOLERANCE = 1e-6


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


def counted(lines):
    return count(lines, WORDS)


TEXT = ["a b a b c", "a b d", "c a b a", "d d a b c", "a c b", "b a b c"] * 3
OTHER = ["c c c d", "d c d", "a d c", "c d c d"]


def test_a_text_is_counted_within_its_sentences_and_its_vocabulary():
    counts = counted(["a b zebra c", "b"])
    size = len(WORDS)
    assert counts.total == 9
    assert counts.words.tolist() == [2, 2, 1, 2, 1, 0]
    a, b, c = (WORDS.index(word) for word in "abc")
    pairs = [START * size + a, START * size + b, a * size + b, b * size + 1, c * size + 1]
    assert counts.pairs.tolist() == sorted(pairs)
    assert counts.triples.tolist() == sorted([(START * size + a) * size + b, (START * size + b) * size + 1])


def test_packed_counts_are_read_over_another_vocabulary(tmp_path):
    with gzip.open(tmp_path / "unigrams.tsv.gz", "wt") as file:
        file.write("<unk>\t9\t1\n<s>\t300\t0\n</s>\t300\t3\nb\t200\t4\na\t100\t2\nq\t50\t1\n")
    (tmp_path / "counts.json").write_text(
        json.dumps(
            {
                "tokens": 950,
                "trigram_count_of_counts": [40, 20, 10, 5],
                "bigram_continuation_count_of_counts": [40, 20, 10, 5],
            }
        )
    )
    packed(tmp_path / "bigrams.xz", {(1, 4): 300, (3, 5): 7, (4, 3): 9})
    packed(tmp_path / "trigrams.xz", {(1, 4, 3): 130})
    counts, size = read_counts(tmp_path, {"<s>": 0, "</s>": 1, "a": 2, "b": 3}), 4
    assert book_words(tmp_path) == {"b": 200, "a": 100, "q": 50}
    assert (counts.total, counts.words.tolist()) == (950, [300, 300, 100, 200])
    assert dict(zip(counts.pairs.tolist(), counts.pair_counts)) == {2: 300, 2 * size + 3: 9}
    assert dict(zip(counts.triples.tolist(), counts.triple_counts)) == {2 * size + 3: 130}
    assert counts.triple_discounts.tolist() == pytest.approx([0.5, 1.25, 2.0])


def packed(path, grams):
    """Keys that rise, as differences, then counts; each a number of seven bits a byte."""
    bits = [sum(word << 17 * (len(gram) - 1 - i) for i, word in enumerate(gram)) for gram in grams]
    values, raw = [*np.diff([0, *bits]).tolist(), *grams.values()], bytearray()
    for value in values:
        while value >= 128:
            raw.append(128 | value & 127)
            value >>= 7
        raw.append(value)
    path.write_bytes(lzma.compress(len(grams).to_bytes(8, "little") + bytes(raw)))


@pytest.mark.parametrize("pairs, triples", [(100, 100), (8, 5), (3, 0), (0, 0)])
def test_estimates_sum_to_one_and_keep_what_is_asked_for(pairs, triples):
    trigrams = estimate([counted(TEXT), counted(OTHER)], [0.7, 0.3], pairs, triples, START)
    assert np.allclose(sums(trigrams), 1.0, atol=SUM_TOLERANCE)
    assert len(trigrams.triples) <= triples
    assert len(trigrams.pairs) <= max(pairs, len(np.unique(trigrams.triples // len(WORDS))))


def test_what_is_pruned_costs_little_and_what_is_counted_is_likely():
    counts, size = counted(TEXT), len(WORDS)
    whole, small = (estimate([counts], [1.0], n, n, START) for n in (100, 6))
    keys = np.concatenate([np.repeat(counts.triples, counts.triple_counts.astype(int))])
    likely, less = whole.after_pair(keys).mean(), small.after_pair(keys).mean()
    assert np.log(1 / size) < less < likely < 0


def test_a_context_is_told_by_the_text_that_has_it():
    size, b, d = len(WORDS), WORDS.index("b"), WORDS.index("d")
    alone = estimate([counted(TEXT)], [1.0], 100, 100, START)
    mixed = estimate([counted(TEXT), counted(["d d d d d"] * 9)], [0.1, 0.9], 100, 100, START)
    after_d = np.array([d * size + d])
    assert mixed.after_word(after_d) > -0.5 > alone.after_word(after_d)
    after_b = b * size + np.array([WORDS.index("a"), WORDS.index("c")])
    assert np.allclose(mixed.after_word(after_b), alone.after_word(after_b), atol=0.3)


def test_bytes_mean_what_the_model_says(tmp_path):
    trigrams = estimate([counted(TEXT), counted(OTHER)], [0.5, 0.5], 100, 100, START)
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
    pronunciations = []
    waiting = [(0, ())]
    while waiting:
        node, phones = waiting.pop()
        first = int(tree.first_word[node])
        pronunciations += [(int(w), phones) for w in tree.word[first : first + int(tree.words[node])]]
        below = range(int(tree.child[node]), int(tree.child[node]) + int(tree.children[node]))
        assert tree.follow[node] == sum(1 << int(tree.phone[child]) for child in below)
        waiting += [(child, (*phones, int(tree.phone[child]))) for child in below]
    assert sorted(pronunciations) == sorted(sounds)


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


def test_transcripts_and_talk_are_sentences_too(tmp_path):
    for name in ("librispeech_transcripts", "spoken_more"):
        (tmp_path / "text" / name).mkdir(parents=True)
    with gzip.open(tmp_path / "text" / "librispeech_transcripts" / "train.tsv.gz", "wt") as file:
        file.write("1-2-3\tit was a brook\n")
    with lzma.open(tmp_path / "text" / "spoken_more" / "train-000.txt.xz", "wt") as file:
        file.write("um that should do\n")
    assert sentences(tmp_path, "transcripts") == ["it was a brook"]
    assert sentences(tmp_path, "spoken") == ["um that should do"]


def test_words_are_chosen_by_how_often_they_are_expected():
    known = {"a": [("AH",)], "cat": [("K", "AE", "T")], "rare": [("R", "EH", "R")]}
    wanted = {"cat": 0.5, "cats": 0.3, "iii": 0.2, "lydgate": 0.1, "rare": 0.01}

    class Letters:
        def pronounce(self, word):
            return ((1, 2), (2,), (3,))

    chosen = language.choose_words(wanted, known, Letters())
    assert list(chosen) == ["a", "cat", "cats", "lydgate", "rare"]
    assert chosen["cats"] == [("K", "AE", "T", "S")] and len(chosen["lydgate"]) == 2


def test_numbers_of_more_than_sixteen_bits_are_packed(tmp_path):
    words = np.array([0, 65535, 65536, 90_000, 131_071, 5, 6, 7, 65_540])
    tables = pack_words("word", words)
    assert unpack_words(dict(tables), "word", tmp_path).tolist() == words.tolist()
    with pytest.raises(ValueError, match="lacks its high bits"):
        unpack_words(tables | {"word_high": tables["word_high"][:1]}, "word", tmp_path)
    with pytest.raises(ValueError, match="above the 131071"):
        pack_words("word", np.array([131_072]))

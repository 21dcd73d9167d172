"""The choice of a summary's sentences: central ones, within the share, none of them twice."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from streamer.offline.summarize import choose, ranked

RIVER = "the river flooded the old town last night".split()
TOWN = "people of the old town left when the river flooded".split()
CAKE = "my aunt bakes cakes with plums every single sunday".split()
RAIN = "after heavy rain the river rose and flooded streets".split()


def test_a_sentence_that_says_what_the_others_say_comes_first():
    assert next(ranked([CAKE, TOWN, RIVER, RAIN])) in (1, 2)


def test_what_was_said_is_not_said_twice():
    first, second = islice(ranked([RIVER, list(RIVER), CAKE, TOWN]), 2)
    assert {first, second} != {0, 1}


def test_a_summary_has_at_most_its_share_and_keeps_the_order():
    sentences = [RIVER, CAKE, TOWN, RAIN] * 5
    shortened = [sentence[:4] for sentence in sentences]
    chosen = choose(sentences, shortened, 24.0)
    assert chosen == sorted(set(chosen))
    assert 0 < sum(len(shortened[index]) for index in chosen) <= 24


def test_marks_that_stand_alone_take_room_too():
    sentences = [[word for pair in zip(sentence, "-" * 9) for word in pair] for sentence in (RIVER, CAKE)] * 3
    assert len(choose(sentences, sentences, 32.0)) == 2
    assert len(choose(sentences, sentences, 31.0)) == 1


def test_a_short_text_keeps_its_best_sentence():
    assert len(choose([RIVER, TOWN], [RIVER, TOWN], 3.0)) == 1


def test_nothing_and_punctuation_alone_have_no_summary():
    assert choose([], [], 9.0) == []
    assert choose([["."], ["!", "?"]], [["."], ["!"]], 9.0) == []


words = st.lists(st.sampled_from(["a", "bee", "sea", "Dee", ".", "12", "é"]), max_size=12)


@given(sentences=st.lists(words, max_size=12))
def test_every_sentence_with_a_word_is_ranked_once(sentences):
    order = list(ranked(sentences))
    spoken = [i for i, sentence in enumerate(sentences) if any(w.isalnum() for w in sentence)]
    assert sorted(order) == spoken

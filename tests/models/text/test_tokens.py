"""Tokens and sentences of text: the same however its bytes are cut; any text is taken."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.models.text.clitics import clitics
from streamer.models.text.tokens import BROKEN, SentenceEnd, Token, Tokens

MODES = ["plain", "spaced"]
TEXTS = st.text(max_size=60) | st.text("ab1.,'-!?… \n\"\u0301\u200d👩🚀🇩é", max_size=80)


def tokenized(text: bytes, mode: str = "plain", cuts: tuple[int, ...] = ()) -> list[Token | SentenceEnd]:
    tokens, out = Tokens(mode), []
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    for begin, end in zip(places, places[1:]):
        # A text that is taken up elsewhere goes on as if nothing had happened.
        other = Tokens(mode)
        other.restore(tokens.save())
        tokens = other
        out += tokens.feed(text[begin:end])
    return out + tokens.end_text()


def sentences(text: str, mode: str = "plain") -> list[str]:
    word_lists = [[]]
    for item in tokenized(text.encode(), mode):
        word_lists += [[]] if isinstance(item, SentenceEnd) else []
        if isinstance(item, Token):
            word_lists[-1].append(item.text)
    assert word_lists.pop() == []
    return [" ".join(words) for words in word_lists]


@pytest.mark.parametrize("mode", MODES)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 400), max_size=12))
@example(text="x" * 250 + "'" * 130 + "." * 101, cuts=list(range(1, 481)))
@example(text="etc. The 3.5 U.S. is… what?! No. 5\n\nx", cuts=list(range(1, 40)))
def test_tokens_do_not_depend_on_the_cuts(mode, text, cuts):
    whole = tokenized(text.replace("\0", " ").encode(), mode)
    assert tokenized(text.replace("\0", " ").encode(), mode, tuple(cuts)) == whole


@pytest.mark.parametrize("mode", MODES)
@given(text=TEXTS)
def test_tokens_lie_in_the_text(mode, text):
    data, last = text.replace("\0", " ").encode(), 0
    first = True
    for item in tokenized(data, mode):
        assert last <= item.known <= len(data)
        if isinstance(item, Token):
            assert data[item.start : item.end].decode() == item.text and item.start < item.end <= item.known
            assert item.first == first
            last = item.end
        first = isinstance(item, SentenceEnd)
    assert first or not any(isinstance(item, Token) for item in tokenized(data, mode))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("It is. It was!", ["It is .", "It was !"]),
        ("Mr. Smith left the U.S. yesterday.", ["Mr. Smith left the U.S. yesterday ."]),
        ("He is at Apple Inc. The end. J. K. Rowling", ["He is at Apple Inc.", "The end .", "J. K. Rowling"]),
        ('"Go." She went (fast.) Ok', ['" Go . "', "She went ( fast . )", "Ok"]),
        ("It costs $3.50, i.e. 5% of 1,000.", ["It costs $ 3.50 , i.e. 5 % of 1,000 ."]),
        ("Well... yes. Wait... No", ["Well ... yes .", "Wait ...", "No"]),
        ("No. 5 is. No. I don't.", ["No . 5 is .", "No .", "I don't ."]),
        ("1. First. 2. Then", ["1 . First .", "2 . Then"]),
        ("A title\n\nand a text\non two lines", ["A title", "and a text on two lines"]),
        ("state-of-the-art a@b.com AT&T -- ok?!", ["state-of-the-art a@b.com AT&T -- ok ? !"]),
        ("👩‍🚀🇩🇪🇫🇷 1️⃣ 👍🏽", ["👩‍🚀 🇩🇪 🇫🇷 1️⃣ 👍🏽"]),
        ("שלום עולם. مرحبا؟ e\u0301", ["שלום עולם .", "مرحبا ؟", "e\u0301"]),
        ("你好。再见！", ["你好 。", "再见 ！"]),
        ("\ufeff \n\n ", []),
    ],
)
def test_running_text(text, expected):
    assert sentences(text) == expected


def test_spaced_text_is_taken_at_its_word():
    assert sentences("Mr. do n't go.on .\n\na b.\nc", "spaced") == ["Mr. do n't go.on .", "a b.", "c"]


def test_a_token_comes_with_the_character_that_proves_it():
    tokens = Tokens("plain")
    assert tokens.feed(b"good") == []
    assert tokens.feed(b" ") == [Token("good", 0, 4, True, 5)]
    assert tokens.feed(b"3.") == []
    assert tokens.feed(b" ") == [Token("3", 5, 6, False, 8), Token(".", 6, 7, False, 8), SentenceEnd(8)]


def test_a_sentence_may_be_ended_anywhere():
    tokens = Tokens("plain")
    assert tokens.end_sentence() == []
    tokens.feed(b"so Mr" + b"\xc3")
    assert [getattr(item, "text", "|") for item in tokens.end_sentence()] == ["Mr", "|"]
    # The character that was half there belongs to the next sentence.
    assert tokens.feed(b"\xa9t\xc3\xa9 ") == [Token("été", 5, 10, True, 11)]
    assert [getattr(item, "text", "|") for item in tokens.end_sentence()] == ["|"]


@pytest.mark.parametrize("broken", [b"\xff", b"a\xc3(", b"\xed\xa0\x80", b"\xf8\x88", b"a\0b", b"\xc0\x80"])
def test_what_is_no_text_is_refused_and_nothing_is_taken(broken):
    tokens = Tokens("plain")
    tokens.feed("né ".encode() + b"\xc3")
    before = tokens.save()
    with pytest.raises(ValueError, match=r"^byte \d+ of the text"):
        tokens.feed(b"\xa9 " + broken)
    assert tokens.save() == before
    assert tokens.feed(b"\xa9 ")[0].text == "é"


def test_half_a_character_at_the_end_is_told():
    tokens = Tokens("plain")
    tokens.feed(b"ab \xe2\x82")
    assert [token.text for token in tokens.end_text()[:-1]] == [BROKEN]


def test_a_long_word_and_an_endless_sentence_keep_little():
    tokens = Tokens("plain")
    parts = [item for _ in range(100) for item in tokens.feed(b"a" * 100)] + tokens.end_text()
    assert [token.end - token.start for token in parts[:-1]] == [100] * 100
    tokens = Tokens("plain")
    ends = words = 0
    for _ in range(1000):
        for item in tokens.feed(b"word " * 100):
            ends += isinstance(item, SentenceEnd)
            words += isinstance(item, Token)
        assert len(tokens.save()) < 500
    assert words == 100_000 and ends == words // 120


@pytest.mark.parametrize(
    "word, parts",
    [("don't", ["do", "n't"]), ("Haiti’s", ["Haiti", "'s"]), ("o'clock", ["o'clock"]), ("'s", ["'s"])],
)
def test_clitics_are_words(word, parts):
    tokens = clitics(Token(word, 2, 2 + len(word.encode()), False, 99))
    assert [token.text for token in tokens] == parts
    assert tokens[0].start == 2 and tokens[-1].end == 2 + len(word.encode())
    assert all(token.end == following.start for token, following in zip(tokens, tokens[1:]))

"""Cues: every word in one of them, none too long to read."""

import re

from hypothesis import given
from hypothesis import strategies as st

from streamer.clients.cues import LONGEST_LINE, LONGEST_SECONDS, CueWord, cues

NO_PAUSES: dict[int, float] = {}


def spoken(text: str, seconds_each: float = 0.3, pauses: dict[int, float] = NO_PAUSES) -> list[CueWord]:
    words, start = [], 0.0
    for number, word in enumerate(text.split()):
        start += pauses.get(number, 0.0)
        words.append(CueWord(word, start, start + seconds_each))
        start += seconds_each
    return words


@given(
    st.lists(
        st.tuples(st.text("abc", min_size=1, max_size=60), st.floats(0, 9), st.floats(0, 9)), max_size=40
    )
)
def test_every_word_is_shown_once_and_in_time(drawn):
    words, at = [], 0.0
    for text, pause, length in drawn:
        start, at = at + pause, at + pause + length
        words.append(CueWord(text, start, at))
    shown = cues(words)
    assert " ".join(cue.text for cue in shown).split() == [word.text for word in words]
    for cue in shown:
        first = next(word for word in words if word.start == cue.start)
        assert cue.end >= first.end
        lines = cue.text.split("\n")
        if len(cue.text.split()) > 1:
            assert len(lines) <= 2 and max(map(len, lines)) <= LONGEST_LINE
            assert cue.end - cue.start <= LONGEST_SECONDS
    for before, after in zip(shown, shown[1:]):
        assert before.end <= after.start


def test_a_short_utterance_is_one_line():
    (cue,) = cues(spoken("well now"))
    assert cue == (0.0, 0.6, "well now")
    assert cues([]) == []


def test_a_cue_ends_where_the_speaker_pauses():
    text = " ".join(["seven"] * 20)
    first, second = cues(spoken(text, 0.3, {8: 1.0}))
    assert re.findall("seven", first.text) == ["seven"] * 8 and second.start == 8 * 0.3 + 1.0

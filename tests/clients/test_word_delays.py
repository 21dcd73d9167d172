"""Delays of words: from their ends to their first appearance, on the clock of the sound."""

import pytest

from streamer import wire
from streamer.clients.word_delays import WordDelays

RATE_HZ = 16000
BEGAN = 500.0  # when position 0 was heard


def result(kind: str, *words: tuple[str, float, float]) -> wire.Result:
    spoken = tuple(wire.Word(text, round(s * RATE_HZ), round(e * RATE_HZ)) for text, s, e in words)
    text = " ".join(word.text for word in spoken)
    return wire.Result(bytes(16), 1, 0, kind, 0, 1, (wire.Alternative(text, spoken),))


def heard(until_s: float, late_s: float = 0.0) -> WordDelays:
    """Blocks of 40 ms, every third of which waits for `late_s` before it is sent."""
    delays = WordDelays(RATE_HZ)
    for block in range(1, round(until_s / 0.04) + 1):
        delays.hear(block * 640, BEGAN + block * 0.04 + (late_s if block % 3 else 0.0))
    return delays


def test_a_word_counts_from_its_end_to_its_first_appearance():
    delays = heard(4.0, late_s=0.5)
    assert delays.show(result("partial", ("the", 0.5, 0.7)), BEGAN + 0.9) == []
    assert delays.show(result("partial", ("the", 0.5, 0.7), ("cat", 0.7, 1.1)), BEGAN + 1.4) == []
    final = result("final", ("The", 0.5, 0.7), ("cat", 0.7, 1.1), ("sat.", 1.1, 1.6))
    assert delays.show(final, BEGAN + 2.4) == pytest.approx([0.2, 0.3, 0.8])
    # A new utterance knows nothing of the words before.
    assert delays.show(result("final", ("cat", 2.5, 3.0)), BEGAN + 3.5) == pytest.approx([0.5])


def test_the_second_the_appears_with_two_of_them_and_none_before_it_was_said():
    delays = heard(4.0)
    delays.show(result("partial", ("the", 0.5, 0.7), ("the", 0.7, 0.9)), BEGAN + 1.0)  # it was heard wrong
    delays.show(result("partial", ("the", 0.5, 0.7), ("dog", 0.7, 1.2)), BEGAN + 1.3)
    words = ("the", 0.5, 0.7), ("dog", 0.7, 1.2), ("the", 1.8, 2.0)
    delays.show(result("partial", *words), BEGAN + 2.1)
    assert delays.show(result("final", *words), BEGAN + 3.0) == pytest.approx([0.3, 0.1, 0.1])


def test_before_any_sound_there_are_none():
    assert WordDelays(RATE_HZ).show(result("final", ("a", 0.0, 0.1)), BEGAN) == []

"""The guard over translations: what is lost, made up, too short or in circles is seen."""

import pytest

from streamer.models.text.translation_guard import doubts


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("I paid $1,299.99 for 3.5 kg.", "Ich zahlte 1.299,99 $ für 3,5 kg."),
        ("We have 2 cars.", "Wir haben zwei Autos."),
        ("We have two cars.", "Wir haben 2 Autos."),
        ("Write to bob@mail.com today.", "Schreib heute an bob@mail.com."),
        ("Yes.", "Ja."),
        ("very very very good", "sehr sehr sehr gut"),
    ],
)
def test_a_faithful_translation_raises_no_doubt(source, target):
    assert doubts(source, target) == []


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("There are 530 workers and 40 contractors.", "Es gibt 530 Arbeiter und 50 Arbeiter.", "numbers"),
        ("There are 530 workers here.", "Es gibt hier Arbeiter.", "numbers"),
        ("There are workers here.", "Es gibt hier 12 Arbeiter.", "numbers"),
        ("There are 5 and 5 of them.", "Es gibt 5 davon.", "numbers"),
        ("Write to bob@mail.com today.", "Schreib heute an Bob.", "code"),
        ("Visit https://www.example.com/a.b?c=d today.", "Besuchen Sie heute example.", "code"),
        ("One two three four five six seven eight nine.", "Eins.", "length"),
        ("Yes.", "Ja, das ist so, und es war immer so.", "length"),
        ("He is a very good man.", "Er ist ist ist ein Mann.", "repetition"),
    ],
)
def test_what_is_wrong_has_a_name(source, target, reason):
    assert reason in doubts(source, target)

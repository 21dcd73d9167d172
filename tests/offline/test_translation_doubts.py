"""How a translation that may be wrong is shown: marked in text, with its reasons in JSON."""

import json

from streamer import wire
from streamer.cli.readable import readable_sentence
from streamer.config import Config
from streamer.offline.sentence_result import SentenceResult
from streamer.offline.text_reading import read_text
from streamer.server.loading import load_model


def result(*doubts):
    best = wire.Alternative("Es gibt 50.", confidence=0.71234)
    return SentenceResult("translation", "There are 40.", 0, 13, [best], doubts)


def test_a_doubtful_translation_is_marked():
    assert readable_sentence(result("numbers")).plain == "Es gibt 50. [?]"
    assert readable_sentence(result()).plain == "Es gibt 50."


def test_its_json_says_why():
    values = json.loads(result("numbers", "confidence").json())
    assert values["translation"] == "Es gibt 50."
    assert values["confidence"] == 0.7123
    assert values["doubts"] == ["numbers", "confidence"]


def test_the_shipped_network_marks_what_it_cannot_translate_and_not_what_it_can():
    model = load_model(Config(), "translate-en-de-offline", "translation")
    text = b"He is a good man.\nWrite to bob@mail.com today.\nI paid $1,299.99 on 2024-01-05 for 3.5 kg.\n"
    good, address, amount = read_text(model, iter([text]), {})
    assert good.doubts == ()
    assert "code" in address.doubts
    assert "numbers" in amount.doubts

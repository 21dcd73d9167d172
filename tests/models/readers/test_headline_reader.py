"""The headline reader: units to a title, listed and copied words alike."""

import numpy as np
import pytest

from streamer.models.readers.text.headline_reader import HeadlineReader
from tests.readers import marks_of


@pytest.fixture
def reader(tmp_path):
    (tmp_path / "words.txt").write_text("the\nnetwork\nlstm\n", encoding="utf-8")
    return HeadlineReader({"title": ["unit", "log_probability"]}, {}, tmp_path, 1)


def test_a_title_is_told_at_the_end_in_the_sources_case(reader):
    reader.open(1, reader.parse({}))
    source = ["We", "train", "Zork", ",", "an", "LSTM", "network", "."]
    reader.marks(1, marks_of([source], 0))
    outputs = np.zeros((1, 8, 2), np.float32)
    outputs[0, :5, 0] = [3, 5 + 2, 5 + 3, 2, 4]  # network, copied: Zork and a comma, the, lstm
    outputs[0, :6, 1] = -0.5
    assert reader.read([1], outputs[:, :3]) == [[]]
    assert reader.read([1], outputs[:, 3:]) == [[]]
    (final,) = reader.finish(1)
    assert final.kind == "final" and final.through == 8
    assert final.alternatives[0].text == "Network Zork, the LSTM"
    assert final.alternatives[0].confidence == pytest.approx(np.exp(-0.5))
    assert reader.finish(1) == []


def test_a_card_without_its_word_list_is_refused(tmp_path):
    with pytest.raises(ValueError, match="reader.words: .*words.txt"):
        HeadlineReader({"title": ["unit", "log_probability"]}, {}, tmp_path, 1)
    with pytest.raises(ValueError, match="two columns"):
        HeadlineReader({"title": ["unit"]}, {}, tmp_path, 1)

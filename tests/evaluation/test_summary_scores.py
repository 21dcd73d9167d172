"""Scores of summaries, and the files that they are measured on."""

import pytest

from streamer.evaluation.summary_files import Compression, Paper, read_rows
from streamer.evaluation.summary_scores import kept_scores, title_scores
from tests.summary_data import write


def test_kept_words_are_scored_by_sentence():
    scores = kept_scores([[1, 1, 0, 0], [0, 0], [1, 0]], [[1, 0, 1, 0], [0, 0], [1, 0]])
    assert scores.f1 == pytest.approx((0.5 + 1 + 1) / 3)
    assert scores.compression == pytest.approx(3 / 8)
    assert scores.exact == pytest.approx(2 / 3)


def test_titles_are_scored_by_rouge():
    scores = title_scores(["A fox in Rome", "cows"], ["a Fox", "dogs"])
    assert scores["rouge1"] == pytest.approx((2 * 2 / 6) / 2)
    assert scores["rouge2"] == pytest.approx((2 * 1 / 4) / 2)


def test_rows_are_read_by_their_keys(tmp_path):
    sentences = [{"tokens": ["A", "."], "labels": [1, 0], "id": 3}, {"tokens": ["B"], "labels": None}]
    assert read_rows(write(tmp_path / "a.jsonl.gz", sentences)) == [
        Compression(["A", "."], [1, 0]),
        Compression(["B"], None),
    ]
    papers = [{"abstract": "We study.", "title": "On it", "cat": "cs"}]
    assert read_rows(write(tmp_path / "b.jsonl", papers)) == [Paper("We study.", "On it")]


@pytest.mark.parametrize(
    "rows, reason",
    [
        ([], "holds no rows"),
        ([{"tokens": ["A"], "labels": [1, 0]}], "line 1: 1 tokens and 2 labels"),
        ([{"words": ["A"]}], "a row holds tokens and labels"),
        ([{"abstract": "A", "title": "B"}, {"abstract": "A"}], "line 2: .*a row holds abstract and title"),
    ],
)
def test_other_rows_are_refused(tmp_path, rows, reason):
    with pytest.raises(ValueError, match=reason):
        read_rows(write(tmp_path / "rows.jsonl", rows))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="none.jsonl"):
        read_rows(tmp_path / "none.jsonl")
    (tmp_path / "no.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(ValueError, match="no.jsonl.gz"):
        read_rows(tmp_path / "no.jsonl.gz")
    for content, reason in ((b"\xff{", "can't decode byte"), (b"{", "not JSON lines")):
        (tmp_path / "no.jsonl").write_bytes(content)
        with pytest.raises(ValueError, match=f"no.jsonl: .*{reason}"):
            read_rows(tmp_path / "no.jsonl")

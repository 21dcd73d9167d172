"""Figures on standard output: a line of JSON, or tables whose headings a person reads."""

import json

import pytest

from streamer.cli.figures import aligned, heading, show

FIGURES = {
    "task": "captions",
    "rtf": 0.12345,
    "held": True,
    "p99_ms": None,
    "references": {"torch_streams": 3},
    "tried": [[1, True]],
}


def test_json_keeps_the_keys_on_one_line(capsys):
    show(FIGURES, as_json=True)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and json.loads(out) == FIGURES


def test_the_table_has_a_line_for_each_figure_and_no_raw_key(capsys):
    show(FIGURES, as_json=False)
    out = capsys.readouterr().out
    assert "_" not in out
    for words in ("Figure", "captions", "Real-time factor", "0.1235", "yes", "References torch streams"):
        assert words in out


@pytest.mark.parametrize(
    "key, words",
    [
        ("wer", "Word error rate"),
        ("delay_p95_ms", "Delay 95th percentile (ms)"),
        ("false_words_per_minute", "False words (a minute)"),
        ("stripped_f1", "Stripped F1"),
        ("chrf_signature", "chrF signature"),
        ("chrf", "chrF"),
        ("p50_ms", "Latency, median (ms)"),
    ],
)
def test_a_key_becomes_words(key, words):
    assert heading(key) == words


def test_columns_are_as_wide_as_their_widest_cell():
    assert aligned([("Name", "Task"), ("a-long-name", "x")]) == ["Name         Task", "a-long-name  x"]

"""A live session in a pipe: what goes to standard output in each format."""

import json

import pysubs2
import pytest
from rich.text import Text

from streamer import wire
from streamer.clients.caption_forms import TextLines, line_form
from streamer.clients.live_figures import Figures
from streamer.clients.live_lines import Lines

RATE_HZ = 16000


def result(kind: str, text: str, seq: int = 1, confirmed: int = 0) -> wire.Result:
    words = tuple(
        wire.Word(word, seq * 32000 + at * 8000, seq * 32000 + at * 8000 + 4000)
        for at, word in enumerate(text.split())
    )
    best = (wire.Alternative(text, words, 0.9),)
    return wire.Result(bytes(16), seq, 0, kind, seq * 32000, 1, best, confirmed)


def session(lines: Lines) -> None:
    with lines:
        lines.show(result("partial", "one", confirmed=3))
        lines.show(result("final", "one two"))
        lines.derived(1, "moods", Text("positive"))
        lines.show(result("final", " ", seq=2))
        lines.show(result("partial", "thr", seq=3))
        lines.show(result("final", "three", seq=4))


def test_text(capsys):
    session(Lines(Figures("title"), line_form("text", RATE_HZ), partials=True))
    out, err = capsys.readouterr()
    assert out.splitlines() == ["one …", "one two", "moods: positive", "thr …", "three"]
    assert err == "streamer: 0.0 s heard, 0.0 s lost\n"


@pytest.mark.parametrize("partials", [False, True])
def test_json_lines(capsys, partials):
    session(Lines(Figures("title"), line_form("jsonl", RATE_HZ), partials))
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    wanted = ["partial", "final", "remark", "partial", "final"]
    assert [o["kind"] for o in objects] == [kind for kind in wanted if partials or kind != "partial"]
    final = next(o for o in objects if o["kind"] == "final")
    assert (final["start"], final["end"], final["text"]) == (2.0, 2.75, "one two")
    assert [(w["word"], w["start"], w["end"]) for w in final["words"]] == [
        ("one", 2.0, 2.25),
        ("two", 2.5, 2.75),
    ]
    assert {"kind": "remark", "final": 1, "model": "moods", "text": "positive"} in objects
    if partials:
        assert objects[0]["confirmed"] == 3


@pytest.mark.parametrize("format", ["srt", "vtt"])
def test_subtitles_are_those_that_a_player_reads(capsys, format):
    session(Lines(Figures("title"), line_form(format, RATE_HZ)))
    out = capsys.readouterr().out
    assert out.startswith("WEBVTT\n\n" if format == "vtt" else "1\n")
    read = [(e.start, e.end, e.plaintext) for e in pysubs2.SSAFile.from_string(out, format).events]
    assert read == [(2000, 2750, "one two"), (8000, 8250, "three")]


def test_finals_wait_for_the_offline_network_in_their_order(capsys):
    first, second, third = (result("final", text, seq) for seq, text in enumerate(("a", "b", "c"), 1))
    with Lines(Figures("title"), TextLines(), rewriting=True) as lines:
        for final in (first, second, third):
            lines.show(final)
        assert capsys.readouterr().out == ""
        lines.rewritten(second, result("final", "offline b", 2))  # nothing came for the first
        assert capsys.readouterr().out == "a\noffline b\n"
    assert capsys.readouterr().out == "c\n"

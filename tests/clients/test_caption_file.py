"""Files of captions: timed by samples, whole after every final."""

import json

import pysubs2
import pytest

from streamer import wire
from streamer.clients.caption_file import CaptionFile

ID = bytes(16)


def final(*words: tuple[str, int, int], seq: int = 1) -> wire.Result:
    spoken = tuple(wire.Word(*word) for word in words)
    best = wire.Alternative(" ".join(w.text for w in spoken), spoken)
    through = words[-1][2] if words else 0
    return wire.Result(ID, seq, 0, "final", through, 1, (best,))


def test_the_file_is_whole_after_each_final(tmp_path):
    path = tmp_path / "out.srt"
    subtitles = CaptionFile(path, 16000)
    assert pysubs2.load(str(path), format_="srt").events == []
    subtitles.add(final(("one", 8000, 12000), ("two", 16000, 24008)))
    assert path.read_text() == "1\n00:00:00,500 --> 00:00:01,500\none two\n\n"
    subtitles.add(final(("later", 16000 * 3661, 16000 * 3662), seq=2))
    (first, second) = pysubs2.load(str(path)).events
    assert (first.start, first.end, first.text) == (500, 1500, "one two")
    assert (second.start, second.end, second.text) == (3_661_000, 3_662_000, "later")
    assert [p.name for p in tmp_path.iterdir()] == ["out.srt"]


def test_times_are_positions_over_the_rate(tmp_path):
    subtitles = CaptionFile(tmp_path / "out.srt", 44100)
    subtitles.add(final(("word", 44100 * 10, 44100 * 11)))
    (event,) = pysubs2.load(str(tmp_path / "out.srt")).events
    assert (event.start, event.end) == (10_000, 11_000)


def test_finals_without_words_leave_no_subtitle(tmp_path):
    subtitles = CaptionFile(tmp_path / "out.srt", 16000)
    subtitles.add(final())
    subtitles.add(wire.Result(ID, 2, 0, "final", 0, 1))
    assert (tmp_path / "out.srt").read_text() == ""


def test_a_word_of_no_length_is_shown(tmp_path):
    subtitles = CaptionFile(tmp_path / "out.srt", 16000)
    subtitles.add(final(("a", 800, 800)))
    (event,) = pysubs2.load(str(tmp_path / "out.srt")).events
    assert event.end > event.start


def test_a_place_that_can_not_be_written_is_one_line_at_once(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        CaptionFile(tmp_path, 16000)
    with pytest.raises(ValueError, match="nowhere is no folder"):
        CaptionFile(tmp_path / "nowhere" / "out.srt", 16000)


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".txt", ".json", ".jsonl"])
def test_the_offline_words_take_the_place_of_the_live_ones(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    file = CaptionFile(path, 16000)
    live, after = final(("wreck", 0, 8000), ("it", 8000, 16000)), final(("recognise", 0, 16000))
    file.add(live)
    file.add(final(("next", 32000, 48000), seq=2))
    file.rewritten(live, after)
    text = path.read_text()
    assert "wreck" not in text and text.index("recognise") < text.index("next")


def test_json_has_seconds_and_words(tmp_path):
    for suffix in (".json", ".jsonl"):
        CaptionFile(tmp_path / f"out{suffix}", 16000).add(final(("one", 8000, 12000), ("two", 16000, 24000)))
    whole = json.loads((tmp_path / "out.json").read_text())
    (segment,) = whole["segments"]
    assert whole["text"] == segment["text"] == "one two"
    assert (segment["start"], segment["end"]) == (0.5, 1.5)
    assert [word["word"] for word in segment["words"]] == ["one", "two"]
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").open()] == [segment]

"""Speech that Kokoro reads: signs that become phones, sentences, voices, parts; the network isn't run."""

import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from streamer.models.datasets import shards
from streamer.models.training.speech import kokoro


def test_signs_with_their_durations_become_frames():
    signs, frames = "kˈæt, jˈuː", [4, 2, 1, 3, 2, 3, 2, 1, 1, 4, 2, 5]
    timed = kokoro.timed_phones(signs, frames)
    assert timed == [
        ("", 4),
        ("K", 2),
        ("AE", 4),
        ("T", 2),
        ("", 3),
        (None, 2),
        ("Y", 1),
        ("UW", 7),
        ("", 5),
    ]
    marks = kokoro.framed(timed, 32)
    assert [
        shards.PHONES[m] if m != shards.UNLABELLED else None for m in marks[[0, 4, 6, 9, 12, 16, 17]]
    ] == [
        "",
        "K",
        "AE",
        "AE",
        "",
        None,
        "Y",
    ]
    assert len(marks) == 32 and not marks[25:].any()
    assert kokoro.timed_phones("kx", [1, 1, 1, 1]) is None


def test_no_sentence_of_a_dev_split_is_read_aloud(tmp_path):
    (tmp_path / "some").mkdir()
    lines = [{"text": "the cat sat on the old mat today"}, {"text": "come in"}]
    (tmp_path / "some" / "dev.manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
    held_out = kokoro.HeldOut(tmp_path)
    assert "Come in!" in held_out and "He said the cat sat on the old." in held_out
    assert "The cat sat on the new mat." not in held_out and "Come in, please." not in held_out


def test_voices_are_read_packed_or_not_and_mixed(tmp_path):
    folder = tmp_path / "package" / "voices"
    folder.mkdir(parents=True)
    for value, name in enumerate(("af_one", "bm_two", "jf_three"), 1):
        np.full((3, 256), value, "<f4").tofile(folder / f"{name}.bin")
    with tarfile.open(tmp_path / "voices.tgz", "w:gz") as tar:
        tar.add(tmp_path / "package", "package")
    packed, unpacked = kokoro.read_voices(tmp_path / "voices.tgz"), kokoro.read_voices(tmp_path / "package")
    assert list(packed) == list(unpacked) == ["af_one", "bm_two", "jf_three"]
    random = np.random.default_rng(1)
    styles = [float(kokoro.another_style(packed, random)[2, 0]) for _ in range(300)]
    assert 1.0 <= min(styles) < 1.1 and 2.0 < max(styles) < 3.0
    for missing in (tmp_path / "none.tgz", tmp_path / "package" / "voices" / "empty"):
        with pytest.raises(ValueError, match="npm pack kokoro-js"):
            kokoro.read_voices(missing)


def test_finished_parts_are_found_up_to_an_hour_count(tmp_path):
    for number in range(3):
        stem = tmp_path / f"kokoro.part{number:05d}.1.0"
        np.save(f"{stem}.frames.npy", np.zeros((360, shards.N_MELS), np.float16))
        np.save(f"{stem}.marks.npy", np.zeros(360, np.uint8))
        Path(f"{stem}.json").write_text(json.dumps([["k", 0, 360_000, "a", ["AH"]]]))
    (tmp_path / "kokoro.part00009.1.0.partial").write_text("[]")
    assert [split for _, split in kokoro.parts(tmp_path)] == ["part00000", "part00001", "part00002"]
    assert len(kokoro.parts(tmp_path, 1.5)) == 2 and kokoro.parts(tmp_path, 0.0) == []
    groups = shards.load(tmp_path, kokoro.parts(tmp_path, 1.0), (1.0,))
    assert groups[0][0].set == "kokoro" and groups[0][0].phones.tolist() == [shards.PHONES.index("AH")]


def test_missing_packages_of_kokoro_are_named(tmp_path, monkeypatch):
    (tmp_path / "voices").mkdir()
    np.full((3, 256), 1, "<f4").tofile(tmp_path / "voices" / "af_one.bin")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ValueError, match="pip install 'streamer"):
        kokoro.make(tmp_path, tmp_path, tmp_path / "out", 1.0)

"""Reading a made-up set: manifest, tar of Opus files and texts, alignments beside it."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamer.evaluation.speech_sets import read_manifest

RATE_HZ = 16000


def write_set(
    folder: Path, texts: list[str], seconds: float = 0.8, alignments: bool = False, split: str = "dev"
) -> Path:
    """A set of noises with `texts`, as `folder/dev.manifest.jsonl`; returns the manifest's path."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = []
    with tarfile.open(folder / f"{split}-000.tar", "w") as tar:
        for number, text in enumerate(texts):
            key = f"key{number}"
            sound = io.BytesIO()
            noise = 0.1 * random.standard_normal(round(seconds * RATE_HZ))
            soundfile.write(sound, noise, RATE_HZ, format="OGG", subtype="OPUS")
            for name, content in ((f"{key}.opus", sound.getvalue()), (f"{key}.txt", text.encode())):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            rows.append(
                {"key": key, "speaker": "s", "seconds": seconds, "text": text, "tar": f"{split}-000.tar"}
            )
    path = folder / f"{split}.manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if alignments:
        beside = folder.parent / "alignments"
        beside.mkdir(exist_ok=True)
        with gzip.open(beside / f"{folder.name}.{split}.jsonl.gz", "wt") as lines:
            for row in rows:
                words = [[w, 10 * i, 8] for i, w in enumerate(row["text"].split())]
                lines.write(json.dumps({"key": row["key"], "words": words, "phones": []}) + "\n")
    return path


def test_recordings_come_decoded_with_their_words(tmp_path):
    manifest = read_manifest(write_set(tmp_path / "set", ["yes no", ""], alignments=True))
    first, second = manifest.recordings()
    assert (first.key, first.text, first.rate_hz) == ("key0", "yes no", RATE_HZ)
    assert first.seconds == pytest.approx(0.8)
    assert [(w.text, w.start, w.end) for w in first.words] == [("yes", 0.0, 0.08), ("no", 0.1, 0.18)]
    assert second.words == ()


def test_a_set_without_alignments_has_no_word_times(tmp_path):
    (recording,) = read_manifest(write_set(tmp_path / "set", ["yes"])).recordings()
    assert recording.words is None


def complaint(path: Path) -> str:
    with pytest.raises(ValueError) as caught:
        list(read_manifest(path).recordings())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_missing_is_named(tmp_path):
    path = write_set(tmp_path / "set", ["yes"])
    assert "other.manifest.jsonl" in complaint(path.with_name("other.manifest.jsonl"))
    assert "not a SPLIT" in complaint(path.with_name("dev-000.tar"))
    row = json.loads(path.read_text())
    path.write_text(json.dumps(row | {"key": "nobody"}))
    assert "nobody.opus" in complaint(path)
    path.write_text(json.dumps(row | {"tar": "dev-001.tar"}))
    assert "dev-001.tar" in complaint(path)


@pytest.mark.parametrize("line", ["{", '{"key": "a"}', '{"key": 1, "text": "", "tar": "t"}', "\xff"])
def test_a_malformed_line_is_named(tmp_path, line):
    path = write_set(tmp_path / "set", ["yes"])
    path.write_bytes(path.read_bytes() + line.encode("latin-1") + b"\n")
    assert "line 2" in complaint(path)


def test_what_is_no_tar_or_no_audio_is_named(tmp_path):
    path = write_set(tmp_path / "set", ["yes"])
    tar = path.with_name("dev-000.tar")
    with tarfile.open(tar, "w") as file:
        member = tarfile.TarInfo("key0.opus")
        member.size = 4
        file.addfile(member, io.BytesIO(b"loud"))
    assert "key0.opus is no audio file" in complaint(path)
    tar.write_bytes(b"no tar at all")
    assert "not a readable tar" in complaint(path)


def test_an_empty_manifest_is_refused(tmp_path):
    path = write_set(tmp_path / "set", ["yes"])
    path.write_text("\n")
    assert "no recordings" in complaint(path)

"""Training of the speech recognisers on a few made-up sounds, and speech read by a machine."""

import gzip
import io
import json
import sys
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from streamer.models.bundle.build import build_network
from streamer.models.datasets import shards
from streamer.models.datasets.corpus import Utterance
from streamer.models.training.speech import captions_trainer as captions
from streamer.models.training.speech import flite, synthetic_speech, unlabelled
from streamer.models.training.speech.augment import another_room, another_speaker, coded, mask, reverberant
from streamer.models.training.speech.rows import SPEECH_LEVEL, SPREAD, UtteranceRows, as_loud
from streamer.models.training.speech.voice import VoiceFactors, another_voice

RATE = 16000
SETS, NOISES = (("tones", "train"),), (("hiss", "train"),)
SPEEDS = (1.0, 1.1)


def write_set(speech, name, split, recordings):
    """recordings: (key, text, samples, phones) as the data folder holds them."""
    folder, aligned = speech / name, speech / "alignments"
    folder.mkdir(parents=True, exist_ok=True)
    aligned.mkdir(exist_ok=True)
    rows, marks = [], []
    with tarfile.open(folder / f"{split}.tar", "w") as tar:
        for key, text, samples, phones in recordings:
            sound = io.BytesIO()
            soundfile.write(sound, samples, RATE, format="OGG", subtype="OPUS")
            member = tarfile.TarInfo(f"{key}.opus")
            member.size = sound.tell()
            sound.seek(0)
            tar.addfile(member, sound)
            rows.append(json.dumps({"key": key, "text": text, "tar": f"{split}.tar"}))
            marks.append(json.dumps({"key": key, "phones": phones}))
    (folder / f"{split}.manifest.jsonl").write_text("\n".join(rows))
    if any(phones for *_, phones in recordings):
        with gzip.open(aligned / f"{name}.{split}.jsonl.gz", "wt") as file:
            file.write("\n".join(marks))


def tones(count, seed):
    """Words of two vowels: a low tone is "a", a high one "e", 300 ms each."""
    random, made = np.random.default_rng(seed), []
    for number in range(count):
        high = random.integers(2, size=3)
        hz = np.repeat(np.where(high, 1800.0, 400.0), RATE * 3 // 10)
        samples = (0.2 * np.sin(2 * np.pi * np.cumsum(hz) / RATE)).astype(np.float32)
        phones = [("EH" if is_high else "AA", 30 * at, 30) for at, is_high in enumerate(high)]
        made.append(
            (f"{seed}-{number}", " ".join("e" if is_high else "a" for is_high in high), samples, phones)
        )
    return made


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder, and recipes small enough for a test."""
    monkeypatch.setattr(shards, "CAPTION_SETS", SETS)
    monkeypatch.setattr(shards, "NOISE_SETS", NOISES)
    monkeypatch.setattr(shards, "SPEEDS", SPEEDS)
    monkeypatch.setattr(captions, "CHECKED", (("tones", 3),))
    small = {"n_mels": 80, "stack": 4, "cell": "lstm", "hidden_size": 8, "depth": 1, "level": True}
    changed = {"row_steps": 400, "rows": 2, "learning_rate": 0.01}
    for mode, more in (("live", {"delay": 1}), ("offline", {})):
        monkeypatch.setitem(
            captions.RECIPES, mode, replace(captions.RECIPES[mode], options=small | more, **changed)
        )
    speech, random = tmp_path / "data" / "speech", np.random.default_rng(3)
    write_set(speech, "tones", "train", tones(12, 1))
    write_set(speech, "tones", "dev", tones(3, 2))
    hiss = (0.01 * random.standard_normal(RATE)).astype(np.float32)
    write_set(speech, "hiss", "train", [("hiss-0", "", hiss, [])])
    return tmp_path / "data"


@pytest.mark.parametrize("mode", ["live", "offline"])
def test_a_run_goes_on_where_it_stopped_and_its_weights_load(data, tmp_path, monkeypatch, mode):
    lines = []
    weights = captions.train_captions(data, tmp_path / "a", mode, updates=6, progress=lines.append)
    recipe = captions.RECIPES[mode]
    network = build_network(recipe.architecture, recipe.options | {"outputs": sum(captions.HEADS)})
    network.load_state_dict({key: value.float() for key, value in load_file(weights).items()})
    assert any(line.startswith("check at 6: tones PER") for line in lines)
    lines.clear()
    captions.train_captions(data, tmp_path / "a", mode, updates=8, progress=lines.append)
    assert lines[0] == "resumed after 6 updates" and any("check at 8" in line for line in lines)


def test_a_run_begins_from_given_weights_and_learns_from_speech_read_aloud(data, tmp_path, monkeypatch):
    weights = captions.train_captions(data, tmp_path / "a", updates=4)
    made = []

    def make(text, out, hours, progress):
        made.append((text, hours))
        frames = np.random.default_rng(1).normal(-8, 2, (150, shards.N_MELS)).astype(np.float16)
        np.save(out / "synthetic.train.1.0.frames.npy", frames)
        np.save(out / "synthetic.train.1.0.marks.npy", np.full(150, shards.UNLABELLED, np.uint8))
        (out / "synthetic.train.1.0.json").write_text(json.dumps([["0", 0, 150, "a e", ["AA", "EH"]]]))

    monkeypatch.setattr(synthetic_speech, "make", make)
    more = captions.train_captions(data, tmp_path / "b", updates=3, start=weights, synthetic_hours=0.1)
    assert made == [(data / "text", 0.1)]
    before, after = load_file(weights), load_file(more)
    assert all(torch.isfinite(value).all() for value in after.values())
    name = max(before, key=lambda key: before[key].numel())
    moved = (after[name].float() - before[name].float()).abs().max()
    assert 0 < moved < 0.2  # three small steps from the given weights, not a new beginning


def test_a_share_of_dropout_stands_for_the_recipes(data, tmp_path):
    def weights(folder, **options):
        best = load_file(
            captions.train_captions(data, tmp_path / folder, updates=2, progress=lambda line: None, **options)
        )
        return torch.cat([value.flatten().float() for value in best.values()])

    plain = weights("plain")
    assert torch.equal(plain, weights("none", dropout=0.0))  # what these small recipes have
    assert not torch.equal(plain, weights("much", dropout=0.9))


def test_weights_of_another_network_are_refused_before_anything_is_made(tmp_path):
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, other)
    for start, why in (
        (other, "is missing; the card describes another"),
        (tmp_path / "none", "No such file"),
    ):
        with pytest.raises(ValueError, match=why):
            captions.train_captions(tmp_path / "nowhere", tmp_path / "out", start=start)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", captions.RECIPES)
def test_dropout_is_a_matter_of_training_alone(mode):
    recipe = captions.RECIPES[mode]
    options = recipe.options | {"hidden_size": 8, "outputs": 5, "level": False}
    network = build_network(recipe.architecture, options)
    plain = build_network(recipe.architecture, options | {"dropout": 0.0})
    plain.load_state_dict(network.state_dict())  # the same names and shapes

    def output(of: torch.nn.Module) -> torch.Tensor:
        x = torch.linspace(-1, 1, 30 * 80).reshape(1, 30, 80)
        return of(x, torch.tensor([30])) if mode == "offline" else of(x)

    assert torch.equal(output(network.eval()), output(plain.eval()))
    network.train(), plain.train()
    assert torch.equal(output(plain), output(plain))
    assert not torch.equal(output(network), output(network))


def test_masks_cover_bands_and_times_with_the_mean():
    frames = np.random.default_rng(0).normal(size=(600, 80)).astype(np.float32)
    masked = mask(frames.copy(), np.random.default_rng(1))
    changed = masked != frames
    assert np.allclose(masked[changed], frames.mean())
    bands, times = changed.all(0).sum(), changed.all(1).sum()
    assert 0 < bands <= 32 and 0 < times <= 34 and changed.sum() < changed.size / 2


def test_rows_hold_what_their_labels_say(data, tmp_path):
    shards.make(data / "speech", tmp_path, SETS, SPEEDS)
    groups = shards.load(tmp_path, SETS, SPEEDS)
    assert len(groups) == 12 and [len(group) for group in groups] == [2] * 12
    slow, fast = groups[0]
    assert len(fast.frames) < len(slow.frames) and fast.phones.tolist() == slow.phones.tolist()
    rows = UtteranceRows(groups, [], 400, 2, 1, {})
    for augment in (another_speaker, another_room):
        (number, batch), (_, again) = (next(rows.batches(augment, 5)) for _ in range(2))
        assert number == 5 and torch.equal(batch.frames, again.frames)  # a pass depends on its number alone
        assert batch.frames.shape == (2, 400, shards.N_MELS) and torch.isfinite(batch.frames).all()
        for marks, labels in zip(batch.frame_phones, batch.phones.split(batch.phone_counts.tolist())):
            runs = torch.unique_consecutive(marks[marks > 0])
            assert len(runs) <= len(labels) and set(runs.tolist()) == set(labels.tolist())


def test_a_quiet_recording_stands_as_loud_as_its_neighbours():
    random = np.random.default_rng(1)
    frames = random.normal(-6.0, 1.0, (300, shards.N_MELS)).astype(np.float16)
    levels = []
    for gain in (0.0, 3.0):  # both within what may be made up for
        heard = as_loud(frames + np.float16(gain), np.random.default_rng(2))
        levels.append(np.log(np.quantile(np.exp(heard).mean(1), 0.8)))
    assert abs(levels[0] - levels[1]) < 0.02 and abs(levels[0] - SPEECH_LEVEL) < 4 * SPREAD


def test_a_room_adds_a_tail_and_a_codec_drops_what_is_masked():
    random = np.random.default_rng(3)
    power = np.zeros((200, 80), np.float32)
    power[50:60] = random.gamma(2.0, 1.0, (10, 80))
    heard = reverberant(power, random)
    assert np.array_equal(heard[:51], power[:51])  # nothing sounds before its time
    tail = heard[60:].mean(1)
    assert (tail > 0).all() and (np.diff(tail) < 0).all() and tail[0] < power[59].mean()
    power[50, 0] = power[50].max() * 1e-6
    assert coded(power, random)[50, 0] == 0 and (coded(power, random)[:50] == 0).all()


def test_a_share_says_how_often_a_pass_takes_a_set(data, tmp_path):
    shards.make(data / "speech", tmp_path, SETS, SPEEDS)
    groups = shards.load(tmp_path, SETS, SPEEDS)
    for share, taken in ((0.0, 0), (1.0, len(groups)), (2.0, 2 * len(groups))):
        packed = UtteranceRows(groups, [], 400, 2, 1, {SETS[0][0]: share})._packed(np.random.default_rng(1))
        assert sum(map(len, packed)) == taken


class Teacher:
    """PocketSphinx as far as it is asked: it hears `text`, and its phones sound for ten frames each."""

    def __init__(self, text="", **options):
        self.text, self.options = text, options

    def start_utt(self): ...

    def process_raw(self, samples, full_utt):
        assert full_utt and np.abs(np.frombuffer(samples, "<i2")).max() > 20000

    def end_utt(self): ...

    def hyp(self):
        return SimpleNamespace(hypstr=self.text) if self.text else None

    def set_align_text(self, text):
        if text == "strange":
            raise RuntimeError("not in the dictionary")

    def set_alignment(self): ...

    def get_alignment(self):
        return [
            [
                SimpleNamespace(name=n, start=10 * i, duration=10)
                for i, n in enumerate(("SIL", "AA", "B", "+BREATH+"))
            ]
        ]


def test_unlabelled_speech_takes_its_labels_from_a_teacher():
    quiet = Utterance("k", "", 0.01 * np.random.default_rng(1).normal(size=RATE).astype(np.float32))
    heard = unlabelled.transcribed(Teacher("a b"), Teacher(), quiet)
    assert heard.text == "a b" and heard.phones == (
        ("SIL", 0, 10),
        ("AA", 10, 10),
        ("B", 20, 10),
        ("SIL", 30, 10),
    )
    assert unlabelled.transcribed(Teacher(""), Teacher(), quiet) is None
    assert unlabelled.transcribed(Teacher("strange"), Teacher(), quiet) is None


def test_phones_of_the_synthesisers_signs():
    assert phones("wˈɜɹʃəp") == "W ER SH AH P"
    assert phones("ðə kˈæts, wˈʌn dˈA.") == "DH AH K AE T S W AH N D EY"
    assert synthetic_speech.phones_of("x!") is None


def phones(signs):
    return " ".join(synthetic_speech.phones_of(signs))


def test_sentences_are_words_and_marks_alone(tmp_path):
    for path, lines in (
        (synthetic_speech.BOOKS, ['The cat sat here. In 1859 it left. NO SUCH LINE HERE. "So," he said.']),
        (synthetic_speech.SAYINGS, ["Come in, please.\tKommen Sie herein.", "Hi.\tHallo."]),
    ):
        (tmp_path / path).parent.mkdir()
        with gzip.open(tmp_path / path, "wt", encoding="utf-8") as file:
            file.write("\n".join(lines))
    sentences = synthetic_speech.sentences(tmp_path, np.random.default_rng(1))
    assert {next(sentences) for _ in range(8)} == {"The cat sat here.", "Come in, please."}


def test_another_voice_moves_pitch_and_formants():
    pitch = np.array([0.0, 200.0, 220.0, 0.0], np.float32)
    low = synthetic_speech.sung(pitch, VoiceFactors(0.5, 1.0, 1.0, 1.0))
    assert low.tolist() == pytest.approx([0.0, 100.0, 110.0, 0.0])
    flat = synthetic_speech.sung(pitch, VoiceFactors(1.0, 0.0, 1.0, 1.0))
    assert flat[1] == flat[2] and synthetic_speech.sung(np.zeros(3), VoiceFactors(2, 1, 1, 1)).tolist() == [
        0,
        0,
        0,
    ]
    peak = np.zeros((100, 1))
    peak[40] = 1
    assert synthetic_speech.stretched(peak, 1.25).argmax() == 50
    random = np.random.default_rng(1)
    voices = [another_voice(random) for _ in range(200)]
    assert min(v.pitch for v in voices) < 0.65 and max(v.pitch for v in voices) > 1.4


def test_a_missing_synthesiser_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hibari", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="needs a synthesiser: pip install"):
        synthetic_speech.make(tmp_path, tmp_path, 0.1)


def test_read_aloud_sentences_become_a_shard(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic_speech, "sentences", lambda text, random: iter(["Well-known cats."] * 9))
    asked = []
    readers = [
        lambda *given, n=n: asked.append(n) or (np.zeros(RATE, np.float32), ["W", "EH"]) for n in range(2)
    ]
    monkeypatch.setattr(synthetic_speech, "_readers", lambda: readers)
    synthetic_speech.make(tmp_path, tmp_path / "out", 3 / 3600)
    groups = shards.load(tmp_path / "out", [synthetic_speech.SET], (1.0,))
    (example,) = groups[0]
    assert asked == [0, 1, 0]
    assert len(groups) == 3 and "".join(shards.CHARACTERS[c] for c in example.characters) == "well known cats"
    assert set(example.frame_phones) == {shards.UNLABELLED} and len(example.frames) == len(
        example.frame_phones
    )


def test_the_synthesiser_reads_what_it_says(tmp_path):
    pytest.importorskip("hibari")
    read = synthetic_speech._hibari()
    random = np.random.default_rng(1)
    samples, spoken_phones = read("What is worship?", VoiceFactors(0.6, 1.0, 0.9, 1.0), random)
    assert " ".join(spoken_phones) == "W AH T IH Z W ER SH AH P"
    assert 0.5 * RATE < len(samples) < 3 * RATE and 0.01 < np.sqrt(np.mean(samples**2)) < 0.5


def test_flite_is_asked_for_a_voice_and_tells_its_phones(tmp_path, monkeypatch):
    program = tmp_path / "flite"
    program.write_text(FLITE.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    read, random = flite.reader(), np.random.default_rng(1)
    samples, spoken_phones = read("What is worship?", VoiceFactors(1.2, 1.0, 1.25, 2.0), random)
    assert " ".join(spoken_phones) == "W AH T" and len(samples) == pytest.approx(RATE * 0.625 / 1.25, abs=2)
    assert read("Fail!", VoiceFactors(1.0, 1.0, 1.0, 1.0), random) is None
    assert flite.phones_of("pau w xx pau") is None and flite.phones_of(" ") is None
    monkeypatch.setenv("PATH", "")
    assert flite.reader() is None


FLITE = """#!{python}
import sys, wave
options = dict(word.split("=") for word in sys.argv if "=" in word)
print("pau w ax t pau ")
if "Fail!" in sys.argv:
    sys.exit(1)
with wave.open(sys.argv[sys.argv.index("-o") + 1], "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    file.writeframes(bytes(2 * int(16000 * float(options["duration_stretch"]))))
"""

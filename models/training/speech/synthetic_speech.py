"""Speech read by a machine: open texts in many made-up voices, for words that the recordings lack.

The synthesiser is `hibari` (`pip install streamer[synthetic]`): one voice, described by a spectrum and a
pitch curve. Another pitch and a stretched spectrum make it another speaker's, man, woman or child.
Where `flite` is installed it reads every other sentence, in four more voices bent likewise.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soxr

from streamer.models.audio.features import LogMel
from streamer.models.datasets.corpus import SAMPLE_RATE_HZ, log_mel
from streamer.models.datasets.shards import N_MELS, UNLABELLED, write_files
from streamer.models.training.speech import flite
from streamer.models.training.speech.voice import Synthesiser, VoiceFactors, another_voice

SET = ("synthetic", "train")
BOOKS, SAYINGS = Path("books") / "train.txt.gz", Path("tatoeba_en_de") / "train.tsv.gz"
PLAIN = re.compile(r"[A-Za-z][a-z,;' -]+[.!?]")
WORDS = (3, 22)  # of a sentence
VOICED_HZ = 40.0
MISAKI = {  # the synthesiser's signs, longest first, and the phones that they are
    "əɹ": "ER",
    "ɜɹ": "ER",
    "ɚ": "ER",
    "A": "EY",
    "I": "AY",
    "O": "OW",
    "W": "AW",
    "Y": "OY",
    "ᵊ": "AH",
    "ə": "AH",
    "ʌ": "AH",
    "ɐ": "AH",
    "ɑ": "AA",
    "æ": "AE",
    "ɔ": "AO",
    "ɛ": "EH",
    "ɪ": "IH",
    "ᵻ": "IH",
    "i": "IY",
    "u": "UW",
    "ʊ": "UH",
    "b": "B",
    "d": "D",
    "f": "F",
    "h": "HH",
    "j": "Y",
    "k": "K",
    "l": "L",
    "m": "M",
    "n": "N",
    "p": "P",
    "s": "S",
    "t": "T",
    "T": "T",
    "v": "V",
    "w": "W",
    "z": "Z",
    "ɡ": "G",
    "ŋ": "NG",
    "ɹ": "R",
    "ɾ": "T",
    "ʔ": "T",
    "ʃ": "SH",
    "ʒ": "ZH",
    "ʤ": "JH",
    "ʧ": "CH",
    "ð": "DH",
    "θ": "TH",
}
SIGN = re.compile("|".join(MISAKI))
SILENT = re.compile(r"[\s.,;:!?—…\"“”()ˈˌː]")


def phones_of(signs: str) -> list[str] | None:
    """ARPAbet phones of the synthesiser's signs, or None where one of them is unknown."""
    left = SILENT.sub("", signs)
    known = SIGN.findall(left)
    return [MISAKI[sign] for sign in known] if "".join(known) == left else None


def sentences(text: Path, random: np.random.Generator) -> Iterator[str]:
    """Sentences of the novels and of what people say, by turns, without end; only words and marks."""
    with gzip.open(text / BOOKS, "rt", encoding="utf-8") as lines:
        novels = [sentence for line in lines for sentence in re.split(r"(?<=[.!?])\s+", line.strip())]
    with gzip.open(text / SAYINGS, "rt", encoding="utf-8") as lines:
        sayings = [line.split("\t")[0] for line in lines]
    usable = [
        [
            sentence
            for sentence in source
            if PLAIN.fullmatch(sentence) and WORDS[0] <= len(sentence.split()) <= WORDS[1]
        ]
        for source in (novels, sayings)
    ]
    while True:
        for source in usable:
            yield source[random.integers(len(source))]


def make(text: Path, out: Path, hours: float, seed: int = 1, progress: Callable[[str], None] = print) -> None:
    """Write a shard of `hours` of speech under `out`; one that exists is kept.

    `text` holds `books` and `tatoeba_en_de`. ValueError where the synthesiser isn't installed.
    """
    stem = out / f"{SET[0]}.{SET[1]}.1.0"
    if Path(f"{stem}.json").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    readers, features = _readers(), LogMel(n_mels=N_MELS)
    random = np.random.default_rng(seed)
    blocks, index, start = [], [], 0
    for number, sentence in enumerate(sentences(text, random)):
        if start >= hours * 360_000:
            break
        spoken = readers[number % len(readers)](sentence, another_voice(random), random)
        if spoken is None:
            continue
        samples, phones = spoken
        frames = log_mel(samples, features)
        blocks.append(frames)
        words = re.sub(r"[^a-z' ]", "", sentence.lower().replace("-", " "))
        index.append([f"{number:06d}", start, len(frames), " ".join(words.split()), phones])
        start += len(frames)
        if len(index) % 500 == 0:
            progress(f"synthetic speech: {start / 360_000:.2f} of {hours:g} hours")
    marks = np.full(start, UNLABELLED, np.uint8)
    write_files(stem, {"frames": np.concatenate(blocks), "marks": marks}, index)


def _readers() -> list[Synthesiser]:
    """The synthesisers of this machine. ValueError where there is none."""
    readers = [reader for reader in (_hibari(), flite.reader()) if reader]
    if not readers:
        raise ValueError("synthetic speech needs a synthesiser: pip install 'streamer[synthetic]'")
    return readers


def _hibari() -> Synthesiser | None:
    """What reads a sentence in a voice: samples [n] float32 at 16 kHz, and the phones that it said."""
    try:
        from hibari import SAMPLE_RATE, Hibari, dsp
    except ImportError:
        return None
    engine = Hibari()

    def read(sentence: str, voice: VoiceFactors, random: np.random.Generator):
        signs = " ".join(engine.phonemize(sentence))
        phones, ids = phones_of(signs), engine.ids(signs)
        if not phones or len(ids) > 400:
            return None
        given = {"ids": np.array([ids], np.int64), "speed": np.array([voice.pace], np.float32)}
        *spectra, pitch = (part[0] for part in engine.sess.run(None, given))
        spoken = dsp.synth(*(stretched(part, voice.formants) for part in spectra), sung(pitch, voice), random)
        return soxr.resample(spoken, SAMPLE_RATE, SAMPLE_RATE_HZ).astype(np.float32), phones

    return read


def stretched(spectrum: np.ndarray, factor: float) -> np.ndarray:
    """spectrum [bins, frames] with every frequency `factor` times as high."""
    bins = np.arange(len(spectrum)) / factor
    return spectrum[np.minimum(np.rint(bins).astype(int), len(spectrum) - 1)]


def sung(pitch_hz: np.ndarray, voice: VoiceFactors) -> np.ndarray:
    """The pitch curve [frames] in another voice; unvoiced frames stay as they are."""
    voiced = pitch_hz >= VOICED_HZ
    if not voiced.any():
        return pitch_hz
    mean = np.exp(np.log(pitch_hz[voiced]).mean())
    moved = mean * voice.pitch * (np.maximum(pitch_hz, VOICED_HZ) / mean) ** voice.melody
    return np.where(voiced, np.clip(moved, 1.5 * VOICED_HZ, 600.0), pitch_hz).astype(np.float32)

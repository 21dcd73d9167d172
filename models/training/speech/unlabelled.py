"""Untranscribed speech: another recogniser's words, and the phones that it hears them in.

249 people read a sentence or two each (librispeech_untranscribed); the transcribed speech has a dozen native
readers. PocketSphinx with its own model says what they read (a quarter of its words are wrong, a seventh
of the letters), then aligns the phones of its words. Labels to learn from, not to score on.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from streamer.models.audio.features import LogMel
from streamer.models.datasets import shards
from streamer.models.datasets.corpus import Utterance, read_split

SET = ("librispeech_untranscribed", "unlabelled")
# Half of the defaults' work for a word more in a hundred wrong.
SEARCH = {"maxhmmpf": 3000, "maxwpf": 10}
# With bestpath the second pass often fails to end.
ALIGNMENT = {"lm": None, "bestpath": False, "beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}


def make(
    speech: Path, out: Path, speeds: Sequence[float] = shards.SPEEDS, progress: Callable[[str], None] = print
) -> None:
    """Write a shard for each speed under `out`; those that exist are kept.

    ValueError where PocketSphinx isn't installed.
    """
    stems = {speed: out / f"{SET[0]}.{SET[1]}.{speed}" for speed in speeds}
    if all(Path(f"{stem}.json").exists() for stem in stems.values()):
        return
    out.mkdir(parents=True, exist_ok=True)
    heard, features = list(_heard(speech / SET[0], progress)), LogMel(n_mels=shards.N_MELS)
    for speed, stem in stems.items():
        shards.write(stem, heard, speed, features)


def _heard(folder: Path, progress: Callable[[str], None]):
    try:
        from pocketsphinx import Decoder  # optional, and large
    except ImportError:
        raise ValueError("unlabelled speech needs a teacher: pip install 'streamer[references]'") from None
    listener, aligner = Decoder(loglevel="FATAL", **SEARCH), Decoder(loglevel="FATAL", **ALIGNMENT)
    for number, utterance in enumerate(read_split(folder, SET[1]), 1):
        transcript = transcribed(listener, aligner, utterance)
        if transcript is not None:
            yield transcript
        if number % 25 == 0:
            progress(f"unlabelled speech: {number} utterances")


def transcribed(listener, aligner, utterance: Utterance) -> Utterance | None:
    """`utterance` with a text and phones, or None where nothing was heard or nothing can be aligned."""
    peak = float(np.abs(utterance.audio).max()) or 1.0
    samples = (utterance.audio * (0.9 * 32767 / peak)).astype("<i2").tobytes()
    _decode(listener, samples)
    hypothesis = listener.hyp()
    if not hypothesis or not hypothesis.hypstr:
        return None
    try:
        aligner.set_align_text(hypothesis.hypstr)
        _decode(aligner, samples)
        aligner.set_alignment()
        _decode(aligner, samples)
        alignment = aligner.get_alignment()
    except RuntimeError:  # its words don't fit the sound
        return None
    if alignment is None:
        return None
    phones = tuple(
        # What it takes for a breath or a cough is no phone.
        (phone.name if phone.name in shards.PHONES else "SIL", phone.start, phone.duration)
        for word in alignment
        for phone in word
    )
    return replace(utterance, text=hypothesis.hypstr, phones=phones)


def _decode(decoder, samples: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()

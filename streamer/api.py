"""What `import streamer` offers for use in this process: recordings transcribed, models loaded."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamer.clients.files import AudioFile
from streamer.models.bundle import catalog
from streamer.models.bundle.build import Model
from streamer.models.bundle.build import load as load_network
from streamer.models.imports import Imports
from streamer.offline.caption_options import CaptionOptions
from streamer.offline.sentence_result import SentenceResult
from streamer.offline.speech import Offline, SoundBlocks
from streamer.offline.summarize import SHARE
from streamer.offline.text_reading import read_text
from streamer.offline.transcript import Transcript

BLOCK_MS = 1000
MOST_CHANNELS = 64  # an array with more columns, and fewer rows, has the channels first


def transcribe(
    sound: str | Path | np.ndarray,
    rate: int | None = None,
    *,
    model: str | Path = "captions-en-offline",
    raw: bool = False,
    numbers: bool = False,
    hot_words: Sequence[str] = (),
) -> Transcript:
    """The transcript of an audio file, or of samples in [-1, 1] at `rate` Hz.

    Samples are floats or int16, [n] or [n, channels]; the model hears the mean of the channels. `raw` gives
    the words as they are recognised, without capitals and full stops; `numbers` writes numbers as digits
    where they are certain; `hot_words` are words and names to listen for. The model is loaded at each call:
    for many recordings, `load` it once.
    """
    return SpeechModel(_network(model), raw, numbers, hot_words)(sound, rate)


def load(
    model: str | Path, *, allowed_imports: Sequence[str] = (), **options: Any
) -> "SpeechModel | TextModel":
    """A model of speech or text, by its name or its folder, to call with recordings or texts.

    `streamer models` lists the names. `options` are, for speech, those of `transcribe`; for text, those of
    the model's streams ("lookahead" of live networks, "classes" of sentiment), and "share" of a summary.
    `allowed_imports` are the prefixes of code outside `streamer` that its card may name. ValueError for an
    unknown model, for a model of neither speech nor text, and for options that it lacks; TypeError for
    unknown options of speech.
    """
    network = _network(model, allowed_imports)
    if network.card.front is not None:
        return SpeechModel(network, **options)
    return TextModel(network, **options)


class SpeechModel:
    """A network that hears whole recordings: call it with one."""

    def __init__(self, model: Model, raw: bool = False, numbers: bool = False, hot_words: Sequence[str] = ()):
        """OptionError for options that the model lacks."""
        if isinstance(hot_words, str):
            raise TypeError(f"hot_words is a sequence of words; give [{hot_words!r}]")
        self._offline = Offline(model, CaptionOptions(raw, numbers, tuple(hot_words)))

    def __call__(self, sound: str | Path | np.ndarray, rate: int | None = None) -> Transcript:
        """The transcript of an audio file, or of samples [n] or [n, channels] at `rate` Hz.

        A file that breaks off is read to there, with a warning. ValueError for one that can't be read;
        TypeError for an array without a rate, or of another shape or dtype.
        """
        if isinstance(sound, np.ndarray):
            if rate is None:
                raise TypeError("an array has no rate of its own; give it, as in transcribe(samples, 16000)")
            if rate < 1:
                raise ValueError(f"a rate of {rate} Hz; give the samples of a second, such as 16000")
            (transcript,) = self._offline.transcribe([(_mono(sound), rate)])
            return transcript
        if not isinstance(sound, str | Path):
            raise TypeError(
                f"{type(sound).__name__} is no recording; give the path of a file, or a NumPy array"
            )
        if rate is not None:
            raise TypeError("a file has a rate of its own; rate is for arrays")
        audio = AudioFile(sound)
        (transcript,) = self._offline.transcripts([SoundBlocks(audio.samples(BLOCK_MS), audio.rate_hz)])
        if audio.warning:
            warnings.warn(audio.warning, stacklevel=2)
        return transcript


class TextModel:
    """A network that reads whole sentences: call it with a text."""

    def __init__(self, model: Model, share: float = SHARE, **options: Any):
        """`share` is how much of its words a summary keeps. OptionError for options that the model lacks."""
        self._model, self._share, self._options = model, share, options
        self("")  # refuses at once what it can't do

    def __call__(self, text: str) -> list[SentenceResult]:
        """A result for each sentence; a summary has those that it keeps, a headline is one for the text."""
        if not isinstance(text, str):
            raise TypeError(f"{type(text).__name__} is no text; give str")
        return list(read_text(self._model, iter([text.encode()]), self._options, self._share))


def _network(model: str | Path, allowed_imports: Sequence[str] = ()) -> Model:
    return load_network(catalog.find(str(model), {}), Imports(tuple(allowed_imports)))


def _mono(samples: np.ndarray) -> np.ndarray:
    """Samples float32 [n], the mean of the channels. TypeError for what are no samples."""
    if samples.dtype == np.int16:
        samples = samples / np.float32(32768)
    if samples.dtype.kind != "f" or samples.ndim not in (1, 2):
        raise TypeError(
            f"an array of {samples.dtype} {list(samples.shape)}; give floats in [-1, 1] or int16, "
            "[n] or [n, channels]"
        )
    if samples.ndim == 2 and samples.shape[1] > max(len(samples), MOST_CHANNELS):
        raise TypeError(f"an array of {samples.shape[1]} channels of {len(samples)} samples; give samples.T")
    samples = samples.astype(np.float32)
    return samples if samples.ndim == 1 else samples.mean(axis=1)

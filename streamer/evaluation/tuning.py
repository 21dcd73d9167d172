"""The options of a captions card that measure best on dev sets: the network runs once, the search often."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from msgspec import structs
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from streamer.errors import WrongCall
from streamer.evaluation.alignment import matched
from streamer.evaluation.calibration import right_words
from streamer.evaluation.error_rates import error_rates, plain
from streamer.evaluation.manifests import read_manifest
from streamer.models.audio.resample import RATES_HZ
from streamer.models.bundle.build import Model
from streamer.models.layers.stage import Stage
from streamer.models.readers import Word
from streamer.models.readers.captions.captions_reader import CaptionsReader
from streamer.offline.recordings import COMMON_RATE_HZ, Recording, SpokenWord

GRID = {
    "lm_weight": (0.5, 0.7, 0.9, 1.1, 1.3),
    "word_insertion": (-0.5, 0.0, 0.5, 1.0, 1.5),
    "blank_bias": (0.0, 1.0, 2.0, 3.0),
}
ROUNDS = 2  # over all options: what is best of one depends on the others
CONFIDENCE = ("confidence_bias", "confidence_sound", "confidence_share")


@dataclass(frozen=True)
class Spoken:
    """What was said in a recording, and the output rows [n, D] that the network made of it."""

    text: str
    words: tuple[SpokenWord, ...]
    rows: np.ndarray


@dataclass(frozen=True)
class Tried:
    """The error rate of each set, and the milliseconds of processor time for a second of speech."""

    wer: dict[str, float]
    search_ms: float

    @property
    def mean(self) -> float:
        """Every set counts alike, however long it is."""
        return sum(self.wer.values()) / len(self.wer)


class Tuning:
    """The dev sets as the network hears them, and the search over them under any options."""

    def __init__(self, model: Model, sets: Mapping[str, list[Spoken]]):
        """ValueError for a model that is no captions model."""
        if model.card.reader.kind != "captions":
            raise ValueError(f"{model.name}: its reader is {model.card.reader.kind!r}; tune captions")
        self.model, self.sets = model, sets
        self.row_s = float(model.steps_per_output / model.rate_hz)

    def measure(self, options: dict[str, Any]) -> Tried:
        """The error rates under the card's options, changed by `options`."""
        reader, wer, seconds, used = self._reader(options), {}, 0.0, 0.0
        for name, spoken in self.sets.items():
            began = time.process_time()
            heard = [" ".join(word.text for word in self._hear(reader, one)) for one in spoken]
            used += time.process_time() - began
            wer[name] = error_rates([one.text for one in spoken], heard).wer or 0.0
            seconds += sum(len(one.rows) for one in spoken) * self.row_s
        return Tried(wer, 1000 * used / max(seconds, self.row_s))

    def search(
        self, grid: Mapping[str, Sequence[float]], told: Callable[[dict, Tried], None]
    ) -> tuple[dict[str, float], Tried]:
        """One option after the other, ROUNDS times; the best of each stays. `told` hears every try."""
        best: dict[str, float] = {}
        usual = structs.asdict(self._reader({}).card)
        if unknown := [name for name in grid if name not in usual]:
            raise WrongCall(f"{unknown[0]!r} is no option of a captions card; there are {', '.join(usual)}")
        # The first one compiles, which must not count.
        self._hear(self._reader({}), next(one for some in self.sets.values() for one in some))
        found = self.measure(best)
        told(best, found)
        for _ in range(ROUNDS):
            before = dict(best)
            for name, values in grid.items():
                for value in values:
                    options = best | {name: value}
                    if value == best.get(name, usual[name]):
                        continue
                    tried = self.measure(options)
                    told(options, tried)
                    if tried.mean < found.mean:
                        best, found = options, tried
            if best == before:
                break
        return best, found

    def calibrated(self, options: dict[str, Any]) -> dict[str, float]:
        """The three options of confidences, fitted to which words are right (logistic regression)."""
        # A logistic function of one number alone gives that number back.
        sound, right = self._confidences(options, (0.0, 1.0, 0.0))
        share, _ = self._confidences(options, (0.0, 0.0, 1.0))
        if len(set(right)) < 2:
            return {}
        features = logit(np.array([sound, share])).T
        fitted = LogisticRegression(C=1e3).fit(features, right)
        values = [fitted.intercept_[0], *fitted.coef_[0]]
        return {name: round(float(value), 2) for name, value in zip(CONFIDENCE, values)}

    def timed(self, options: dict[str, Any]) -> dict[str, float]:
        """The offsets, in rows, that take the median error from starts and ends of words."""
        reader = self._reader(options)
        starts, ends = [], []
        for one in (one for spoken in self.sets.values() for one in spoken):
            found = self._hear(reader, one)
            placed = [SpokenWord(plain(w.text), w.start * self.row_s, w.end * self.row_s) for w in found]
            for spoken, heard in matched(one.words, placed):
                starts.append(one.words[spoken].start / self.row_s - found[heard].start)
                ends.append(one.words[spoken].end / self.row_s - found[heard].end)
        if not starts:
            return {}
        card = reader.card
        return {
            "start_offset_rows": round(card.start_offset_rows + float(np.median(starts)), 2),
            "end_offset_rows": round(card.end_offset_rows + float(np.median(ends)), 2),
        }

    def _confidences(
        self, options: dict[str, Any], weights: tuple[float, float, float]
    ) -> tuple[list[float], list[bool]]:
        reader = self._reader(options | dict(zip(CONFIDENCE, weights)))
        confidences, right = [], []
        for one in (one for spoken in self.sets.values() for one in spoken):
            found = self._hear(reader, one)
            confidences += [min(max(word.confidence, 1e-9), 1 - 1e-9) for word in found]
            right += right_words(plain(one.text).split(), [word.text for word in found])
        return confidences, right

    def _reader(self, options: dict[str, Any]) -> CaptionsReader:
        card = self.model.card
        return CaptionsReader(card.labels["phones"], card.reader.options | options, self.model.folder, 1)

    def _hear(self, reader: CaptionsReader, one: Spoken) -> list[Word]:
        reader.open(1, reader.parse({"partials": False}))
        (events,) = reader.read([1], one.rows[None])
        finals = [event for event in (*events, *reader.finish(1)) if event.kind == "final"]
        return [word for event in finals for word in event.alternatives[0].words]


def spoken(
    model: Model, paths: Iterable[Path], first: int | None, progress: Callable[[float], None]
) -> dict[str, list[Spoken]]:
    """The sets of manifests through the network of `model`, `first` recordings of each at most."""
    front, sets = cache(model.front), {}
    for path in paths:
        sets[str(path)] = some = []
        for recording in islice(read_manifest(path).recordings(), first):
            known = recording if recording.rate_hz in RATES_HZ else recording.at(COMMON_RATE_HZ)
            rows = _rows(model, front(known.rate_hz), known)
            some.append(Spoken(recording.text, recording.words or (), rows))
            progress(recording.seconds)
    return sets


@torch.inference_mode()
def _rows(model: Model, front: Stage, recording: Recording) -> np.ndarray:
    features = front(torch.from_numpy(np.ascontiguousarray(recording.samples, np.float32))[None, :, None])
    if isinstance(model.network, Stage):
        return model.network(features)[0].numpy()
    return model.network(features, torch.tensor([features.shape[1]]))[0].numpy()

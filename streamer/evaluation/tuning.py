"""The options of a captions card that measure best on dev sets: the network runs once, the search often."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from streamer.evaluation.alignment import matched, right_words
from streamer.evaluation.error_rates import error_rates, plain
from streamer.evaluation.recordings import COMMON_RATE_HZ, Recording, SpokenWord
from streamer.evaluation.speech_sets import read_manifest
from streamer.models.audio.resample import RATES_HZ
from streamer.models.bundle.build import Model
from streamer.models.layers.stage import Stage
from streamer.models.readers import EventWord
from streamer.models.readers.captions.captions_reader import CaptionsReader

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
class Trial:
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
        """ValueError for a model that isn't a captions model."""
        if model.card.reader.kind != "captions":
            raise ValueError(f"{model.name}: its reader is {model.card.reader.kind!r}; tune captions")
        self.model, self.sets = model, sets
        self.row_s = float(model.steps_per_output / model.rate_hz)

    def measure(self, options: dict[str, Any]) -> Trial:
        """The error rates under the card's options, changed by `options`."""
        reader, wer, seconds, used = self._reader(options), {}, 0.0, 0.0
        for name, recordings in self.sets.items():
            began = time.process_time()
            texts = [" ".join(word.text for word in self._hear(reader, spoken)) for spoken in recordings]
            used += time.process_time() - began
            wer[name] = error_rates([spoken.text for spoken in recordings], texts).wer or 0.0
            seconds += sum(len(spoken.rows) for spoken in recordings) * self.row_s
        return Trial(wer, 1000 * used / max(seconds, self.row_s))

    def search(
        self, grid: Mapping[str, Sequence[float]], report: Callable[[dict, Trial], None]
    ) -> tuple[dict[str, float], Trial]:
        """One option after the other, ROUNDS times; the best of each stays. `report` takes every try."""
        best: dict[str, float] = {}
        usual = structs.asdict(self._reader({}).card)
        if unknown := [name for name in grid if name not in usual]:
            raise WrongCall(f"{unknown[0]!r} is no option of a captions card; there are {', '.join(usual)}")
        # The first one compiles, which must not count.
        self._hear(self._reader({}), next(self._spoken()))
        lowest = self.measure(best)
        report(best, lowest)
        for _ in range(ROUNDS):
            before = dict(best)
            for name, values in grid.items():
                for value in values:
                    options = best | {name: value}
                    if value == best.get(name, usual[name]):
                        continue
                    trial = self.measure(options)
                    report(options, trial)
                    if trial.mean < lowest.mean:
                        best, lowest = options, trial
            if best == before:
                break
        return best, lowest

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
        for spoken in self._spoken():
            words = self._hear(reader, spoken)
            placed = [SpokenWord(plain(w.text), w.start * self.row_s, w.end * self.row_s) for w in words]
            for reference, place in matched(spoken.words, placed):
                starts.append(spoken.words[reference].start / self.row_s - words[place].start)
                ends.append(spoken.words[reference].end / self.row_s - words[place].end)
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
        for spoken in self._spoken():
            words = self._hear(reader, spoken)
            confidences += [min(max(word.confidence, 1e-9), 1 - 1e-9) for word in words]
            right += right_words(plain(spoken.text).split(), [word.text for word in words])
        return confidences, right

    def _spoken(self) -> Iterator[Spoken]:
        return (spoken for recordings in self.sets.values() for spoken in recordings)

    def _reader(self, options: dict[str, Any]) -> CaptionsReader:
        card = self.model.card
        return CaptionsReader(card.labels["phones"], card.reader.options | options, self.model.folder, 1)

    def _hear(self, reader: CaptionsReader, spoken: Spoken) -> list[EventWord]:
        reader.open(1, reader.parse({"partials": False}))
        (events,) = reader.read([1], spoken.rows[None])
        finals = [event for event in (*events, *reader.finish(1)) if event.kind == "final"]
        return [word for event in finals for word in event.alternatives[0].words]


def spoken(
    model: Model, paths: Iterable[Path], first: int | None, progress: Callable[[float], None]
) -> dict[str, list[Spoken]]:
    """The sets of manifests through the network of `model`, `first` recordings of each at most."""
    front = cache(model.front)
    sets: dict[str, list[Spoken]] = {}
    for path in paths:
        recordings: list[Spoken] = []
        sets[str(path)] = recordings
        for recording in islice(read_manifest(path).recordings(), first):
            taken = recording if recording.rate_hz in RATES_HZ else recording.at(COMMON_RATE_HZ)
            rows = _rows(model, front(taken.rate_hz), taken)
            recordings.append(Spoken(recording.text, recording.words or (), rows))
            progress(recording.seconds)
    return sets


@torch.inference_mode()
def _rows(model: Model, front: Stage, recording: Recording) -> np.ndarray:
    features = front(torch.from_numpy(np.ascontiguousarray(recording.samples, np.float32))[None, :, None])
    if isinstance(model.network, Stage):
        return model.network(features)[0].numpy()
    return model.network(features, torch.tensor([features.shape[1]]))[0].numpy()

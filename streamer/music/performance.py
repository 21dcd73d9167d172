"""A performance: a composer, its sound and the clock of both, one step at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor, inf
from typing import Any, NamedTuple, Protocol

import numpy as np

from streamer.errors import WrongCall
from streamer.music.piece import Piece, seconds_of
from streamer.music.sound import FADE_SECONDS, Sound

LONGEST_SECONDS = 4 * 3600


class NoteSource(Protocol):
    """Where notes come from, by credit."""

    def notes(self, count: int) -> list[tuple[int, ...]]:
        """The MIDI notes of the next `count` steps."""

    def control(self, values: dict[str, Any]) -> None:
        """Change options from the next step on. ValueError, one line, for those that don't fit."""


class Length(NamedTuple):
    """How long a piece is: its steps, and for how long its last notes are held afterwards."""

    steps: int
    hold_seconds: float


class PlayedStep(NamedTuple):
    """One step of a performance; no notes once the piece is over and fades."""

    notes: tuple[int, ...]
    samples: np.ndarray


def length_of(seconds: float, tempi: Mapping[int, float], steps_per_beat: int) -> Length:
    """The length of a piece that lasts `seconds` with its fading: whole beats, where one fits.

    `tempi` are beats a minute by the step from which they are in force. ValueError for no time and for
    more than four hours.
    """
    if not 0 < seconds <= LONGEST_SECONDS:
        raise WrongCall(f"{seconds:g} seconds; a piece lasts more than 0 and at most {LONGEST_SECONDS}")
    music = seconds - min(FADE_SECONDS, seconds / 4)
    fitting, left = 0.0, music
    for (start, tempo), (end, _) in pairwise([*sorted(tempi.items()), (inf, 0.0)]):
        per_step = 60 / (tempo * steps_per_beat)
        fitting += min(end - start, left / per_step)
        left = max(0.0, left - (end - start) * per_step)
    steps = max(1, floor(fitting + 1e-9))
    if steps > steps_per_beat:
        steps -= steps % steps_per_beat
    return Length(steps, max(0.0, music - seconds_of(steps, tempi, steps_per_beat)))


@dataclass
class Performance:
    """Plays what `source` composes, until `length` or until `end` is called.

    `tempo` may change between steps, and does at the steps of `tempi`. `piece` keeps what was played,
    where `kept` says so: a performance without end keeps nothing.
    """

    source: NoteSource
    piece: Piece
    sound: Sound
    tempi: Mapping[int, float]
    length: Length | None = None
    seconds: float | None = None  # exactly so many samples, where a length is known
    kept: bool = True
    tempo: float = field(init=False)
    position: int = field(default=0, init=False)
    ends_at: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.ends_at = self.length.steps if self.length else None
        self.tempo = self.tempi[0]

    def __iter__(self) -> Iterator[PlayedStep]:
        notes: tuple[int, ...] = ()
        sent = 0
        while self.ends_at is None or self.position < self.ends_at:
            (notes,) = self.source.notes(1)
            self.tempo = self.tempi.get(self.position, self.tempo)
            struck = self.position in self.piece.struck
            self.position += 1
            if self.kept:
                self.piece.add(notes, self.tempo)
            samples = self.sound.step(notes, self.tempo, struck)
            sent += len(samples)
            yield PlayedStep(notes, samples)
        for samples in self._ending(notes, sent):
            yield PlayedStep((), samples)

    def end(self, beats: int = 8) -> None:
        """End the piece with a cadence within `beats`."""
        if self.ends_at is None or self.ends_at > self.position + beats * self.piece.steps_per_beat:
            per_beat = self.piece.steps_per_beat
            self.ends_at = self.position + beats * per_beat - self.position % per_beat
            self.length = self.seconds = None
            self.source.control({"end": self.ends_at})

    def _ending(self, notes: tuple[int, ...], sent: int) -> Iterator[np.ndarray]:
        """The last notes held, then fading, and then exactly as many samples as were asked for."""
        hold = self.length.hold_seconds if self.length else 0.0
        if hold > 0.01:
            held = self.sound.hold(notes, hold)
            sent += len(held)
            yield held
        if self.seconds is None:
            yield self.sound.rest(FADE_SECONDS)
            return
        left = round(self.seconds * self.sound.rate_hz) - sent
        faded = self.sound.rest(left / self.sound.rate_hz + 0.01)
        yield faded[: max(0, left)]

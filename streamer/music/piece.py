"""A piece of music: what sounds in each step, and the notes that this makes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from streamer.music.signatures import Key, Time


class Note(NamedTuple):
    """A MIDI note of one part, from step `start` up to step `end`."""

    part: int
    pitch: int
    start: int
    end: int


@dataclass
class Piece:
    """Steps of MIDI notes; a step holds a note for each place, 0 where nothing sounds.

    `parts` name the voices, and `widths` say how many places each one has. `struck` are the steps at
    which the first place begins a note that it had before. By the step from which they are in force:
    `tempi`, the changes of tempo; `times` and `keys`, where any are known. `upbeat` are the steps before
    the first bar line.
    """

    parts: Sequence[str]
    widths: Sequence[int]
    steps_per_beat: int
    tempo: float  # beats a minute, at the beginning
    steps: list[tuple[int, ...]] = field(default_factory=list)
    tempi: dict[int, float] = field(default_factory=dict)
    struck: frozenset[int] = frozenset()
    times: dict[int, Time] = field(default_factory=dict)
    keys: dict[int, Key] = field(default_factory=dict)
    upbeat: int = 0

    def add(self, notes: tuple[int, ...], tempo: float) -> None:
        """One more step, at `tempo`."""
        if tempo != self.last_tempo:
            self.tempi[len(self.steps)] = tempo
        self.steps.append(notes)

    @property
    def last_tempo(self) -> float:
        """The tempo at the end."""
        return next(reversed(self.tempi.values()), self.tempo)

    @property
    def seconds(self) -> float:
        """For how long the steps last."""
        return seconds_of(len(self.steps), {0: self.tempo, **self.tempi}, self.steps_per_beat)

    @property
    def part_of_place(self) -> list[int]:
        """The part of each place."""
        return [part for part, width in enumerate(self.widths) for _ in range(width)]

    def notes(self) -> Iterator[Note]:
        """The notes by place: neighbouring steps of one pitch are one note, unless it is struck again."""
        for place, part in enumerate(self.part_of_place):
            began, before = 0, 0
            for step, notes in enumerate([*self.steps, (0,) * sum(self.widths)]):
                if notes[place] != before or (place == 0 and step in self.struck):
                    if before:
                        yield Note(part, before, began, step)
                    began, before = step, notes[place]


def seconds_of(steps: int, tempi: Mapping[int, float], steps_per_beat: int) -> float:
    """How long `steps` last at `tempi`, beats a minute by the step from which they are in force."""
    changes = [*sorted(tempi.items()), (steps, 0.0)]
    lengths = ((min(end, steps) - start, tempo) for (start, tempo), (end, _) in pairwise(changes))
    return sum(60 * length / (tempo * steps_per_beat) for length, tempo in lengths if length > 0)

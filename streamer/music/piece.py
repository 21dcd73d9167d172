"""A piece of music: what sounds in each step, and the notes that this makes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Note(NamedTuple):
    """A MIDI note of one part, from step `start` up to step `end`."""

    part: int
    pitch: int
    start: int
    end: int


@dataclass
class Piece:
    """Steps of MIDI notes; a step holds a note for each place, 0 where nothing sounds.

    `parts` name the voices, and `widths` say how many places each one has. `tempi` are the changes of
    tempo, by the step from which they are in force.
    """

    parts: Sequence[str]
    widths: Sequence[int]
    steps_per_beat: int
    tempo: float  # beats a minute, at the beginning
    steps: list[tuple[int, ...]] = field(default_factory=list)
    tempi: dict[int, float] = field(default_factory=dict)

    def add(self, notes: tuple[int, ...], tempo: float) -> None:
        """One more step, at `tempo`."""
        if tempo != next(reversed(self.tempi.values()), self.tempo):
            self.tempi[len(self.steps)] = tempo
        self.steps.append(notes)

    @property
    def part_of_place(self) -> list[int]:
        """The part of each place."""
        return [part for part, width in enumerate(self.widths) for _ in range(width)]

    def notes(self) -> Iterator[Note]:
        """The notes by place: neighbouring steps of one pitch are one note."""
        for place, part in enumerate(self.part_of_place):
            began, before = 0, 0
            for step, notes in enumerate([*self.steps, (0,) * sum(self.widths)]):
                if notes[place] != before:
                    if before:
                        yield Note(part, before, began, step)
                    began, before = step, notes[place]

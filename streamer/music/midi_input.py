"""A melody out of a MIDI file, on the steps of a composer, with what the file says of time and key."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from streamer.music.midi_events import (
    KEY_SIGNATURE,
    META,
    TEMPO,
    TIME_SIGNATURE,
    MidiEvent,
    MidiEvents,
    read_events,
)
from streamer.music.signatures import COMMON, MOST_FIFTHS, Key, Time

MOST_STEPS = 4096
NOTE_OFF, NOTE_ON, DRUMS = 0x80, 0x90, 9
USUAL_TEMPO = 120.0  # of a file that names none
SMALLEST_BEAT = 6  # a time signature counts 64ths at most


@dataclass(frozen=True)
class Melody:
    """A MIDI note for each step, 0 for silence.

    `struck` are the steps at which a note begins again. By the step from which they are in force:
    `tempi` (beats a minute), `times` and `keys`; empty where nothing is said of them. `upbeat` are the
    steps before the first bar line.
    """

    notes: list[int] = field(default_factory=list)
    struck: frozenset[int] = frozenset()
    tempi: dict[int, float] = field(default_factory=dict)
    times: dict[int, Time] = field(default_factory=dict)
    keys: dict[int, Key] = field(default_factory=dict)
    upbeat: int = 0


class SoundingNote(NamedTuple):
    """A MIDI note and its ticks."""

    pitch: int
    start: int
    end: int


def read_melody(path: Path, steps_per_beat: int) -> Melody:
    """The highest note of each step of a MIDI file, from its first note on.

    ValueError, one line, for what isn't a MIDI file, and for one without notes.
    """
    events = read_events(path)
    notes = [note for track in events.tracks for note in _notes(track)]
    if not notes:
        raise ValueError(f"{path}: holds no notes")
    first, per_step = min(note.start for note in notes), events.ticks_per_beat / steps_per_beat
    if max(note.end for note in notes) - first > MOST_STEPS * per_step:
        raise ValueError(f"{path}: is longer than {MOST_STEPS // steps_per_beat} beats")
    pitches, struck = _highest(notes, first, per_step)
    tempi = {0: USUAL_TEMPO} | ({} if events.by_seconds else _tempi(events))
    times, keys = _times(events, steps_per_beat), _keys(events)
    line = float(first)
    if times:
        line, times[first] = _first_bar_line(times, first, events.ticks_per_beat)
    return Melody(
        pitches,
        struck,
        _by_step(tempi, first, per_step),
        _by_step(times, first, per_step),
        _by_step({0: Key(0, False)} | keys if keys else {}, first, per_step),
        round((line - first) / per_step),
    )


def _notes(track: list[MidiEvent]) -> Iterable[SoundingNote]:
    """The notes of a track, drums left out."""
    sounding: dict[tuple[int, int], int] = {}  # from channel and note to when it began
    last = track[-1].tick if track else 0
    for tick, kind, channel, data in track:
        if kind not in (NOTE_ON, NOTE_OFF) or channel == DRUMS:
            continue
        pitch, velocity = data
        if (channel, pitch) in sounding:
            yield SoundingNote(pitch, sounding.pop((channel, pitch)), tick)
        if kind == NOTE_ON and velocity:
            sounding[channel, pitch] = tick
    for (_, pitch), start in sounding.items():
        yield SoundingNote(pitch, start, last)


def _highest(notes: list[SoundingNote], first: int, per_step: float) -> tuple[list[int], frozenset[int]]:
    """The highest note of each step, and the steps where it begins though it sounded before."""
    begins = [round((note.start - first) / per_step) for note in notes]
    ends = [max(begin + 1, round((note.end - first) / per_step)) for begin, note in zip(begins, notes)]
    pitches = np.zeros(max(ends), np.int64)
    began = np.zeros(max(ends), np.int64)  # where the note of each step began
    # The highest is laid last; of two equal ones that which begins last.
    for number in sorted(range(len(notes)), key=lambda number: (notes[number].pitch, begins[number])):
        pitches[begins[number] : ends[number]] = notes[number].pitch
        began[begins[number] : ends[number]] = begins[number]
    again = (began[1:] == np.arange(1, len(began))) & (pitches[1:] == pitches[:-1]) & (pitches[1:] > 0)
    return pitches.tolist(), frozenset((np.flatnonzero(again) + 1).tolist())


def _meta(events: MidiEvents, kind: int, least: int) -> list[MidiEvent]:
    """The meta events of a kind with `least` bytes or more, of all tracks, by time."""
    found = [
        event
        for track in events.tracks
        for event in track
        if event.kind == META and event.number == kind and len(event.data) >= least
    ]
    return sorted(found, key=lambda event: event.tick)


def _tempi(events: MidiEvents) -> dict[int, float]:
    """Beats a minute by tick."""
    lengths = {event.tick: int.from_bytes(event.data[:3], "big") for event in _meta(events, TEMPO, 3)}
    return {tick: 60e6 / microseconds for tick, microseconds in lengths.items() if microseconds}


def _times(events: MidiEvents, steps_per_beat: int) -> dict[int, Time]:
    """Time signatures by tick; those that aren't any, or whose bars no steps fill, are passed over."""
    times = {}
    for event in _meta(events, TIME_SIGNATURE, 2):
        beats, halvings = event.data[:2]
        if beats and halvings <= SMALLEST_BEAT and Time(beats, 2**halvings).steps(steps_per_beat):
            times[event.tick] = Time(beats, 2**halvings)
    return times


def _keys(events: MidiEvents) -> dict[int, Key]:
    """Key signatures by tick; those of more than seven sharps or flats are passed over."""
    keys = {}
    for event in _meta(events, KEY_SIGNATURE, 2):
        fifths = int.from_bytes(event.data[:1], "big", signed=True)
        if abs(fifths) <= MOST_FIFTHS and event.data[1] in (0, 1):
            keys[event.tick] = Key(fifths, bool(event.data[1]))
    return keys


def _first_bar_line(times: dict[int, Time], first: int, ticks_per_beat: float) -> tuple[float, Time]:
    """The tick of the first bar line at or after the first note, and the time of the bar that it begins.

    A bar that another time signature cuts short, or that is followed by a longer one, is an upbeat if
    the piece begins with it.
    """
    changes = sorted({0: COMMON, **times}.items())
    for (start, time), (end, after) in pairwise([*changes, (float("inf"), changes[-1][1])]):
        if first >= end:
            continue
        length = 4 * ticks_per_beat * time.beats / time.beat_type
        before = (first - start) // length * length + start
        line = min(before + length, end)
        if first > before:
            return line, after if line == end else time
        longer = after.beats / after.beat_type > time.beats / time.beat_type
        if start == 0 and line == end and first == 0 and longer:
            return line, after
        return first, time
    raise AssertionError("the last time signature has no end")


Value = TypeVar("Value", float, Time, Key)


def _by_step(values: dict[int, Value], first: int, per_step: float) -> dict[int, Value]:
    """What is in force by step: from the first one on what came last before it, then each change."""
    steps: dict[int, Value] = {}
    for tick in sorted(values):
        steps[max(0, round((tick - first) / per_step))] = values[tick]
    changes: dict[int, Value] = {}
    for step, value in steps.items():
        if not changes or value != changes[max(changes)]:
            changes[step] = value
    return changes

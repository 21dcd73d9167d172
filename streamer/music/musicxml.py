"""A piece as MusicXML 4.0, which notation programs open."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from streamer.models.music.notation import NAMES
from streamer.music.piece import Piece

BEATS = 4  # of a measure
DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)
# Lengths that one note can have, in beats, longest first: their type and whether they have a dot.
LENGTHS = (
    (4.0, "whole", 0),
    (3.0, "half", 1),
    (2.0, "half", 0),
    (1.5, "quarter", 1),
    (1.0, "quarter", 0),
    (0.75, "eighth", 1),
    (0.5, "eighth", 0),
    (0.25, "16th", 0),
    (0.125, "32nd", 0),
)


def write_musicxml(piece: Piece, path: Path) -> None:
    """Write `piece`, a part for each of its parts, in measures of four beats."""
    score = ET.Element("score-partwise", version="4.0")
    names = ET.SubElement(score, "part-list")
    for number, name in enumerate(piece.parts):
        part = ET.SubElement(names, "score-part", id=f"P{number + 1}")
        ET.SubElement(part, "part-name").text = name
    places = piece.part_of_place
    for number in range(len(piece.parts)):
        own = [place for place, part in enumerate(places) if part == number]
        chords = [tuple(sorted(step[place] for place in own if step[place])) for step in piece.steps]
        tempi = {} if number else {0: piece.tempo, **piece.tempi}
        score.append(_part(number, chords, piece, tempi))
    ET.indent(score)
    text = ET.tostring(score, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}\n{text}\n', encoding="utf-8")


def _part(number: int, chords: list[tuple[int, ...]], piece: Piece, tempi: dict[int, float]) -> ET.Element:
    """A part of `chords`, the notes of each step; `tempi` by step, those that this part states."""
    part, measure_steps = ET.Element("part", id=f"P{number + 1}"), BEATS * piece.steps_per_beat
    notes = [note for chord in chords for note in chord]
    low = bool(notes) and sum(notes) / len(notes) < 60
    for start in range(0, len(chords), measure_steps):
        measure = ET.SubElement(part, "measure", number=str(start // measure_steps + 1))
        if not start:
            _attributes(measure, piece, low)
        end = min(start + measure_steps, len(chords))
        for step in range(start, end):
            if step in tempi:
                sound = ET.SubElement(measure, "sound", tempo=f"{tempi[step]:g}")
                if step > start:
                    ET.SubElement(sound, "offset").text = str(step - start)
        at = start
        while at < end:
            until = at + 1
            while until < end and chords[until] == chords[at]:
                until += 1
            back = at > 0 and chords[at - 1] == chords[at]
            on = until < len(chords) and chords[until] == chords[at]
            _written(measure, chords[at], list(_lengths(until - at, piece.steps_per_beat)), Tied(back, on))
            at = until
    return part


def _attributes(measure: ET.Element, piece: Piece, low: bool) -> None:
    attributes = ET.SubElement(measure, "attributes")
    ET.SubElement(attributes, "divisions").text = str(piece.steps_per_beat)
    ET.SubElement(ET.SubElement(attributes, "key"), "fifths").text = "0"
    time = ET.SubElement(attributes, "time")
    ET.SubElement(time, "beats").text = str(BEATS)
    ET.SubElement(time, "beat-type").text = "4"
    clef = ET.SubElement(attributes, "clef")
    ET.SubElement(clef, "sign").text = "F" if low else "G"
    ET.SubElement(clef, "line").text = "4" if low else "2"


class Tied(NamedTuple):
    """Whether a chord is tied to the one before it, and to the one after it."""

    back: bool
    on: bool


def _written(
    measure: ET.Element, chord: tuple[int, ...], lengths: list[tuple[int, str, int]], tied: Tied
) -> None:
    """The chord, or a rest, as the notes of `lengths` (duration, type, dots), tied together."""
    for number, (duration, kind, dots) in enumerate(lengths):
        tied_back, tied_on = number > 0 or tied.back, number + 1 < len(lengths) or tied.on
        for place, pitch in enumerate(chord or (None,)):
            note = ET.SubElement(measure, "note")
            if place:
                ET.SubElement(note, "chord")
            if pitch is None:
                ET.SubElement(note, "rest")
            else:
                _pitch(note, pitch)
            ET.SubElement(note, "duration").text = str(duration)
            ties = [tie for tie, is_tied in (("stop", tied_back), ("start", tied_on)) if is_tied and pitch]
            for tie in ties:
                ET.SubElement(note, "tie", type=tie)
            ET.SubElement(note, "type").text = kind
            for _ in range(dots):
                ET.SubElement(note, "dot")
            if ties:
                notations = ET.SubElement(note, "notations")
                for tie in ties:
                    ET.SubElement(notations, "tied", type=tie)


def _lengths(steps: int, per_beat: int) -> Iterator[tuple[int, str, int]]:
    """Steps as lengths that can be written: duration, type, dots."""
    while steps:
        for beats, kind, dots in LENGTHS:
            count = beats * per_beat
            if count == int(count) and count <= steps:
                yield int(count), kind, dots
                steps -= int(count)
                break


def _pitch(note: ET.Element, number: int) -> None:
    pitch, name = ET.SubElement(note, "pitch"), NAMES[number % 12]
    ET.SubElement(pitch, "step").text = name[0]
    if name[1:]:
        ET.SubElement(pitch, "alter").text = "1"
    ET.SubElement(pitch, "octave").text = str(number // 12 - 1)

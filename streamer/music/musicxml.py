"""A piece as MusicXML 4.0, which notation programs open."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from streamer.music.barring import Bar, bars, signed
from streamer.music.chord_symbols import kind_of
from streamer.music.piece import Piece
from streamer.music.signatures import Key, Spelling, Time, spelled

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
    """Write `piece`, a part for each of its parts, in whole measures; a part of chords has their symbols."""
    piece = signed(piece)
    score = ET.Element("score-partwise", version="4.0")
    names = ET.SubElement(score, "part-list")
    for number, name in enumerate(piece.parts):
        part = ET.SubElement(names, "score-part", id=f"P{number + 1}")
        ET.SubElement(part, "part-name").text = name
        score.append(_part(number, piece))
    ET.indent(score)
    text = ET.tostring(score, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}\n{text}\n', encoding="utf-8")


def _part(number: int, piece: Piece) -> ET.Element:
    """One part of a piece that is signed; the first one states the tempi."""
    part, measures = ET.Element("part", id=f"P{number + 1}"), bars(piece)
    own = [place for place, other in enumerate(piece.part_of_place) if other == number]
    chords = [tuple(sorted(step[place] for place in own if step[place])) for step in piece.steps]
    begins = {step for step, (before, chord) in enumerate(pairwise(chords), 1) if before != chord} | {0}
    chords += [()] * (measures[-1].end - len(chords))
    begins.add(len(piece.steps))  # the rests that fill the last measure
    if not number:
        begins |= piece.struck
    key, time = None, None
    for bar_number, bar in enumerate(measures, 0 if measures[0].is_upbeat else 1):
        measure = ET.SubElement(part, "measure", number=str(bar_number))
        if bar.is_upbeat:
            measure.set("implicit", "yes")
        before, (key, time) = (key, time), (_key_at(piece, bar.start), bar.time)
        if (key, time) != before:
            attributes = Attributes(key, time, piece.steps_per_beat, None if bar.start else _is_low(chords))
            measure.append(_attributes(attributes, before))
        if not number:
            _tempi(measure, piece, bar)
        edges = sorted({bar.start, bar.end} | {step for step in begins if bar.start < step < bar.end})
        for start, end in pairwise(edges):
            if len(own) > 1 and start in begins and (symbol := kind_of(chords[start])):
                measure.append(_harmony(chords[start][0], symbol, key))
            lengths = list(_lengths(end - start, piece.steps_per_beat))
            on = end < len(piece.steps) and end not in begins
            _written(measure, WrittenChord(chords[start], key, start not in begins, on), lengths)
    barline = ET.SubElement(measure, "barline", location="right")
    ET.SubElement(barline, "bar-style").text = "light-heavy"
    return part


def _key_at(piece: Piece, step: int) -> Key:
    return piece.keys[max(at for at in piece.keys if at <= step)]


def _is_low(chords: list[tuple[int, ...]]) -> bool:
    notes = [note for chord in chords for note in chord]
    return bool(notes) and sum(notes) / len(notes) < 60


def _tempi(measure: ET.Element, piece: Piece, bar: Bar) -> None:
    for step, tempo in {0: piece.tempo, **piece.tempi}.items():
        if bar.start <= step < bar.end:
            sound = ET.SubElement(measure, "sound", tempo=f"{tempo:g}")
            if step > bar.start:
                ET.SubElement(sound, "offset").text = str(step - bar.start)


class Attributes(NamedTuple):
    """What stands at the beginning of a measure; `is_low` says which clef, None that it stays."""

    key: Key
    time: Time
    divisions: int
    is_low: bool | None


def _attributes(wanted: Attributes, before: tuple[Key | None, Time | None]) -> ET.Element:
    attributes = ET.Element("attributes")
    if wanted.is_low is not None:
        ET.SubElement(attributes, "divisions").text = str(wanted.divisions)
    if wanted.key != before[0]:
        key = ET.SubElement(attributes, "key")
        ET.SubElement(key, "fifths").text = str(wanted.key.fifths)
        ET.SubElement(key, "mode").text = "minor" if wanted.key.minor else "major"
    if wanted.time != before[1]:
        time = ET.SubElement(attributes, "time")
        ET.SubElement(time, "beats").text = str(wanted.time.beats)
        ET.SubElement(time, "beat-type").text = str(wanted.time.beat_type)
    if wanted.is_low is not None:
        clef = ET.SubElement(attributes, "clef")
        ET.SubElement(clef, "sign").text = "F" if wanted.is_low else "G"
        ET.SubElement(clef, "line").text = "4" if wanted.is_low else "2"
    return attributes


def _harmony(root: int, symbol: tuple[str, str], key: Key) -> ET.Element:
    harmony, spelling = ET.Element("harmony"), spelled(root, key)
    element = ET.SubElement(harmony, "root")
    ET.SubElement(element, "root-step").text = spelling.letter
    if spelling.alter:
        ET.SubElement(element, "root-alter").text = str(spelling.alter)
    kind, written = symbol
    ET.SubElement(harmony, "kind", text=written).text = kind
    return harmony


class WrittenChord(NamedTuple):
    """Notes that sound together in a key, and whether they are tied to what is before and after them."""

    notes: tuple[int, ...]
    key: Key
    back: bool
    on: bool


def _written(measure: ET.Element, chord: WrittenChord, lengths: list[tuple[int, str, int]]) -> None:
    """The chord, or a rest, as the notes of `lengths` (duration, type, dots), tied together."""
    for number, (duration, kind, dots) in enumerate(lengths):
        tied_back, tied_on = number > 0 or chord.back, number + 1 < len(lengths) or chord.on
        for place, pitch in enumerate(chord.notes or (None,)):
            note = ET.SubElement(measure, "note")
            if place:
                ET.SubElement(note, "chord")
            if pitch is None:
                ET.SubElement(note, "rest")
            else:
                _pitch(note, spelled(pitch, chord.key))
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


def _pitch(note: ET.Element, spelling: Spelling) -> None:
    pitch = ET.SubElement(note, "pitch")
    ET.SubElement(pitch, "step").text = spelling.letter
    if spelling.alter:
        ET.SubElement(pitch, "alter").text = str(spelling.alter)
    ET.SubElement(pitch, "octave").text = str(spelling.octave)

"""The piece that `streamer compose` was asked for: its prompt, its length, the options of its stream."""

import random
from dataclasses import dataclass, replace
from typing import Any

from streamer.cli.compose_options import Compose
from streamer.errors import WrongCall
from streamer.music.midi_input import read_melody
from streamer.music.performance import LONGEST_SECONDS, Length, Performance, length_of
from streamer.music.piece import Piece, seconds_of
from streamer.music.prompts import Prompt, read_prompt
from streamer.music.signatures import key_named
from streamer.music.sound import FADE_SECONDS, Sound
from streamer.music.source import PieceSource

SLOWEST, FASTEST = 20, 400  # beats a minute


@dataclass(frozen=True)
class Plan:
    """What a piece begins with, or a whole melody; no length and no seconds: it has no end."""

    prompt: Prompt
    tempi: dict[int, float]  # beats a minute, by the step from which they are in force
    length: Length | None
    seconds: float | None


def plan(source: PieceSource, wish: Compose, usual_seconds: float | None) -> Plan:
    """The piece that is asked for; it lasts `usual_seconds` where nothing says how long.

    An accompaniment is as long as its melody. ValueError as the prompts say.
    """
    if wish.tempo is not None and not SLOWEST <= wish.tempo <= FASTEST:
        raise WrongCall(f"a tempo of {wish.tempo:g} beats a minute; give {SLOWEST} to {FASTEST}")
    prompt, per_beat = _prompt(source, wish), source.steps_per_beat
    melody = prompt.melody
    tempi = melody.tempi or {0: source.default_tempo}
    if wish.tempo is not None:
        tempi = {0: wish.tempo}
    if wish.seconds is None and wish.melody:
        seconds = seconds_of(len(melody.notes), tempi, per_beat) + FADE_SECONDS
        if seconds > LONGEST_SECONDS:
            raise ValueError(
                f"{wish.melody}: lasts {seconds:.0f} seconds at its tempo, and a piece lasts at most "
                f"{LONGEST_SECONDS}; give --tempo"
            )
        return Plan(prompt, tempi, Length(len(melody.notes), 0.0), seconds)
    wanted = usual_seconds if wish.seconds is None else wish.seconds
    length = None if wanted is None else length_of(wanted, tempi, per_beat)
    return Plan(prompt, tempi, length, wanted)


def open_piece(source: PieceSource, wish: Compose, plan: Plan, kept: bool = True) -> Performance:
    """Begin the piece on `source`: a performance of it, which keeps its notes where `kept` says so."""
    source.open(_options(source, wish, plan))
    melody = plan.prompt.melody
    piece = Piece(
        [voice.name for voice in source.voices],
        [voice.width for voice in source.voices],
        source.steps_per_beat,
        plan.tempi[0],
        struck=melody.struck,
        times=melody.times,
        keys={0: key_named(wish.key)} if wish.key else melody.keys,
        upbeat=melody.upbeat,
    )
    sound = Sound(sum(piece.widths), source.steps_per_beat)
    return Performance(source, piece, sound, plan.tempi, plan.length, plan.seconds, kept)


def _prompt(source: PieceSource, wish: Compose) -> Prompt:
    prompt = read_prompt(wish.prompt, source.steps_per_beat)
    if wish.melody is None:
        return prompt
    if prompt.melody.notes:
        raise WrongCall("--prompt and --accompany both give the first voice; let one of them be")
    return replace(prompt, melody=read_melody(wish.melody, source.steps_per_beat))


def _options(source: PieceSource, wish: Compose, plan: Plan) -> dict[str, Any]:
    """The stream's options of a piece that ends as planned, or never."""
    seeds = (wish.seed, plan.prompt.seed)
    seed = next((seed for seed in seeds if seed is not None), None)
    wanted: dict[str, Any] = {
        "seed": random.randrange(2**32) if seed is None else seed,
        "temperature": wish.temperature,
        # What a server's notices tell; a file may be slower or faster than any stream.
        "tempo": min(FASTEST, max(SLOWEST, plan.tempi[0])),
        "key": wish.key,
    }
    options = {name: value for name, value in wanted.items() if value is not None}
    if plan.length and plan.length.steps:
        options["end"] = plan.length.steps
    if plan.prompt.melody.notes:
        others = [-1] * (len(source.voices) - 1)
        options["prompt"] = [[note, *others] for note in plan.prompt.melody.notes]
    return options

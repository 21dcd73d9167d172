"""The piece that `streamer compose` was asked for: its prompt, its length, the options of its stream."""

import random
from dataclasses import dataclass, replace
from typing import Any

from streamer.cli.compose_options import Compose
from streamer.errors import WrongCall
from streamer.music.performance import Length, Performance, length_of
from streamer.music.piece import Piece
from streamer.music.prompts import Prompt, read_melody, read_prompt
from streamer.music.sound import FADE_SECONDS, Sound
from streamer.music.source import PieceSource


@dataclass(frozen=True)
class Plan:
    """What a piece begins with, or a whole melody; no length and no seconds: it has no end."""

    prompt: Prompt
    length: Length | None
    seconds: float | None


def plan(source: PieceSource, wish: Compose, usual_seconds: float | None) -> Plan:
    """The piece that is asked for; it lasts `usual_seconds` where nothing says how long.

    An accompaniment is as long as its melody. ValueError as the prompts say.
    """
    tempo = wish.tempo if wish.tempo is not None else source.default_tempo
    if not 20 <= tempo <= 400:
        raise WrongCall(f"a tempo of {tempo:g} beats a minute; give 20 to 400")
    prompt, per_beat = _prompt(source, wish), source.steps_per_beat
    if wish.seconds is None and wish.melody:
        seconds = len(prompt.melody) * 60 / (tempo * per_beat) + FADE_SECONDS
        return Plan(prompt, Length(len(prompt.melody), 0.0), seconds)
    wanted = usual_seconds if wish.seconds is None else wish.seconds
    return Plan(prompt, None if wanted is None else length_of(wanted, tempo, per_beat), wanted)


def open_piece(source: PieceSource, wish: Compose, plan: Plan, kept: bool = True) -> Performance:
    """Begin the piece on `source`: a performance of it, which keeps its notes where `kept` says so."""
    source.open(_options(source, wish, plan))
    piece = Piece(
        [voice.name for voice in source.voices],
        [voice.width for voice in source.voices],
        source.steps_per_beat,
        source.tempo,
    )
    sound = Sound(sum(piece.widths), source.steps_per_beat)
    return Performance(source, piece, sound, source.tempo, plan.length, plan.seconds, kept)


def _prompt(source: PieceSource, wish: Compose) -> Prompt:
    prompt = read_prompt(wish.prompt, source.steps_per_beat)
    if wish.melody is None:
        return prompt
    if prompt.melody:
        raise WrongCall("--prompt and --accompany both give the first voice; let one of them be")
    return replace(prompt, melody=read_melody(wish.melody, source.steps_per_beat))


def _options(source: PieceSource, wish: Compose, plan: Plan) -> dict[str, Any]:
    """The stream's options of a piece that ends as planned, or never."""
    seeds = (wish.seed, plan.prompt.seed)
    seed = next((seed for seed in seeds if seed is not None), None)
    wanted: dict[str, Any] = {
        "seed": random.randrange(2**32) if seed is None else seed,
        "temperature": wish.temperature,
        "tempo": wish.tempo,
        "key": wish.key,
    }
    options = {name: value for name, value in wanted.items() if value is not None}
    if plan.length and plan.length.steps:
        options["end"] = plan.length.steps
    if plan.prompt.melody:
        others = [-1] * (len(source.voices) - 1)
        options["prompt"] = [[note, *others] for note in plan.prompt.melody]
    return options

"""What the streams of a chaos run bring, and when: a function of their numbers and a seed alone."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamer.clients.files import BUNDLED
from streamer.config import Config
from streamer.sound.sound_file import read_mono

FRAME_MS, WORD_MS, CREDIT_MS = 100, 200, 500
CREDIT_STEPS = 8  # every CREDIT_MS
SPEECH, TEXT, NOTES = "captions-en", "entities-en", "folk"
VARIANTS = 8  # kinds of speech and of text: what many streams share is computed once undisturbed
STORY = BUNDLED.with_name("story.txt")


@dataclass(frozen=True)
class Plan:
    """One stream: pieces for a model, `every_ms` apart; credit where a piece is a number."""

    model: str
    variant: int
    every_ms: int
    pieces: tuple[bytes | int, ...]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> tuple[str, int]:
        """Streams of the same kind say the same."""
        return self.model, self.variant


def plans(streams: int, seconds: float, seed: int, speech: Path = BUNDLED) -> list[Plan]:
    """Eight in ten speak, the others type; one, the last of three and more, makes music."""
    samples, rate_hz = read_mono(speech)
    words = STORY.read_text(encoding="utf-8").split()
    made: list[Plan] = []
    for number in range(streams):
        variant = number % VARIANTS
        chance = random.Random(f"{seed} {variant}")
        if number == streams - 1 and streams > 2:
            made.append(_notes(seconds, seed))
        elif number % 5 == 4:
            made.append(_text(words, seconds, variant, chance))
        else:
            made.append(_speech(samples, rate_hz, seconds, variant, chance))
    return made


def served(config: Config) -> Config:
    """`config` for what plans want served."""
    from msgspec.structs import replace

    return replace(config, server=replace(config.server, serve=[SPEECH, TEXT, NOTES]))


def _speech(samples: Any, rate_hz: int, seconds: float, variant: int, chance: random.Random) -> Plan:
    size, count = rate_hz * FRAME_MS // 1000, round(1000 * seconds / FRAME_MS)
    pcm = (samples * 32767).astype("<i2")
    at = chance.randrange(len(pcm))
    pieces = []
    for _ in range(count):
        piece = pcm[at : at + size]
        at = (at + size) % len(pcm)
        pieces.append(piece.tobytes())
    form = {"encoding": "s16", "rate": rate_hz, "channels": 1}
    return Plan(SPEECH, variant, FRAME_MS, tuple(pieces), {"format": form})


def _text(words: list[str], seconds: float, variant: int, chance: random.Random) -> Plan:
    first, count = chance.randrange(len(words)), round(1000 * seconds / WORD_MS)
    pieces = tuple(f"{words[(first + number) % len(words)]} ".encode() for number in range(count))
    return Plan(TEXT, variant, WORD_MS, pieces)


def _notes(seconds: float, seed: int) -> Plan:
    count = round(1000 * seconds / CREDIT_MS)
    return Plan(NOTES, 0, CREDIT_MS, (CREDIT_STEPS,) * count, {"seed": seed})

"""The options of a composing stream, and the input steps that they make."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from streamer.errors import OptionError
from streamer.models.music.composer_channels import BEATS, COUNTDOWN, PITCH_CLASSES, Layout, noise
from streamer.models.music.notation import MAJOR, Voice, key_of
from streamer.models.options import converted

MidiNote = Annotated[int, msgspec.Meta(ge=0, le=127)]  # of MIDI; 0 is silence
NoteOrFree = Annotated[int, msgspec.Meta(ge=-1, le=127)]
Tempo = Annotated[float, msgspec.Meta(ge=20, le=400)]  # beats a minute
Temperature = Annotated[float, msgspec.Meta(ge=0, le=4)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
OUT_OF_KEY = -3.0  # added to the logits of notes that a key doesn't have
LONGEST_PROMPT = 4096  # steps
# A cadence is several right notes in a row: one unlikely note and it is missed. So the last beats before
# an end are drawn at this share of the temperature; of more beats than a last chord may last, it is often
# reached too early.
CALM_BEATS, CALM = 5, 0.25


class ComposerDefaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a card's [feeder] may set."""

    steps_per_beat: Annotated[int, msgspec.Meta(ge=1, le=48)] = 4
    tempo: Tempo = 100.0
    temperature: Temperature = 1.0
    nucleus: Share = 1.0
    tonic: str = ""  # of the key that all pieces of the training set were moved to, if they were


class ComposerOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a stream may set, at its beginning and (except `prompt`) while it plays.

    `end` is the position where the piece ends, 0 for never: the composer knows when it is near, and
    draws the last `CALM_BEATS` at a lower temperature.
    `bounds` are the lowest and highest note of voices by name, `given` the notes that voices sing from
    now on, 0 for silence; a voice that isn't named is free. `prompt` are the notes of each voice in
    the first steps, -1 where one is free. All these notes are as composed; `transpose` (semitones) and
    `tempo` (beats a minute) change what sounds, not what is composed.
    """

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    temperature: Temperature = 1.0
    nucleus: Share = 1.0
    tempo: Tempo = 100.0
    transpose: Annotated[int, msgspec.Meta(ge=-36, le=36)] = 0
    key: str = ""
    end: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    bounds: dict[str, tuple[MidiNote, MidiNote]] = {}
    given: dict[str, MidiNote] = {}
    prompt: Annotated[list[list[NoteOrFree]], msgspec.Meta(max_length=LONGEST_PROMPT)] = []


class ComposerFeeder:
    """Input steps of a composer's streams.

    Law: a step is a function of the options in force and its position alone.
    """

    option_names = ComposerOptions.__struct_fields__

    def __init__(self, voices: Sequence[Voice], defaults: dict[str, Any]):
        """OptionError "feeder.NAME" for defaults that a card may not set."""
        self.voices = tuple(voices)
        self.defaults = converted(defaults, ComposerDefaults, "feeder")
        self.layout = Layout(len(self.voices))

    def parse(self, given: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
        """The options in force after `given` on top of those `before`, or of the defaults.

        OptionError "options.NAME" for unknown or bad ones; then nothing changes.
        """
        if before is None:
            shared = ("temperature", "nucleus", "tempo")
            before = {name: getattr(self.defaults, name) for name in shared}
        elif "prompt" in given:
            raise OptionError("options.prompt", "a piece has begun; its prompt is what it began with")
        # A prompt was looked at when it came, and may be long.
        kept = {"prompt": before["prompt"]} if "prompt" in before else {}
        options = converted(
            {k: v for k, v in before.items() if k not in kept} | given, ComposerOptions, "options"
        )
        try:
            if options.key:
                key_of(options.key)
        except ValueError as error:
            raise OptionError("options.key", str(error)) from None
        self._check(options)
        return msgspec.to_builtins(options) | kept

    def steps(self, options: dict[str, Any], position: int, count: int) -> np.ndarray:
        """The input steps float32 [count, channels] from `position` on."""
        layout, x = self.layout, np.zeros((count, self.layout.channels), np.float32)
        places = np.arange(position, position + count)
        x[:, layout.noise] = noise(options["seed"], position, count, len(self.voices))
        x[:, layout.temperature], x[:, layout.nucleus] = options["temperature"], options["nucleus"]
        x[:, layout.beat] = places % BEATS
        for number, voice in enumerate(self.voices):
            x[:, layout.low][:, number], x[:, layout.high][:, number] = options["bounds"].get(
                voice.name, (0, 0)
            )
            if voice.name in options["given"]:
                x[:, layout.given][:, number] = 1 + voice.symbol(options["given"][voice.name])
        x[:, layout.tonality] = self._tonality(options["key"])
        for place, notes in zip(range(count), options["prompt"][position : position + count]):
            for number, (voice, note) in enumerate(zip(self.voices, notes)):
                if note >= 0:
                    x[place, layout.given][number] = 1 + voice.symbol(note)
        if options["end"]:
            remaining = options["end"] - places
            x[:, layout.remaining] = np.where((remaining >= 1) & (remaining <= COUNTDOWN), remaining, 0)
            calm = (remaining >= 1) & (remaining <= CALM_BEATS * self.defaults.steps_per_beat)
            x[calm, layout.temperature] *= CALM
            # After the end every voice is given silence.
            x[remaining < 1, layout.given] = 1
        return x

    def transposition(self, options: dict[str, Any]) -> int:
        """Semitones from what is composed to what sounds: a key is reached by moving, where all
        pieces were learned in one."""
        semitones = options["transpose"]
        if options["key"] and self.defaults.tonic:
            apart = key_of(options["key"])[0] - key_of(self.defaults.tonic)[0]
            semitones += (apart + 6) % 12 - 6
        return semitones

    def _tonality(self, key: str) -> np.ndarray:
        weights = np.zeros(PITCH_CLASSES, np.float32)
        if key:
            tonic, scale = key_of(key)
            if self.defaults.tonic:
                # Composed in the one key that was learned, in major or minor.
                tonic_here = key_of(self.defaults.tonic)[0]
                scale = tuple((step - tonic + tonic_here) % 12 for step in scale)
                if tuple(sorted(scale)) == MAJOR and tonic_here == 0:
                    return weights
            weights[:] = OUT_OF_KEY
            weights[list(scale)] = 0.0
        return weights

    def _check(self, options: ComposerOptions) -> None:
        """That all notes are ones that their voices have."""
        by_name = {voice.name: voice for voice in self.voices}
        for place, names in (("bounds", options.bounds), ("given", options.given)):
            for name in names:
                if name not in by_name:
                    raise OptionError(
                        f"options.{place}", f"{name!r} is no voice; there are {', '.join(by_name)}"
                    )
        for name, (low, high) in options.bounds.items():
            voice = by_name[name]
            if low > high or not voice.lowest or high < voice.lowest or low >= voice.lowest + voice.count:
                raise OptionError("options.bounds", f"no note of {name} lies between {low} and {high}")
        place = "given"
        try:
            for name, note in options.given.items():
                by_name[name].symbol(note)
            place = "prompt"
            for notes in options.prompt:
                if len(notes) > len(self.voices):
                    raise ValueError(f"{len(notes)} notes in a step, and there are {len(self.voices)} voices")
                for voice, note in zip(self.voices, notes):
                    voice.symbol(max(0, note))
        except ValueError as error:
            raise OptionError(f"options.{place}", str(error)) from None

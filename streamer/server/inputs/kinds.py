"""What a served model takes in: sound or text. How it is written, and the intake that each stream gets."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from streamer import wire
from streamer.errors import OptionError
from streamer.models.feeders.audio import SAMPLE_BYTES, AudioFormat, audio_format
from streamer.models.feeders.encoders import Reading
from streamer.models.feeders.text import TextFeeder, TextFormat, text_format
from streamer.runtime.cpu import Runner
from streamer.runtime.lane import Geometry, Lane
from streamer.server.inputs.intake import AudioIntake, Intake, TextIntake
from streamer.server.inputs.places import Places
from streamer.server.session import Limits

ACKS_PER_SECOND = 8  # of sound; a frame may come on top, and 250 ms are promised
TEXT_WINDOW_BYTES = 256 * 1024
# About a sentence: its last steps come all at once, and one of two streams takes as long as one of ten.
TEXT_SPARE_BLOCKS = 64
# A sentence's end is ten steps and more, one after another, and each of them would wait so long.
TEXT_PATIENCE = 0.1
TEXT_ACK_BYTES = 1  # each input of a typist is acknowledged once it is done with


class Chosen(NamedTuple):
    """What a stream's options say to its input: the format, and what the input itself is asked."""

    format: Any
    options: dict[str, Any]


class Times(NamedTuple):
    """Of a server, in milliseconds of sound."""

    window_ms: int
    max_skip_ms: int


class Input(Protocol):
    """One kind of input of one model."""

    kind: str  # audio, text or generator
    patience: float  # how many times the engine's usual wait a step may wait for other streams
    spare_blocks: int  # of a stream that wait for its next turns, where other streams share the steps
    encodings: tuple[str, ...]
    rates: tuple[int, ...]
    option_names: tuple[str, ...]

    def parse(self, given: dict[str, Any]) -> Chosen:
        """What of a stream's options is the input's. OptionError "options.NAME"."""

    def usual(self) -> Chosen:
        """What most streams choose."""

    def in_force(self, chosen: Chosen) -> dict[str, Any]:
        """What a stream is told of it."""

    def latency_ms(self, chosen: Chosen, network: Geometry) -> float:
        """From the beginning of a sound until its first output row is known; 0 of text."""

    def limits(self, chosen: Chosen, times: Times) -> Limits:
        """What a stream may send."""

    def open(self, row: int, chosen: Chosen) -> None:
        """A stream begins in `row`."""

    def intake(self, row: int, chosen: Chosen, network: Geometry) -> Intake:
        """The stream's own."""


class AudioInput:
    """Samples of any rate; a runner of the front for each rate in use."""

    kind, encodings, rates, option_names = "audio", tuple(SAMPLE_BYTES), wire.RATES_HZ, ("format",)
    patience, spare_blocks = 1.0, 0

    def __init__(self, front: Callable[[int], Runner], rate_hz: int):
        self._front, self._rate_hz = front, rate_hz
        self.fronts: dict[int, Runner] = {}

    def front(self, rate_hz: int) -> Runner:
        """The front for streams at `rate_hz`. ValueError for a rate that isn't supported."""
        if rate_hz not in self.fronts:
            self.fronts[rate_hz] = self._front(rate_hz)
        return self.fronts[rate_hz]

    def parse(self, given: dict[str, Any]) -> Chosen:
        if "format" not in given:
            text = f"missing; say encoding ({', '.join(SAMPLE_BYTES)}), rate and channels"
            raise OptionError("options.format", text, "bad_format")
        return Chosen(audio_format(given["format"], wire.RATES_HZ), {})

    def usual(self) -> Chosen:
        return Chosen(AudioFormat("f32", self._rate_hz), {})

    def in_force(self, chosen: Chosen) -> dict[str, Any]:
        form: AudioFormat = chosen.format
        return {"format": {"encoding": form.encoding, "rate": form.rate, "channels": form.channels}}

    def latency_ms(self, chosen: Chosen, network: Geometry) -> float:
        rate_hz = chosen.format.rate
        return 1000 * Places(self.front(rate_hz).geometry, network).needed(1) / rate_hz

    def limits(self, chosen: Chosen, times: Times) -> Limits:
        rate_hz = chosen.format.rate
        window, skip = (rate_hz * ms // 1000 for ms in times)
        return Limits(window, rate_hz // ACKS_PER_SECOND, skip)

    def open(self, row: int, chosen: Chosen) -> None:
        self.front(chosen.format.rate).open(row)

    def intake(self, row: int, chosen: Chosen, network: Geometry) -> AudioIntake:
        front = self.front(chosen.format.rate).geometry
        return AudioIntake(chosen.format, Lane(front, row), Lane(network, row))


class TextInput:
    """Running text, or text whose words are parted already."""

    kind, encodings, rates = "text", wire.TEXT_ENCODINGS, ()
    patience, spare_blocks = TEXT_PATIENCE, TEXT_SPARE_BLOCKS

    def __init__(self, reading: Reading):
        self.reading = reading
        self.option_names = ("format", *reading.encoder.option_names)

    def parse(self, given: dict[str, Any]) -> Chosen:
        names = self.reading.encoder.option_names
        options = self.reading.encoder.parse({name: given[name] for name in names if name in given})
        return Chosen(text_format(given.get("format", {})), options)

    def usual(self) -> Chosen:
        return self.parse({})

    def in_force(self, chosen: Chosen) -> dict[str, Any]:
        form: TextFormat = chosen.format
        return {"format": {"encoding": form.encoding, "tokens": form.tokens}} | chosen.options

    def latency_ms(self, chosen: Chosen, network: Geometry) -> float:
        return 0.0

    def limits(self, chosen: Chosen, times: Times) -> Limits:
        return Limits(TEXT_WINDOW_BYTES, TEXT_ACK_BYTES, 0)

    def open(self, row: int, chosen: Chosen) -> None:
        return  # there is no front

    def intake(self, row: int, chosen: Chosen, network: Geometry) -> TextIntake:
        reading = self.reading._replace(encoder=self.reading.encoder.opened(chosen.options))
        return TextIntake(TextFeeder(chosen.format, reading), Lane(network, row))

"""A model that is served: its runner, its reader, and the rows that its streams live in."""

from collections.abc import Sequence
from functools import partial
from time import process_time, thread_time
from typing import Any

import numpy as np
from msgspec import structs

from streamer import wire
from streamer.models.bundle.build import Model
from streamer.models.bundle.card import Card
from streamer.models.feeders.composer import ComposerFeeder
from streamer.models.feeders.encoders import reading as text_reading
from streamer.models.layers.stage import Stage
from streamer.models.music.notation import voices_of
from streamer.models.readers import Event, Reader
from streamer.runtime.cpu import Runner
from streamer.runtime.devices import Devices
from streamer.server.inputs.generator import GeneratorInput
from streamer.server.inputs.kinds import AudioInput, Chosen, Input, TextInput


class ServedModel:
    """One network for all of its streams, one reader, and the kind of input that they bring.

    A stream has one row from 1 on: in the arena of its front, of the network, and of the reader.
    `describe` is what the server tells about the model; `latency_ms` how long after a sound
    began its first output row is known.
    """

    def __init__(
        self,
        name: str,
        network: Runner,
        reader: Reader,
        input: Input,
        max_streams: int,
        describe: wire.ModelDescription,
    ):
        self.name, self.network, self.reader, self.max_streams = name, network, reader, max_streams
        self.input, self.describe = input, describe
        self.work = wire.Work()
        self.free_rows = list(range(max_streams, 0, -1))
        self.latency_ms = input.latency_ms(input.usual(), network.geometry)
        self._warm_up()

    def description(self) -> wire.ModelDescription:
        """What the server tells about the model now."""
        told = self.describe
        return wire.ModelDescription(
            name=self.name,
            task=told.task,
            input=self.input.kind,
            description=told.description,
            licence=told.licence,
            encodings=self.input.encodings,
            rates=self.input.rates,
            options=tuple(dict.fromkeys((*self.input.option_names, *self.reader.option_names))),
            latency_ms=self.latency_ms,
            max_streams=self.max_streams,
            streams=self.max_streams - len(self.free_rows),
            device=self.network.device,
            work=self.work,
        )

    def options(self, given: dict[str, Any]) -> tuple[Chosen, dict[str, Any]]:
        """What the input and the reader were asked for, in force. OptionError "options.NAME"."""
        chosen = self.input.parse(given)
        own = self.input.option_names
        return chosen, self.reader.parse({name: value for name, value in given.items() if name not in own})

    def step(self, rows: Sequence[int], x: np.ndarray) -> np.ndarray:
        """Step the network, and count what it took."""
        began = thread_time()
        outputs = self.network.step(rows, x)
        before, blocks = self.work, len(rows) * (x.shape[1] // self.network.geometry.block)
        self.work = wire.Work(
            before.steps + 1,
            before.streams + len(rows),
            before.blocks + blocks,
            before.cpu_seconds + thread_time() - began,
            before.reader_seconds,
        )
        return outputs

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """What the reader makes of outputs [B, n, D] of the streams in its `rows`; counted as well."""
        began = process_time()
        told = self.reader.read(rows, outputs)
        spent = self.work.reader_seconds + process_time() - began
        self.work = structs.replace(self.work, reader_seconds=spent)
        return told

    def open(self, chosen: Chosen, options: dict[str, Any]) -> int:
        """A new stream's row, its states initial. IndexError when there is none: ask before."""
        row = self.free_rows.pop()
        self.input.open(row, chosen)
        self.network.open(row)
        self.reader.open(row, options)
        return row

    def close(self, row: int) -> None:
        """The stream in `row` is over."""
        assert row not in self.free_rows
        self.free_rows.append(row)

    def _warm_up(self) -> None:
        """Hear a moment of nothing: what is compiled or packed on first use is so before any stream."""
        row = self.open(self.input.usual(), self.reader.parse({}))
        x = np.zeros((1, self.network.geometry.block, len(self.network.geometry.neutral)), np.float32)
        outputs = self.network.step([row], x + self.network.geometry.neutral)
        if self.input.kind == "audio":
            self.reader.read([row], outputs)
            self.reader.flush(row, np.zeros((1, self.network.geometry.out_features), np.float32))
            self.reader.finish(row)
        self.close(row)


def served(model: Model, name: str, reader: Reader, devices: Devices, max_streams: int) -> ServedModel:
    """`model`, whose network is a Stage, under `name` for `max_streams` streams.

    ValueError for a network that is fed with neither sound, text nor credit.
    """
    assert isinstance(model.network, Stage)
    input: Input
    if model.card.front:
        input = AudioInput(partial(_front, model, devices, max_streams), model.rate_hz)
    elif generates(model.card):
        input = GeneratorInput(ComposerFeeder(voices_of(model.card), model.card.feeder.options))
    else:
        input = TextInput(text_reading(model.card, model.folder))
    return ServedModel(
        name,
        devices.network(model.network, max_streams),
        reader,
        input,
        max_streams,
        wire.ModelDescription(
            name, model.card.task, description=model.card.description, licence=model.card.licence
        ),
    )


def generates(card: Card) -> bool:
    """Whether streams bring nothing but credit, and are given steps for it."""
    return card.feeder is not None and card.feeder.kind == "composer"


def _front(model: Model, devices: Devices, max_streams: int, rate_hz: int) -> Runner:
    return devices.front(model.front(rate_hz), max_streams)

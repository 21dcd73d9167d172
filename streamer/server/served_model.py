"""A model that is served: its runner, its reader, and the rows that its streams live in."""

from collections.abc import Sequence
from time import process_time, thread_time
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import structs

from streamer import wire
from streamer.errors import WireError
from streamer.models.bundle.build import Model
from streamer.models.bundle.digest import bundle_digest
from streamer.models.card import Card
from streamer.models.feeders.composer import ComposerFeeder
from streamer.models.feeders.encoders import reading as text_reading
from streamer.models.layers.stage import Stage
from streamer.models.music.notation import voices_of
from streamer.models.readers import Event, Reader
from streamer.runtime.devices import Devices
from streamer.runtime.lane import Lane
from streamer.runtime.runner import Runner
from streamer.server.conditions import StreamCondition
from streamer.server.inputs.audio import AudioInput
from streamer.server.inputs.generator import GeneratorInput
from streamer.server.inputs.intake import InputKind, Intake, Times
from streamer.server.inputs.text import TextInput
from streamer.server.stage_rows import restore_stage


class OpenedRow(NamedTuple):
    """A stream that a model has given a row, and what its owner is answered with."""

    intake: Intake[Any, Any]
    options: dict[str, Any]  # in force
    latency_ms: float


class ServedModel:
    """One network for all of its streams, one reader, and the kind of input that they bring.

    A stream has one row from 1 on: in the arena of its front, of the network, and of the reader.
    `describe` is what the server says of the model; `latency_ms` how long after a sound began its
    first output row is known.
    """

    def __init__(
        self,
        network: Runner,
        reader: Reader,
        input: InputKind[Any],
        describe: wire.ModelDescription,
        digest: bytes = b"",
    ):
        self.digest = digest  # of the files and the dtype that results rest on
        self.name, self.max_streams = describe.name, describe.max_streams
        self.network, self.reader, self.input, self.describe = network, reader, input, describe
        self.work = wire.Work()
        self.free_rows = list(range(self.max_streams, 0, -1))
        self.latency_ms = input.latency_ms(input.usual(), network.geometry)
        self.state_bytes = 0  # of a stream, at most, in the arenas of front and network
        self._warm_up()

    def description(self) -> wire.ModelDescription:
        """What the server says of the model now."""
        return structs.replace(
            self.describe,
            input=self.input.kind,
            encodings=self.input.encodings,
            rates=self.input.rates,
            options=tuple(dict.fromkeys((*self.input.option_names, *self.reader.option_names))),
            latency_ms=self.latency_ms,
            streams=self.max_streams - len(self.free_rows),
            device=self.network.device,
            work=self.work,
        )

    def open(self, given: dict[str, Any], times: Times) -> OpenedRow:
        """A new stream, its states initial. OptionError for bad options, IndexError for no free row."""
        own = self.input.option_names
        choice = self.input.parse(given)
        options = self.reader.parse({name: value for name, value in given.items() if name not in own})
        intake = self._in_row(choice, options, times)
        latency_ms = self.input.latency_ms(choice, self.network.geometry)
        return OpenedRow(intake, options | self.input.in_force(choice), latency_ms)

    def resume(self, condition: StreamCondition, times: Times) -> OpenedRow:
        """A stream taken up where it was saved. As `open`; WireError `bad_checkpoint` for another model's."""
        opened = self.open(condition.origin.options, times)
        intake, row = opened.intake, opened.intake.network.row
        try:
            restore_stage(self.network, intake.network, condition.network)
            if intake.front and condition.front:
                restore_stage(*intake.front, condition.front)
            self.reader.restore(row, condition.reader)
            intake.restore(condition.intake)
        except (ValueError, msgspec.MsgspecError) as error:
            self.close(row)
            raise WireError("bad_checkpoint", f"no stream of {self.name}: {error}") from None
        except Exception:
            self.close(row)
            raise
        return opened

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
        events = self.reader.read(rows, outputs)
        spent = self.work.reader_seconds + process_time() - began
        self.work = structs.replace(self.work, reader_seconds=spent)
        return events

    def close(self, row: int) -> None:
        """The stream in `row` is over."""
        assert row not in self.free_rows
        self.free_rows.append(row)

    def _in_row(self, choice: Any, options: dict[str, Any], times: Times) -> Intake[Any, Any]:
        row = self.free_rows.pop()
        try:
            intake = self.input.open(choice, Lane(self.network.geometry, row), times)
            self.network.open(row)
            self.reader.open(row, options)
        except Exception:
            self.free_rows.append(row)
            raise
        return intake

    def _warm_up(self) -> None:
        """Step once through nothing: what is compiled or packed on first use is so before any stream."""
        intake = self._in_row(self.input.usual(), self.reader.parse({}), Times(1, 1))
        row, geometry = intake.network.row, self.network.geometry
        x = np.zeros((1, geometry.block, len(geometry.neutral)), np.float32)
        outputs = self.network.step([row], x + geometry.neutral)
        if not self.input.marked:
            self.reader.read([row], outputs)
            self.reader.flush(row, np.zeros((1, geometry.out_features), np.float32))
            self.reader.finish(row)
        for runner, lane in filter(None, (intake.front, (self.network, intake.network))):
            self.state_bytes += sum(leaf.nbytes for leaf in runner.take([lane.row]))
        self.close(row)


def served(model: Model, name: str, reader: Reader, devices: Devices, max_streams: int) -> ServedModel:
    """`model`, whose network is a Stage, under `name` for `max_streams` streams.

    ValueError for a network that is fed with neither sound, text nor credit.
    """
    assert isinstance(model.network, Stage)
    card = model.card
    describe = wire.ModelDescription(
        name, card.task, description=card.description, licence=card.licence, max_streams=max_streams
    )
    network = devices.network(model.network, max_streams)
    # Without a folder there are no files, and nobody else has its weights.
    digest = bundle_digest(card, model.folder, devices.dtype) if model.folder else b""
    return ServedModel(network, reader, _input(model, devices, max_streams), describe, digest)


def generates(card: Card) -> bool:
    """Whether streams bring nothing but credit, and are given steps for it."""
    return card.feeder is not None and card.feeder.kind == "composer"


def _input(model: Model, devices: Devices, max_streams: int) -> InputKind[Any]:
    if model.card.front:
        # Before there are streams that would have to wait for the first one of a new rate.
        stages = {rate_hz: model.front(rate_hz) for rate_hz in wire.RATES_HZ}
        for stage in stages.values():
            devices.prepare_front(stage)
        return AudioInput(lambda rate_hz: devices.front(stages[rate_hz], max_streams), model.rate_hz)
    if model.card.feeder and generates(model.card):
        return GeneratorInput(ComposerFeeder(voices_of(model.card), model.card.feeder.options))
    return TextInput(text_reading(model.card, model.folder))

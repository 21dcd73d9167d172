"""A model that is served: its runners, its reader, and the rows that its streams live in."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from models.build import Model
from models.feeders.audio import SAMPLE_BYTES, audio_format
from models.readers import Reader
from models.stage import Stage
from streamer import wire
from streamer.devices import Devices
from streamer.places import Places
from streamer.runner import Runner


class ServedModel:
    """One network for all of its streams, one front for each sample rate in use, one reader.

    A stream has one row from 1 on, in the arena of its front, of the network, and (from 0 on) of the
    reader. `describe` is what the server tells about the model; `latency_ms` how long after a sound
    began its first output row is known.
    """

    def __init__(
        self,
        name: str,
        network: Runner,
        reader: Reader,
        front: Callable[[int], Runner],
        max_streams: int,
        rate_hz: int,
        describe: wire.ModelDescription,
    ):
        self.name, self.network, self.reader, self.max_streams = name, network, reader, max_streams
        self._front, self.describe = front, describe
        self.fronts: dict[int, Runner] = {}
        self.free_rows = list(range(max_streams, 0, -1))
        self.latency_ms = self.latency_at(rate_hz)
        self._warm_up(rate_hz)

    def front(self, rate_hz: int) -> Runner:
        """The front for streams at `rate_hz`. ValueError for a rate that isn't supported."""
        if rate_hz not in self.fronts:
            self.fronts[rate_hz] = self._front(rate_hz)
        return self.fronts[rate_hz]

    def latency_at(self, rate_hz: int) -> float:
        """Milliseconds from the beginning of a sound until its first output row is known."""
        places = Places(self.front(rate_hz).geometry, self.network.geometry)
        return 1000 * places.needed(1) / rate_hz

    def description(self) -> wire.ModelDescription:
        """What the server tells about the model now."""
        told = self.describe
        return wire.ModelDescription(
            name=self.name,
            task=told.task,
            description=told.description,
            licence=told.licence,
            options=("format", *self.reader.option_names),
            latency_ms=self.latency_ms,
            max_streams=self.max_streams,
            streams=self.max_streams - len(self.free_rows),
            device=self.network.device,
        )

    def open(self, rate_hz: int, options: dict[str, Any]) -> int:
        """A new stream's row, its states initial. IndexError when there is none: ask before."""
        front = self.front(rate_hz)
        row = self.free_rows.pop()
        front.open(row)
        self.network.open(row)
        self.reader.open(row - 1, options)
        return row

    def close(self, row: int) -> None:
        """The stream in `row` is over."""
        assert row not in self.free_rows
        self.free_rows.append(row)

    def _warm_up(self, rate_hz: int) -> None:
        """Hear a moment of nothing: what is compiled or packed on first use is so before any stream."""
        row = self.open(rate_hz, self.reader.parse({}))
        x = np.zeros((1, self.network.geometry.block, len(self.network.geometry.neutral)), np.float32)
        self.reader.read([row - 1], self.network.step([row], x + self.network.geometry.neutral))
        self.reader.flush(row - 1, np.zeros((1, self.network.geometry.out_features), np.float32))
        self.reader.finish(row - 1)
        self.close(row)

    def options(self, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The audio format and the reader's options in force. ValueError "options.NAME: ..."."""
        if "format" not in given:
            encodings = ", ".join(SAMPLE_BYTES)
            raise ValueError(f"options.format: missing; say encoding ({encodings}), rate and channels")
        rest = {name: value for name, value in given.items() if name != "format"}
        return audio_format(given["format"], wire.RATES_HZ), self.reader.parse(rest)


def served(model: Model, name: str, reader: Reader, devices: Devices, max_streams: int) -> ServedModel:
    """`model`, whose network is a Stage, under `name` for `max_streams` streams."""
    assert isinstance(model.network, Stage)
    return ServedModel(
        name,
        devices.network(model.network, max_streams),
        reader,
        partial(_front, model, devices, max_streams),
        max_streams,
        model.rate_hz,
        wire.ModelDescription(
            name, model.card.task, description=model.card.description, licence=model.card.licence
        ),
    )


def _front(model: Model, devices: Devices, max_streams: int, rate_hz: int) -> Runner:
    return devices.front(model.front(rate_hz), max_streams)

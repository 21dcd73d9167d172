"""What a bench is held against: the machine's own products, and a loop with a network for each stream."""

from time import process_time

import numpy as np
import torch

from models import catalog
from models.build import Model, load
from models.products import product_rate, products_per_block
from models.readers.build import reader
from models.stage import Stage, State
from streamer import wire
from streamer.config import Config
from streamer.lane import Lane
from streamer.runner import geometry

NAIVE_STREAMS = 8
NAIVE_SECONDS = 5.0
FRAME_MS = 100


class Peak:
    """The product rate of this machine, measured before a run, and the products of a model's blocks."""

    def __init__(self, config: Config, name: str):
        network = _model(config, name).network
        self.products = products_per_block(network) if isinstance(network, Stage) else None
        self.rate = product_rate(config.engine.threads) if self.products else 0.0

    def share(self, before: wire.Work, after: wire.Work) -> float | None:
        """Of `rate`, what the steps between reached; None where that can't be told."""
        seconds = after.cpu_seconds - before.cpu_seconds
        if not self.products or seconds <= 0:
            return None
        return self.products * (after.blocks - before.blocks) / seconds / self.rate


def naive_streams(config: Config, name: str, samples: np.ndarray, rate_hz: int) -> float:
    """How many live streams one core holds where each has its own network: batches of one, frame by frame.

    The features and the reader are those that are served; a step is torch's fused kernel, which
    nn.LSTM and nn.GRU call. From the processor time of `NAIVE_STREAMS` streams of `samples` int16.
    """
    torch.set_num_threads(1)
    model = _model(config, name)
    own = reader(model.card, model.folder, NAIVE_STREAMS)
    streams = [_Naive(model, rate_hz, row) for row in range(NAIVE_STREAMS)]
    for row in range(NAIVE_STREAMS):
        own.open(row, own.parse({}))
    step = rate_hz * FRAME_MS // 1000
    sound = np.resize(samples.astype(np.float32) / 32768, (round(NAIVE_SECONDS * rate_hz) + step, 1))
    began = 0.0
    for number, at in enumerate(range(0, len(sound) - step + 1, step)):
        began = began or (process_time() if number else 0.0)  # the first frame warms up
        for row, stream in enumerate(streams):
            outputs = stream.hear(sound[at : at + step])
            if len(outputs):
                own.read([row], outputs[None])
    heard = (len(sound) // step - 1) * FRAME_MS / 1000
    return NAIVE_STREAMS * heard / (process_time() - began)


class _Naive:
    """One stream of its own: its front, its network, and the states of both."""

    def __init__(self, model: Model, rate_hz: int, row: int):
        self.stages = [model.front(rate_hz), model.network]
        self.lanes = [Lane(geometry(stage), row) for stage in self.stages]
        self.states: list[State] = [stage.initial_state(1) for stage in self.stages]

    @torch.inference_mode()
    def hear(self, steps: np.ndarray) -> np.ndarray:
        """The network's true outputs [n, D] that `steps` [n, C] complete."""
        for at, (stage, lane) in enumerate(zip(self.stages, self.lanes)):
            lane.push(steps)
            count = lane.blocks * lane.geometry.block
            x = np.empty((count, len(lane.geometry.neutral)), np.float32)
            lane.take(x)
            if not count:
                return np.empty((0, 0), np.float32)
            y, self.states[at] = stage.step(torch.from_numpy(x)[None], self.states[at])
            steps = y[0].numpy()[lane.true_outputs(y.shape[1])]
        return steps


def _model(config: Config, name: str) -> Model:
    return load(catalog.find(name, config.folders()), config.model(name).allow_imports)

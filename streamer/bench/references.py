"""What a bench is compared with: a loop with a network for each stream, run by torch or by onnxruntime."""

from collections.abc import Callable
from time import process_time

import numpy as np
import torch
from torch import Tensor

from streamer.bench.onnx import OnnxNetwork
from streamer.config import Config
from streamer.models.bundle.build import Model
from streamer.models.layers.stage import Stage, State
from streamer.models.readers.build import reader
from streamer.runtime.geometry import geometry
from streamer.runtime.lane import Lane
from streamer.server.loading import load_model

ALONE_STREAMS = 8
ALONE_SECONDS = 5.0
FRAME_MS = 100
WARM_FRAMES = 10  # that aren't counted: kernels are compiled and networks exported in them

Step = Callable[[Tensor, State], tuple[Tensor, State]]


def naive_streams(config: Config, name: str, samples: np.ndarray, rate_hz: int) -> float:
    """How many live streams one core holds where each has its own network: batches of one, frame by frame.

    The features and the reader are those that are served; a step is torch's fused kernel, which
    nn.LSTM and nn.GRU call. From the processor time of `ALONE_STREAMS` streams of `samples` int16.
    """
    model, network = _live(config, name)
    return _held_alone(model, network, network.step, (samples, rate_hz))


def onnx_streams(config: Config, name: str, samples: np.ndarray, rate_hz: int) -> float:
    """As `naive_streams`, with onnxruntime for the network: one run of a session for each frame of a stream.

    Only where `onnx.missing` names nothing. ValueError for a network that can't be exported.
    """
    model, network = _live(config, name)
    return _held_alone(model, network, OnnxNetwork(network).step, (samples, rate_hz))


def _held_alone(model: Model, network: Stage, step: Step, recording: tuple[np.ndarray, int]) -> float:
    """The streams of `model` that one core holds, its network run by `step`, a stream at a time."""
    torch.set_num_threads(1)
    samples, rate_hz = recording
    own = reader(model.card, model.folder, ALONE_STREAMS)
    streams = [_Alone((model.front(rate_hz), network), step, row) for row in range(1, ALONE_STREAMS + 1)]
    for row in range(1, ALONE_STREAMS + 1):
        own.open(row, own.parse({}))
    size = rate_hz * FRAME_MS // 1000
    frames = round(ALONE_SECONDS * 1000 / FRAME_MS)
    sound = np.resize(samples.astype(np.float32) / 32768, ((WARM_FRAMES + frames) * size, 1))
    for number in range(WARM_FRAMES + frames):
        if number == WARM_FRAMES:
            began = process_time()
        for row, stream in enumerate(streams, 1):
            outputs = stream.hear(sound[number * size : (number + 1) * size])
            if len(outputs):
                own.read([row], outputs[None])
    return ALONE_STREAMS * ALONE_SECONDS / (process_time() - began)


class _Alone:
    """One stream of its own: its front, its network run by `step`, and the states of both."""

    def __init__(self, stages: tuple[Stage, Stage], step: Step, row: int):
        self.steps = [stages[0].step, step]
        self.lanes = [Lane(geometry(stage), row) for stage in stages]
        self.states: list[State] = [stage.initial_state(1) for stage in stages]

    @torch.inference_mode()
    def hear(self, steps: np.ndarray) -> np.ndarray:
        """The network's true outputs [n, D] that `steps` [n, C] complete."""
        for at, (step, lane) in enumerate(zip(self.steps, self.lanes)):
            lane.push(steps)
            count = lane.blocks * lane.geometry.block
            x = np.empty((count, len(lane.geometry.neutral)), np.float32)
            lane.take(x)
            if not count:
                return np.empty((0, 0), np.float32)
            y, self.states[at] = step(torch.from_numpy(x)[None], self.states[at])
            steps = y[0].numpy()[lane.true_outputs(y.shape[1])]
        return steps


def _live(config: Config, name: str) -> tuple[Model, Stage]:
    """The model `name` and its network. ValueError for one that waits for the end of its input."""
    model = load_model(config, name)
    if not isinstance(model.network, Stage):
        raise ValueError(f"{name} is no live network")
    return model, model.network

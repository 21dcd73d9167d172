"""A live network exported to ONNX and run by onnxruntime, both of them optional."""

import logging
import warnings
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from streamer.models.layers.stage import Stage, State

PACKAGES = ("onnxruntime", "onnx", "onnxscript")  # torch's exporter wants the last two


def missing() -> list[str]:
    """Those of `PACKAGES` that are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]


class OnnxNetwork:
    """`network` as ONNX: a graph for every number of input steps that comes, exported when it first does.

    `step` is that of a Stage, for one stream and on one core. ValueError, one line, for a network
    that can't be exported.
    """

    def __init__(self, network: Stage):
        # Imported late: it isn't among the project's dependencies.
        import onnxruntime

        self._runtime, self._stepping = onnxruntime, _Stepping(network).eval()
        self._sessions: dict[int, onnxruntime.InferenceSession] = {}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """x [1, n*block, in_features] -> y [1, n*block*ratio, out_features] and the new state."""
        steps = x.shape[1]
        if steps not in self._sessions:
            self._sessions[steps] = self._exported(x, state)
        session = self._sessions[steps]
        given = [leaf.numpy() for leaf in (x, *state)]
        y, *after = session.run(None, {input.name: leaf for input, leaf in zip(session.get_inputs(), given)})
        return torch.from_numpy(y), tuple(torch.from_numpy(leaf) for leaf in after)

    def _exported(self, x: Tensor, state: State):
        # The exporter reports every operator of torchvision that isn't there, and its own insides.
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        try:
            with warnings.catch_warnings(), torch.inference_mode(False):
                warnings.simplefilter("ignore")
                # Clones: a tensor of the inference mode can't be traced.
                given = x.clone(), tuple(leaf.clone() for leaf in state)
                program = torch.onnx.export(self._stepping, given, dynamo=True, verbose=False)
        except torch.onnx.OnnxExporterError as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise ValueError(f"the network can't be exported to ONNX: {reason}") from None
        if program is None:
            raise ValueError("the network can't be exported to ONNX: the exporter gave nothing")
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = 1
        content = program.model_proto.SerializeToString()
        return self._runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


class _Stepping(nn.Module):
    """The network's `step` where the exporter looks for it."""

    def __init__(self, network: Stage):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.network.step(x, state)

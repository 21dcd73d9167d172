"""The mean of several trainings' weights, which errs less than each of them where one began from another.

Wortsman 2022, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time".
"""

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save

from streamer.models.bundle.weights import read_tensors
from streamer.output_file import write_bytes


def average(out: Path, files: Sequence[Path]) -> None:
    """Write the mean of `files` to `out`, in the type that the first one has.

    ValueError, one line, for one that can't be read and for those of another network.
    """
    first = read_tensors(files[0])
    shapes = {name: value.shape for name, value in first.items()}
    total = {name: value.double() for name, value in first.items()}
    for path in files[1:]:
        weights = read_tensors(path)
        if {name: value.shape for name, value in weights.items()} != shapes:
            raise ValueError(
                f"{path}: not of the network that {files[0]} is of; average weights of one network"
            )
        for name, value in weights.items():
            total[name] += value.double()
    mean = {name: (value / len(files)).to(first[name].dtype).contiguous() for name, value in total.items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(out, save(mean))

"""The mean of several trainings' weights, which errs less than each of them where one began from another.

Wortsman 2022, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time".
"""

from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor


def average(out: Path, files: Sequence[Path]) -> None:
    """Write the mean of `files` to `out`, in the type that the first one has.

    ValueError, one line, for fewer than two, one that can't be read, and those of another network.
    """
    if len(files) < 2:
        raise ValueError(f"{len(files)} file of weights; give two or more to average")
    first = _read(files[0])
    total = {name: value.double() for name, value in first.items()}
    for path in files[1:]:
        weights = _read(path)
        if {name: value.shape for name, value in weights.items()} != {name: value.shape for name, value in first.items()}:
            raise ValueError(f"{path}: not of the network that {files[0]} is of; average weights of one network")
        for name, value in weights.items():
            total[name] += value.double()
    mean = {name: (value / len(files)).to(first[name].dtype).contiguous() for name, value in total.items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(mean, out)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        with path.open("rb"):  # for the reason, which safetensors leaves out
            return load_file(path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error})") from None

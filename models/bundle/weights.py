"""A network's weights in a safetensors file, checked tensor by tensor."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

LEFT, RIGHT = ".left", ".right"  # of a tensor that is stored as a product


def read_weights(path: Path, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `path`, rounded to float32, which must have the names and shapes of `wanted`.

    Two tensors NAME.left [N, R] and NAME.right [R, C] stand for their product.
    """
    return fitting(path, _multiplied(read_tensors(path)), wanted)


def fitting(path: Path, weights: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """`weights`, which `path` holds, in float32. ValueError names the tensor that doesn't fit `wanted`."""
    for name in wanted:
        if name not in weights:
            raise ValueError(f"{path}: {name} is missing; the card describes another network")
    for name, value in weights.items():
        if name not in wanted:
            raise ValueError(f"{path}: {name} is not part of the network that the card describes")
        if value.shape != wanted[name].shape:
            raise ValueError(
                f"{path}: {name} has shape {list(value.shape)}; the card describes {list(wanted[name].shape)}"
            )
        if not value.is_floating_point():
            raise ValueError(f"{path}: {name} has type {value.dtype}; it must be a float")
        if not torch.isfinite(value.float()).all():
            raise ValueError(f"{path}: {name} holds numbers that are not finite, or too large for float32")
    return {name: value.float() for name, value in weights.items()}


def read_tensors(path: Path) -> dict[str, Tensor]:
    """What a safetensors file holds; ValueError, one line, for one that can't be read or isn't whole."""
    try:
        with path.open("rb"):  # for the reason, which safetensors leaves out
            return load_file(path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error})") from None


def _multiplied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """`tensors`, pairs of factors multiplied; a factor without its fellow, or that doesn't fit it, stays."""
    whole = dict(tensors)
    for name, left in tensors.items():
        table = name.removesuffix(LEFT)
        right = tensors.get(table + RIGHT)
        if (
            table != name
            and right is not None
            and left.dim() == right.dim() == 2
            and left.shape[1] == len(right)
        ):
            whole[table] = whole.pop(name).float() @ whole.pop(table + RIGHT).float()
    return whole

"""Matrix products on a CPU: torch's own, and oneDNN's, whose weights are packed once."""

import torch
from torch import Tensor, nn

PACKED_FOR = 64  # rows of x that the packing is meant for


def has_packed() -> bool:
    """Whether this build of torch has oneDNN."""
    return torch.backends.mkldnn.is_available()


def has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def pack(weight: Tensor) -> Tensor:
    """W [rows, C], float32 or bfloat16, as `packed_product` takes it."""
    return torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), PACKED_FOR)


def packed_product(x: Tensor, packed: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [..., C] -> x W^T + b, of W's type."""
    return torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")


class Product(nn.Module):
    """x [N, C] -> x W^T + an addend [N, rows] or [rows], W [rows, C] laid out once, at load."""

    def __init__(self, weight: Tensor):
        super().__init__()

    def forward(self, addend: Tensor, x: Tensor) -> Tensor:
        raise NotImplementedError

    def multiply(self, x: Tensor) -> Tensor:
        """x [..., C] -> x W^T, where the addend is added later."""
        raise NotImplementedError


class TransposedProduct(Product):
    """By torch, W transposed."""

    def __init__(self, weight: Tensor):
        super().__init__(weight)
        self.weight: Tensor
        self.register_buffer("weight", weight.t().contiguous(), persistent=False)

    def forward(self, addend: Tensor, x: Tensor) -> Tensor:
        return torch.addmm(addend, x, self.weight)

    def multiply(self, x: Tensor) -> Tensor:
        return x @ self.weight


class PackedProduct(Product):
    """By oneDNN, W packed."""

    def __init__(self, weight: Tensor):
        super().__init__(weight)
        self.packed = pack(weight)

    def forward(self, addend: Tensor, x: Tensor) -> Tensor:
        return self.multiply(x).add_(addend)

    def multiply(self, x: Tensor) -> Tensor:
        return packed_product(x, self.packed)


class BFloat16Product(Product):
    """By oneDNN, W packed; operands and product are rounded to bfloat16."""

    def __init__(self, weight: Tensor):
        super().__init__(weight)
        self.packed = pack(weight.bfloat16())

    def forward(self, addend: Tensor, x: Tensor) -> Tensor:
        return addend + self._rounded(x)

    def multiply(self, x: Tensor) -> Tensor:
        return self._rounded(x).float()

    def _rounded(self, x: Tensor) -> Tensor:
        return packed_product(x.bfloat16(), self.packed)


class PackedLinear(nn.Module):
    """`nn.Linear` by oneDNN, its weights packed once."""

    def __init__(self, linear: nn.Linear):
        super().__init__()
        self.packed = pack(linear.weight.detach())
        self.bias: Tensor | None
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """x [..., C] -> x W^T + b."""
        return packed_product(x, self.packed, self.bias)

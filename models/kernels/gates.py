"""The gates of recurrent cells on a CPU: every number of a step in one pass, without a tensor between."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

Loop = Callable[..., Any]

HALF = np.float32(0.5)
# A quotient of polynomials in x^2, to 3e-7 of tanh; beyond the bound float32's tanh is one (Eigen's).
BOUND = np.float32(7.905311)
A6, A5, A4, A3, A2, A1, A0 = (
    np.float32(-2.76076847742355e-16),
    np.float32(2.00018790482477e-13),
    np.float32(-8.60467152213735e-11),
    np.float32(5.12229709037114e-08),
    np.float32(1.48572235717979e-05),
    np.float32(6.37261928875436e-04),
    np.float32(4.89352455891786e-03),
)
B3, B2, B1, B0 = (
    np.float32(1.19825839466702e-06),
    np.float32(1.18534705686654e-04),
    np.float32(2.26843463243900e-03),
    np.float32(4.89352518554385e-03),
)

FAST = {"contract", "reassoc", "arcp", "nsz"}  # sums in any order; but a NaN stays one


def compiled(function: Loop) -> Loop:
    """A loop over numbers, compiled once and kept on disk."""
    # Python's own division looks for a zero at every number, and no processor does eight of those at once.
    return njit(fastmath=FAST, error_model="numpy", cache=True)(function)


def inlined(function: Loop) -> Loop:
    """A part of a `compiled` loop."""
    return njit(fastmath=FAST, error_model="numpy", inline="always")(function)


@inlined
def tanh(x):
    x = min(max(x, -BOUND), BOUND)
    q = x * x
    above = (((((A6 * q + A5) * q + A4) * q + A3) * q + A2) * q + A1) * q + A0
    return x * above / (((B3 * q + B2) * q + B1) * q + B0)


@inlined
def sigmoid(x):
    return HALF * tanh(HALF * x) + HALF


@compiled
def lstm_gates(t, from_inputs, bias, from_state, c, h, y):
    """Step t of an LSTM: c [B, H] is updated in place, the new h is written into h [B, H] and y [B, T, H].

    The gates' shares are [B, T, 4*H] of the inputs, [4*H] of the bias and [B, 4*H] of the state of this
    step, in the order input, forget, output, candidate.
    """
    size = c.shape[1]
    for b in range(c.shape[0]):
        for k in range(size):
            i, f, o, g = k, size + k, 2 * size + k, 3 * size + k
            input_gate = sigmoid(from_inputs[b, t, i] + from_state[b, i] + bias[i])
            forget_gate = sigmoid(from_inputs[b, t, f] + from_state[b, f] + bias[f])
            output_gate = sigmoid(from_inputs[b, t, o] + from_state[b, o] + bias[o])
            candidate = tanh(from_inputs[b, t, g] + from_state[b, g] + bias[g])
            cell = forget_gate * c[b, k] + input_gate * candidate
            hidden = output_gate * tanh(cell)
            c[b, k] = cell
            h[b, k] = hidden
            y[b, t, k] = hidden


@compiled
def gru_gates(from_input, from_state, h, new_h):
    """Both shares of the gates [B, 3*H] (reset, update, candidate) and h [B, H] -> the new h [B, H]."""
    size = h.shape[1]
    for b in range(h.shape[0]):
        for k in range(size):
            reset_gate = sigmoid(from_input[b, k] + from_state[b, k])
            update_gate = sigmoid(from_input[b, size + k] + from_state[b, size + k])
            candidate = tanh(from_input[b, 2 * size + k] + reset_gate * from_state[b, 2 * size + k])
            new_h[b, k] = candidate + update_gate * (h[b, k] - candidate)

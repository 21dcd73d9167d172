"""The gates of recurrent cells on a CPU: every number of a step in one pass, without a tensor between."""

import numpy as np
from numba import njit

HALF = np.float32(0.5)
# A quotient of polynomials in x^2, to 3e-7 of tanh; beyond the bound float32 knows nothing but one (Eigen's).
BOUND = np.float32(7.905311)
ABOVE = np.float32(
    (
        -2.76076847742355e-16,
        2.00018790482477e-13,
        -8.60467152213735e-11,
        5.12229709037114e-08,
        1.48572235717979e-05,
        6.37261928875436e-04,
        4.89352455891786e-03,
    )
)
BELOW = np.float32((1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03))
A6, A5, A4, A3, A2, A1, A0 = ABOVE
B3, B2, B1, B0 = BELOW

# Sums in any order; but a NaN stays one.
FAST = {"contract", "reassoc", "arcp", "nsz"}
# Python's own division looks for a zero at every number, and no processor does eight of those at once.
compiled = njit(fastmath=FAST, error_model="numpy", cache=True)
inlined = njit(fastmath=FAST, error_model="numpy", inline="always")


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
    """Step t. Shares of the gates [B, T, 4*H], [4*H] and, of this step, [B, 4*H] (input, forget, output,
    candidate): c [B, H] goes on where it lies, the new h comes into h [B, H] and into y [B, T, H]."""
    size = c.shape[1]
    entering, forgetting, telling, thinking = 0, size, 2 * size, 3 * size
    for b in range(c.shape[0]):
        for k in range(size):
            entry = sigmoid(
                from_inputs[b, t, entering + k] + from_state[b, entering + k] + bias[entering + k]
            )
            forget = sigmoid(
                from_inputs[b, t, forgetting + k] + from_state[b, forgetting + k] + bias[forgetting + k]
            )
            out = sigmoid(from_inputs[b, t, telling + k] + from_state[b, telling + k] + bias[telling + k])
            candidate = tanh(
                from_inputs[b, t, thinking + k] + from_state[b, thinking + k] + bias[thinking + k]
            )
            cell = forget * c[b, k] + entry * candidate
            told = out * tanh(cell)
            c[b, k] = cell
            h[b, k] = told
            y[b, t, k] = told


@compiled
def gru_gates(from_input, from_state, h, new_h):
    """Both shares of the gates [B, 3*H] (reset, update, candidate) and h [B, H] -> the new h [B, H]."""
    size = h.shape[1]
    for b in range(h.shape[0]):
        for k in range(size):
            reset = sigmoid(from_input[b, k] + from_state[b, k])
            update = sigmoid(from_input[b, size + k] + from_state[b, size + k])
            candidate = tanh(from_input[b, 2 * size + k] + reset * from_state[b, 2 * size + k])
            new_h[b, k] = candidate + update * (h[b, k] - candidate)

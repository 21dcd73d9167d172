"""Which row of one recogniser says what a row of another says: dynamic time warping within a few rows."""

import numpy as np

from streamer.models.kernels.gates import compiled

EARLIEST, LATEST = -6, 2  # rows that the other may be ahead and behind
MOVE = np.float32(1.0)  # nats for each row by which the distance changes
LEAST = np.float32(1e-4)  # of a probability that both say the same


def aligned_rows(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """For each row of probabilities `own` [n, K] the number of its row of `other` [n, K], int64 [n].

    Of all ways to pair rows in order, the one on which both most probably say the same label (dynamic
    time warping, Sakoe and Chiba 1978, with a bounded band and slope).
    """
    places = np.empty(len(own), np.int64)
    if len(own):
        _align(np.ascontiguousarray(own), np.ascontiguousarray(other), places)
    return places


@compiled
def _align(own, other, places):
    n, width = own.shape[0], LATEST - EARLIEST + 1
    cost = np.empty((n, width), np.float32)
    step = np.zeros((n, width), np.int8)
    for t in range(n):
        for at in range(width):
            place = min(max(t + EARLIEST + at, 0), n - 1)
            same = LEAST
            for k in range(own.shape[1]):
                same += own[t, k] * other[place, k]
            least, chosen = np.float32(0.0), 0
            if t:
                least = cost[t - 1, at]
                if at and cost[t - 1, at - 1] + MOVE < least:
                    least, chosen = cost[t - 1, at - 1] + MOVE, -1
                if at < width - 1 and cost[t - 1, at + 1] + MOVE < least:
                    least, chosen = cost[t - 1, at + 1] + MOVE, 1
            cost[t, at] = least - np.log(same)
            step[t, at] = chosen
    at = 0
    for last in range(width):
        if cost[n - 1, last] < cost[n - 1, at]:
            at = last
    for back in range(n):
        t = n - 1 - back
        places[t] = min(max(t + EARLIEST + at, 0), n - 1)
        at += step[t, at]

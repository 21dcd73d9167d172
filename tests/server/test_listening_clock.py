"""The clock of leases: time in which the server heard nobody doesn't count."""

from streamer.server.listening_clock import MOST_SECONDS, ListeningClock


def test_it_counts_what_passes_and_little_of_a_jump():
    times = iter([100.0, 100.1, 100.3, 136.3, 136.4, 130.0, 130.2])
    clock = ListeningClock(lambda: next(times))
    counted = [clock() for _ in range(6)]
    expected = [0.1, 0.3, 0.3 + MOST_SECONDS, 0.4 + MOST_SECONDS, 0.4 + MOST_SECONDS, 0.6 + MOST_SECONDS]
    assert all(abs(got - wanted) < 1e-9 for got, wanted in zip(counted, expected))

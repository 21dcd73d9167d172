"""One stream as a watcher sees it: what is asked for, and when it is given up."""

from streamer import wire
from streamer.clients.notices import Gap
from streamer.clients.watched_stream import MOST_REPLAYS, REPLAY_S, WatchedStream

STREAM = b"s" * 16


def result(seq: int) -> wire.Result:
    return wire.Result(STREAM, seq, 0, "final", 0, 0)


def test_what_is_answered_is_not_given_up_however_much_is_missed():
    stream, asked = WatchedStream(STREAM, replays=True), []
    seen = [*stream.take(result(1)), *stream.take(result(3))]
    for number in range(4 * MOST_REPLAYS):
        seen += stream.give_up()
        asked.append(stream.wanted(number * REPLAY_S))
        # The next one is missed before the answer comes.
        seen += stream.take(result(5 + 2 * number))
        seen += stream.take(result(asked[-1]))
    assert asked == list(range(2, 2 + 8 * MOST_REPLAYS, 2))
    assert [one.seq for one in seen] == list(range(1, asked[-1] + 2))


def test_what_is_never_answered_is_given_up():
    stream = WatchedStream(STREAM, replays=True)
    seen = [*stream.take(result(1)), *stream.take(result(4))]
    for number in range(2 * MOST_REPLAYS + 2):
        seen += stream.give_up()
        stream.wanted(number * REPLAY_S)
    assert seen == [result(1), Gap(STREAM, 2, 3), result(4)]

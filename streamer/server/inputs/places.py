"""Where an output row lies in a stream's input: exact, in positions."""

from collections.abc import Callable

from streamer import wire
from streamer.models.readers import Event
from streamer.runtime.lane import Geometry


class Places:
    """Maps a stream's output rows to its input positions, through its front and its network.

    Positions are the front's input steps, output rows the network's outputs.
    """

    def __init__(self, front: Geometry, network: Geometry):
        self.front, self.network = front, network
        self._per_row = float(1 / (front.ratio * network.ratio))

    def needed(self, rows: int) -> int:
        """Positions after which the first `rows` output rows are known, in whole blocks."""
        return self.front.steps_for(self.network.steps_for(rows)) if rows else 0

    def alternatives(self, event: Event, heard: int) -> tuple[wire.Alternative, ...]:
        """The event's readings with their times in positions, none beyond the position `heard`."""

        def at(rows: float) -> int:
            position = round(rows * self._per_row)
            return 0 if position < 0 else heard if position > heard else position

        return alternatives(event, at)


def alternatives(event: Event, at: Callable[[float], int]) -> tuple[wire.Alternative, ...]:
    """The event's readings as the wire tells them; `at` maps a reader's place to a position."""
    return tuple(
        wire.Alternative(
            one.text,
            tuple(wire.Word(w.text, at(w.start), at(w.end), w.confidence, w.label) for w in one.words),
            one.confidence,
        )
        for one in event.alternatives
    )

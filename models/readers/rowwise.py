"""Readers that take one output row after another; the state of a stream is a struct."""

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from streamer.models.options import converted
from streamer.models.readers import Event, Reader


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one stream of any reader may set; a reader's own options extend it."""

    partials: bool = True


class RowState(msgspec.Struct):
    """The state of one stream, which each reader extends; `through` counts its output rows."""

    partials: bool
    through: int = 0
    utterance: int = 0
    ignored: int = 0  # output rows to come that a flush has read already


State = TypeVar("State", bound=RowState)
Output = TypeVar("Output")


class RowStates(Generic[State]):
    """The states of up to `count` streams, in the rows 1 to `count`; row 0 belongs to none."""

    def __init__(self, kind: type[State], count: int):
        self._kind = kind
        self._states: list[State | None] = [None] * (count + 1)

    def __getitem__(self, row: int) -> State:
        state = self._states[row]
        assert state is not None, f"no stream was opened in row {row}"
        return state

    def __setitem__(self, row: int, state: State) -> None:
        assert row, "row 0 belongs to no stream"
        self._states[row] = state

    def save(self, row: int) -> bytes:
        """The state in `row` as a plain value."""
        return msgspec.msgpack.encode(self[row])

    def restore(self, row: int, value: bytes) -> None:
        """Make the state in `row` what `save` wrote. ValueError for a value of another reader."""
        self[row] = msgspec.msgpack.decode(value, type=self._kind)


class RowwiseReader(Reader, Generic[State, Output]):
    """Contract: each reader brings `rows`, `prepared`, `step` and `end` of its own, and its options."""

    rows: RowStates[State]
    option_names: tuple[str, ...] = StreamOptions.__struct_fields__

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        return {"partials": converted(options, StreamOptions, "options").partials}

    def prepared(self, outputs: np.ndarray) -> Iterable[Sequence[Output]]:
        """Outputs [B, n, D] as `step` takes them: n of them for each of the B streams."""
        raise NotImplementedError

    def step(self, state: State, output: Output) -> list[Event]:
        """The events of one output row, which `state.through` counts from now on."""
        raise NotImplementedError

    def end(self, state: State) -> list[Event]:
        """End the utterance here: its final, where one has begun. The next row begins another one."""
        raise NotImplementedError

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""
        events_by_stream: list[list[Event]] = []
        for row, steps in zip(rows, self.prepared(outputs)):
            state = self.rows[row]
            events: list[Event] = []
            for output in steps[already_read(state, len(steps)) :]:
                events += self.step(state, output)
            events_by_stream.append(events)
        return events_by_stream

    def finish(self, row: int) -> list[Event]:
        """The events that are left after the stream's last output row."""
        return self.end(self.rows[row])

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """End the utterance with outputs [m, D] drained from a copy of the network."""
        state = self.rows[row]
        seen, state.ignored = state.ignored, 0
        (events,) = self.read([row], outputs[None, seen:])
        events += self.end(state)
        state.ignored = max(seen, len(outputs))
        return events

    def save(self, row: int) -> bytes:
        """The row's whole state."""
        return self.rows.save(row)

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote. ValueError for a value of another reader."""
        self.rows.restore(row, value)


def already_read(state: RowState, count: int) -> int:
    """How many of the next `count` output rows a flush has read; they are counted off."""
    seen = min(state.ignored, count)
    state.ignored -= seen
    return seen

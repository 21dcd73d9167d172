"""A runner whose device may die: its streams go on elsewhere with the same text."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from streamer.models.layers.stage import State
from streamer.runtime.cpu import CpuRunner
from streamer.runtime.runner import DeviceFault, Runner

JOURNAL_STEPS = 64
JOURNAL_BYTES = 32 * 1024 * 1024

Answer = TypeVar("Answer")


class FaultableRunner(Runner, Protocol):
    """A runner whose methods may raise `DeviceFault`."""

    def snapshot(self) -> State:
        """The states of all rows, on the host."""


class Began(NamedTuple):
    """A stream began in `row`."""

    row: int


class Put(NamedTuple):
    """The stream in `row` was taken up from a state that was saved."""

    row: int
    state: Sequence[np.ndarray]


class Stepped(NamedTuple):
    """Streams took a step."""

    rows: Sequence[int]
    x: np.ndarray


class FailoverRunner(Runner):
    """Runs on `runner` until it fails, then on the CPU runner that `rescue` makes.

    Keeps a copy of every row on the host and the inputs since, a bounded journal. On a fault the
    copy is loaded, the journal is stepped again in silence, and the call that failed is repeated.
    Law: what the caller gets is what a runner that never fails gives, except for rounding.
    """

    def __init__(
        self,
        runner: FaultableRunner,
        rescue: Callable[[], CpuRunner],
        announce: Callable[[str], None],
        journal_steps: int = JOURNAL_STEPS,
    ):
        self.geometry, self.device = runner.geometry, runner.device
        self.rescue, self.announce, self.journal_steps = rescue, announce, journal_steps
        self.runner: Runner = runner
        self.faultable: FaultableRunner | None = runner
        self.copy = runner.snapshot()
        self.journal: list[Began | Put | Stepped] = []
        self.journal_bytes = 0

    def open(self, row: int) -> None:
        self._done(lambda: self.runner.open(row))
        self._note(Began(row), 0)

    def step(self, rows: Sequence[int], x: np.ndarray) -> np.ndarray:
        y = self._done(lambda: self.runner.step(rows, x))
        self._note(Stepped(rows, x), x.nbytes)
        return y

    def take(self, rows: Sequence[int]) -> tuple[np.ndarray, ...]:
        return self._done(lambda: self.runner.take(rows))

    def put(self, row: int, state: Sequence[np.ndarray]) -> None:
        self._done(lambda: self.runner.put(row, state))
        self._note(Put(row, state), sum(leaf.nbytes for leaf in state))

    def peek(self, row: int, x: np.ndarray) -> np.ndarray:
        return self._done(lambda: self.runner.peek(row, x))

    def _done(self, act: Callable[[], Answer]) -> Answer:
        """What `act` gives, on the CPU where the device fails meanwhile."""
        try:
            return act()
        except DeviceFault as fault:
            self._fail(fault)
            return act()

    def _note(self, entry: Began | Put | Stepped, num_bytes: int) -> None:
        if self.faultable is None:
            return
        self.journal.append(entry)
        self.journal_bytes += num_bytes
        if len(self.journal) >= self.journal_steps or self.journal_bytes >= JOURNAL_BYTES:
            try:
                self.copy = self.faultable.snapshot()
            except DeviceFault as fault:
                self._fail(fault)
            self._forget()

    def _fail(self, fault: DeviceFault) -> None:
        cpu = self.rescue()
        cpu.load(self.copy)
        for entry in self.journal:
            if isinstance(entry, Began):
                cpu.open(entry.row)
            elif isinstance(entry, Put):
                cpu.put(entry.row, entry.state)
            else:
                cpu.step(entry.rows, entry.x)
        self.announce(f"{self.device} failed ({fault}); its streams go on on the CPU")
        self.runner, self.faultable, self.copy = cpu, None, ()
        self.device = f"{cpu.device}, since {self.device} failed"
        self._forget()

    def _forget(self) -> None:
        self.journal, self.journal_bytes = [], 0

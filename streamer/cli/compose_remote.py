"""`streamer compose --connect`: the notes come from a running server, by credit."""

import math
import time
from collections import deque
from types import TracebackType
from typing import Any

from streamer import wire
from streamer.clients.connection import connect
from streamer.clients.keeping import RECONNECT_S
from streamer.clients.notices import Applied, Refusal, Rejected, Restarted
from streamer.models.music.notation import Voice, note_number

PATIENCE_S = 1.0  # after which an answer to Control is asked for again


class RemoteSource:
    """One piece of the model `name` on the server at `address`. A context manager: leaving it closes.

    `ahead_beats` are composed before they are asked for: what hides the way to the server, and what a
    change of options has to wait for.
    """

    def __init__(self, address: str, name: str, ahead_beats: int, reconnect_s: float = RECONNECT_S):
        """OSError or ValueError, one line, where no server answers or it serves no such composer.

        A piece goes on after its server died, if another one is there within `reconnect_s`.
        """
        self.connection = connect(address, reconnect_s=reconnect_s)
        try:
            described = {model.name: model for model in self.connection.describe().models}
            if name not in described:
                raise ValueError(f"{address} serves no {name}; there are {', '.join(described)}")
            if described[name].input != "generator":
                raise ValueError(f"{name} is no composer; it reads {described[name].input}")
            # Begun with nothing: what it is asked for depends on what the server says it is.
            self.stream = self.connection.open(name)
        except Refusal as refusal:
            self.connection.abandon()
            raise ValueError(str(refusal)) from None
        except BaseException:  # Ctrl-C too: a connection that isn't left hangs the exit
            self.connection.abandon()
            raise
        self.options: dict[str, Any] = self.stream.opened.options
        form = self.options["format"]
        self.steps_per_beat, self.default_tempo = form["steps_per_beat"], self.options["tempo"]
        self.voices = tuple(Voice(part, low, high - low + 1) for part, (low, high) in form["voices"].items())
        self.ahead = ahead_beats * self.steps_per_beat
        self._steps: deque[list[wire.Word]] = deque()  # that came and were not asked for
        self._position = 0  # of the first of them
        self._moves = deque([(0, form["semitones"])])  # from which position on, how far notes are moved

    def __enter__(self) -> "RemoteSource":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.connection.abandon()

    def open(self, options: dict[str, Any]) -> None:
        """Begin a piece. OptionError "options.NAME" for options that don't fit."""
        self.control(options)

    @property
    def tempo(self) -> float:
        """Beats a minute."""
        return self.options["tempo"]

    def notes(self, count: int) -> list[tuple[int, ...]]:
        """The MIDI notes of the next `count` steps. OSError where the server ends the piece."""
        given, wanted = self.stream.position, self._position + count
        if given < wanted + self.ahead // 2 and not self.stream.closed:
            # Beyond the end there is nothing but silence.
            most = max(wanted, self.options["end"] or math.inf)
            self.stream.credit(max(0, min(wanted + self.ahead, most) - given))
        while len(self._steps) < count:
            self._check_open()
            self._take(PATIENCE_S)
        return [self._next() for _ in range(count)]

    def control(self, values: dict[str, Any]) -> None:
        """Change options from the next step on that is not composed yet. ValueError as `open`."""
        self._check_open()
        self.stream.control(**values)
        asked_at = time.monotonic()
        while not self._answered():
            self._take(0.005)
            if time.monotonic() - asked_at > PATIENCE_S:
                # The answer was lost with a connection; this one says what is in force.
                self.stream.control()
                asked_at = time.monotonic()

    def _answered(self) -> bool:
        """Whether a notice told of the options; it is in force here from now on."""
        answered = False
        for notice in self.stream.notices():
            if isinstance(notice, Rejected):
                raise wire.error_of(notice.refused)
            if isinstance(notice, Restarted):
                raise OSError(f"the server lost the piece at step {notice.position}")
            if isinstance(notice, Applied):
                answered, self.options = True, notice.options
                self._moves.append((notice.position, notice.options["format"]["semitones"]))
        return answered

    def _take(self, wait_s: float) -> None:
        for result in self.stream.poll(wait_s):
            if result.kind != "partial":
                continue
            if result.through != self._position + len(self._steps) + 1:
                raise OSError(f"notes before step {result.through} were lost on the way")
            self._steps.append(list(result.alternatives[0].words))

    def _check_open(self) -> None:
        if self.stream.closed:
            raise OSError(f"the server ended the piece: {self.stream.closed.reason}")

    def _next(self) -> tuple[int, ...]:
        """The notes of the next step, each voice in as many places as it is wide."""
        words = self._steps.popleft()
        while len(self._moves) > 1 and self._moves[1][0] <= self._position:
            self._moves.popleft()
        self._position += 1
        notes: list[int] = []
        for voice in self.voices:
            own = [note_number(word.text) + self._moves[0][1] for word in words if word.label == voice.name]
            notes += [*own, *[0] * (voice.width - len(own))]
        return tuple(notes)

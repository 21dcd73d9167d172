"""Many pieces at once, composed by a server on credit and sounded here, and how far ahead they stay."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

import numpy as np
import zmq

from streamer import wire
from streamer.models.audio.synthesis import FRAMES_PER_SECOND, synthesiser
from streamer.models.feeders.sequencer import Sequencer
from streamer.models.music.notation import Voice, note_number
from streamer.music.sound import LEVELS, RATE_HZ
from streamer.runtime.cpu import CpuRunner

TEMPO = 120.0  # beats a minute
LEAD_BEATS = 2  # from a beat's credit to its sound
SOUND_SECONDS = 0.05  # pieces whose beats came within it are sounded side by side
SOCKETS = 4
ANSWER_SECONDS = 30.0
LINGER_MS = 500


@dataclass
class Player:
    """One piece, and what was seen of it."""

    number: int
    sequencer: Sequencer | None = None  # once it is opened
    stream: bytes = b""
    owner: bytes = b""
    credited: int = 0  # beats
    sounded: int = 0  # beats
    notes: list[tuple[int, ...]] = field(default_factory=list)  # of the steps that wait for their sound
    leads_ms: list[float] = field(
        default_factory=list
    )  # of each beat: how long before it is due it was sounded
    refusal: wire.Refused | None = None
    closed: bool = False


class MusicLoad:
    """Pieces of `model`, each beat asked for and due on a schedule that is fixed beforehand.

    The beats of all pieces are spread evenly over a beat's time. ConnectionError if the server refuses.
    """

    def __init__(self, address: str, model: str, pieces: int):
        self._context = zmq.Context()
        self._sockets = [self._context.socket(zmq.DEALER) for _ in range(SOCKETS)]
        self._poller = zmq.Poller()
        for socket in self._sockets:
            socket.set(zmq.SNDHWM, 0)
            socket.set(zmq.RCVHWM, 0)
            socket.connect(address)
            self._poller.register(socket, zmq.POLLIN)
        self._by_stream: dict[bytes, Player] = {}
        self.steps_per_beat, self.seconds_a_beat, self.model = 0, 60 / TEMPO, model
        self.players = [Player(number) for number in range(pieces)]

    def __enter__(self) -> "MusicLoad":
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is still open: a server that goes on must not wait for it."""
        for player in self.players:
            if player.stream and not player.closed and not player.refusal:
                self._send(player, wire.Close(player.stream, player.owner, player.credited + 1))
        self._context.destroy(linger=LINGER_MS)

    def open(self) -> None:
        """Open all streams."""
        for player in self.players:
            self._send(
                player,
                wire.Open(str(player.number), self.model, options={"seed": player.number, "tempo": TEMPO}),
            )
        self._wait(lambda: all(p.stream or p.refusal for p in self.players))
        if refused := next((p.refusal for p in self.players if p.refusal), None):
            raise ConnectionError(f"the server refused a stream: {refused.message}")
        if not all(p.stream for p in self.players):
            raise ConnectionError(f"the server left a stream without an answer for {ANSWER_SECONDS:.0f} s")
        stage = synthesiser(RATE_HZ, self.places).eval()
        self._sound = CpuRunner(stage, len(self.players), lambda width: stage.step)
        self._sound.peek(1, np.zeros((1, stage.in_features), np.float32))  # compiled before the first beat

    def play(self, beats: int) -> None:
        """Beat b of piece p is asked for at b + p/pieces beats, Close in place of one more beat."""
        self._began, sounded_at = time.perf_counter(), 0.0
        for turn in range((beats + 1) * len(self.players)):
            player = self.players[turn % len(self.players)]
            while (left := self._asked_at(player, player.credited) - time.perf_counter()) > 0:
                self._receive(min(left, SOUND_SECONDS))
                if time.perf_counter() - sounded_at > SOUND_SECONDS:
                    sounded_at = time.perf_counter()
                    self._sound_beats()
            if player.credited < beats:
                player.credited += 1
                count = self.steps_per_beat
                self._send(player, wire.Credit(player.stream, player.owner, player.credited, count))
            elif not player.refusal:
                self._send(player, wire.Close(player.stream, player.owner, beats + 1))
        self._wait(lambda: self._sound_beats() or all(p.closed or p.refusal for p in self.players))
        self._sound_beats()

    def _asked_at(self, player: Player, beat: int) -> float:
        return self._began + (beat + player.number / len(self.players)) * self.seconds_a_beat

    def _sound_beats(self) -> None:
        """Sound the oldest whole beat of each piece that has one, until none has."""
        while ready := [
            p for p in self.players if self.steps_per_beat and len(p.notes) >= self.steps_per_beat
        ]:
            frames = []
            for player in ready:
                beat, player.notes = player.notes[: self.steps_per_beat], player.notes[self.steps_per_beat :]
                frames.append(np.concatenate([player.sequencer.frames(notes, TEMPO) for notes in beat]))
            self._sound.step([player.number + 1 for player in ready], np.stack(frames))
            now = time.perf_counter()
            for player in ready:
                due = self._asked_at(player, player.sounded + LEAD_BEATS)
                player.leads_ms.append(1000 * (due - now))
                player.sounded += 1

    def _send(self, player: Player, message: wire.Input) -> None:
        self._sockets[player.number % SOCKETS].send_multipart(wire.encode(message))

    def _wait(self, done: Callable[[], bool]) -> None:
        """Until `done`, or ANSWER_SECONDS have passed."""
        until = time.perf_counter() + ANSWER_SECONDS
        while not done() and (left := until - time.perf_counter()) > 0:
            self._receive(min(left, SOUND_SECONDS))

    def _receive(self, seconds: float) -> None:
        """Wait for messages for at most `seconds`, and take all that are there."""
        for socket, _ in self._poller.poll(ceil(seconds * 1000)):
            while True:
                try:
                    parts = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._take(wire.decode_output(*parts))

    def _take(self, message: wire.Output) -> None:
        if isinstance(message, wire.Opened):
            player = self.players[int(message.request)]
            player.stream, player.owner = message.stream, message.owner
            self._by_stream[message.stream] = player
            form = message.options["format"]
            self.steps_per_beat = form["steps_per_beat"]
            self.places = sum(Voice("", low, high - low + 1).width for low, high in form["voices"].values())
            frames = FRAMES_PER_SECOND[RATE_HZ]
            player.sequencer = Sequencer(self.places, self.steps_per_beat, frames, LEVELS[: self.places])
        elif isinstance(message, wire.Refused) and message.request:
            self.players[int(message.request)].refusal = message
        elif isinstance(message, wire.Refused):
            self._by_stream[message.stream].refusal = message
        elif isinstance(message, wire.Result) and message.kind == "partial":
            words = message.alternatives[0].words
            self._by_stream[message.stream].notes.append(tuple(note_number(word.text) for word in words))
        elif isinstance(message, wire.Closed):
            self._by_stream[message.stream].closed = True

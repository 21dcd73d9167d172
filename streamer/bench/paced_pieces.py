"""Many pieces at once, composed by a server on credit and sounded here, and how far ahead they stay."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch

from streamer import wire
from streamer.bench.opened_streams import OpenedStream, OpenedStreams
from streamer.models.audio.synthesis import FRAMES_PER_SECOND, synthesiser
from streamer.models.feeders.sequencer import Sequencer
from streamer.models.music.notation import Voice, note_number
from streamer.music.sound import LEVELS, RATE_HZ
from streamer.runtime.cpu import CpuRunner

TEMPO = 120.0  # beats a minute
LEAD_BEATS = 2  # from a beat's credit to its sound
SOUND_SECONDS = 0.05  # pieces whose beats came within it are sounded side by side


@dataclass
class Player(OpenedStream):
    """One piece, and what was seen of it; `sent` counts the beats that were asked for."""

    sounded: int = 0  # beats
    notes: list[tuple[int, ...]] = field(default_factory=list)  # of the steps that wait for their sound
    leads_ms: list[float] = field(default_factory=list)  # of each beat: from its sound to when it is due


class MusicLoad:
    """Pieces of `model`, each beat asked for and due on a schedule that is fixed beforehand.

    The beats of all pieces are spread evenly over a beat's time. ConnectionError if the server refuses.
    """

    def __init__(self, address: str, model: str, pieces: int):
        self._streams: OpenedStreams[Player] = OpenedStreams(address, self._take)
        self.steps_per_beat, self.places, self.seconds_a_beat, self.model = 0, 0, 60 / TEMPO, model
        self.players = [Player(number) for number in range(pieces)]
        self._sequencers: list[Sequencer] = []

    def __enter__(self) -> "MusicLoad":
        return self

    def __exit__(self, *_: object) -> None:
        self._streams.leave()

    def open(self) -> None:
        """Open all streams."""
        _compile()  # first: it takes 15 s and more, and the lease of an open stream could run out
        self._streams.open(self.model, self.players, lambda player: {"seed": player.number, "tempo": TEMPO})
        frames, levels = FRAMES_PER_SECOND[RATE_HZ], LEVELS[: self.places]
        self._sequencers = [Sequencer(self.places, self.steps_per_beat, frames, levels) for _ in self.players]
        stage = synthesiser(RATE_HZ, self.places).eval()
        self._sound = CpuRunner(stage, len(self.players), lambda width: stage.step)

    def play(self, beats: int) -> None:
        """Beat b of piece p is asked for at b + p/pieces beats, Close in place of one more beat.

        ConnectionError if the server ends a stream before its Close.
        """
        self._began, sounded_at = time.perf_counter(), 0.0
        for turn in range((beats + 1) * len(self.players)):
            player = self.players[turn % len(self.players)]
            while (left := self._asked_at(player, player.sent) - time.perf_counter()) > 0:
                self._streams.receive(min(left, SOUND_SECONDS))
                if time.perf_counter() - sounded_at > SOUND_SECONDS:
                    sounded_at = time.perf_counter()
                    self._sound_beats()
            if player.sent < beats:
                player.sent += 1
                credit = wire.Credit(player.stream, player.owner, player.sent, self.steps_per_beat)
                self._streams.send(player.number, credit)
            elif not player.refusal:
                self._streams.close(player)
        self._streams.wait(self._sounded_to_the_end, SOUND_SECONDS)
        self._sound_beats()
        if refusal := next((player.refusal for player in self.players if player.refusal), None):
            raise ConnectionError(f"the server ended a stream: {refusal.message}")

    def _asked_at(self, player: Player, beat: int) -> float:
        return self._began + (beat + player.number / len(self.players)) * self.seconds_a_beat

    def _sounded_to_the_end(self) -> bool:
        self._sound_beats()
        return all(player.ended for player in self.players)

    def _sound_beats(self) -> None:
        """Sound the oldest whole beat of each piece that has one, until none has."""
        steps = self.steps_per_beat
        while ready := [player for player in self.players if len(player.notes) >= steps]:
            frames = []
            for player in ready:
                beat, player.notes = player.notes[:steps], player.notes[steps:]
                sequencer = self._sequencers[player.number]
                frames.append(np.concatenate([sequencer.frames(notes, TEMPO) for notes in beat]))
            self._sound.step([player.number + 1 for player in ready], np.stack(frames))
            now = time.perf_counter()
            for player in ready:
                due = self._asked_at(player, player.sounded + LEAD_BEATS)
                player.leads_ms.append(1000 * (due - now))
                player.sounded += 1

    def _take(self, player: Player | None, message: wire.Output) -> None:
        if isinstance(message, wire.Opened):
            form = message.options["format"]
            self.steps_per_beat = form["steps_per_beat"]
            self.places = sum(Voice("", low, high - low + 1).width for low, high in form["voices"].values())
        elif isinstance(message, wire.Result) and message.kind == "partial" and player:
            words = message.alternatives[0].words
            player.notes.append(tuple(note_number(word.text) for word in words))


def _compile() -> None:
    """Compile the synthesiser's loops, which are the same for any number of voices."""
    stage = synthesiser(RATE_HZ, 1).eval()
    with torch.inference_mode():
        stage.step(torch.zeros(1, 1, stage.in_features), stage.initial_state(1))

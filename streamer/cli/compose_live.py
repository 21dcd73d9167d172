"""`streamer compose --play`: a bounded lead ahead of the loudspeaker, and keys to steer by."""

import sys
import time
from collections import deque
from contextlib import ExitStack

from rich.console import Console
from rich.text import Text

from streamer.cli.compose_file import write_scores
from streamer.cli.compose_options import SCORES, Compose
from streamer.cli.compose_plan import open_piece, plan
from streamer.clients.keys import Keys
from streamer.clients.live_area import LiveArea
from streamer.clients.speaker import Speaker, SpeakerGone
from streamer.errors import WrongCall
from streamer.music.melody_input import KEYS, REST, MidiPort
from streamer.music.performance import Performance
from streamer.music.sound import RATE_HZ
from streamer.music.source import PieceSource
from streamer.music.terminal_roll import drawn

LEAD_SECONDS, LEAD_ACCOMPANYING = 0.5, 0.12  # that composing stays ahead of what is heard
HELP = "+ - temperature   [ ] tempo   x end with a cadence   q stop"
KEYBOARD, PORT = "keys", "port:"


def play(source: PieceSource, wish: Compose) -> None:
    """Let the piece be heard; it has no end unless it was asked for one.

    What was played is written whole, also where a signal, Ctrl-C or a loudspeaker that vanishes ends it.
    """
    if wish.is_sound:
        raise WrongCall(f"--play writes {', '.join(SCORES)} or --roll; for sound leave --play out")
    kept = bool(wish.output or wish.roll)
    performance = open_piece(source, wish, plan(source, wish, None), kept)
    live = LivePerformance(source, performance, wish.accompany)
    try:
        live.run()
    except (KeyboardInterrupt, SpeakerGone):
        if performance.piece.steps:
            write_scores(performance.piece, source, wish)
        raise
    write_scores(performance.piece, source, wish)


class LivePerformance:
    """A performance that is heard and seen while it is composed, and steered from the keyboard.

    `accompany` is None, "keys" (the first voice is played on the computer keyboard, from C4 on the
    key a) or "port:NAME" (on a MIDI input).
    """

    def __init__(self, source: PieceSource, performance: Performance, accompany: str | None):
        """OSError or ValueError, one line, without a loudspeaker or the port that is asked for."""
        self.source, self.performance, self.accompany = source, performance, accompany
        self.port = (
            MidiPort(accompany.removeprefix(PORT)) if accompany and accompany.startswith(PORT) else None
        )
        self.speaker = Speaker(RATE_HZ)
        self.lead = LEAD_ACCOMPANYING if accompany else LEAD_SECONDS
        self.stopped = False
        self.shown: deque[tuple[int, ...]] = deque(maxlen=256)

    def run(self) -> None:
        """Play to the end, or until q. SpeakerGone where the loudspeaker vanishes."""
        with ExitStack() as stack:
            keys = stack.enter_context(Keys())
            stack.enter_context(self.speaker)
            if self.port:
                stack.callback(self.port.close)
            shown = sys.stderr.isatty()
            screen = stack.enter_context(LiveArea(Console(stderr=True))) if shown else None
            for played in self.performance:
                self.speaker.write(played.samples)
                if played.notes:
                    self.shown.append(played.notes)
                if screen:
                    self._draw(screen)
                self._wait(keys, self.lead)
                if self.stopped:
                    return
            self.speaker.end()
            self._wait(keys, 0.0)
        print(f"streamer: {self.speaker.underruns} underruns", file=sys.stderr)

    def _wait(self, keys: Keys, lead: float) -> None:
        """Until no more than `lead` seconds are left to play, taking keys meanwhile."""
        while self.speaker.lead > lead and not self.stopped:
            began = time.monotonic()
            if key := keys.pressed(0.01):
                self._steer(key)
            if self.port:
                self._follow(self.port.note())
            time.sleep(max(0.0, 0.005 - (time.monotonic() - began)))

    def _steer(self, key: str) -> None:
        source, options = self.source, self.source.options
        if self.accompany == KEYBOARD and key in KEYS:
            self._follow(KEYS[key])
        elif self.accompany == KEYBOARD and key == REST:
            self._follow(0)
        elif key in "+-":
            change = 0.05 if key == "+" else -0.05
            source.control({"temperature": min(4.0, max(0.0, round(options["temperature"] + change, 2)))})
        elif key in "[]":
            tempo = min(400.0, max(20.0, self.performance.tempo + (4 if key == "]" else -4)))
            source.control({"tempo": tempo})
            self.performance.tempo = tempo
        elif key == "x":
            self.performance.end()
        elif key == "q":
            self.stopped = True

    def _follow(self, note: int) -> None:
        """The first voice sings `note`, 0 for silence; one that it doesn't have changes nothing."""
        source, voice = self.source, self.source.voices[0]
        if source.options["given"].get(voice.name) == note:
            return
        if not note or voice.lowest <= note < voice.lowest + voice.count:
            source.control({"given": {voice.name: note}})

    def _draw(self, screen: LiveArea) -> None:
        columns = max(20, screen.size.width - 6)
        options = self.source.options
        line = (
            f"seed {options['seed']}  temperature {options['temperature']:.2f}  "
            f"tempo {self.performance.tempo:.0f}  {self.speaker.underruns} underruns"
        )
        screen.draw([Text(row) for row in drawn(list(self.shown), columns)], [Text(line), Text(HELP)])

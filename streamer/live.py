"""`streamer live`: a microphone or a recording to a server, and its words to the screen as they come."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np

from clients.connection import Stream
from clients.connection import connect as connect_to
from clients.files import BUNDLED, AudioFile
from clients.microphone import Microphone, choose, level_dbfs
from clients.notices import Refusal, Restarted
from clients.subtitles import Subtitles
from clients.terminal import Session, View, view
from models import catalog
from streamer import wire
from streamer.bench import cpu_seconds
from streamer.config import Config
from streamer.rewriter import Rewriter
from streamer.server_process import ServerProcess

BLOCK_MS = 40
LAST_WORDS_S = 0.8  # after Ctrl-C; a second is promised
DIGITAL_SILENCE_S = 2.0
LOOK_S = 1.0  # between looks at the server's processor time

Source = AudioFile | Microphone


def run(
    config: Config,
    *,
    device: str | None,
    file: Path | None,
    model: str,
    save: Path | None,
    connect: str | None,
    offline_finals: bool,
) -> int:
    """Until the recording ends or Ctrl-C; 0. ValueError or OSError, one line, for what can't be done."""
    with ExitStack() as stack:
        source = _source(stack, device, file)
        process = None
        if connect is None:
            catalog.find(model, config.folders())  # a wrong name is told before a server starts
            server = msgspec.structs.replace(config.server, serve=[model])
            process = stack.enter_context(ServerProcess(msgspec.structs.replace(config, server=server)))
        rewriter = stack.enter_context(Rewriter(config, source.rate_hz)) if offline_finals else None
        subtitles = Subtitles(save, source.rate_hz) if save else None
        connection = stack.enter_context(connect_to(connect or process.inputs))
        try:
            stream = connection.open(model, format=source.format)
        except Refusal as refusal:
            raise ValueError(str(refusal)) from None
        session = Session(_title(source, model))
        with view(session) as shown:
            talk = Talk(stream, session, shown, subtitles, rewriter, process.pid if process else None)
            talk.run(_blocks(source, session))
    return 0


class Talk:
    """One stream while it lasts: sends blocks, takes results, keeps the session's figures."""

    def __init__(
        self,
        stream: Stream,
        session: Session,
        shown: View,
        subtitles: Subtitles | None,
        rewriter: Rewriter | None,
        server_pid: int | None,
    ):
        self.stream, self.session, self.shown = stream, session, shown
        self.subtitles, self.rewriter, self.server_pid = subtitles, rewriter, server_pid
        self.rate_hz = stream.opened.options["format"]["rate"]
        self._sent: deque[tuple[int, float]] = deque(maxlen=10_000)  # (end position, when)
        self._next_look = time.monotonic() + LOOK_S
        self._cpu_before = cpu_seconds(server_pid) if server_pid else 0.0

    def run(self, blocks: Iterator[bytes]) -> None:
        """Send all `blocks`; then, or on Ctrl-C, close and show the last words."""
        try:
            for block in blocks:
                if block:
                    self._send(block)
                self._take(self.stream.poll())
            self._end(wire_seconds=5.0)
        except KeyboardInterrupt:
            self._end(wire_seconds=LAST_WORDS_S)

    def _send(self, block: bytes) -> None:
        self.stream.send(block)
        self._sent.append((self.stream.position, time.monotonic()))
        if self.rewriter:
            self.rewriter.hear(block)
        self.session.level_dbfs = level_dbfs(block)
        self.session.heard_s = self.stream.position / self.rate_hz
        if self.server_pid and self._sent[-1][1] >= self._next_look:
            self._next_look = self._sent[-1][1] + LOOK_S
            used = cpu_seconds(self.server_pid) - self._cpu_before
            self.session.real_time_factor = used / max(self.session.heard_s, 0.1)

    def _take(self, results: list[wire.Result]) -> None:
        now = time.monotonic()
        for result in results:
            self._note_latency(result, now)
            self.session.take(result)
            self.shown.draw(result)
            if result.kind == "final":
                if self.subtitles:
                    self.subtitles.add(result)
                if self.rewriter:
                    self.rewriter.rewrite(result)
        for notice in self.stream.notices():
            if isinstance(notice, Restarted):
                self.session.warning = "the server lost the stream; a new one goes on"
        if self.rewriter:
            for live, text in self.rewriter.done():
                self.shown.rewritten(live, text)

    def _note_latency(self, result: wire.Result, now: float) -> None:
        """From sending the block that holds `through` to now."""
        while self._sent and self._sent[0][0] < result.through:
            self._sent.popleft()
        if self._sent:
            self.session.latencies_ms.append(1000 * (now - self._sent[0][1]))

    def _end(self, wire_seconds: float) -> None:
        self.stream.close()
        until = time.monotonic() + wire_seconds
        while not self.stream.closed and time.monotonic() < until:
            self._take(self.stream.poll(0.02))
        self._take(self.stream.poll())
        if self.rewriter:
            self.rewriter.finish()
            self._take([])


def _source(stack: ExitStack, device: str | None, file: Path | None) -> Source:
    """The file, else the microphone, else the recording that ships."""
    if file is not None:
        return AudioFile(file)
    try:
        return stack.enter_context(Microphone(choose(device)))
    except (ValueError, OSError) as error:
        if device is not None:
            raise
        print(f"streamer: {error}\nstreamer: playing {BUNDLED.name}, which ships, instead", file=sys.stderr)
        return AudioFile(BUNDLED)


def _title(source: Source, model: str) -> str:
    name = source.name if isinstance(source, AudioFile) else source.device.name
    return f"{model} · {Path(name).name} · Ctrl-C ends"


def _blocks(source: Source, session: Session) -> Iterator[bytes]:
    """Blocks in real time; an empty one now and then, so that results are taken meanwhile."""
    if isinstance(source, AudioFile):
        began, sent = time.monotonic(), 0
        for block in source.blocks(BLOCK_MS):
            # A microphone hands a block over when it is full.
            sent += len(block) // 2
            while (left := began + sent / source.rate_hz - time.monotonic()) > 0:
                time.sleep(min(left, 0.01))
                yield b""
            yield block
        return
    silent_s = 0.0
    while True:
        for block in source.blocks(0.02):
            silent_s = silent_s + BLOCK_MS / 1000 if level_dbfs(block) == -np.inf else 0.0
            session.overflows = source.overflows
            quiet = silent_s >= DIGITAL_SILENCE_S
            session.warning = "digital silence: is the microphone muted or blocked?" if quiet else ""
            yield block
        yield b""

"""`streamer live`: a microphone or a recording to a server, and its words to the screen as they come."""

import signal
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from streamer import wire
from streamer.cli.along import Along, reading_along
from streamer.cli.command import flag, option
from streamer.cli.options import Written, address
from streamer.clients.connection import Connection, Stream
from streamer.clients.connection import connect as connect_to
from streamer.clients.files import BUNDLED, AudioFile, paced
from streamer.clients.microphone import Microphone, SilenceWatch, choose, level_dbfs
from streamer.clients.notices import Gap, Notice, Refusal, Restarted, StreamOver
from streamer.clients.subtitles import Subtitles
from streamer.clients.terminal import Figures, TerminalView, starting, view
from streamer.config import Config, with_model
from streamer.errors import WrongCall
from streamer.models.bundle import catalog
from streamer.offline.rewriter import Rewriter
from streamer.server.child_process import ServerProcess
from streamer.server.usage import cpu_seconds

BLOCK_MS = 40
WAIT_S = 0.01  # for a block, before results are looked for
LAST_WORDS_S = 0.5  # after Ctrl-C; all is over within a second, the exit of a busy machine included
REWRITING_S = 10.0  # for the offline network's last utterances, when a recording has ended
LOOK_S = 1.0  # between looks at the server's processor time

SoundSource = AudioFile | Microphone


@dataclass(frozen=True, kw_only=True)
class Live(Written):
    """What is heard, with which model, and where the words go."""

    device: str | None = option(
        None, "DEVICE", "A microphone's name or number; `streamer devices` lists them."
    )
    file: Path | None = option(None, "AUDIO", "Play a recording instead of the microphone.")
    model: str = option(
        "captions-en", "MODEL", "Recognise with this model, a name or a folder; see `streamer models`."
    )
    save: Path | None = option(None, "SRT", "Write subtitles as the words come.")
    connect: str | None = address("Use a running server instead of starting one.")
    offline_finals: bool = flag("Let the offline network rewrite each utterance after its end.")
    along: str | None = option(
        None,
        "TASKS",
        "Let models of text read the captions: tasks or names, such as entities,sentiment,translate-en-de.",
        name="--with",
    )


def live(options: Live) -> int:
    """Until the recording ends, Ctrl-C or SIGTERM: 0, or 1 where the recording breaks off.

    ValueError or OSError, one line, for what can't be done.
    """
    config, model, writing = options.settings(), options.model, options.writing()
    if options.along is not None and options.connect is not None:
        raise WrongCall(
            "--with is for a server of our own; what a running one feeds its config's [pipelines] say"
        )
    # Whoever ends us by a signal gets what Ctrl-C gives: the last words, and the terminal as it was.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.connect is None:
        config, model = with_model(config, model)
        catalog.find(model, config.folders())  # a wrong name is told before anything starts
        config = reading_along(config, model, options.along)
    with ExitStack() as stack:
        source = _source(stack, options.device, options.file)
        subtitles = Subtitles(options.save, source.rate_hz) if options.save else None
        rewriter = None
        if options.offline_finals:
            rewriter = stack.enter_context(Rewriter(config, source.rate_hz, writing))
        with starting():
            address, server = options.connect, None
            if address is None:
                server = _server(stack, config)
                address = server.inputs
            connection = connect_to(address)
            stack.callback(connection.abandon)
            if rewriter:
                rewriter.wait_ready()
        figures = Figures(_title(source, model))
        try:
            known = writing.options(_known_options(connection, model))
            stream = connection.open(model, format=source.format, **known)
            with view(figures) as shown:
                pid = server.pid if server else None
                readers = Along(connection, stream, shown)
                talk = Talk(stream, figures, shown, subtitles, rewriter, pid, readers)
                talk.run(_blocks(source, figures))
        except (Refusal, StreamOver) as error:
            raise ValueError(str(error)) from None
    if isinstance(source, Microphone):
        return 0
    if source.warning:
        print(f"streamer: {source.warning}", file=sys.stderr)
    return int(source.broken)


class Talk:
    """One stream while it lasts: sends blocks, takes results, keeps the session's figures."""

    def __init__(
        self,
        stream: Stream,
        figures: Figures,
        shown: TerminalView,
        subtitles: Subtitles | None,
        rewriter: Rewriter | None,
        server_pid: int | None,
        along: Along | None = None,
    ):
        self.along, self._finals = along, 0
        self.stream, self.figures, self.shown = stream, figures, shown
        self.subtitles, self.rewriter, self.server_pid = subtitles, rewriter, server_pid
        self._rate_hz = stream.opened.options["format"]["rate"]
        self._restarts: dict[bytes, int] = {}  # where a stream began that stands in for a lost one
        self._sent: deque[tuple[int, float]] = deque(maxlen=10_000)  # (end position, when)
        self._next_look = time.monotonic() + LOOK_S
        self._cpu_before = cpu_seconds(server_pid) if server_pid else 0.0

    def run(self, blocks: Iterable[bytes]) -> None:
        """Send all `blocks`; then, or on Ctrl-C, close and show the last words."""
        try:
            for block in blocks:
                if block:
                    self._send(block)
                self._take(self.stream.poll())
                if self.stream.closed:
                    raise StreamOver(f"the server has ended the stream: {self.stream.closed.reason}")
            self._end()
        except KeyboardInterrupt:
            self._end_at_once()

    def _send(self, block: bytes) -> None:
        self.stream.send(block)
        now = time.monotonic()
        self._sent.append((self.stream.position, now))
        if self.rewriter:
            self.rewriter.hear(block)
        self.figures.level_dbfs = level_dbfs(block)
        self.figures.heard_s = self.stream.position / self._rate_hz
        if self.server_pid and now >= self._next_look:
            self._next_look = now + LOOK_S
            used_s = cpu_seconds(self.server_pid) - self._cpu_before
            self.figures.real_time_factor = used_s / self.figures.heard_s

    def _take(self, results: list[wire.Result]) -> None:
        """What has arrived, to where it belongs."""
        for notice in self.stream.notices():
            self._note(notice)
        now = time.monotonic()
        for result in results:
            result = _moved(result, self._restarts.get(result.stream, 0))
            self._note_latency(result, now)
            self.shown.show(result)
            if result.kind == "final" and result.alternatives:
                self._finals += bool(result.alternatives[0].text.strip())
                if self.subtitles:
                    self.subtitles.add(result)
                if self.rewriter:
                    self.rewriter.rewrite(result)
        if self.rewriter:
            self._show_rewritten(self.rewriter.done())
        if self.along:
            self.along.show()
        self.shown.tick()

    def _note(self, notice: Notice) -> None:
        if isinstance(notice, Restarted):
            self._restarts[notice.stream] = notice.position
            if self.along:
                self.along.restarted(self._finals)
            self.figures.warning = "the server lost the stream; a new one goes on"
        elif isinstance(notice, Gap):
            self.figures.warning = f"results {notice.first} to {notice.last} were lost on the way"

    def _note_latency(self, result: wire.Result, now: float) -> None:
        """From sending the block that holds `through` to now."""
        while self._sent and self._sent[0][0] < result.through:
            self._sent.popleft()
        if self._sent:
            self.figures.latencies_ms.append(1000 * (now - self._sent[0][1]))

    def _show_rewritten(self, pairs: list[tuple[str, str]]) -> None:
        for live, text in pairs:
            self.shown.rewritten(live, text)

    def _end(self) -> None:
        self.stream.close()
        for result in self.stream:
            self._take([result])
        self._finish(time.monotonic() + REWRITING_S)

    def _end_at_once(self) -> None:
        until = time.monotonic() + LAST_WORDS_S
        self.stream.close()
        while not self.stream.closed and time.monotonic() < until:
            self._take(self.stream.poll(WAIT_S))
        self._finish(until)

    def _finish(self, until: float) -> None:
        self._take(self.stream.poll())
        while self.along and self.along.open and (left := until - time.monotonic()) > 0:
            self.along.show(left)
        if self.rewriter:
            self._show_rewritten(self.rewriter.finish(until))


def _source(stack: ExitStack, device: str | None, file: Path | None) -> SoundSource:
    """The file, else the microphone, else the recording that ships."""
    if file is not None and device is not None:
        raise WrongCall("--device and --file are two sources; name one")
    if file is not None:
        return AudioFile(file)
    try:
        return stack.enter_context(Microphone(choose(device)))
    except (ValueError, OSError) as error:
        if device is not None:
            raise
        print(f"streamer: {error}\nstreamer: playing the recording that ships, in real time", file=sys.stderr)
        return AudioFile(BUNDLED)


def _server(stack: ExitStack, config: Config) -> ServerProcess:
    """A server of our own."""
    process = stack.enter_context(ServerProcess(config))
    # Its only stream is over by then; its leisurely end would outlast the second that Ctrl-C may take.
    stack.callback(process.kill)
    return process


def _known_options(connection: Connection, model: str) -> tuple[str, ...]:
    """What streams of `model` may set; nothing where the server lacks it, as opening one will tell.

    ValueError for a model that hears no sound.
    """
    served = {description.name: description for description in connection.describe().models}
    if model not in served:
        return ()
    if served[model].input != "audio":
        raise ValueError(f"{model} hears no sound; name a model whose input is audio")
    return served[model].options


def _title(source: SoundSource, model: str) -> str:
    name = Path(source.name).name if isinstance(source, AudioFile) else source.device.name
    return f"{model} · {name} · Ctrl-C ends"


def _blocks(source: SoundSource, figures: Figures) -> Iterator[bytes]:
    """Blocks in real time; an empty one now and then, so that results are taken meanwhile."""
    if isinstance(source, AudioFile):
        yield from paced(source.blocks(BLOCK_MS), source.rate_hz, WAIT_S)
        return
    watch, silent = SilenceWatch(source.rate_hz), False
    while True:
        for block in source.blocks(WAIT_S):
            was, silent = silent, watch.hear(block)
            if was != silent:
                figures.warning = "digital silence: is the microphone muted or blocked?" if silent else ""
            figures.overflows = source.overflows
            yield block
        yield b""


def _moved(result: wire.Result, offset: int) -> wire.Result:
    """`result` with its positions counted from where the session began."""
    if not offset:
        return result
    alternatives = tuple(
        replace(a, words=tuple(replace(w, start=w.start + offset, end=w.end + offset) for w in a.words))
        for a in result.alternatives
    )
    return replace(result, through=result.through + offset, alternatives=alternatives)

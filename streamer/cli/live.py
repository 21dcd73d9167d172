"""`streamer live`: a microphone or a recording to a server, and its words to the screen as they come."""

import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from streamer.cli.along import Along, reading_along
from streamer.cli.command import flag, option
from streamer.cli.live_sources import SoundSource, sound_blocks, sound_source, source_name
from streamer.cli.live_talk import Talk
from streamer.cli.options import Written, address
from streamer.clients.connection import Connection
from streamer.clients.connection import connect as connect_to
from streamer.clients.microphone import Microphone
from streamer.clients.notices import Refusal, StreamOver
from streamer.clients.subtitles import Subtitles
from streamer.clients.terminal import Figures, starting, view
from streamer.config import Config, with_model
from streamer.errors import WrongCall
from streamer.models.bundle import catalog
from streamer.offline.rewriter import Rewriter
from streamer.server.child_process import ServerProcess


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
        source = sound_source(stack, options.device, options.file)
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
                talk.run(sound_blocks(source, figures))
        except (Refusal, StreamOver) as error:
            raise ValueError(str(error)) from None
    if isinstance(source, Microphone):
        return 0
    if source.warning:
        print(f"streamer: {source.warning}", file=sys.stderr)
    return int(source.broken)


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
    return f"{model} · {source_name(source)} · Ctrl-C ends"

"""`streamer live`: a microphone or a recording to a server, and its words to the screen as they come."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.cli.along import Along, reading_along
from streamer.cli.command import flag, option
from streamer.cli.live_output import Output, check_save
from streamer.cli.live_sources import SoundSource, sound_blocks, sound_source, source_name
from streamer.cli.live_talk import Talk
from streamer.cli.options import Written, address, existing
from streamer.clients.caption_file import CaptionFile
from streamer.clients.caption_forms import Format
from streamer.clients.connection import Connection
from streamer.clients.connection import connect as connect_to
from streamer.clients.live_figures import Figures
from streamer.clients.microphone import Microphone
from streamer.clients.notices import Refusal, StreamOver
from streamer.clients.screen import OFFLINE
from streamer.clients.terminal import starting
from streamer.config import Config, with_model
from streamer.errors import WrongCall
from streamer.models.bundle import catalog
from streamer.offline.rewriter import Rewriter
from streamer.server.kept_server import KeptServer

ENDPOINT = "endpoint_silence_ms"  # of a stream


@dataclass(frozen=True, kw_only=True)
class Live(Written):
    """What is heard, with which model, and where the words go."""

    device: str | None = option(
        None, "DEVICE", "A microphone's name or number; `streamer devices` lists them."
    )
    file: Path | None = option(None, "AUDIO", "Play a recording instead of the microphone.", check=existing)
    model: str = option(
        "captions-en", "MODEL", "Recognise with this model, a name or a folder; see `streamer models`."
    )
    save: Path | None = option(
        None, "FILE", "Write captions as the words come: a name in .srt, .vtt, .txt, .json or .jsonl."
    )
    force: bool = flag("Replace the file of --save without asking.")
    format: Format | None = option(
        None,
        "text|jsonl|srt|vtt",
        "Write finals to standard output as they come.",
        usual="a screen on a terminal, else text",
    )
    partials: bool = flag("Write partials to standard output too (text, jsonl).")
    endpoint_ms: int | None = option(
        None, "MS", "Silence that ends an utterance; 0: none does.", usual="the model's", min=0, max=60_000
    )
    connect: str | None = address("Use a running server instead of starting one.")
    reconnect: bool = flag("Wait for a microphone that goes, as on a terminal, and go on.")
    reconnect_s: float = option(
        600.0, "SECONDS", "Wait so long for a server that goes, and lose nothing; inf: for ever.", min=0
    )
    offline_finals: bool = flag("Let the offline network rewrite each utterance after its end.")
    along: str | None = option(
        None,
        "TASKS",
        "Let models of text read the captions: tasks or names, such as entities,sentiment,translate-en-de.",
        name="--with",
    )


def live(options: Live) -> int:
    """Until the recording ends or Ctrl-C: 0, or 1 where the recording breaks off.

    ValueError or OSError, one line, for what can't be done, and, after the last words, for a microphone
    that goes and for SIGTERM and SIGHUP.
    """
    config, model, writing = options.settings(), options.model, options.writing()
    if options.along is not None and options.connect is not None:
        raise WrongCall(
            "--with is for a server of our own; what a running one feeds its config's [pipelines] say"
        )
    output = Output(options.format, options.partials)
    output.check(remarks=options.along is not None)
    if options.save:
        check_save(options.save, options.force)
    if options.connect is None:
        config, model = with_model(config, model)
        catalog.find(model, config.folders())  # a wrong name is told before anything starts
        config = reading_along(config, model, options.along)
    with ExitStack() as stack:
        source = sound_source(stack, options.device, options.file)
        rewriter = None
        if options.offline_finals:
            rewriter = stack.enter_context(Rewriter(config, source.rate_hz, writing))
        with starting(_awaited(source, model, options.connect)):
            address, server = options.connect, None
            if address is None:
                server = _server(stack, config)
                address = server.inputs
            connection = connect_to(address, reconnect_s=options.reconnect_s)
            stack.callback(connection.abandon)
            if rewriter:
                rewriter.wait_ready()
        figures = Figures(_title(source, model))
        try:
            chosen = stream_options(options, _known_options(connection, model))
            stream = connection.open(model, format=source.format, **chosen)
            saved = CaptionFile(options.save, source.rate_hz) if options.save else None
            waits_for = {*stream.protocol.fed.values(), *([OFFLINE] if rewriter else [])}
            if server:
                waits_for |= set(config.server.serve) - {model}
            with output.view(figures, source.rate_hz, waits_for) as shown:
                readers = Along(connection, stream, shown)
                talk = Talk(stream, figures, shown, saved, rewriter, server, readers)
                talk.run(sound_blocks(source, figures, options.reconnect or sys.stdout.isatty()))
        except (Refusal, StreamOver) as error:
            raise ValueError(str(error)) from None
    if isinstance(source, Microphone):
        return 0
    if source.warning:
        print(f"streamer: {source.warning}", file=sys.stderr)
    return int(source.broken)


def _server(stack: ExitStack, config: Config) -> KeptServer:
    """A server of our own."""
    process = stack.enter_context(KeptServer(config))
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


def stream_options(options: Live, known: tuple[str, ...]) -> dict[str, Any]:
    """What the stream is opened with; ValueError for what a model with the options `known` lacks."""
    chosen = options.writing().options(known)
    if options.endpoint_ms is None:
        return chosen
    if ENDPOINT not in known:
        raise ValueError(f"--endpoint-ms: {options.model} has no silence that ends an utterance")
    return chosen | {ENDPOINT: options.endpoint_ms}


def _awaited(source: SoundSource, model: str, address: str | None) -> str:
    """What is told while the server starts; a microphone is open by then, and nothing said is lost."""
    what = f"asking {address} for {model}" if address else f"loading {model}"
    return f"{what}; you can speak already" if isinstance(source, Microphone) else what


def _title(source: SoundSource, model: str) -> str:
    return f"{model} · {source_name(source)} · Ctrl-C ends"

"""The commands around a server: serve, send, watch, replay."""

import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer import wire
from streamer.cli.command import argument, flag, option
from streamer.cli.options import Configured, address, existing
from streamer.clients.notices import Diverged, Gap, Notice, Refusal, Rejected, Restarted, Resumed, StreamOver

if TYPE_CHECKING:
    from streamer.clients.connection import Stream
    from streamer.clients.files import AudioFile

PIECE_MS = 100
PIECE_BYTES = 4096  # of text
DONE = ("closed", "lost")  # reasons for a stream's end that cost no word of it


@dataclass(frozen=True, kw_only=True)
class Serve(Configured):
    """A server; the rest is in the config."""

    record: Path | None = option(None, "FILE", "Record the wire; `streamer replay` reads it.")


def serve(options: Serve) -> None:
    """Serve until a signal; the addresses go to standard error when the models are ready."""
    from streamer.server.announcing import announce
    from streamer.server.serve import serve as run
    from streamer.server.sockets import on_loopback

    config = options.settings()

    def ready(inputs: str, publish: str) -> None:
        for bound in (inputs, publish):
            if not on_loopback(bound):
                announce(f"{bound} is open to other machines, unprotected: see docs/security.md")
        announce(f"serving at {inputs}, results at {publish}")

    run(config, ready, options.record)


@dataclass(frozen=True, kw_only=True)
class Send(Configured):
    """A file for a model of a running server."""

    file: Path = argument("FILE", "An audio file, or a text for a model that reads text.", check=existing)
    model: str = option("captions-en", "MODEL", "The name of the model that reads it, as the server has it.")
    connect: str | None = address("The address of a running server; else the config's.")
    paced: bool = flag("Send in real time, as a microphone would.")


def send(options: Send) -> int:
    """Send a recording, or a text to a model that reads text; finals are lines on standard output.

    1 where the recording breaks off.
    """
    from streamer.clients.connection import connect
    from streamer.clients.files import AudioFile

    audio = None
    address = options.connect or options.settings().server.inputs
    try:
        with connect(address) as connection:
            served = {model.name: model for model in connection.describe().models}
            if options.model in served and served[options.model].input == "text":
                stream = connection.open(options.model)
                pieces = _text(options.file)
            else:
                audio = AudioFile(options.file)
                stream = connection.open(options.model, format=audio.format)
                pieces = _sound(stream, audio, options.paced)
            _give(stream, pieces)
    except (Refusal, StreamOver) as error:
        raise OSError(str(error)) from None
    if audio and audio.warning:
        print(f"streamer: {audio.warning}", file=sys.stderr)
    return int(audio is not None and audio.broken)


def _give(stream: "Stream", pieces: Iterator[bytes]) -> None:
    """Send all pieces and tell what comes, to the last word. StreamOver where the server ends the stream."""
    try:
        for piece in pieces:
            stream.send(piece)
            _tell(stream.poll(), stream.notices())
        stream.close()
        closed = stream.wait()
        if closed.reason not in DONE:
            raise StreamOver(f"the stream is over: {closed.reason}")
    finally:
        # Also of a server that ends the stream: its last words are here by then.
        _tell(stream.poll(), stream.notices())


def _text(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(PIECE_BYTES):
            yield piece


def _sound(stream: "Stream", audio: "AudioFile", paced: bool) -> Iterator[bytes]:
    """The recording in pieces; paced, each comes at its time."""
    began = time.monotonic()
    for piece in audio.blocks(PIECE_MS):
        if paced:
            time.sleep(max(0.0, began + stream.position / audio.rate_hz - time.monotonic()))
        yield piece


def _tell(results: list[wire.Result], notices: list[Notice]) -> None:
    for notice in notices:
        print(f"streamer: {describe(notice)}", file=sys.stderr)
    for result in results:
        if result.kind == "final":
            print(result.alternatives[0].text, flush=True)


@dataclass(frozen=True, kw_only=True)
class Watch(Configured):
    """What is watched."""

    topic: str = argument("TOPIC", "MODEL/ or MODEL/STREAM; everything where none is named.", default="")
    connect: str | None = address("The address where results are published; else the config's.")
    inputs: str | None = address(
        "The address that streams send to, where what was missed is asked for; with --connect alone, none is."
    )
    json: bool = flag("Print a line of JSON for each result, partials too.")


def watch(options: Watch) -> None:
    """Print what is published until Ctrl-C: finals as lines, or everything as JSON lines."""
    import msgspec

    from streamer.clients.subscriber import Subscriber

    config = options.settings()
    # A watcher that is told to end has done its work.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    inputs = options.inputs or (None if options.connect else config.server.inputs)
    with Subscriber(options.connect or config.server.publish, options.topic, inputs) as subscriber:
        subscriber.wait_connected()
        try:
            for published in subscriber:
                message = published.message
                if isinstance(message, Gap | Diverged):
                    print(f"streamer: {published.topic}: {describe(message)}", file=sys.stderr)
                elif options.json:
                    line = {"topic": published.topic} | msgspec.to_builtins(message)
                    line["stream"] = message.stream.hex()
                    print(msgspec.json.encode(line).decode(), flush=True)
                elif isinstance(message, wire.Result) and message.kind == "final":
                    print(f"{published.topic[:-24]}\t{message.alternatives[0].text}", flush=True)
        except KeyboardInterrupt:
            return


@dataclass(frozen=True, kw_only=True)
class Replayed(Configured):
    """A recorded wire."""

    file: Path = argument("FILE", "What `streamer serve --record` wrote.", check=existing)


def replay(options: Replayed) -> int:
    """Print the finals that a recorded wire gives, and whether they are those of the recording.

    0, or 1 for a recording that is cut short, after what there is of it.
    """
    from streamer.server.pipelines import Pipelines
    from streamer.server.replay import Replay, recorded_results
    from streamer.server.serve import served_names, unpaced_engine

    config, file = options.settings(), options.file
    recorded = recorded_results(file)
    # With the recording's own settings of rest: replayed engines never wait for company.
    engine = Pipelines(unpaced_engine(config, served_names(config)), config.pipelines)
    player = Replay(file, engine)
    results: dict[bytes, list[wire.Result]] = {}
    for message in player.messages():
        if isinstance(message, wire.Result):
            results.setdefault(message.stream, []).append(message)
            if message.kind == "final":
                print(f"{message.stream.hex()[:8]}\t{message.alternatives[0].text}", flush=True)
    same = _texts(recorded) == _texts(results)
    note = "; the recording is cut short" if player.cut_short else ""
    verdict = "the same results as recorded" if same else "OTHER results than recorded"
    print(f"streamer: {len(results)} streams, {verdict}{note}", file=sys.stderr)
    if not same and not player.cut_short:
        raise ValueError(f"{file}: this server's models or config differ from those it was recorded with")
    return int(player.cut_short)


def _texts(results: dict[bytes, list[wire.Result]]) -> dict[bytes, list[Any]]:
    """What determinism covers: the sequence, the kind and the text."""
    return {
        stream: [(r.seq, r.kind, [a.text for a in r.alternatives]) for r in rows]
        for stream, rows in results.items()
    }


def describe(notice: Notice) -> str:
    """A notice in words."""
    if isinstance(notice, Gap):
        return f"results {notice.first} to {notice.last} never arrived"
    if isinstance(notice, Restarted):
        return f"the server had lost the stream; a new one goes on from position {notice.position}"
    if isinstance(notice, Resumed):
        lost = f"{notice.lost_s:.1f} s of sound lost" if notice.lost_s else "nothing lost"
        return f"reconnected, {lost}" + (", to a server with another model" if notice.fresh else "")
    if isinstance(notice, Diverged):
        return f"result {notice.seq} was {notice.before!r} and is {notice.now!r} now"
    if isinstance(notice, Rejected):
        return f"the options stay: {notice.refused.message}"
    return f"options from position {notice.position} on: {notice.options}"

"""The command line. Every command imports what it runs when it runs: `streamer --help` stays quick."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from streamer.cli.lab import lab
from streamer.cli.options import ConfigFile, Mode, connect_option
from streamer.cli.text_commands import register as register_text
from streamer.cli.train import train
from streamer.errors import WrongCall

app = typer.Typer(
    name="streamer",
    help="Stateful recurrent networks over live audio: captions and commands while you speak.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(train, name="train")
register_text(app)
app.add_typer(lab, name="lab")

UsageError = typer.BadParameter.__base__  # typer brings its own copy of click, under a private name

Connect = Annotated[str | None, connect_option("A running server; else the config's.")]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON on standard output.")]

Raw = Annotated[
    bool, typer.Option("--raw", help="The words as they are recognised: no capitals, no full stops.")
]
Numbers = Annotated[bool, typer.Option("--numbers", help="Numbers as digits, where they are certain.")]
HotWords = Annotated[
    str | None,
    typer.Option("--hot-words", metavar="WORDS", help="Words and names to listen for, with commas between."),
]


def main() -> None:
    """Run a command. What is wrong is one line on standard error: with the user's world exit 1, with the
    call 2. What escapes as a traceback is a bug of ours.

    typer ends a Ctrl-C with 130, and with 1 and no word where the reader of our output went away.
    """
    # Threads that wait for each other inside a product sleep instead of spinning: beside other programs
    # a step of two spinning threads took fifty times as long. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    command = typer.main.get_command(app)
    try:
        status = command.main(prog_name="streamer", standalone_mode=False)
    except UsageError as error:
        _fail(error.format_message(), 2)
    except typer.Abort:
        status = 130
    except WrongCall as error:
        _fail(_line(error), 2)
    except (ValueError, OSError) as error:
        _fail(_line(error), 1)
    sys.exit(status if isinstance(status, int) else 0)


def _line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _fail(message: str, status: int) -> None:
    print(f"streamer: {message}", file=sys.stderr)
    sys.exit(status)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"streamer {version('streamer')}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Stateful recurrent networks over live audio: captions and commands while you speak."""


@app.command()
def live(
    device: Annotated[
        str | None, typer.Option(help="A microphone by name or number; see `streamer devices`.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="AUDIO", help="A recording in place of the microphone.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="What to recognise with; see `streamer models`.")
    ] = "captions-en",
    save: Annotated[
        Path | None, typer.Option(metavar="SRT", help="Write subtitles as the words come.")
    ] = None,
    connect: Connect = None,
    offline_finals: Annotated[
        bool,
        typer.Option("--offline-finals", help="The offline network rewrites each utterance after its end."),
    ] = False,
    along: Annotated[
        str | None,
        typer.Option(
            "--with", metavar="TASKS", help="What reads along: entities,sentiment,translate-en-de ..."
        ),
    ] = None,
    raw: Raw = False,
    numbers: Numbers = False,
    hot_words: HotWords = None,
    config: ConfigFile = None,
) -> None:
    """Speak, and read your words while you speak."""
    from streamer.cli.live import run
    from streamer.config import read_config
    from streamer.offline.writing import Writing, listed

    raise typer.Exit(
        run(
            read_config(config),
            device=device,
            file=file,
            model=model,
            save=save,
            connect=connect,
            offline_finals=offline_finals,
            writing=Writing(raw, numbers, listed(hot_words)),
            along=along,
        )
    )


@app.command()
def devices(config: ConfigFile = None) -> None:
    """List the microphones of this machine."""
    from streamer.clients.microphone import list_devices
    from streamer.config import read_config

    read_config(config)  # nothing in it is about microphones, but a wrong one is told everywhere
    for device in list_devices():
        print(device)


@app.command()
def transcribe(
    files: Annotated[list[str], typer.Argument(metavar="FILES...", help="Audio files; - is standard input.")],
    mode: Annotated[Mode, typer.Option(help="offline sees the whole recording.")] = "offline",
    format: Annotated[Literal["txt", "json", "srt", "vtt"], typer.Option(help="What is written.")] = "txt",
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="One file each in DIR.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Another network; see `streamer models`.")] = None,
    raw: Raw = False,
    numbers: Numbers = False,
    hot_words: HotWords = None,
    config: ConfigFile = None,
) -> None:
    """Write down recordings of any length, rate and channel count."""
    from streamer.cli.transcribe import run
    from streamer.config import read_config
    from streamer.offline.writing import Writing, listed

    raise typer.Exit(
        run(read_config(config), files, mode, format, output, model, Writing(raw, numbers, listed(hot_words)))
    )


@app.command()
def serve(
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write down the wire; see `streamer replay`.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Serve streams to clients until Ctrl-C or SIGTERM."""
    from streamer.cli.serve import serve

    serve(config, record)


@app.command()
def send(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An audio file.")],
    model: Annotated[str, typer.Option(help="The model that reads it.")] = "captions-en",
    connect: Connect = None,
    paced: Annotated[bool, typer.Option("--paced", help="In real time, as a microphone would.")] = False,
    config: ConfigFile = None,
) -> None:
    """Send a recording to a running server and print what it answers."""
    from streamer.cli.serve import send

    send(config, file, model, connect, paced)


@app.command()
def watch(
    topic: Annotated[
        str, typer.Argument(metavar="[TOPIC]", help="MODEL/ or MODEL/STREAM; all without.")
    ] = "",
    connect: Annotated[str | None, connect_option("Where results are published; else the config's.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, partials too.")] = False,
    config: ConfigFile = None,
) -> None:
    """Print what a server publishes."""
    from streamer.cli.serve import watch

    watch(config, topic, connect, json)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `streamer serve --record` wrote.")],
    config: ConfigFile = None,
) -> None:
    """Give a recorded wire to an engine again and print its results."""
    from streamer.cli.serve import replay

    replay(config, file)


@app.command()
def models(config: ConfigFile = None) -> None:
    """List what can be served: task, type, mode, latency, licence, scores."""
    from streamer.cli.models import show_models

    raise typer.Exit(show_models(config))


@app.command()
def verify(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name, or the folder of a model.")],
    config: ConfigFile = None,
) -> None:
    """Check the laws of a network: cuts, rows, shape, honesty, drain."""
    from streamer.cli.models import verify_model

    raise typer.Exit(verify_model(config, model))


@app.command()
def evaluate(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Such as captions, entities or music.")],
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="Its data: for speech a SPLIT.manifest.jsonl, its tars beside it."
        ),
    ],
    model: Annotated[str | None, typer.Option(help="Another network than the task's default.")] = None,
    mode: Annotated[Mode, typer.Option(help="Which of the task's networks.")] = "live",
    json: Json = False,
    chunk_ms: Annotated[
        int, typer.Option("--chunk-ms", min=1, help="Milliseconds of input sent at once.")
    ] = 40,
    joined: Annotated[
        float | None,
        typer.Option(metavar="MINUTES", help="Captions joined, and repeated, into streams this long."),
    ] = None,
    condition: Annotated[
        str,
        typer.Option(
            help="Captions heard clean, quiet, loud, telephone, noise (with --noise), hum50, hum60 or clipped."
        ),
    ] = "clean",
    noise: Annotated[
        Path | None, typer.Option(metavar="MANIFEST", help="Noises for --condition noise.")
    ] = None,
    first: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The file's first N recordings alone; captions.")
    ] = None,
    calibration: Annotated[
        bool, typer.Option("--calibration", help="Whether the words' confidences are true; captions.")
    ] = False,
    hot_words: Annotated[
        str | None,
        typer.Option(
            "--hot-words",
            metavar="WORDS",
            help="Captions that listen for these, with commas between, and how often they are heard.",
        ),
    ] = None,
    references: Annotated[
        bool, typer.Option("--references", help="PocketSphinx on the same recordings; captions.")
    ] = False,
    spliced: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="SPEECH NOISE", help="Commands spliced into these manifests' speech and noise."),
    ] = None,
    generated: Annotated[
        int | None, typer.Option(metavar="N", help="Compose N pieces and compare them with the file's.")
    ] = None,
    lookahead: Annotated[
        int | None, typer.Option(min=0, metavar="K", help="Words that a live model of text waits for.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="TRAIN",
            help="Entities and sentiment: a plain method that learns from this file, beside the network.",
        ),
    ] = None,
    long: Annotated[
        int | None, typer.Option(metavar="WORDS", help="Summaries of abstracts joined into texts this long.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Score a network on a set of recordings or texts."""
    from streamer.cli.evaluate import evaluate
    from streamer.evaluation.captions import Asked
    from streamer.offline.writing import listed

    asked = Asked(condition, noise, first, joined, calibration, references, listed(hot_words))
    evaluate(
        config, task, path, model, mode, json, chunk_ms, asked, spliced, generated, lookahead, baseline, long
    )


@app.command()
def tune(
    paths: Annotated[list[Path], typer.Argument(metavar="PATHS...", help="Dev sets: SPLIT.manifest.jsonl.")],
    model: Annotated[str, typer.Option(help="A captions network, or its folder.")] = "captions-en",
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Other weights than the model's own.")
    ] = None,
    first: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The first N recordings of each set.")
    ] = None,
    tries: Annotated[
        list[str] | None,
        typer.Option("--try", metavar="NAME=V,V", help="Values of a card's option; else the usual ones."),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Find the reader's options that suit a network of captions best."""
    from streamer.cli.tuning import tune

    tune(config, paths, model, weights, first, tries or ())


@app.command()
def compose(
    style: Annotated[
        Literal["chorale", "folk"], typer.Option(help="Four voices, or a melody with chords.")
    ] = "chorale",
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same piece; else one is drawn.")
    ] = None,
    prompt: Annotated[
        str, typer.Option(help="A number, a text, notes (C4 E4 G4), or a MIDI file to go on from.")
    ] = "",
    accompany: Annotated[
        str | None,
        typer.Option(
            metavar="MELODY",
            help="A MIDI file, keys (the computer's, with --play) or port:NAME as the first voice.",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="How long; else 30, --play without end, --accompany FILE its own.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=4, help="Below 1 tame, above 1 wild.")
    ] = None,
    tempo: Annotated[float | None, typer.Option(help="Beats a minute, 20 to 400.")] = None,
    key: Annotated[str | None, typer.Option(help="Such as G, Bb or F#m.")] = None,
    play: Annotated[bool, typer.Option("--play", help="Hear it while it is composed.")] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help=".wav, .flac, .ogg, .mid or .musicxml.")
    ] = None,
    roll: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture of the notes: .png, .svg or .pdf.")
    ] = None,
    soundfont: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Sound --output with this .sf2, by fluidsynth if that is installed."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Another composer than the style's.")] = None,
    connect: Annotated[str | None, connect_option("A running server composes; else this process.")] = None,
    config: ConfigFile = None,
) -> None:
    """Compose a piece: hear it, write it down, draw it."""
    from streamer.cli.compose import Wish, compose
    from streamer.config import read_config

    wish = Wish(
        model=model or style,
        seed=seed,
        prompt=prompt,
        accompany=accompany,
        seconds=seconds,
        temperature=temperature,
        tempo=tempo,
        key=key,
        play=play,
        output=output,
        roll=roll,
        soundfont=soundfont,
        connect=connect,
    )
    compose(read_config(config), wish)


@app.command()
def bench(
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="captions-en, with --offline captions-en-offline, else."),
    ] = None,
    streams: Annotated[
        int | None, typer.Option(min=1, help="Paced live streams, else 100; or recordings at once, else 32.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long they speak.")] = 30.0,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What they say or type; else what ships.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Transcribe complete recordings in place of live streams.")
    ] = False,
    connect: Annotated[str | None, connect_option("Load a running server; else one started for it.")] = None,
    search: Annotated[
        bool, typer.Option("--search", help="Find the largest number of streams held, to 5 %.")
    ] = False,
    references: Annotated[
        bool,
        typer.Option(
            "--references",
            help="Beside it, a network for each stream, in torch and in ONNX; offline, recordings one by one.",
        ),
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Latency by streams, PNG or SVG.")
    ] = None,
    json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Measure how many live streams a machine holds, how late results are, how fast recordings are read."""
    from streamer.cli.bench import Wish, bench

    wish = Wish(
        model=model,
        streams=streams,
        seconds=seconds,
        file=file,
        offline=offline,
        connect=connect,
        search=search,
        references=references,
        save=save,
    )
    bench(config, wish, json)


if __name__ == "__main__":
    main()

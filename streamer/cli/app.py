"""The command line: every command, where it is, and how it fails."""

import os
import re
import sys
from typing import TYPE_CHECKING, Annotated, cast

import typer

from streamer.cli.command import CONTEXT, Command, Group, parameters
from streamer.cli.output_encoding import keep_all_output
from streamer.errors import WrongCall, options_named_as_called
from streamer.output_file import FULL

if TYPE_CHECKING:
    from typer.core import TyperCommand, TyperGroup

# typer brings its own copy of click, under a private name.
UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


def _commands(module: str, **helps: str) -> list[Command]:
    """The commands of a file of this folder: each is the function of its name."""
    return [
        Command(name.replace("_", "-"), f"streamer.cli.{module}:{name}", help) for name, help in helps.items()
    ]


TRAIN = Group(
    "train",
    "Train the networks that ship, from the data folder.",
    {
        "Speech": _commands(
            "train_speech",
            captions="Train the speech recogniser.",
            commands="Train the spotter of spoken commands.",
            synthetic_speech="Have a synthesiser read the open texts, to train on.",
            language="Build the lexicon and the language model of the captions.",
        ),
        "Text": _commands(
            "train_text",
            entities="Train a network that finds names of people, places and more.",
            sentiment="Train a network that tells how positive a sentence is.",
            translation="Train a translator.",
            summary="Train a network that shortens sentences by leaving words out.",
            headline="Train the network that writes headlines.",
            agreement="Train a network that expects a verb in the singular or the plural.",
        ),
        "Music": _commands("train_music", music="Train a network that knows music."),
        "Weights": _commands(
            "train_average", average="Average the weights of several trainings of one network."
        ),
    },
)

EVALUATE = Group(
    "evaluate",
    "Score a network on a set of recordings, texts or pieces.",
    {
        "Speech": _commands(
            "evaluate",
            captions="Measure the error rates and the delay of captions.",
            commands="Measure how many spoken commands are spotted.",
        ),
        "Text": _commands(
            "evaluate",
            entities="Measure how many names are found.",
            sentiment="Measure how many verdicts on texts are right.",
            translation="Compare translations with references.",
            summary="Compare shortened sentences, or titles of abstracts, with references.",
            agreement="Measure how often the number of the next verb is predicted.",
        ),
        "Music": _commands(
            "evaluate", music="Measure how well pieces are predicted, or compose and compare."
        ),
    },
)

LAB = Group(
    "lab",
    "Measure and draw what recurrent networks do.",
    {
        "Experiments": _commands(
            "lab",
            gradients="Show how far back an RNN, a GRU and an LSTM learn.",
            memory="Show what a network remembers of a subject while words come between.",
            why="Compare a recurrent network with one that takes all words at once.",
            latency="Show what waiting buys: error against latency.",
            gates="Show when the gates of a network open and close along an input.",
        )
    },
)

KEYS = Group(
    "keys",
    "Keep the keys of this machine's servers.",
    {
        "Checkpoints": _commands(
            "keys",
            list="Show which keys there are, without their secrets.",
            rotate="Make a new key, which seals from now on.",
        )
    },
)

PANELS: "dict[str, list[TyperCommand | TyperGroup]]" = {
    "Live": [
        *_commands("live", live="Speak, and read your words while you speak."),
        *_commands("devices", devices="List the microphones of this machine."),
    ],
    "Files": [
        *_commands("transcribe", transcribe="Transcribe recordings of any length, rate and channel count.")
    ],
    "Text": [
        *_commands(
            "text",
            tag="Find people, places, organisations and other names in a text.",
            sentiment="Say how positive each sentence of a text is.",
            translate="Translate a text from English to German.",
            summarize="Choose a text's central sentences and shorten them.",
        )
    ],
    "Music": [*_commands("compose", compose="Compose a piece: hear it, write it down, draw it.")],
    "Serve": [
        *_commands(
            "serve",
            serve="Serve streams to clients until Ctrl-C or SIGTERM.",
            send="Send a file to a running server and print what it answers.",
            watch="Print what a server publishes.",
            replay="Give a recorded wire to an engine and print its results.",
        ),
        *_commands("models", models="List what can be served: task, type, latency, licence, scores."),
        KEYS,
    ],
    "Measure": [
        *_commands("bench", bench="Measure how many live streams a machine holds, and how late results are."),
        *_commands("chaos", chaos="Kill a server again and again, and see whether a word is lost."),
        EVALUATE,
        LAB,
    ],
    "Make": [
        TRAIN,
        *_commands("tune", tune="Find the reader's options that suit a captions network best."),
        *_commands(
            "models",
            verify="Check the laws of a network: cuts, rows, shape, honesty, drain.",
            import_torch="Make a model's folder of weights that torch trained.",
        ),
    ],
}


def main() -> None:
    """Run a command. A failure is one line on standard error: exit 2 for a wrong call, 1 for anything else.

    A traceback is a bug of ours. typer exits with 130 after Ctrl-C, and silently with 1 where the reader
    of the output is gone.
    """
    # Threads that wait for each other inside a product sleep instead of spinning: beside other programs
    # a step of two spinning threads took fifty times as long. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_all_output()
    try:
        with options_named_as_called():
            status = command_line().main(prog_name="streamer", standalone_mode=False)
    except UsageError as error:
        _fail(_usage(error), 2)
    except typer.Abort:
        status = 130
    except WrongCall as error:
        _fail(_line(error), 2)
    except (ValueError, OSError) as error:
        _fail(_line(error), 1)
    except ModuleNotFoundError as error:
        from streamer.cli.extras import needed

        line = needed(error, sys.argv[1])
        if line is None:
            raise
        _fail(line, 1)
    sys.exit(status if isinstance(status, int) else 0)


def command_line() -> Group:
    """The command `streamer` with all that it holds."""
    params, _ = parameters(_options, completion=True)
    group = Group(
        "streamer",
        "Run stateful recurrent networks over live audio, text and music: words appear while you speak.",
        PANELS,
        params,
    )
    group.context_settings = CONTEXT
    return group


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: _version(wanted),
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None: ...


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # late: no other command reads it

        print(f"streamer {version('streamer')}")
        raise typer.Exit()


def _usage(error: typer.BadParameter) -> str:
    """What is wrong with the call, and where its help is."""
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    message = re.sub(r" \(Possible options: (.*)\)$", r". Did you mean \1?", message)
    if error.ctx is None or "--help" in message or message.endswith("?"):
        return message
    return f"{message}; see `{error.ctx.command_path} --help`"


def _line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in FULL:
        return f"the output can't be written: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _fail(message: str, status: int) -> None:
    print(f"streamer: {message}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()

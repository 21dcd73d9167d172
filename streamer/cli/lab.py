"""The command line's `lab`: each command imports what it runs when it runs."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from streamer.cli.options import ConfigFile
from streamer.errors import WrongCall

lab = typer.Typer(help="Measure and draw what recurrent networks do.")

Output = Annotated[
    Path,
    typer.Option(
        "--output", metavar="DIR", file_okay=False, help="Where tables (JSON) and pictures (PNG) go."
    ),
]

_say = partial(print, file=sys.stderr, flush=True)


@lab.command("gradients")
def gradients(
    data: Annotated[
        Path | None, typer.Argument(metavar="[DATA]", help="The folder that holds text/; not with --quick.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The shipped networks: no training.")] = False,
    output: Output = Path("lab"),
    runs: Annotated[
        Path,
        typer.Option("--runs", metavar="DIR", file_okay=False, help="Trainings; those that it holds go on."),
    ] = Path("runs"),
    seeds: Annotated[int, typer.Option(min=1, help="Networks of each kind.")] = 3,
    updates: Annotated[int | None, typer.Option(min=1, help="Of each training; else the recipe's.")] = None,
    config: ConfigFile = None,
) -> None:
    """How far back an RNN, a GRU and an LSTM learn: vanishing and exploding gradients, attractors."""
    from streamer.config import read_config
    from streamer.lab import gradients as lab_gradients
    from streamer.lab import gradients_pictures
    from streamer.lab.gates_picture import draw_gates

    settings = read_config(config)
    if quick == (data is not None):
        raise WrongCall("give DATA, to train three networks of each kind, or --quick, for those that ship")
    if data is None:
        models, courses = lab_gradients.shipped(settings), []
    else:
        if not (data / "text" / "agreement").is_dir():
            raise ValueError(
                f"{data / 'text' / 'agreement'} is no folder; DATA is the folder that holds text/"
            )
        models, courses = lab_gradients.trained(data, runs, seeds, updates, _say)
    findings = lab_gradients.measure(models, courses, _say)
    lab_gradients.show(findings)
    _say(lab_gradients.write(findings, output))
    for path in gradients_pictures.draw(findings, output):
        _say(path)
    picture = output / "gradients-gates.png"
    draw_gates(settings, "agreement-lstm", lab_gradients.SENTENCE, None, 1, picture)
    _say(picture)


@lab.command("memory")
def memory(
    texts: Annotated[
        list[str] | None,
        typer.Option(
            "--text", help='A sentence with "..." where it grows, then was or were; may be given again.'
        ),
    ] = None,
    output: Output = Path("lab"),
    config: ConfigFile = None,
) -> None:
    """Whether "was" or "were" comes next, as what stands between subject and verb grows."""
    from streamer.config import read_config
    from streamer.lab import memory as lab_memory
    from streamer.lab.gradients import shipped

    models = {cell: some[0] for cell, some in shipped(read_config(config)).items()}
    found = [lab_memory.remember(models, text) for text in texts or lab_memory.TEXTS]
    lab_memory.show(found, models)
    _say(lab_memory.write(found, output))
    lab_memory.draw(found, output / "memory.png")
    _say(output / "memory.png")


@lab.command("why")
def why(output: Output = Path("lab"), config: ConfigFile = None) -> None:
    """What a recurrent network does better than one that takes all words at once."""
    from streamer.config import read_config
    from streamer.lab import why as lab_why
    from streamer.lab import why_picture

    read_config(config)  # nothing in it is about this, but a wrong one is told everywhere
    found = lab_why.measure(_say)
    lab_why.show(found)
    _say(lab_why.write(found, output))
    why_picture.draw(found, output / "why.png")
    _say(output / "why.png")


@lab.command("latency")
def latency(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]", help="The folder that holds speech/ and text/; not with --quick or --file."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="The shipped networks on a small sample: no training.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="WAV", help="One recording, live and offline, on a time line."),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="What is said in --file, to mark what was heard wrong.")
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="Only captions, entities, translation or summary; may be given again."),
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            "--only", metavar="PATTERN", help="Only networks whose names match, like 'entities/both-ways/*'."
        ),
    ] = "*",
    output: Output = Path("lab"),
    runs: Annotated[
        Path,
        typer.Option("--runs", metavar="DIR", file_okay=False, help="Trainings; those that it holds go on."),
    ] = Path("runs"),
    updates: Annotated[int | None, typer.Option(min=1, help="Of each training; else the recipe's.")] = None,
    config: ConfigFile = None,
) -> None:
    """What waiting buys: the error of networks that differ in what they may see, against what they wait."""
    from streamer.config import read_config

    settings = read_config(config)
    if (data is not None) + quick + (file is not None) != 1:
        raise WrongCall(
            "give DATA, to train and compare networks, or --quick, for those that ship, or --file WAV"
        )
    if file is not None:
        from streamer.lab.latency import timeline

        found = timeline.both(settings, file, text)
        timeline.show(found)
        timeline.draw(found, output / "timeline.png")
        _say(output / "timeline.png")
        return
    if data is None:
        from streamer.lab.latency.quick import quickly

        lines, name = quickly(settings, tasks or None, _say), "latency-quick"
    else:
        from streamer.lab.latency.measure import TASKS, joined, measure

        if not all((data / kind).is_dir() for kind in ("speech", "text")):
            raise ValueError(f"{data} holds no speech/ and text/; give the data folder")
        lines, name = measure(data, runs, tasks or TASKS, only, updates, _say), "latency"
        lines = joined(lines, output / "latency.json")  # tasks may be measured one by one
    from streamer.lab.latency import measure as lab_latency
    from streamer.lab.latency.delay_picture import draw

    lab_latency.show(lines)
    _say(lab_latency.write(lines, output / f"{name}.json"))
    draw(lines, output / f"{name}.png")
    _say(output / f"{name}.png")


@lab.command("gates")
def gates(
    text: Annotated[str | None, typer.Option("--text", help="One sentence.")] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="WAV", help="A recording.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="A network of LSTM or GRU layers; else agreement-lstm, and captions-en of sound."),
    ] = None,
    layer: Annotated[int, typer.Option(min=1, help="Which of its layers.")] = 1,
    output: Annotated[Path, typer.Option("--output", metavar="PNG", help="The picture.")] = Path("gates.png"),
    config: ConfigFile = None,
) -> None:
    """When the gates of a network open and close along an input."""
    from streamer.config import read_config
    from streamer.lab.gates_picture import draw_gates

    name = model or ("agreement-lstm" if file is None else "captions-en")
    found = draw_gates(read_config(config), name, text, file, layer, output)
    for gate, values in found.gates.items():
        print(f"{gate} gate: {values.shape[0]} steps, {values.shape[1]} units, mean {values.mean():.3f}")
    _say(output)

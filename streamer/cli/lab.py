"""`streamer lab`: each experiment writes its table (JSON) and its pictures (PNG)."""

import sys
from dataclasses import dataclass
from pathlib import Path

from streamer.cli.command import argument, flag, option
from streamer.cli.options import Configured, existing
from streamer.config import with_model
from streamer.errors import WrongCall


@dataclass(frozen=True, kw_only=True)
class Experiment(Configured):
    """An experiment, and where its results go."""

    output: Path = option(Path("lab"), "DIR", "Where tables (JSON) and pictures (PNG) go.", file_okay=False)


@dataclass(frozen=True, kw_only=True)
class TrainedExperiment(Experiment):
    """An experiment that may train its networks."""

    runs: Path = option(
        Path("runs"), "DIR", "Where trainings are kept; unfinished ones go on.", file_okay=False
    )
    updates: int | None = option(None, "N", "How many updates of each training.", usual="the recipe's", min=1)


@dataclass(frozen=True, kw_only=True)
class Gradients(TrainedExperiment):
    """Networks that are trained for it, or those that ship."""

    data: Path | None = argument("DATA", "The folder that holds text/; not with --quick.", default=None)
    quick: bool = flag("Take the networks that ship, without any training.")
    seeds: int = option(3, "N", "How many networks of each kind.", min=1)


def gradients(options: Gradients) -> None:
    """Vanishing and exploding gradients, and attractors, of an RNN, a GRU and an LSTM."""
    from streamer.lab import gradients as lab_gradients
    from streamer.lab import gradients_pictures
    from streamer.lab.gates_picture import draw_gates

    settings, data, output = options.settings(), options.data, options.output
    if options.quick == (data is not None):
        raise WrongCall("give DATA, to train three networks of each kind, or --quick, for those that ship")
    _require_pictures()
    if data is None:
        models, courses = lab_gradients.shipped(settings), list[lab_gradients.Course]()
    else:
        if not (data / "text" / "agreement").is_dir():
            raise ValueError(
                f"{data / 'text' / 'agreement'} is no folder; DATA is the folder that holds text/"
            )
        models, courses = lab_gradients.trained(data, options.runs, options.seeds, options.updates, _say)
    findings = lab_gradients.measure(models, courses, _say)
    lab_gradients.show(findings)
    _say(lab_gradients.write(findings, output))
    for path in gradients_pictures.draw(findings, output):
        _say(path)
    picture = output / "gradients-gates.png"
    draw_gates(settings, "agreement-lstm", lab_gradients.SENTENCE, None, 1, picture)
    _say(picture)


@dataclass(frozen=True, kw_only=True)
class Memory(Experiment):
    """The sentences that grow."""

    texts: list[str] | None = option(
        None,
        "TEXT",
        'A sentence with "..." where it grows, then was or were; may be given again.',
        name="--text",
    )


def memory(options: Memory) -> None:
    """Whether "was" or "were" comes next, as what stands between subject and verb grows."""
    from streamer.lab import memory as lab_memory
    from streamer.lab.gradients import shipped

    _require_pictures()
    models = {cell: networks[0] for cell, networks in shipped(options.settings()).items()}
    findings = [lab_memory.remember(models, text) for text in options.texts or lab_memory.TEXTS]
    lab_memory.show(findings, models)
    _say(lab_memory.write(findings, options.output))
    lab_memory.draw(findings, options.output / "memory.png")
    _say(options.output / "memory.png")


def why(options: Experiment) -> None:
    """What a recurrent network does better than one that takes all words at once."""
    from streamer.lab import why as lab_why
    from streamer.lab import why_picture

    options.settings()  # nothing in it is about this, but every command refuses a wrong one
    _require_pictures()
    findings = lab_why.measure(_say)
    lab_why.show(findings)
    _say(lab_why.write(findings, options.output))
    why_picture.draw(findings, options.output / "why.png")
    _say(options.output / "why.png")


@dataclass(frozen=True, kw_only=True)
class Latency(TrainedExperiment):
    """Networks that are trained for it, those that ship, or one recording."""

    data: Path | None = argument(
        "DATA", "The folder that holds speech/ and text/; not with --quick or --file.", default=None
    )
    quick: bool = flag("Take the networks that ship, on a small sample, untrained.")
    file: Path | None = option(
        None, "WAV", "Show one recording, live and offline, on a time line.", check=existing
    )
    text: str | None = option(None, "TEXT", "What is said in --file, so that errors are marked.")
    tasks: list[str] | None = option(
        None, "TASK", "Only captions, entities, translation or summary; may be given again.", name="--task"
    )
    only: str = option("*", "PATTERN", "Only networks whose names match, such as 'entities/both-ways/*'.")


def latency(options: Latency) -> None:
    """The error of networks that differ in what they may see, against what they wait."""
    settings, data, output = options.settings(), options.data, options.output
    if (data is not None) + options.quick + (options.file is not None) != 1:
        raise WrongCall(
            "give DATA, to train and compare networks, or --quick, for those that ship, or --file WAV"
        )
    _require_pictures()
    if options.file is not None:
        from streamer.lab.latency import timeline

        words = timeline.both(settings, options.file, options.text)
        timeline.show(words)
        timeline.draw(words, output / "timeline.png")
        _say(output / "timeline.png")
        return
    if data is None:
        from streamer.lab.latency.quick import quickly

        lines, name = quickly(settings, options.tasks or None, _say), "latency-quick"
    else:
        from streamer.lab.latency.measure import TASKS, joined, measure

        if not all((data / kind).is_dir() for kind in ("speech", "text")):
            raise ValueError(f"{data} holds no speech/ and text/; give the data folder")
        lines = measure(data, options.runs, options.tasks or TASKS, options.only, options.updates, _say)
        lines, name = joined(lines, output / "latency.json"), "latency"  # tasks may be measured one by one
    from streamer.lab.latency import measure as lab_latency
    from streamer.lab.latency.delay_picture import draw

    lab_latency.show(lines)
    _say(lab_latency.write(lines, output / f"{name}.json"))
    draw(lines, output / f"{name}.png")
    _say(output / f"{name}.png")


@dataclass(frozen=True, kw_only=True)
class Gates(Configured):
    """A network of LSTM or GRU layers, and its input."""

    text: str | None = option(None, "TEXT", "One sentence.")
    file: Path | None = option(None, "WAV", "A recording.", check=existing)
    model: str | None = option(
        None,
        "MODEL",
        "The name or the folder of a network of LSTM or GRU layers.",
        usual="agreement-lstm, of sound captions-en",
    )
    layer: int = option(1, "N", "Which of its layers.", min=1)
    output: Path = option(Path("gates.png"), "PNG", "The picture.")


def gates(options: Gates) -> None:
    """When the gates of a network open and close along an input."""
    from streamer.lab.gates_picture import draw_gates

    usual = "agreement-lstm" if options.file is None else "captions-en"
    config, model = with_model(options.settings(), options.model or usual)
    course = draw_gates(config, model, options.text, options.file, options.layer, options.output)
    for gate, values in course.gates.items():
        print(f"{gate} gate: {values.shape[0]} steps, {values.shape[1]} units, mean {values.mean():.3f}")
    _say(options.output)


def _require_pictures() -> None:
    """ModuleNotFoundError where matplotlib is missing, before hours of work and not after them."""
    import matplotlib  # noqa: F401 - late: --help has no use for it


def _say(line: object) -> None:
    print(line, file=sys.stderr, flush=True)

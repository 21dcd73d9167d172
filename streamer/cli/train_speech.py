"""`streamer train` for speech: each goes on where its last run ended, and prints the path of the weights."""

from dataclasses import dataclass
from pathlib import Path

from streamer.cli.command import argument, flag, option
from streamer.cli.train_options import Learning, ModeTraining, TunedTraining, check_folder, say


@dataclass(frozen=True, kw_only=True)
class CaptionsTraining(ModeTraining, TunedTraining):
    """A training of the speech recogniser."""

    synthetic: float = option(0.0, "HOURS", "Add hours of open texts, read aloud by a synthesiser.", min=0.0)
    kokoro: float = option(0.0, "HOURS", "Add hours of what `train synthetic-speech` made in --out.", min=0.0)
    unlabelled: bool = flag("Add untranscribed speech, transcribed by PocketSphinx.")
    dropout: float | None = option(
        None, "SHARE", "Drop this share of what a layer adds.", usual="the recipe's", min=0.0, max=0.9
    )


def captions(run: CaptionsTraining) -> None:
    """Train a recogniser of speech."""
    from streamer.models.training.speech.captions_trainer import train_captions

    steps = run.steps("speech", *(["text"] if run.synthetic else []))
    best = train_captions(
        run.data,
        run.out,
        run.mode,
        learning_rate=run.rate,
        start=run.start,
        synthetic_hours=run.synthetic,
        kokoro_hours=run.kokoro,
        with_unlabelled=run.unlabelled,
        dropout=run.dropout,
        **steps,
    )
    print(best)


@dataclass(frozen=True, kw_only=True)
class SyntheticSpeech(Learning):
    """Speech that a synthesiser reads to train on."""

    voices: Path = argument("VOICES", "The npm package kokoro-js: its folder or its .tgz.")
    hours: float = option(8.0, "HOURS", "Go on until there are so many hours.", min=0.01)
    seed: int = option(1, "SEED", "Each part depends on the seed and on its number.", min=0)
    out: Path = option(Path("runs"), "DIR", "Where the shards go.", file_okay=False)
    threads: int | None = option(None, "N", "Threads of the synthesiser.", usual="the config's", min=1)


def synthetic_speech(options: SyntheticSpeech) -> None:
    """Have Kokoro read the open texts in many voices; a stopped run goes on."""
    from streamer.models.training.speech import kokoro

    threads = options.threads or options.settings().engine.threads
    check_folder(options.data, "speech", "text")
    shards = options.out / "shards"
    kokoro.make(options.data, options.voices, shards, options.hours, options.seed, threads, say)
    print(shards)


def commands(run: TunedTraining) -> None:
    """Train the spotter of spoken commands."""
    from streamer.models.training.speech.commands_trainer import train_commands

    steps = run.steps("speech")
    print(train_commands(run.data, run.out, learning_rate=run.rate, start=run.start, **steps))


@dataclass(frozen=True, kw_only=True)
class Language(Learning):
    """What the captions' language model is built from, and where it goes."""

    out: Path = argument("OUT", "The folder for lexicon.bin and lm.bin.")


def language(options: Language) -> None:
    """Build lexicon.bin and lm.bin."""
    from streamer.models.training.language.knowledge import build_language

    options.settings()  # nothing in it is about language, but every command refuses a wrong one
    check_folder(options.data, "speech", "text")
    build_language(options.data, options.out, say)

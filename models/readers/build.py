"""The reader that a card asks for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streamer.models import imports
from streamer.models.card import Card
from streamer.models.music.notation import voices_of
from streamer.models.readers import Reader
from streamer.models.readers.argmax import ArgmaxReader, GreedyCtcReader
from streamer.models.readers.captions.captions_reader import CaptionsReader
from streamer.models.readers.commands.commands_reader import CommandsReader
from streamer.models.readers.music.notes_reader import NotesReader
from streamer.models.readers.text.entities_reader import EntitiesReader
from streamer.models.readers.text.headline_reader import HeadlineReader
from streamer.models.readers.text.sentiment_reader import SentimentReader
from streamer.models.readers.text.summary_reader import SummaryReader, WholeSummaryReader
from streamer.models.readers.text.translation_reader import TranslationReader, WholeTranslationReader

Labels = Mapping[str, Sequence[str]]
Make = Callable[[Card, Path, int], Reader]
VERBS = ("option_names", "parse", "open", "read", "finish", "flush", "save", "restore")  # of a Reader


def reader(card: Card, folder: Path, rows: int, allowed: imports.Imports = imports.NONE) -> Reader:
    """A reader for `rows` streams of the model in `folder`.

    A kind of `KINDS`, or "package.module:Class" where it is `allowed`: called with these three.
    ValueError names what doesn't fit.
    """
    kind = card.reader.kind
    try:
        if kind in KINDS:
            return KINDS[kind](card, folder, rows)
        if imports.is_import_path(kind):
            return _own(card, folder, rows, allowed)
        raise ValueError(
            f"reader.kind is {kind!r}; there are {', '.join(KINDS)}, and package.module:Class of your own"
        )
    except ValueError as error:
        raise ValueError(f"{folder / 'card.toml'}: {error}") from None


def _own(card: Card, folder: Path, rows: int, allowed: imports.Imports) -> Reader:
    kind = card.reader.kind
    make = allowed.callable_named("reader.kind", kind)
    if isinstance(make, type):  # what is no Reader may not even take the three
        _check_verbs(kind, make)
    own: Reader = imports.called("reader.kind", kind, lambda: make(card, folder, rows))
    _check_verbs(kind, own)
    return own


def _check_verbs(kind: str, own: object) -> None:
    lacking = [verb for verb in VERBS if not hasattr(own, verb)]
    # A class may set its options' names when it is made.
    if lacking and not (isinstance(own, type) and lacking == ["option_names"]):
        raise ValueError(f"reader.kind {kind!r} is no Reader: it lacks {', '.join(lacking)}")


def _captions(card: Card, folder: Path, rows: int) -> Reader:
    if next(iter(card.labels)) != "phones":
        raise ValueError("labels: a captions reader needs phones as the first head")
    return CaptionsReader(card.labels["phones"], card.reader.options, folder, rows)


def _notes(card: Card, folder: Path, rows: int) -> Reader:
    return NotesReader(voices_of(card), card.reader.options, rows)


def _of_labels(kind: Callable[[Labels, dict[str, Any], int], Reader]) -> Make:
    return lambda card, folder, rows: kind(card.labels, card.reader.options, rows)


def _with_files(kind: Callable[[Labels, dict[str, Any], Path, int], Reader]) -> Make:
    return lambda card, folder, rows: kind(card.labels, card.reader.options, folder, rows)


KINDS: dict[str, Make] = {
    "captions": _captions,
    "commands": _of_labels(CommandsReader),
    "argmax": _of_labels(ArgmaxReader),
    "greedy_ctc": _of_labels(GreedyCtcReader),
    "summary": _of_labels(SummaryReader),
    "summary_whole": _of_labels(WholeSummaryReader),
    "headline": _with_files(HeadlineReader),
    "translation": _with_files(TranslationReader),
    "translation_whole": _with_files(WholeTranslationReader),
    "entities": _of_labels(EntitiesReader),
    "sentiment": _of_labels(SentimentReader),
    "notes": _notes,
}

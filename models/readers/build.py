"""The reader that a card asks for."""

from pathlib import Path

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


def reader(card: Card, folder: Path, rows: int) -> Reader:
    """A reader for `rows` streams of the model in `folder`. ValueError names what doesn't fit."""
    make = KINDS.get(card.reader.kind)
    if make is None:
        raise ValueError(
            f"{folder / 'card.toml'}: reader.kind is {card.reader.kind!r}; there are {', '.join(KINDS)}"
        )
    try:
        return make(card, folder, rows)
    except ValueError as error:
        raise ValueError(f"{folder / 'card.toml'}: {error}") from None


def _captions(card: Card, folder: Path, rows: int) -> Reader:
    if next(iter(card.labels)) != "phones":
        raise ValueError("labels: a captions reader needs phones as the first head")
    return CaptionsReader(card.labels["phones"], card.reader.options, folder, rows)


def _commands(card: Card, folder: Path, rows: int) -> Reader:
    return CommandsReader(card.labels, card.reader.options, rows)


def _argmax(card: Card, folder: Path, rows: int) -> Reader:
    return ArgmaxReader(card.labels, card.reader.options, rows)


def _greedy_ctc(card: Card, folder: Path, rows: int) -> Reader:
    return GreedyCtcReader(card.labels, card.reader.options, rows)


def _summary(card: Card, folder: Path, rows: int) -> Reader:
    return SummaryReader(card.labels, card.reader.options, rows)


def _summary_whole(card: Card, folder: Path, rows: int) -> Reader:
    return WholeSummaryReader(card.labels, card.reader.options, rows)


def _headline(card: Card, folder: Path, rows: int) -> Reader:
    return HeadlineReader(card.labels, card.reader.options, folder, rows)


def _entities(card: Card, folder: Path, rows: int) -> Reader:
    return EntitiesReader(card.labels, card.reader.options, rows)


def _sentiment(card: Card, folder: Path, rows: int) -> Reader:
    return SentimentReader(card.labels, card.reader.options, rows)


def _translation(card: Card, folder: Path, rows: int) -> Reader:
    return TranslationReader(card.labels, card.reader.options, folder, rows)


def _translation_whole(card: Card, folder: Path, rows: int) -> Reader:
    return WholeTranslationReader(card.labels, card.reader.options, folder, rows)


def _notes(card: Card, folder: Path, rows: int) -> Reader:
    return NotesReader(voices_of(card), card.reader.options, rows)


KINDS = {
    "captions": _captions,
    "commands": _commands,
    "argmax": _argmax,
    "greedy_ctc": _greedy_ctc,
    "summary": _summary,
    "summary_whole": _summary_whole,
    "headline": _headline,
    "translation": _translation,
    "translation_whole": _translation_whole,
    "entities": _entities,
    "sentiment": _sentiment,
    "notes": _notes,
}

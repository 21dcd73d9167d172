"""What a commands card may set, and what a client may ask of one stream."""

from typing import Annotated

import msgspec

Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
RowCount = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class CommandsCardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "commands". Words are those of the first head."""

    threshold: Probability = 0.5  # of the mean probability over `mean_rows`
    vocabulary_threshold: Probability = 0.5  # of the mean probability of any word of the vocabulary
    thresholds: dict[str, Probability] = {}  # of single words, in place of `threshold`
    talk_threshold: Probability = 0.5  # `vocabulary_threshold` amid talk
    talk_level: Annotated[float, msgspec.Meta(gt=0)] = 6.0  # rows of other words, lately, that make talk
    talk_fading: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.95  # of that level, a row
    talk_rows: RowCount = 8  # how long ago it is measured: words begin like others
    talk_thresholds: dict[str, Probability] = {}  # of single words, in place of `talk_threshold`
    mean_rows: Annotated[int, msgspec.Meta(ge=1, le=8)] = 2
    apart_rows: RowCount = 3  # from one word to another
    repeat_rows: RowCount = 12  # from a word to the same one
    second_threshold: Probability = 0.0  # `vocabulary_threshold` of a word soon after another
    second_rows: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 20  # how soon that is
    pause_rows: RowCount = 7  # of silence, that end such an utterance
    doubt_rows: RowCount = 3  # of silence, after which an utterance without a word tells its likeliest
    doubt_threshold: Annotated[float, msgspec.Meta(gt=0)] | None = None  # rows that it was heard for
    doubt_share: Probability = 0.2  # of all words that were heard in the utterance
    doubt_shortest: RowCount = 10  # rows from its first phone on
    doubt_longest: RowCount = 30
    end_offset_rows: float = 0.0  # from the row that decides to the word's end
    word_rows: dict[str, Annotated[float, msgspec.Meta(gt=0)]] = {}  # how long words last
    start_level: Annotated[float, msgspec.Meta(gt=0)] = 2.0  # rows of phones, lately, that make speech
    stop_rows: RowCount = 16  # of silence, until speech has stopped


class CommandsStreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of one stream. The first two are taken as every audio model takes them."""

    partials: bool = True
    endpoint_silence_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None
    unknown: bool = False  # tell words outside the vocabulary too

"""What a commands card may set, and what a client may ask of one stream."""

from typing import Annotated

import msgspec

Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class CardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "commands". Words are those of the first head."""

    threshold: Probability = 0.5  # of the mean probability over `mean_rows`
    vocabulary_threshold: Probability = 0.5  # of the mean probability of any word of the vocabulary
    thresholds: dict[str, Probability] = {}  # of single words, in place of `threshold`
    talk_threshold: Probability = 0.5  # `vocabulary_threshold` amid talk
    talk_unknown: Probability = 0.3  # mean probability of a word outside the vocabulary that makes talk
    talk_rows: Rows = 12  # from that word on; as long as a word, for words begin like others
    pause_rows: Rows = 4  # of silence, that end talk
    mean_rows: Annotated[int, msgspec.Meta(ge=1, le=8)] = 2
    apart_rows: Rows = 3  # from one word to another
    repeat_rows: Rows = 12  # from a word to the same one
    second_threshold: Probability = 0.0  # `vocabulary_threshold` of a word soon after another
    second_rows: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0  # how soon that is
    doubt_threshold: float | None = None  # rows that a word in doubt was heard for, to be told in a pause
    doubt_share: Probability = 0.2  # of it in all words heard since the pause before
    doubt_rows: Rows = 3  # of silence, after which it is told
    doubt_longest: Rows = 40  # rows of speech round it
    end_offset_rows: float = 0.0  # from the row that decides to the word's end
    word_rows: dict[str, Annotated[float, msgspec.Meta(gt=0)]] = {}  # how long words last
    start_level: Annotated[float, msgspec.Meta(gt=0)] = 2.0  # rows of phones, lately, that make speech
    stop_rows: Rows = 16  # of silence, until speech has stopped


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of one stream. The first two are taken as every audio model takes them."""

    partials: bool = True
    endpoint_silence_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None
    unknown: bool = False  # tell words outside the vocabulary too

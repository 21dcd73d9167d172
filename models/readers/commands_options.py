"""What a commands card may set, and what a client may ask of one stream."""

from typing import Annotated, Any, TypeVar

import msgspec

Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class CardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "commands". Words are those of the first head."""

    threshold: Probability = 0.5  # of the mean probability over `mean_rows`
    vocabulary_threshold: Probability = 0.5  # of the mean probability of any word of the vocabulary
    thresholds: dict[str, Probability] = {}  # of single words, in place of `threshold`
    mean_rows: Annotated[int, msgspec.Meta(ge=1, le=8)] = 2
    apart_rows: Rows = 3  # from one word to another
    repeat_rows: Rows = 12  # from a word to the same one
    end_offset_rows: float = 0.0  # from the row that decides to the word's end
    word_rows: dict[str, Annotated[float, msgspec.Meta(gt=0)]] = {}  # how long words last
    start_level: Annotated[float, msgspec.Meta(gt=0)] = 2.0  # rows of phones, lately, that make speech
    stop_rows: Rows = 16  # of silence, until speech has stopped


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of one stream. The first two are taken as every audio model takes them."""

    partials: bool = True
    endpoint_silence_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None
    unknown: bool = False  # tell words outside the vocabulary too


Options = TypeVar("Options", CardOptions, StreamOptions)


def converted(options: dict[str, Any], kind: type[Options], place: str) -> Options:
    """`options` as `kind`; ValueError "PLACE.NAME: ..." for one that is unknown or out of range."""
    for name, value in options.items():
        if name not in kind.__struct_fields__:
            known = ", ".join(kind.__struct_fields__)
            raise ValueError(f"{place}.{name}: unknown option; there are {known}")
        try:
            msgspec.convert({name: value}, kind)
        except msgspec.ValidationError as error:
            raise ValueError(f"{place}.{name}: {str(error).split(' - at ')[0]}") from None
    return msgspec.convert(options, kind)

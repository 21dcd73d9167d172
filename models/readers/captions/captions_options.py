"""What a captions card may set, and what a client may ask of one stream."""

from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class CaptionsCardOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[reader] of a card with kind = "captions". Scores are natural logarithms."""

    row_ms: Positive = 40.0
    lexicon: str = "lexicon.bin"
    language_model: str = "lm.bin"
    sounds: str = ""  # how hot words sound that the lexicon lacks; without it they are refused
    beam: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 128
    beam_width: Positive = 9.0
    word_width: Positive = 3.0  # of the words that are finished, below the beam's last token
    lm_weight: Positive = 0.9
    word_insertion: float = 0.5
    phone_threshold: Probability = 0.01
    blank_threshold: Probability = 0.97  # a surer blank is not searched
    blank_bias: float = 2.0  # taken from the blank: CTC has learnt to say too little
    hot_word_boost: float = 3.0
    own_word_cost: Positive = 9.0  # of a hot word that the lexicon lacks, before its boost
    max_hot_nodes: Count = 1024
    start_level: Positive = 0.6
    stop_silence_ms: Positive = 480.0
    endpoint_silence_ms: Annotated[int, msgspec.Meta(ge=0)] = 600
    # Below this probability of a sentence's end, as the language model sees it, an utterance ends only after
    # `endpoint_patience` times its silence; 0: silence alone ends it.
    end_probability: Probability = 0.0
    endpoint_patience: Annotated[float, msgspec.Meta(ge=1)] = 2.0
    max_utterance_s: Positive = 40.0
    max_words: Annotated[int, msgspec.Meta(ge=16, le=4096)] = 256
    alternatives: Count = 1
    time_offset_rows: float = 0.0  # added to every time: what the network's delay costs
    start_offset_rows: float = 0.0  # a first phone is marked after it begins
    end_offset_rows: float = 1.5  # a last phone is marked before it ends
    # The logit of a confidence: a constant, by the mean ln p of a word's phones, and by its mean share
    # of the beam.
    confidence_bias: float = -0.6
    confidence_sound: float = 0.9
    confidence_share: float = 2.0


class CaptionsStreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of one stream. `endpoint_silence_ms` 0 never ends an utterance; None is the card's.

    With `sentences` a sentence begins with a capital and ends with a full stop; with `numbers` certain
    numbers are digits.
    """

    partials: bool = True
    endpoint_silence_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None
    hot_words: list[str] = []
    sentences: bool = False
    numbers: bool = False

"""Texts through networks that see whole sentences, piece by piece as the text comes."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from streamer import wire
from streamer.models.bundle.build import Model
from streamer.models.feeders.encoders import reading
from streamer.models.readers import Event
from streamer.models.text.words import join_words
from streamer.offline.sentences import Sentences
from streamer.offline.summarize import SHARE, summarize
from streamer.offline.text_said import Said
from streamer.offline.text_source import Sentence, sentences
from streamer.offline.translate import Translator


def said_of(
    model: Model, given: Iterator[bytes], options: dict[str, Any], share: float = SHARE
) -> Iterator[Said]:
    """What `model` says of each sentence of the text, in order; of a summary those that it chose.

    ValueError for options that it lacks and for what is no UTF-8.
    """
    split = reading(model.card, model.folder).split
    if model.card.task == "translation":
        return _translated(Translator(model, options), sentences(given, split))
    network = Sentences(model, options)
    if model.card.task == "summary":
        return _summary(network, [one for some in sentences(given, split) for one in some], share)
    return _judged(model.card.task, network, sentences(given, split))


def _judged(task: str, network: Sentences, given: Iterator[list[Sentence]]) -> Iterator[Said]:
    for some in given:
        for sentence, final in zip(some, network.finals([one.spelled() for one in some])):
            yield Said(task, sentence.text, sentence.start, sentence.end, _alternatives(sentence, final))


def _translated(translator: Translator, given: Iterator[list[Sentence]]) -> Iterator[Said]:
    for some in given:
        for sentence, one in zip(some, translator.translate([one.spelled() for one in some])):
            told = wire.Alternative(one.text)
            yield Said("translation", sentence.text, sentence.start, sentence.end, (told,))


def _summary(network: Sentences, text: Sequence[Sentence], share: float) -> Iterator[Said]:
    for chosen in summarize([one.spelled() for one in text], network, share * _words(text)):
        sentence = text[chosen.sentence]
        told = wire.Alternative(join_words(chosen.words))
        yield Said("summary", sentence.text, sentence.start, sentence.end, (told,))


def _words(text: Sequence[Sentence]) -> int:
    """How many words the text has, as people count them: what stands between spaces."""
    begun = sum(
        before.end == after.start for before, after in pairwise(text)
    )  # "it!--Joe" is one, in two sentences
    return sum(len(one.text.split()) for one in text) - begun


def _alternatives(sentence: Sentence, final: Event | None) -> list[wire.Alternative]:
    return [
        wire.Alternative(
            one.text,
            tuple(
                wire.Word(w.text, *sentence.place(w.start, w.end), w.confidence, w.label) for w in one.words
            ),
            one.confidence,
        )
        for one in (final.alternatives if final else ())
    ]

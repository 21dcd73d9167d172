"""Texts through networks that see whole sentences, piece by piece as the text comes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from streamer import wire
from streamer.models.bundle.build import Model
from streamer.models.feeders.encoders import reading
from streamer.models.readers import Event
from streamer.models.text.words import join_words
from streamer.offline.sentence_result import SentenceResult
from streamer.offline.sentence_source import WrittenSentence, sentences
from streamer.offline.sentences import Headlines, Sentences
from streamer.offline.summarize import SHARE, summarize
from streamer.offline.translate import Translator

TASKS = ("entities", "headline", "sentiment", "summary", "translation")


def read_text(
    model: Model, text: Iterator[bytes], options: Mapping[str, Any], share: float = SHARE
) -> Iterator[SentenceResult]:
    """What `model` says about each sentence of the text, in order; of a summary those that it chose.

    `share` is how much of the words a summary keeps. OptionError for options that the model lacks,
    ValueError for another task than TASKS and for bytes that aren't UTF-8.
    """
    task = model.card.task
    if task not in TASKS:
        raise ValueError(f"{model.card.name} is a model for {task}; name one for {', '.join(TASKS)}")
    if task == "headline":
        return _headline(Headlines(model, options), b"".join(text).decode())
    given = sentences(text, reading(model.card, model.folder).split)
    if task == "translation":
        return _translated(Translator(model, options), given)
    network = Sentences(model, options)
    if task == "summary":
        return _summary(network, [sentence for completed in given for sentence in completed], share)
    return _judged(task, network, given)


def _judged(
    task: str, network: Sentences, given: Iterator[list[WrittenSentence]]
) -> Iterator[SentenceResult]:
    for completed in given:
        finals = network.finals([sentence.spelled() for sentence in completed])
        for sentence, final in zip(completed, finals):
            yield _result(task, sentence, _alternatives(sentence, final))


def _translated(translator: Translator, given: Iterator[list[WrittenSentence]]) -> Iterator[SentenceResult]:
    for completed in given:
        translations = translator.translate([sentence.spelled() for sentence in completed])
        for sentence, translation in zip(completed, translations):
            best = wire.Alternative(translation.text, confidence=translation.confidence)
            yield replace(_result("translation", sentence, [best]), doubts=translation.doubts)


def _summary(network: Sentences, text: Sequence[WrittenSentence], share: float) -> Iterator[SentenceResult]:
    for chosen in summarize([sentence.spelled() for sentence in text], network, share * _count_words(text)):
        yield _result("summary", text[chosen.sentence], [wire.Alternative(join_words(chosen.words))])


def _headline(network: Headlines, text: str) -> Iterator[SentenceResult]:
    (headline,) = network.write([text])
    if headline:
        start = len(text[: len(text) - len(text.lstrip())].encode())
        end = start + len(text.strip().encode())
        yield SentenceResult("headline", text.strip(), start, end, [wire.Alternative(headline)])


def _result(task: str, sentence: WrittenSentence, alternatives: Sequence[wire.Alternative]) -> SentenceResult:
    return SentenceResult(task, sentence.text, sentence.start, sentence.end, alternatives)


def _count_words(text: Sequence[WrittenSentence]) -> int:
    """How many words the text has, as people count them: what stands between spaces."""
    # "it!--Joe" is one word, in two sentences.
    joined = sum(before.end == after.start for before, after in pairwise(text))
    return sum(len(sentence.text.split()) for sentence in text) - joined


def _alternatives(sentence: WrittenSentence, final: Event | None) -> list[wire.Alternative]:
    """The alternatives of a final, their words' places as bytes of the text."""
    return [
        wire.Alternative(
            alternative.text,
            tuple(
                wire.Word(word.text, *sentence.place(word.start, word.end), word.confidence, word.label)
                for word in alternative.words
            ),
            alternative.confidence,
        )
        for alternative in (final.alternatives if final else ())
    ]

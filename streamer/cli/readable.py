"""What models of text say, for people to read."""

import re
from collections.abc import Iterator, Sequence

from rich.text import Text

from streamer import wire
from streamer.offline.sentence_result import SentenceResult

COLOURS = {"PER": "magenta", "LOC": "green", "ORG": "blue", "MISC": "yellow"}
MOODS = {"negative": "red", "positive": "green"}

_GLUED = re.compile(r" (?=[,.;:?!%)\]’]|n't\b|'(?:s|re|ve|ll|d|m)\b)|(?<=[(\[$£€]) ")


def readable_sentence(sentence: SentenceResult) -> Text:
    """What is said of a sentence as a line; an opinion stands before the sentence that it is about.

    A translation that may be wrong ends in [?].
    """
    text = _readable(sentence.task, sentence.alternatives)
    if sentence.doubts:
        text.append(" [?]", style="yellow")
    return Text.assemble(text, "\t", sentence.text) if sentence.task == "sentiment" else text


def readable(task: str, result: wire.Result) -> Text:
    """A result of a model for `task`: entities in brackets, the likeliest class, or the text itself."""
    return _readable(task, result.alternatives)


def _readable(task: str, alternatives: Sequence[wire.Alternative]) -> Text:
    if not alternatives:
        return Text()
    best = alternatives[0]
    if task == "sentiment":
        return Text(f"{best.text} {best.confidence:.2f}", style=MOODS.get(best.text.split()[-1], ""))
    if task == "entities":
        return Text.assemble(*_marked(best))
    return Text(best.text)


def _marked(best: wire.Alternative) -> Iterator[str | tuple[str, str]]:
    """The sentence, each of its entities in brackets after its kind."""
    end = 0  # of the entity before
    for word in best.words:
        # Its tokens are joined by spaces, and so are the span's: it stands there as it is.
        begin = best.text.find(word.text, end)
        yield _GLUED.sub("", best.text[end:begin])
        yield f"[{word.label} {word.text}]", COLOURS.get(word.label, "bold")
        end = begin + len(word.text)
    yield _GLUED.sub("", best.text[end:])

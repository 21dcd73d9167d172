"""What models of text say, for people to read."""

import re
from collections.abc import Iterator

from rich.text import Text

from streamer import wire

COLOURS = {"PER": "magenta", "LOC": "green", "ORG": "blue", "MISC": "yellow"}
MOODS = {"negative": "red", "positive": "green"}

_GLUED = re.compile(r" (?=[,.;:?!%)\]’]|n't\b|'(?:s|re|ve|ll|d|m)\b)|(?<=[(\[$£€]) ")


def readable(task: str, result: wire.Result) -> Text:
    """A final of a model for `task`: entities in brackets, the likeliest class, or the text itself."""
    if not result.alternatives:
        return Text()
    best = result.alternatives[0]
    if task == "sentiment":
        return Text(f"{best.text} {best.confidence:.2f}", style=MOODS.get(best.text.split()[-1], ""))
    if task == "entities":
        return Text.assemble(*_marked(best))
    return Text(best.text)


def _marked(best: wire.Alternative) -> Iterator[str | tuple[str, str]]:
    """The sentence, each of its entities in brackets behind its kind."""
    at = 0
    for word in best.words:
        # Its tokens are joined by spaces, and so are the span's: it stands there as it is.
        begin = best.text.find(word.text, at)
        yield _GLUED.sub("", best.text[at:begin])
        yield f"[{word.label} {word.text}]", COLOURS.get(word.label, "bold")
        at = begin + len(word.text)
    yield _GLUED.sub("", best.text[at:])

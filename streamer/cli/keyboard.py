"""A text that is typed on the terminal, and what a network says about it meanwhile."""

from collections.abc import Iterable
from typing import Protocol

from rich.console import Console
from rich.text import Text

from streamer import wire
from streamer.cli.readable import readable, readable_sentence
from streamer.clients.live_area import LiveArea
from streamer.offline.sentence_result import SentenceResult

WAIT_S = 0.1
END = "\x04"  # Ctrl-D
RUBOUT = ("\x7f", "\b")


class Typed(Protocol):
    """A stream of text: finals come back from what is given, what goes on is its `partial`."""

    task: str
    partial: wire.Result | None

    def type(self, text: bytes) -> Iterable[SentenceResult]: ...
    def end_sentence(self) -> Iterable[SentenceResult]: ...
    def end(self) -> Iterable[SentenceResult]: ...


def type_along(text: Typed) -> None:
    """Take keys until Ctrl-D or Ctrl-C: words go out when they are complete, Enter ends a sentence."""
    sentence, word = "", ""  # what has gone out, and what is being typed

    with LiveArea(Console()) as area:

        def draw() -> None:
            answer = readable(text.task, text.partial) if text.partial else Text()
            typed = Text.assemble("› ", sentence, (word, "dim"), ("▏", "cyan"))
            area.draw([typed, Text.assemble("  ", answer)], [])

        # Not before: until then the terminal itself would show the keys.
        area.print(Text("Enter ends a sentence, Ctrl-D the text", style="dim"))
        draw()
        try:
            while (key := area.keys.pressed(WAIT_S)) != END:
                finals: list[SentenceResult] = []
                if key in RUBOUT:
                    word = word[:-1]
                elif key in ("\n", "\r"):
                    finals = [*text.type(word.encode()), *text.end_sentence(), *text.type(b" ")]
                    sentence = word = ""
                elif key.isspace():
                    finals = list(text.type(f"{word} ".encode()))
                    sentence, word = f"{sentence}{word} ", ""
                elif key.isprintable():
                    word += key
                for final in finals:
                    sentence = ""
                    area.print(readable_sentence(final))
                draw()
        except KeyboardInterrupt:
            pass  # ends as Ctrl-D does: with the last words out
        sentence, last = "", [*text.type(word.encode()), *text.end()]
        word = ""
        for final in last:
            area.print(readable_sentence(final))
        draw()

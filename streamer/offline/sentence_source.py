"""Text that comes in pieces, cut into sentences whose words know their bytes."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from streamer.models.feeders.encoders import Split
from streamer.models.text.tokens import SentenceEnd, Token, Tokens

PIECE_BYTES = 64 * 1024


class WrittenSentence(NamedTuple):
    """A sentence as it was written, the byte that it begins at, and its words."""

    text: str
    start: int
    words: list[Token]

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.words[-1].end

    def spelled(self) -> list[str]:
        """Its words' texts."""
        return [word.text for word in self.words]

    def place(self, start: float, end: float) -> tuple[int, int]:
        """Bytes of the text, of bytes that count as if single spaces stood between the words."""
        byte, first, last = 0, self.words[0], self.words[-1]
        for word in self.words:
            after = byte + len(word.text.encode())
            first = word if byte == start else first
            last = word if after == end else last
            byte = after + 1
        return first.start, last.end


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """What a file or a pipe gives, as soon as it is there."""
    read = getattr(file, "read1", file.read)
    while piece := read(PIECE_BYTES):
        yield piece


def sentences(text: Iterator[bytes], split: Split) -> Iterator[list[WrittenSentence]]:
    """The sentences that each of the pieces of `text` completes; what is left comes last.

    ValueError names a byte that isn't UTF-8. Keeps no more text than the unfinished sentence.
    """
    tokens, kept, begins = Tokens("plain"), bytearray(), 0
    open_words: list[Token] = []

    def completed(tokens: Sequence[Token | SentenceEnd]) -> list[WrittenSentence]:
        nonlocal begins
        complete = []
        for token in tokens:
            if not isinstance(token, SentenceEnd):
                open_words.extend(split(token))
                continue
            first, last = open_words[0].start, open_words[-1].end
            sentence = bytes(kept[first - begins : last - begins]).decode(errors="replace")
            complete.append(WrittenSentence(sentence, first, list(open_words)))
            del kept[: last - begins]
            begins = last
            open_words.clear()
        return complete

    for piece in text:
        following = tokens.feed(piece)
        kept += piece
        yield completed(following)
    yield completed(tokens.end_text())

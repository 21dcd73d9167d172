"""A text typed into the engine that serves: what the model says while the text comes."""

from collections.abc import Iterator
from typing import Any

from streamer import wire
from streamer.offline.sentence_result import SentenceResult
from streamer.server.engine import Engine

PEER = b"text"


class TypedText:
    """One stream of text to a model of `engine`. Its verbs give the finals that they bring."""

    def __init__(self, engine: Engine, model: str, options: dict[str, Any]):
        """OptionError for options that the model lacks."""
        self.engine, self.task = engine, engine.models[model].describe.task
        opened = self._receive(wire.Open("text", model, options=options))
        self._ids = {"stream": opened.stream, "owner": opened.owner}
        self._window, self._seq, self._position = opened.window, 0, 0
        self._kept, self._begins = bytearray(), 0  # what no final is about yet
        self.partial: wire.Result | None = None  # of the sentence that goes on

    def type(self, text: bytes) -> Iterator[SentenceResult]:
        """More of the text; the finals that it brings. ValueError for bytes that aren't UTF-8."""
        for begin in range(0, len(text), self._window):
            piece = text[begin : begin + self._window]
            self._kept += piece
            yield from self._finals(wire.Text(**self._ids, seq=self._next(), start=self._position), piece)
            self._position += len(piece)

    def end_sentence(self) -> Iterator[SentenceResult]:
        """The sentence ends here."""
        yield from self._finals(wire.Flush(**self._ids, seq=self._next()))

    def end(self) -> Iterator[SentenceResult]:
        """No more comes."""
        yield from self._finals(wire.Close(**self._ids, seq=self._next()))

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _finals(self, message: wire.StreamInput, payload: bytes = b"") -> Iterator[SentenceResult]:
        self._receive(message, payload)
        while True:
            for out in self.engine.tick(0.0):
                if isinstance(out.message, wire.Result) and out.message.alternatives:
                    if out.message.kind == "final":
                        yield self._result(out.message)
                    else:
                        self.partial = out.message
            if not self.engine.busy:
                return

    def _result(self, result: wire.Result) -> SentenceResult:
        self.partial = None
        raw = bytes(self._kept[: result.through - self._begins])
        del self._kept[: len(raw)]
        source = raw.decode(errors="replace")
        start = self._begins + len(source[: len(source) - len(source.lstrip())].encode())
        self._begins = result.through
        return SentenceResult(
            self.task, source.strip(), start, start + len(source.strip().encode()), result.alternatives
        )

    def _receive(self, message: wire.Input, payload: bytes = b"") -> Any:
        for out in self.engine.receive(PEER, message, payload, 0.0):
            if isinstance(out.message, wire.Refused):
                raise wire.error_of(out.message)
            if isinstance(out.message, wire.Opened):
                return out.message
        return None

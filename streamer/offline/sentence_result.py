"""What a network of either mode says about a sentence of a text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streamer import wire


@dataclass(frozen=True)
class Entity:
    """A name in a text: its kind (PER, LOC, ORG, MISC), and its bytes `start` to `end` of the text."""

    text: str
    label: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class SentenceResult:
    """What a model for `task` says about the sentence `text`, bytes `start` to `end` of the whole text.

    `alternatives`, the most likely first, are as they come over the wire. Each property is for the task
    that its docstring names; another task raises. `str` of it is the most likely alternative.
    """

    task: str
    text: str
    start: int
    end: int
    alternatives: Sequence[wire.Alternative] = field(default_factory=tuple)
    doubts: Sequence[
        str
    ] = ()  # why a translation may be wrong: numbers, code, length, repetition, confidence

    def __str__(self) -> str:
        return self.alternatives[0].text if self.alternatives else ""

    @property
    def label(self) -> str:
        """The most likely class. Sentiment."""
        self._check("label", "sentiment")
        return str(self)

    @property
    def probabilities(self) -> dict[str, float]:
        """The probability of each class, the most likely first. Sentiment."""
        self._check("probabilities", "sentiment")
        return {alternative.text: round(alternative.confidence, 4) for alternative in self.alternatives}

    @property
    def entities(self) -> list[Entity]:
        """The names in the sentence, in order. Entities."""
        self._check("entities", "entities")
        words = self.alternatives[0].words if self.alternatives else ()
        return [Entity(w.text, w.label, w.start, w.end, round(w.confidence, 4)) for w in words]

    @property
    def translation(self) -> str:
        """The sentence in the other language. Translation."""
        self._check("translation", "translation")
        return str(self)

    @property
    def summary(self) -> str:
        """The sentence, shortened. Summary."""
        self._check("summary", "summary")
        return str(self)

    @property
    def headline(self) -> str:
        """The title of the text. Headline."""
        self._check("headline", "headline")
        return str(self)

    def json(self) -> str:
        """One line for programs: the sentence, its place, and the values of its task."""
        values: dict[str, Any] = {"text": self.text, "start": self.start, "end": self.end}
        if self.task == "entities":
            values["entities"] = [vars(entity) for entity in self.entities]
        elif self.task == "sentiment":
            values |= {"label": self.label, "probabilities": self.probabilities}
        else:
            values[self.task] = str(self)
        if self.task == "translation" and self.alternatives:
            values |= {"confidence": round(self.alternatives[0].confidence, 4), "doubts": list(self.doubts)}
        return json.dumps(values, ensure_ascii=False)

    def _check(self, name: str, task: str) -> None:
        if self.task != task:
            raise AttributeError(f"a result of {self.task} has no {name}; a result of {task} has")

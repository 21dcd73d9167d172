"""What is said of a sentence, whichever network said it: as a line for people, or as one of JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

from streamer import wire
from streamer.offline.readable import readable


@dataclass(frozen=True)
class Said:
    """Of the sentence `source`, bytes `start` to `end` of the text; words' places are bytes, too."""

    task: str
    source: str
    start: int
    end: int
    alternatives: Sequence[wire.Alternative] = field(default_factory=tuple)

    def line(self) -> Text:
        """For people."""
        result = wire.Result(bytes(wire.ID_BYTES), 1, 0, "final", 0, 0, tuple(self.alternatives))
        said = readable(self.task, result)
        return Text.assemble(said, "\t", self.source) if self.task == "sentiment" else said

    def json(self) -> str:
        """For programs: one line."""
        told: dict[str, Any] = {"text": self.source, "start": self.start, "end": self.end}
        best = self.alternatives[0] if self.alternatives else None
        if self.task == "entities":
            told["entities"] = [
                {
                    "text": w.text,
                    "label": w.label,
                    "start": w.start,
                    "end": w.end,
                    "confidence": round(w.confidence, 4),
                }
                for w in (best.words if best else ())
            ]
        elif self.task == "sentiment":
            told["label"] = best.text if best else ""
            told["probabilities"] = {one.text: round(one.confidence, 4) for one in self.alternatives}
        elif self.task == "translation":
            told["translation"] = best.text if best else ""
        else:
            told["summary"] = best.text if best else ""
        return json.dumps(told, ensure_ascii=False)

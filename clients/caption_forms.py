"""Finals as text, JSON and subtitles: how they are streamed and saved."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec
import pysubs2
from pysubs2.formats.subrip import SubripFormat
from pysubs2.formats.webvtt import WebVTTFormat

from streamer import wire
from streamer.clients.cues import CueWord, cues
from streamer.clients.subtitles import subtitle

Format = Literal["text", "jsonl", "srt", "vtt"]
SUBTITLES: dict[str, type[SubripFormat]] = {"srt": SubripFormat, "vtt": WebVTTFormat}


def best_text(result: wire.Result) -> str:
    """The likeliest text of a result, empty where it has none."""
    return result.alternatives[0].text if result.alternatives else ""


def segment(result: wire.Result, rate_hz: int) -> dict[str, Any]:
    """The best reading of a result in seconds: `start`, `end`, `text` and `words`, as `transcribe` has it."""
    words = [
        {
            "word": word.text,
            "start": round(word.start / rate_hz, 3),
            "end": round(word.end / rate_hz, 3),
            "confidence": round(word.confidence, 3),
        }
        for word in (result.alternatives[0].words if result.alternatives else ())
    ]
    through = round(result.through / rate_hz, 3)
    start, end = (words[0]["start"], words[-1]["end"]) if words else (through, through)
    return {"start": start, "end": end, "text": best_text(result), "words": words}


def events(result: wire.Result, rate_hz: int) -> list[pysubs2.SSAEvent]:
    """The subtitles that a final becomes: none without words, several where it is long."""
    words = result.alternatives[0].words if result.alternatives else ()
    spoken = [CueWord(word.text, word.start / rate_hz, word.end / rate_hz) for word in words]
    return [subtitle(cue) for cue in cues(spoken)]


class LineForm(Protocol):
    """What goes to a pipe; an empty string where there is nothing to say."""

    def begin(self) -> str: ...
    def final(self, result: wire.Result) -> str: ...
    def partial(self, result: wire.Result) -> str: ...
    def remark(self, final: int, model: str, text: str) -> str: ...


class TextLines:
    """A line for each final; a partial's ends with an ellipsis, a remark's begins with its model."""

    def begin(self) -> str:
        return ""

    def final(self, result: wire.Result) -> str:
        return _line(best_text(result))

    def partial(self, result: wire.Result) -> str:
        text = best_text(result)
        return _line(f"{text} …" if text else "")

    def remark(self, final: int, model: str, text: str) -> str:
        return _line(f"{model}: {text}")


class JsonLines:
    """An object for each final, partial and remark; `kind` says which. Times are seconds."""

    def __init__(self, rate_hz: int):
        self.rate_hz = rate_hz

    def begin(self) -> str:
        return ""

    def final(self, result: wire.Result) -> str:
        return self._spoken({"kind": "final"}, result)

    def partial(self, result: wire.Result) -> str:
        return self._spoken({"kind": "partial", "confirmed": result.confirmed}, result)

    def remark(self, final: int, model: str, text: str) -> str:
        return _json({"kind": "remark", "final": final, "model": model, "text": text})

    def _spoken(self, head: dict[str, Any], result: wire.Result) -> str:
        return _json(head | segment(result, self.rate_hz)) if best_text(result).strip() else ""


class SubtitleLines:
    """Subtitles, numbered through; there are none of partials and remarks."""

    def __init__(self, format: Literal["srt", "vtt"], rate_hz: int):
        self.format, self.rate_hz, self.count = format, rate_hz, 0

    def begin(self) -> str:
        return "WEBVTT\n\n" if self.format == "vtt" else ""

    def final(self, result: wire.Result) -> str:
        return "".join(self._numbered(event) for event in events(result, self.rate_hz))

    def partial(self, result: wire.Result) -> str:
        return ""

    def remark(self, final: int, model: str, text: str) -> str:
        return ""

    def _numbered(self, event: pysubs2.SSAEvent) -> str:
        self.count += 1
        stamp = SUBTITLES[self.format].ms_to_timestamp
        return f"{self.count}\n{stamp(event.start)} --> {stamp(event.end)}\n{event.plaintext}\n\n"


def line_form(format: Format, rate_hz: int) -> LineForm:
    """How `format` is written for positions at `rate_hz`."""
    if format == "text":
        return TextLines()
    return JsonLines(rate_hz) if format == "jsonl" else SubtitleLines(format, rate_hz)


def document(results: Sequence[wire.Result], rate_hz: int, suffix: str) -> str:
    """The finals of a session as a whole file of the kind that `suffix` names (".srt", ".json" ...)."""
    spoken = [result for result in results if best_text(result)]
    if suffix in (".srt", ".vtt"):
        file = pysubs2.SSAFile()
        for result in spoken:
            file.extend(events(result, rate_hz))
        return file.to_string(suffix[1:])
    if suffix == ".txt":
        return "".join(_line(best_text(result)) for result in spoken)
    segments = [segment(result, rate_hz) for result in spoken]
    if suffix == ".jsonl":
        return "".join(map(_json, segments))
    seconds = round(spoken[-1].through / rate_hz, 3) if spoken else 0.0
    text = " ".join(map(best_text, spoken))
    return _json({"seconds": seconds, "text": text, "segments": segments})


def _line(text: str) -> str:
    return f"{text}\n" if text.strip() else ""


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode() + "\n"

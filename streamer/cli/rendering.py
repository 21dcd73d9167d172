"""A transcript as it is written down: text, JSON or subtitles."""

import msgspec
import pysubs2

from streamer.clients.cues import Cue, CueWord, cues
from streamer.clients.subtitles import subtitle
from streamer.offline.transcript import Segment, Transcript

FORMATS = ("txt", "json", "srt", "vtt")


def rendered(name: str, transcript: Transcript, format: str) -> str:
    """The transcript in one of FORMATS, without a last line break; `name` is the recording's."""
    if format == "txt":
        return transcript.text
    if format == "json":
        return msgspec.json.encode({"file": name} | msgspec.to_builtins(transcript)).decode()
    subtitles = pysubs2.SSAFile()
    for said in transcript.segments:
        subtitles.extend(subtitle(cue) for cue in _cues(said))
    return subtitles.to_string(format).rstrip("\n")


def _cues(said: Segment) -> list[Cue]:
    """The cues of an utterance; one where no word has a time."""
    if not said.words:
        return [Cue(said.start, said.end, said.text)]
    return cues([CueWord(word.word, word.start, word.end) for word in said.words])

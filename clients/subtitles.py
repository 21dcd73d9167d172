"""Subtitles, as their library has them."""

import pysubs2

from streamer.clients.cues import Cue


def subtitle(cue: Cue) -> pysubs2.SSAEvent:
    """A cue as the subtitles' library has it."""
    start, end = round(1000 * cue.start), round(1000 * cue.end)
    # A word may begin and end in one output row; what shows for no time is not seen.
    event = pysubs2.SSAEvent(start=start, end=max(end, start + 1))
    event.plaintext = cue.text
    return event

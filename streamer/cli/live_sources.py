"""Where a live session's sound comes from: a microphone or a recording."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from streamer.clients.files import BUNDLED, AudioFile, paced
from streamer.clients.live_figures import Figures
from streamer.clients.microphone import Microphone, SilenceWatch, choose
from streamer.errors import WrongCall

BLOCK_MS = 40
WAIT_S = 0.01  # for a block, before results are looked for

SoundSource = AudioFile | Microphone


def sound_source(stack: ExitStack, device: str | None, file: Path | None) -> SoundSource:
    """The file, else the microphone, else the recording that ships."""
    if file is not None and device is not None:
        raise WrongCall("--device and --file are two sources; name one")
    if file is not None:
        return AudioFile(file)
    try:
        return stack.enter_context(Microphone(choose(device)))
    except (ValueError, OSError) as error:
        if device is not None:
            raise
        print(f"streamer: {error}\nstreamer: playing the recording that ships, in real time", file=sys.stderr)
        return AudioFile(BUNDLED)


def source_name(source: SoundSource) -> str:
    """The file's name or the device's, for the screen."""
    return Path(source.name).name if isinstance(source, AudioFile) else source.device.name


def sound_blocks(source: SoundSource, figures: Figures) -> Iterator[bytes]:
    """Blocks in real time; an empty one now and then, so that results are taken meanwhile."""
    if isinstance(source, AudioFile):
        yield from paced(source.blocks(BLOCK_MS), source.rate_hz, WAIT_S)
        return
    watch, silent = SilenceWatch(source.rate_hz), False
    while True:
        for block in source.blocks(WAIT_S):
            was, silent = silent, watch.hear(block)
            if was != silent:
                figures.warning = "digital silence: is the microphone muted or blocked?" if silent else ""
            figures.overflows = source.overflows
            yield block
        yield b""

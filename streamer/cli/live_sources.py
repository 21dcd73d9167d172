"""Where a live session's sound comes from: a microphone or a recording."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from streamer.clients.files import BUNDLED, AudioFile, paced
from streamer.clients.live_figures import Figures
from streamer.clients.microphone import DeviceGone, Microphone, NoMicrophone, SilenceWatch, choose
from streamer.clients.sound_system import NoSoundSystem
from streamer.errors import WrongCall

BLOCK_MS = 40
LOOK_AGAIN_S = 1.0  # for a microphone that is gone
WAIT_S = 0.01  # for a block, before results are looked for

SoundSource = AudioFile | Microphone


def sound_source(stack: ExitStack, device: str | None, file: Path | None) -> SoundSource:
    """The file, else the microphone, else the recording that ships."""
    if file is not None and device is not None:
        raise WrongCall("--device and --file are two sources; name one")
    if file is not None:
        return AudioFile(file)
    try:
        chosen = choose(device)
    except (NoMicrophone, NoSoundSystem) as error:
        if device is not None:
            raise
        print(f"streamer: {error}\nstreamer: playing the recording that ships, in real time", file=sys.stderr)
        return AudioFile(BUNDLED)
    return stack.enter_context(Microphone(chosen))


def source_name(source: SoundSource) -> str:
    """The file's name or the device's, for the screen."""
    return Path(source.name).name if isinstance(source, AudioFile) else source.device.name


def sound_blocks(source: SoundSource, figures: Figures, reconnect: bool = False) -> Iterator[bytes]:
    """Blocks in real time; an empty one now and then, so that results are taken meanwhile.

    DeviceGone where the microphone goes, unless it is to `reconnect`: then it is waited for.
    """
    if isinstance(source, AudioFile):
        yield from paced(source.blocks(BLOCK_MS), source.rate_hz, WAIT_S)
        return
    while True:
        try:
            yield from _heard(source, figures)
        except DeviceGone as gone:
            if not reconnect:
                raise
            figures.warning = f"{gone} Waiting for it."
        source.close()
        again = None
        while again is None:
            yield from _pause()
            with suppress(OSError, ValueError):
                again = source.reopened()
        source, figures.warning = again, ""


def _heard(microphone: Microphone, figures: Figures) -> Iterator[bytes]:
    watch, silent = SilenceWatch(microphone.rate_hz), False
    while True:
        for block in microphone.blocks(WAIT_S):
            was, silent = silent, watch.hear(block)
            if was != silent:
                figures.warning = "digital silence: is the microphone muted or blocked?" if silent else ""
            figures.lost_s = microphone.lost_s
            yield block
        yield b""


def _pause() -> Iterator[bytes]:
    """Empty blocks until it is worth looking for the device again."""
    until = time.monotonic() + LOOK_AGAIN_S
    while time.monotonic() < until:
        time.sleep(WAIT_S)
        yield b""

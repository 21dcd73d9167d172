"""PortAudio, loaded when a microphone or a loudspeaker is opened: not every machine has it."""

from typing import Any


def load_sounddevice() -> Any:
    """The module `sounddevice`. OSError, one line, where PortAudio is missing."""
    try:
        import sounddevice  # loads PortAudio, and fails without it
    except OSError:
        raise OSError(
            "PortAudio is missing, so there is no microphone and no loudspeaker to open; "
            "apt install libportaudio2, or brew install portaudio"
        ) from None
    return sounddevice

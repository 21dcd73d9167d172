"""PortAudio, loaded when a microphone or a loudspeaker is opened: not every machine has it."""

from typing import Any

from streamer.sound.quiet import quiet_libraries


class NoSoundSystem(OSError):
    """PortAudio is missing."""


def load_sounddevice() -> Any:
    """The module `sounddevice`. OSError, one line, where PortAudio is missing."""
    try:
        with quiet_libraries():  # ALSA and JACK tell what they did not find
            import sounddevice  # loads PortAudio, and fails without it
    except OSError:
        raise NoSoundSystem(
            "PortAudio is missing, so there is no microphone and no loudspeaker to open; "
            "apt install libportaudio2, or brew install portaudio"
        ) from None
    return sounddevice


def load_again() -> None:
    """Let PortAudio look for devices again: it knows those that were there when it began."""
    sounddevice = load_sounddevice()
    with quiet_libraries():
        sounddevice._terminate()
        sounddevice._initialize()

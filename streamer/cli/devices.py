"""`streamer devices`: the microphones of this machine."""

from streamer.cli.options import Configured
from streamer.clients.microphone import list_devices


def devices(options: Configured) -> None:
    """Print a line for each microphone; the default one has a star."""
    options.settings()  # nothing in it is about microphones, but every command refuses a wrong one
    microphones = list_devices()
    print("    Microphone" if microphones else "No microphone is plugged in.")
    for device in microphones:
        print(device)

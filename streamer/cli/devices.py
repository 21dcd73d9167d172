"""`streamer devices`: the microphones of this machine."""

from streamer.cli.figures import aligned
from streamer.cli.options import Configured
from streamer.clients.microphone import list_devices


def devices(options: Configured) -> None:
    """Print a line for each microphone; `streamer live --device` takes its number or its name."""
    options.settings()  # nothing in it is about microphones, but every command refuses a wrong one
    rows = [("Number", "Microphone", "Rate", "")]
    found = list_devices()
    if not found:
        raise ValueError("no microphone here; plug one in")
    for device in found:
        usual = "the default" if device.default else ""
        rows.append((str(device.number), device.name, f"{device.rate_hz} Hz", usual))
    print("\n".join(aligned(rows)))

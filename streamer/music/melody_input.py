"""A melody played live: on the computer keyboard, or on a MIDI port."""

from typing import Any

# A piano's octave and a half from C4 on: the home row is white, the row above it black.
KEYS = {key: 60 + number for number, key in enumerate("awsedftgyhujkolp")}
REST = " "


class MidiPort:
    """A MIDI input; `note` is what is held now, 0 for nothing."""

    def __init__(self, name: str):
        """ValueError, one line, where MIDI ports can't be read or there is no such port."""
        self._port = _opened(name)
        self._held: list[int] = []

    def note(self) -> int:
        """The note that was pressed last of those still held."""
        for message in self._port.iter_pending():
            if message.type in ("note_on", "note_off"):
                if message.note in self._held:
                    self._held.remove(message.note)
                if message.type == "note_on" and message.velocity:
                    self._held.append(message.note)
        return self._held[-1] if self._held else 0

    def close(self) -> None:
        """Close the port."""
        self._port.close()


def _opened(name: str) -> Any:
    # Imported late: mido's ports need a library of the system, and only this command opens one.
    import mido

    try:
        names = mido.get_input_names()
    except (ImportError, OSError) as error:
        raise ValueError(
            f"MIDI ports can't be read ({error}); `pip install python-rtmidi`, "
            "or play on the keyboard: --accompany keys"
        ) from None
    port = next((port for port in names if name.lower() in port.lower()), None)
    if port is None:
        raise ValueError(f"no MIDI input {name!r}; there are {', '.join(names) or 'none'}")
    return mido.open_input(port)

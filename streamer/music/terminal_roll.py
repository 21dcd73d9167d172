"""A piano roll on the terminal: two semitones a line, a step a column, the newest at the right."""

from collections.abc import Sequence

from streamer.models.music.notation import note_name

BOTH, UPPER, LOWER = "█", "▀", "▄"


def drawn(steps: Sequence[Sequence[int]], columns: int) -> list[str]:
    """Lines of text of the last `columns` of `steps`, MIDI notes with 0 for silence."""
    shown = [set(step) - {0} for step in steps[-columns:]]
    notes = set().union(*shown)
    if not notes:
        return []
    lines = []
    for upper in range(max(notes) | 1, min(notes) - 1, -2):
        cells = (_cell(upper in step, upper - 1 in step) for step in shown)
        name = note_name(upper - 1) if (upper - 1) % 12 == 0 else ""
        lines.append(f"{name:>4} {''.join(cells)}".rstrip())
    return lines


def _cell(upper: bool, lower: bool) -> str:
    if upper and lower:
        return BOTH
    return UPPER if upper else LOWER if lower else " "

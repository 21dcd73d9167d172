"""A piano roll as a picture."""

from pathlib import Path

from streamer.models.music.notation import note_name
from streamer.music.piece import Piece

ENDINGS = (".png", ".svg", ".pdf")
COLOURS = ("#c0392b", "#d68910", "#239b56", "#2471a3")


def write_roll(piece: Piece, path: Path, title: str) -> None:
    """Write `piece` as notes over time, a colour for each part."""
    # Imported late: it takes a second, and few commands draw.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    notes = list(piece.notes())
    beats = len(piece.steps) / piece.steps_per_beat
    figure = Figure(figsize=(min(24, max(8, beats / 5)), 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for note in notes:
        start, end = note.start / piece.steps_per_beat, note.end / piece.steps_per_beat
        colour = COLOURS[note.part % len(COLOURS)]
        axes.barh(note.pitch, end - start - 0.04, left=start, height=0.8, color=colour, linewidth=0)
    pitches = [note.pitch for note in notes] or [60]
    octaves = range(12 * (min(pitches) // 12), max(pitches) + 13, 12)
    axes.set_yticks(list(octaves), [note_name(pitch) for pitch in octaves])
    axes.set_ylim(min(pitches) - 2, max(pitches) + 2)
    axes.set_xlim(0, max(1.0, beats))
    axes.set_xlabel("beats")
    axes.grid(axis="y", alpha=0.3)
    axes.set_title(title)
    figure.legend(
        handles=[Patch(color=COLOURS[n % len(COLOURS)], label=name) for n, name in enumerate(piece.parts)],
        loc="outside lower center",
        ncols=len(piece.parts),
        fontsize="small",
    )
    figure.savefig(path, dpi=110)

"""What is known of a live session beside its words: level, delays, warnings."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from rich.text import Text

QUIET_DBFS, LOUD_DBFS = -60.0, 0.0
METER_CELLS = 24


@dataclass
class Figures:
    """The figures of a running session; `line` is all of them."""

    title: str
    level_dbfs: float = -np.inf
    lost_s: float = 0.0  # of sound
    heard_s: float = 0.0
    real_time_factor: float | None = None  # of a server that is ours
    warning: str = ""
    delays_ms: deque[float] = field(
        default_factory=lambda: deque(maxlen=1000)
    )  # word's end to its appearance
    computing_ms: deque[float] = field(default_factory=lambda: deque(maxlen=1000))  # sending to the result

    def line(self, columns: int | None = None) -> str:
        """The figures that fit into `columns`, the most important ones first; all of them without a limit."""
        line = ""
        for part in self._parts():
            longer = f"{line}, {part}" if line else part
            if columns is None or len(longer) <= columns:
                line = longer
        return line

    def _parts(self) -> list[str]:
        parts = [f"{self.heard_s:.1f} s heard"]
        if self.delays_ms:
            p50, p95 = np.percentile(list(self.delays_ms), (50, 95))
            parts.append(f"delay p50 {p50:.0f}, p95 {p95:.0f} ms")
        if self.computing_ms:
            parts.append(f"computing {np.median(list(self.computing_ms)):.0f} ms")
        if self.real_time_factor is not None:
            parts.append(f"real-time factor {self.real_time_factor:.2f}")
        parts.insert(1 if self.lost_s else len(parts), f"{self.lost_s:.1f} s lost")
        return parts


def meter(level_dbfs: float, cells: int = METER_CELLS) -> Text:
    """The level as a bar: green, yellow from -12 dBFS, red from -3."""
    share = (max(level_dbfs, QUIET_DBFS) - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)
    filled = round(min(1.0, share) * cells)
    colour = "red" if level_dbfs > -3 else "yellow" if level_dbfs > -12 else "green"
    return Text.assemble(("█" * filled, colour), ("░" * (cells - filled), "dim"))

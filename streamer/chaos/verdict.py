"""Undisturbed results beside those of a chaos run: what was lost, doubled, changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streamer.chaos.actors import Heard, Said

Reference = Mapping[int, set[Said]]  # by seq, what undisturbed runs say: of a tie, either


@dataclass(frozen=True)
class Verdict:
    """Of all streams and the watcher. `tied` results are one of two that an undisturbed run says, too.

    `recovery` runs from a kill to the first new result of each stream that lived through it.
    """

    streams: int
    kills: int
    lost: int
    doubled: int
    changed: int
    tied: int
    recovery_p50_ms: float | None
    recovery_p99_ms: float | None

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.changed)


def references(runs: Sequence[Sequence[Heard]]) -> dict[tuple[str, int], Reference]:
    """By kind of stream, what undisturbed runs said."""
    said: dict[tuple[str, int], dict[int, set[Said]]] = {}
    for run in runs:
        for heard in run:
            by_seq = said.setdefault(heard.plan.kind, {})
            for one in heard.said:
                by_seq.setdefault(one[0], set()).add(one)
    return dict(said)


def judge(
    heard: Sequence[Heard],
    watched: Mapping[str, Sequence[Said]],
    undisturbed: Mapping[tuple[str, int], Reference],
    kills: Sequence[float],
) -> Verdict:
    """Compare every stream with its kind undisturbed, and what the watcher saw of it."""
    lost = doubled = changed = tied = 0
    for one in heard:
        wanted = undisturbed[one.plan.kind]
        for said in (one.said, watched.get(one.topic, ())):
            counted = Counter(seq for seq, *_ in said)
            lost += len(wanted.keys() - counted.keys())
            doubled += sum(count - 1 for count in counted.values())
            changed += len({s for s in said if s not in wanted.get(s[0], ())})
            tied += sum(len(wanted.get(s[0], ())) > 1 for s in said)
    waits = [wait for one in heard for wait in recoveries(one, kills)]
    p50, p99 = (float(1000 * np.percentile(waits, q)) if waits else None for q in (50, 99))
    return Verdict(len(heard), len(kills), lost, doubled, changed, tied, p50, p99)


def recoveries(heard: Heard, kills: Sequence[float]) -> list[float]:
    """Seconds from each kill to the stream's next result, of a stream that spoke before and after."""
    came = np.array(heard.came_at)
    waits = []
    for kill in kills:
        after = came[came > kill]
        if len(after) and len(after) < len(came):
            waits.append(float(after[0] - kill))
    return waits

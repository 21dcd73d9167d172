"""What reads along in a live session: models of text that the server feeds with its finals."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from streamer.clients.connection import Connection, Stream
from streamer.clients.terminal import View
from streamer.config import Config
from streamer.models.bundle import catalog
from streamer.models.bundle.card import read_card
from streamer.offline.readable import readable


def reading_along(config: Config, model: str, wanted: str | None) -> Config:
    """`config` for a session of `model` alone, whose finals go to the models that `wanted` names.

    `wanted` holds names or tasks, with commas between; None: what the config feeds it. A task stands
    for the first live model of it. ValueError for a name that is neither.
    """
    pipelines = config.pipelines if wanted is None else {model: _named(config, wanted)}
    reached = [model]
    for name in reached:
        reached += [fed for fed in pipelines.get(name, ()) if fed not in reached]
    return replace(
        config,
        server=replace(config.server, serve=reached),
        pipelines={name: fed for name, fed in pipelines.items() if name in reached},
    )


class Along:
    """What those models have said so far, shown under the finals that it is about."""

    def __init__(self, connection: Connection, stream: Stream, shown: View):
        self.stream, self.shown = stream, shown
        self.tasks = {one.name: one.task for one in connection.describe().models}
        self._before = 0  # finals of streams that a server has lost

    def restarted(self, finals: int) -> None:
        """The server lost the stream after `finals` finals with words."""
        self._before = finals

    def show(self, wait_s: float = 0.0) -> bool:
        """Show what has arrived, the first of it waited for; whether anything had."""
        told = self.stream.derived(wait_s)
        for one in told:
            if one.result.kind == "final":
                task = self.tasks.get(one.model, "")
                self.shown.derived(self._before + one.final, one.model, readable(task, one.result))
        return bool(told)

    @property
    def open(self) -> bool:
        """Whether any of them may still say something."""
        return bool(self.stream.protocol.fed)


def _named(config: Config, wanted: str) -> list[str]:
    folders: dict[str, Path] = catalog.zoo() | config.folders()
    return [_model(folders, name.strip()) for name in wanted.split(",")]


def _model(folders: dict[str, Path], name: str) -> str:
    if name in folders:
        return name
    of_task = [
        one
        for one, folder in sorted(folders.items())
        if not one.endswith("-offline") and _task(folder) == name
    ]
    if not of_task:
        raise ValueError(f"--with {name}: neither a model nor a task; there are {', '.join(_known(folders))}")
    return of_task[0]


def _known(folders: dict[str, Path]) -> Sequence[str]:
    """The models that read text live."""
    return [
        name for name, folder in sorted(folders.items()) if not name.endswith("-offline") and _reads(folder)
    ]


def _task(folder: Path) -> str:
    try:
        return read_card(folder).task
    except ValueError:
        return ""  # told where it is used


def _reads(folder: Path) -> bool:
    return _task(folder) in ("entities", "sentiment", "translation", "summary")

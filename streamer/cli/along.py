"""Models of text in a live session, which the server feeds with its finals."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from streamer.cli.readable import readable
from streamer.clients.connection import Connection, Stream
from streamer.clients.terminal import TerminalView
from streamer.config import Config, with_model
from streamer.models.bundle import catalog
from streamer.models.card import read_card

TASKS = ("entities", "sentiment", "translation", "summary")  # of models that read text live


def reading_along(config: Config, model: str, readers: str | None) -> Config:
    """`config` for a session of `model` alone, whose finals go to the models that `readers` names.

    `readers` holds names, folders or tasks, separated by commas; None: those that the config names. A task
    stands for the first live model of it. ValueError for anything else.
    """
    pipelines = config.pipelines
    if readers is not None:
        names = []
        for reader in readers.split(","):
            config, name = _reader(config, reader.strip())
            names.append(name)
        pipelines = {model: names}
    reached = [model]
    for name in reached:
        reached += [fed for fed in pipelines.get(name, ()) if fed not in reached]
    return replace(
        config,
        server=replace(config.server, serve=reached),
        pipelines={name: fed for name, fed in pipelines.items() if name in reached},
    )


class Along:
    """The results of those models, shown under the finals that they are about."""

    def __init__(self, connection: Connection, stream: Stream, shown: TerminalView):
        self.stream, self.shown = stream, shown
        self.tasks = {model.name: model.task for model in connection.describe().models}
        self._before = 0  # finals of streams that a server has lost

    def restarted(self, finals: int) -> None:
        """The server lost the stream after `finals` finals with words."""
        self._before = finals

    def show(self, wait_s: float = 0.0) -> bool:
        """Show what has arrived, waiting for the first of it; whether anything had."""
        results = self.stream.derived(wait_s)
        for derived in results:
            if derived.result.kind == "final":
                text = readable(self.tasks.get(derived.model, ""), derived.result)
                self.shown.derived(self._before + derived.final, derived.model, text)
        return bool(results)

    @property
    def open(self) -> bool:
        """Whether any of them may still have a result."""
        return bool(self.stream.protocol.fed)


def _reader(config: Config, wanted: str) -> tuple[Config, str]:
    """The config in which the model that is wanted has a name, and that name."""
    folders = catalog.zoo() | config.folders()
    tasks = _live_tasks(folders)
    of_task = [name for name, task in tasks.items() if task == wanted]
    if wanted not in folders and of_task:
        return config, of_task[0]
    try:
        return with_model(config, wanted)
    except ValueError:
        known = ", ".join(name for name, task in tasks.items() if task in TASKS)
        raise ValueError(
            f"--with {wanted}: neither a model nor a task; there are {known}, and any model's folder"
        ) from None


def _live_tasks(folders: Mapping[str, Path]) -> dict[str, str]:
    """The task of each live model; of a card that can't be read none: whoever uses it says so."""
    tasks = {}
    for name, folder in sorted(folders.items()):
        if name.endswith("-offline"):
            continue
        try:
            tasks[name] = read_card(folder).task
        except ValueError:
            continue
    return tasks

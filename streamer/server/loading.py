"""A model by its name in a config: the weights that it is served and measured with."""

from streamer.config import Config
from streamer.models.bundle import catalog
from streamer.models.bundle.build import Model, load


def load_model(config: Config, name: str, task: str | None = None) -> Model:
    """The model `name`. ValueError for an unknown one, and for one of another task than `task`."""
    model = load(catalog.find(name, config.folders()), config.model(name).imports())
    if task is not None:
        check_task(name, model.card.task, task)
    return model


def check_task(name: str, task: str, wanted: str) -> None:
    """ValueError where the model `name` is made for another task than `wanted`."""
    if task != wanted:
        raise ValueError(f"{name} is a model for {task}; name one for {wanted}")

"""The configuration: config.toml as plain values. `default.toml` lists every key with its unit."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from streamer.models.bundle import catalog
from streamer.models.imports import Imports

DEFAULT = Path(__file__).with_name("default.toml")
LOCAL = Path("config.toml")
MAX_STREAMS = 1024

Positive = Annotated[int, Meta(ge=1, le=2**31)]
Whole = Annotated[int, Meta(ge=0, le=2**31)]


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to listen, what to serve, what a stream may ask."""

    inputs: str = "tcp://127.0.0.1:5550"
    publish: str = "tcp://127.0.0.1:5551"
    serve: list[str] = []
    lease_ms: Positive = 30_000
    first_input_ms: Positive = 10_000
    window_ms: Positive = 10_000
    max_skip_ms: Whole = 60_000
    memory_mb: Whole = 0
    state: str = ""
    checkpoint_hours: Positive = 24


class PeerOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What one remote address may have."""

    streams: Positive = 1024
    inputs_per_s: Positive = 30_000
    waiting_mb: Positive = 256


class EngineOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What steps run on."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    bf16: bool = False
    max_wait_ms: Annotated[float, Meta(ge=0, le=1000)] = 60
    max_batch: Annotated[int, Meta(ge=1, le=4096)] = 128


class ModelOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """One model: its folder (empty: the one that ships under this name) and its limits."""

    folder: str = ""
    max_streams: Annotated[int, Meta(ge=1, le=100_000)] = MAX_STREAMS
    allow_imports: list[str] = []
    import_folder: str = ""

    def imports(self) -> Imports:
        """What its card may name by import path, and where that is searched."""
        folder = Path(self.import_folder).resolve() if self.allow_imports else None
        return Imports(tuple(self.allow_imports), folder)


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    server: Server = Server()
    engine: EngineOptions = EngineOptions()
    peers: PeerOptions = PeerOptions()
    models: dict[str, ModelOptions] = {}
    pipelines: dict[str, list[str]] = {}

    def folders(self) -> dict[str, Path]:
        """The models that have a folder of their own."""
        return {name: Path(model.folder) for name, model in self.models.items() if model.folder}

    def model(self, name: str) -> ModelOptions:
        """The settings of a model, the defaults where the file has none."""
        return self.models.get(name, ModelOptions())


def with_model(config: Config, model: str) -> tuple[Config, str]:
    """`config` in which `model`, a name or the folder of a model, has a name; and that name.

    ValueError, one line, for an unknown model.
    """
    if not model or model in catalog.zoo() | config.folders():
        return config, model
    folder = catalog.find(model, config.folders())
    name = folder.resolve().name
    options = msgspec.structs.replace(config.model(name), folder=str(folder))
    return msgspec.structs.replace(config, models=config.models | {name: options}), name


def read_config(path: Path | None = None) -> Config:
    """The config in `path`, else in ./config.toml, else the shipped one.

    Folders come out relative to the file's own. ValueError, one line, for what can't be read, an
    unknown key or a wrong type, naming the file and the key.
    """
    path = path or (LOCAL if LOCAL.is_file() else DEFAULT)
    try:
        return parse(path.read_text(encoding="utf-8"), path.parent)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse(text: str, folder: Path = Path()) -> Config:
    """The config that `text` holds; its models' folders start at `folder`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from None
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ValueError(_complaint(raw, error)) from None
    models = {
        name: msgspec.structs.replace(
            model,
            folder=str(folder / Path(model.folder).expanduser()) if model.folder else "",
            import_folder=str(folder / Path(model.import_folder).expanduser()),
        )
        for name, model in config.models.items()
    }
    state = str(folder / Path(config.server.state).expanduser()) if config.server.state else ""
    server = msgspec.structs.replace(config.server, state=state)
    return msgspec.structs.replace(config, models=models, server=server)


def _complaint(raw: dict[str, Any], error: msgspec.ValidationError) -> str:
    """One line that begins with the key: "server.lease_ms: Expected `int`, got `str`"."""
    text, _, place = str(error).partition(" - at `$")
    place = place.rstrip("`").lstrip(".")
    if "models" in raw and place.startswith("models[...]"):
        # msgspec does not say which; find the model that does not convert.
        place = _model_place(raw["models"]) + place.removeprefix("models[...]")
    if text.startswith("Object contains unknown field"):
        key = text.split("`")[1]
        return f"{place}.{key}: unknown key".lstrip(".")
    return f"{place or 'the file'}: {text}"


def _model_place(models: dict[str, Any]) -> str:
    for name, value in models.items():
        try:
            msgspec.convert(value, ModelOptions)
        except msgspec.ValidationError:
            return f"models.{name}"
    return "models"

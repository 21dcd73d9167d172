"""From a config to a running server: models, engine, sockets, loop."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from platformdirs import user_cache_path

from streamer.config import Config
from streamer.models.bundle import catalog
from streamer.models.bundle.build import Model
from streamer.models.card import Card
from streamer.models.feeders.encoders import KINDS as TEXT_FEEDERS
from streamer.models.layers.stage import Stage
from streamer.models.readers.build import reader
from streamer.runtime.devices import Devices
from streamer.server.announcing import announce
from streamer.server.contract import WireEngine
from streamer.server.engine import Engine
from streamer.server.keyring import state_folder
from streamer.server.loading import load_model
from streamer.server.loop import Loop, stopped_by_signals
from streamer.server.memory import MemoryWatch
from streamer.server.peers import PeerLimits, Peers
from streamer.server.pipelines import Pipelines
from streamer.server.recording import Recorder
from streamer.server.sealing import Sealer
from streamer.server.served_model import ServedModel, generates, served
from streamer.server.sockets import Sockets
from streamer.server.streams import Settings


def serve(
    config: Config,
    ready: Callable[[str, str], None],
    record: Path | None = None,
    loaded: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` gets the addresses of inputs and of results.

    `record` is a file to write the wire to; `loaded` is called before the addresses are bound. ValueError or
    OSError, one line, for what can't be served, bound or written. Only in the main thread.
    """
    models = serve_models(config, served_names(config))
    if loaded:
        loaded()
    with Sockets(config.server.inputs, config.server.publish) as sockets:
        with_addresses = replace(settings(config), endpoint=sockets.inputs, publish=sockets.publish)
        engine = Pipelines(Engine(models, with_addresses), config.pipelines)
        for name in engine.engine.unsaved:
            announce(f"{name}: its streams are too large for checkpoints, and end with the server")
        if record is None:
            _run(_loop(config, engine, sockets), sockets, ready)
        else:
            with Recorder(record) as recorder:
                _run(_loop(config, engine, sockets, recorder), sockets, ready)


def served_names(config: Config) -> list[str]:
    """The models that the config wants served, those that its pipelines feed included; none: all."""
    names = list(config.server.serve)
    # Grows while it is read: what is fed may feed others.
    for name in names:
        names += [fed for fed in config.pipelines.get(name, ()) if fed not in names]
    return names


def unpaced_engine(config: Config, names: Sequence[str]) -> Engine:
    """An engine that serves `names` to the caller alone: no step waits for company."""
    return Engine(serve_models(config, names), replace(settings(config), max_wait_ms=0.0))


def serve_models(config: Config, names: Sequence[str]) -> Mapping[str, ServedModel]:
    """The models `names`, or every live one that ships or is configured, ready to step.

    Sets torch's threads. ValueError, one line, for a model that is unknown or can't be served.
    """
    torch.set_num_threads(config.engine.threads)
    devices = Devices(
        config.engine.device,
        config.engine.max_batch,
        announce,
        config.engine.bf16,
        user_cache_path("streamer"),
    )
    if names:
        return {name: _served(config, name, load_model(config, name), devices) for name in names}
    known = sorted(catalog.zoo() | config.folders())
    models = {name: load_model(config, name) for name in known}
    live = [name for name in known if isinstance(models[name].network, Stage) and hears(models[name].card)]
    if not live:
        raise ValueError("there is no live model to serve; name one with a folder under [models.NAME]")
    return {name: _served(config, name, models[name], devices) for name in live}


def settings(config: Config) -> Settings:
    """What the engine needs of the config."""
    server, engine = config.server, config.engine
    return Settings(
        lease_ms=server.lease_ms,
        first_input_ms=server.first_input_ms,
        window_ms=server.window_ms,
        max_skip_ms=server.max_skip_ms,
        max_wait_ms=engine.max_wait_ms,
        max_batch=engine.max_batch,
    )


def hears(card: Card) -> bool:
    """Whether a model takes what streams bring: sound, text or credit."""
    return card.front is not None or (
        card.feeder is not None and (card.feeder.kind in TEXT_FEEDERS or generates(card))
    )


def _served(config: Config, name: str, model: Model, devices: Devices) -> ServedModel:
    if not isinstance(model.network, Stage):
        raise ValueError(
            f"{name} is an offline network, which can't be served or heard live; `streamer transcribe`, "
            "the commands of text with --mode offline and `bench --offline` take it"
        )
    if not hears(model.card):
        raise ValueError(f"{name} takes neither sound, text nor credit and can't be served")
    rows = config.model(name).max_streams
    return served(model, name, reader(model.card, model.folder, rows, model.allowed), devices, rows)


def _loop(config: Config, engine: WireEngine, sockets: Sockets, recorder: Recorder | None = None) -> Loop:
    peers, server = config.peers, config.server
    limits = PeerLimits(peers.streams, peers.inputs_per_s, peers.waiting_mb * 2**20)
    sealer = Sealer(state_folder(server.state), server.checkpoint_hours * 3600.0)
    return Loop(engine, sockets, recorder, Peers(limits), MemoryWatch(server.memory_mb * 2**20), sealer)


def _run(loop: Loop, sockets: Sockets, ready: Callable[[str, str], None]) -> None:
    # What was loaded stays: to look through it for rubbish again and again takes a twentieth of the time.
    gc.collect()
    gc.freeze()
    with stopped_by_signals(loop):
        ready(sockets.inputs, sockets.publish)
        loop.run()

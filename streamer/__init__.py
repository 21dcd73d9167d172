"""Stateful recurrent networks over live audio, text and music. docs/api.md shows how this package is used.

    with streamer.connect("tcp://127.0.0.1:5550") as server: ...   # streams on a running server
    streamer.transcribe("talk.wav")                                # a recording, in this process
    streamer.load("sentiment-en-offline")("What a film!")          # any model of speech or text

`import streamer` loads neither torch nor ZeroMQ: a name is imported when it is first used (PEP 562).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamer import aio as aio
    from streamer.api import load as load
    from streamer.api import transcribe as transcribe
    from streamer.clients.connection import Connection as Connection
    from streamer.clients.connection import Stream as Stream
    from streamer.clients.connection import connect as connect
    from streamer.clients.keeping import Keeping as Keeping
    from streamer.clients.microphone import Microphone as Microphone
    from streamer.clients.notices import NoServer as NoServer
    from streamer.clients.notices import Refusal as Refusal
    from streamer.clients.notices import Resumed as Resumed
    from streamer.clients.notices import StreamOver as StreamOver
    from streamer.clients.subscriber import Subscriber as Subscriber
    from streamer.errors import OptionError as OptionError
    from streamer.errors import StreamerError as StreamerError
    from streamer.offline.sentence_result import SentenceResult as SentenceResult
    from streamer.offline.transcript import Transcript as Transcript

_MODULES = {
    "Connection": "streamer.clients.connection",
    "Keeping": "streamer.clients.keeping",
    "Microphone": "streamer.clients.microphone",
    "NoServer": "streamer.clients.notices",
    "OptionError": "streamer.errors",
    "Refusal": "streamer.clients.notices",
    "Resumed": "streamer.clients.notices",
    "SentenceResult": "streamer.offline.sentence_result",
    "Stream": "streamer.clients.connection",
    "StreamOver": "streamer.clients.notices",
    "StreamerError": "streamer.errors",
    "Subscriber": "streamer.clients.subscriber",
    "Transcript": "streamer.offline.transcript",
    "connect": "streamer.clients.connection",
    "load": "streamer.api",
    "transcribe": "streamer.api",
}

__all__ = [*_MODULES, "aio"]


def __getattr__(name: str) -> Any:
    """A public name, from the module that has it."""
    if name == "aio":
        return importlib.import_module("streamer.aio")
    if name not in _MODULES:
        raise AttributeError(f"module 'streamer' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

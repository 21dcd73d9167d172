"""The client for asyncio, with the verbs of the blocking one.

async with streamer.aio.connect("tcp://127.0.0.1:5550") as server:
    async with server.open("captions-en", format=microphone.format) as stream: ...
"""

from streamer.clients.aio import Connection, Stream, connect

__all__ = ["Connection", "Stream", "connect"]

"""The client for asyncio: the same streams as `streamer.clients.connection`, awaited.

async with await connect("tcp://127.0.0.1:5550") as server:
    stream = await server.open("captions-en")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(speak(stream))      # await stream.send(...), await stream.close()
        async for result in stream:
            show(result)
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any

import zmq
import zmq.asyncio

from streamer import wire
from streamer.clients.notices import Derived, NoServer, Notice
from streamer.clients.protocol import PATIENCE_S, Parts, StreamProtocol
from streamer.clients.streams import (
    LINGER_MS,
    StreamTable,
    credits,
    payload,
    pieces,
    socket_options,
)


async def connect(address: str, timeout_s: float = 5.0) -> "Connection":
    """A connection to the server at `address`, which has answered; else `NoServer`, or ValueError."""
    connection = Connection(address, timeout_s)
    try:
        await connection.describe()
    except BaseException:  # a cancelled task too: a context that isn't left hangs the exit
        connection.abandon()
        raise
    return connection


class Connection:
    """One connection, shared by the tasks of one event loop."""

    def __init__(self, address: str, timeout_s: float = 5.0):
        self.address, self.timeout_s = address, timeout_s
        self._context = zmq.asyncio.Context()
        self._sockets: dict[str, zmq.asyncio.Socket] = {}
        self._readers: list[asyncio.Task] = []
        self._table = StreamTable()
        self._silent = False  # whether the server was given up
        self._news = asyncio.Event()  # set and replaced whenever something arrives
        self._broken: BaseException | None = None
        self._socket(address)

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.close()
        else:
            self.abandon()

    async def describe(self) -> wire.Description:
        """What the server can do."""
        self._table.description = None
        asked_at = -PATIENCE_S

        def answered() -> bool:
            nonlocal asked_at
            now = time.monotonic()
            if self._table.description is None and now - asked_at >= PATIENCE_S:
                asked_at = now
                self._send(self.address, wire.encode(wire.Describe()))
            return self._table.description is not None

        await self.until(answered)
        return self._table.description

    async def open(self, model: str, **options: Any) -> "Stream":
        """A new stream of `model`. `Refusal` when the server says no."""
        protocol = StreamProtocol(model, options)
        self._table.add(protocol)
        try:
            await self.until(lambda: bool(protocol.check() or protocol.opened))
        except BaseException:  # a cancelled task too: nobody would hold the stream that opens later
            self._table.remove(protocol)
            raise
        return Stream(self, protocol)

    async def close(self) -> None:
        """Close every stream that is open, wait for its end, and disconnect."""
        try:
            streams = [Stream(self, protocol) for protocol in self._table.streams() if not protocol.refusal]
            for stream in streams:
                await stream.close()
            for stream in streams:
                await stream.wait()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Disconnect at once. The server is told to close what is open, unless it does not answer."""
        for protocol in self._table.abandoned() if not self._silent else []:
            self.send_for(protocol, protocol.close())
        for reader in self._readers:
            reader.cancel()
        self._context.destroy(linger=0 if self._silent else LINGER_MS)

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until `done()`, which is asked after every answer; ask the server again meanwhile."""
        began = time.monotonic()
        while not done():
            if self._broken:
                raise self._broken
            now = time.monotonic()
            for protocol, parts in self._table.due(now, began):
                self.send_for(protocol, parts)
            silence = now - max(began, self._table.heard_at)
            if silence >= self.timeout_s:
                self._silent = True
                raise NoServer(f"no server answers at {self.address} within {self.timeout_s:g} s")
            try:
                await asyncio.wait_for(
                    self._news.wait(), min(self._table.pause(now), self.timeout_s - silence)
                )
            except TimeoutError:
                continue

    def send_for(self, protocol: StreamProtocol, parts: Parts) -> None:
        """Send an input to where its stream lives."""
        self._send(self._table.endpoint(protocol, self.address) if protocol.opened else self.address, parts)

    def _send(self, endpoint: str, parts: Parts) -> None:
        # Sent at once or not at all: what nobody takes is kept, and repeated when the server answers.
        # Its future is done on return. Past zmq.asyncio it must not go: a send takes the signal that
        # the reader waits for.
        failure = self._socket(endpoint).send_multipart(parts, zmq.NOBLOCK).exception()
        if failure and not isinstance(failure, zmq.Again):
            raise failure

    def _socket(self, endpoint: str) -> zmq.asyncio.Socket:
        if endpoint not in self._sockets:
            socket = self._context.socket(zmq.DEALER)
            for option, value in socket_options(endpoint).items():
                socket.set(option, value)
            try:
                socket.connect(endpoint)
            except zmq.ZMQError as error:
                self.abandon()
                text = f"{endpoint!r} is no address: {error.strerror}; write tcp://HOST:PORT"
                raise ValueError(text) from None
            self._sockets[endpoint] = socket
            reader = asyncio.create_task(self._read(socket))
            reader.add_done_callback(self._ended)
            self._readers.append(reader)
        return self._sockets[endpoint]

    async def _read(self, socket: zmq.asyncio.Socket) -> None:
        while True:
            self._table.take(await socket.recv_multipart(), time.monotonic())
            self._tell()

    def _ended(self, reader: asyncio.Task) -> None:
        """Whoever waits is told what ended the reader; nobody would hear of it otherwise."""
        if not reader.cancelled():
            self._broken = reader.exception()
            self._tell()

    def _tell(self) -> None:
        """Wake every task that waits."""
        self._news.set()
        self._news = asyncio.Event()


class Stream:
    """One stream; one task may send while another iterates its results until it is over."""

    def __init__(self, connection: Connection, protocol: StreamProtocol):
        self._connection, self.protocol = connection, protocol

    @property
    def opened(self) -> wire.Opened:
        """What is in force: options, window, latency, topic."""
        return self.protocol.opened

    @property
    def closed(self) -> wire.Closed | None:
        """How the stream ended, once it has."""
        return self.protocol.closed

    @property
    def position(self) -> int:
        """Samples per channel, bytes of text, or steps of credit, sent so far."""
        return self.protocol.position

    def notices(self) -> list[Notice]:
        """What came since the last call."""
        return [self.protocol.notices.popleft() for _ in range(len(self.protocol.notices))]

    def derived(self) -> list[Derived]:
        """What models said since the last call that the server feeds with this stream's finals."""
        return [self.protocol.derived.popleft() for _ in range(len(self.protocol.derived))]

    async def send(self, given: bytes | str) -> None:
        """Send samples, interleaved by channel, or text, cut anywhere; waits while the server's window is full."""
        protocol = self.protocol
        for piece in pieces(payload(given, protocol), protocol):
            count = len(piece) // protocol.position_bytes
            await self._until(lambda: protocol.room >= count)
            self._give(protocol.input(piece))
        # Lets the reader run: a sender that never waits would never hear of a refusal.
        await asyncio.sleep(0)

    async def credit(self, count: int) -> None:
        """Ask a generator for `count` more steps; waits while the server's window is full."""
        for some in credits(count, self.protocol):
            await self._until(lambda: self.protocol.room >= some)
            self._give(self.protocol.credit(some))
        await asyncio.sleep(0)

    async def skip(self, count: int) -> None:
        """Say that `count` samples per channel are lost."""
        self._give(self.protocol.skip(count))

    async def control(self, **values: Any) -> None:
        """Change options; the notice `Applied` says from where on they are in force, `Rejected` that they aren't."""
        self._give(self.protocol.control(values))

    async def flush(self) -> None:
        """End the utterance now; the stream goes on."""
        self._give(self.protocol.flush())

    async def close(self) -> None:
        """Say that no more comes. The last results follow: iterate, or `wait`."""
        if not self.protocol.closing and not self.protocol.closed:
            self._give(self.protocol.close())

    async def wait(self) -> wire.Closed:
        """Wait for the end of a closed stream; its results stay to be read."""
        await self._until(lambda: False)
        return self.protocol.closed

    async def __aiter__(self) -> AsyncIterator[wire.Result]:
        while True:
            while self.protocol.results:
                yield self.protocol.results.popleft()
            if self.protocol.closed:
                return
            await self._until(lambda: bool(self.protocol.results))

    async def _until(self, done: Callable[[], bool]) -> None:
        """Wait for `done()` or the end of the stream."""

        def over() -> bool:
            self.protocol.check()
            return done() or self.protocol.closed is not None

        await self._connection.until(over)

    def _give(self, parts: Parts) -> None:
        self._connection.send_for(self.protocol, parts)

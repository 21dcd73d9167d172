"""The client for asyncio: the same streams as `streamer.clients.connection`, awaited.

async with connect("tcp://127.0.0.1:5550") as server, server.open("captions-en") as stream:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(speak(stream))      # await stream.send(...), await stream.close()
        async for result in stream:
            show(result)
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast

import zmq
import zmq.asyncio

from streamer import wire
from streamer.clients.exchange import Exchange, Sending, StreamView, came, connect_dealer
from streamer.clients.keeping import KEEPING, RECONNECT_S, Keeping
from streamer.clients.lifeline import Parts
from streamer.clients.notices import Derived
from streamer.clients.protocol import StreamProtocol
from streamer.clients.stream_format import Payload


def connect(
    address: str, timeout_s: float = 5.0, reconnect_s: float = RECONNECT_S, keeping: Keeping = KEEPING
) -> "Pending[Connection]":
    """Connect to the server at `address`, as the blocking `connect` does.

    `async with connect(...) as server`, or `server = await connect(...)`.
    """
    return Pending(_connected(address, timeout_s, reconnect_s, keeping))


async def _connected(address: str, timeout_s: float, reconnect_s: float, keeping: Keeping) -> "Connection":
    connection = Connection(address, timeout_s, reconnect_s, keeping)
    try:
        await connection.describe()
    except BaseException:  # a cancelled task too: a context that isn't left hangs the exit
        connection.abandon()
        raise
    return connection


class _Context(Protocol):
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


C = TypeVar("C", bound=_Context)


class Pending(Coroutine[Any, Any, C]):
    """A connection or a stream that is opening: `await` returns it, `async with` also closes it at the end.

    It is a coroutine, so that `asyncio.run` and `create_task` take it as well.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, C]):
        self._coroutine = coroutine
        self._entered: C | None = None

    def __await__(self) -> Generator[Any, Any, C]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    async def __aenter__(self) -> C:
        self._entered = await self._coroutine
        return await self._entered.__aenter__()

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._entered is not None, "left before it was entered"
        await self._entered.__aexit__(kind, error, trace)


class Connection:
    """One connection, shared by the tasks of one event loop. Leaving it closes its streams."""

    def __init__(
        self,
        address: str,
        timeout_s: float = 5.0,
        reconnect_s: float = RECONNECT_S,
        keeping: Keeping = KEEPING,
    ):
        self.address, self.timeout_s, self.keeping = address, timeout_s, keeping
        self._exchange = Exchange(address, timeout_s, reconnect_s)
        self._context = zmq.asyncio.Context()
        self._sockets: dict[str, zmq.asyncio.Socket] = {}
        self._readers: list[asyncio.Task[None]] = []
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
        """Ask the server what it can do."""
        self._exchange.ask()
        await self.wait_until(self._exchange.described)
        return self._exchange.description

    def open(self, model: str, *, publish: bool = True, **options: Any) -> "Pending[Stream]":
        """Open a stream of `model`: `await` it, or `async with` it. `Refusal` when the server refuses.

        Without `publish` the server tells its results to nobody else.
        """
        return Pending(self._opened(StreamProtocol(model, options, publish, self.keeping)))

    async def close(self) -> None:
        """Close every stream that is open, wait for its end, and disconnect."""
        try:
            streams = [Stream(self, protocol) for protocol in self._exchange.streams()]
            for stream in streams:
                await stream.close()
            for stream in streams:
                await stream.wait()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Disconnect at once. The server is told to close what is open, unless it does not answer."""
        for sending in self._exchange.farewells():
            self._send(sending)
        for reader in self._readers:
            reader.cancel()
        self._context.destroy(linger=self._exchange.linger_ms)

    async def wait_until(self, done: Callable[[], bool], most_s: float = math.inf) -> None:
        """Wait until `done()`, which is called after every answer, for at most `most_s`.

        `NoServer` when no answer comes for `timeout_s`.
        """
        began = time.monotonic()
        while not done() and (left_s := most_s - (time.monotonic() - began)) > 0:
            if self._broken:
                raise self._broken
            now = time.monotonic()
            for sending in self._exchange.due(now, began):
                self._send(sending)
            wait_s = min(left_s, self._exchange.patience(now, began))
            try:
                await asyncio.wait_for(self._news.wait(), wait_s)
            except TimeoutError:
                continue

    def send_for(self, protocol: StreamProtocol, parts: Parts) -> None:
        """Send an input to where its stream lives; it waits where that isn't known."""
        if not protocol.lifeline.parted:
            self._send(Sending(self._exchange.endpoint(protocol), parts))

    async def _opened(self, protocol: StreamProtocol) -> "Stream":
        self._exchange.add(protocol)
        try:
            await self.wait_until(protocol.answered)
        except BaseException:  # a cancelled task too: nobody would hold the stream that opens later
            self._exchange.remove(protocol)
            raise
        return Stream(self, protocol)

    def _send(self, sending: Sending) -> None:
        # Sent at once or not at all: what nobody takes is kept, and repeated when the server answers.
        # Its future is done on return. Past zmq.asyncio it must not go: a send takes the signal that
        # the reader waits for.
        sent = self._socket(sending.endpoint).send_multipart(sending.parts, zmq.NOBLOCK)
        failure = cast("asyncio.Future[None]", sent).exception()  # declared as any awaitable
        if failure and not isinstance(failure, zmq.Again):
            raise failure

    def _socket(self, endpoint: str) -> zmq.asyncio.Socket:
        if endpoint not in self._sockets:
            socket = self._context.socket(zmq.DEALER)
            try:
                monitor = connect_dealer(socket, endpoint)
            except ValueError:
                self.abandon()
                raise
            self._sockets[endpoint] = socket
            for task in (self._read(socket), self._watch(monitor, endpoint)):
                reader = asyncio.create_task(task)
                reader.add_done_callback(self._ended)
                self._readers.append(reader)
        return self._sockets[endpoint]

    async def _read(self, socket: zmq.asyncio.Socket) -> None:
        while True:
            self._exchange.take(await socket.recv_multipart(), time.monotonic())
            self._wake()

    async def _watch(self, monitor: zmq.asyncio.Socket, endpoint: str) -> None:
        """Know whether a server is at `endpoint`."""
        while True:
            if came(await monitor.recv_multipart()):
                self._exchange.connected(endpoint)
            else:
                self._exchange.disconnected(endpoint, time.monotonic())
            self._wake()

    def _ended(self, reader: "asyncio.Task[None]") -> None:
        """Raise what ended the reader in the tasks that wait; nobody would hear of it otherwise."""
        if not reader.cancelled():
            self._broken = reader.exception()
            self._wake()

    def _wake(self) -> None:
        """Wake every task that waits."""
        self._news.set()
        self._news = asyncio.Event()


class Stream(StreamView):
    """One stream; one task may send while another iterates its results until it is over.

    An async context manager: leaving it closes it and waits for its end; results can still be read then.
    """

    def __init__(self, connection: Connection, protocol: StreamProtocol):
        super().__init__(protocol)
        self._connection = connection

    async def __aenter__(self) -> "Stream":
        return self

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.close()
            await self.wait()
        elif not self.protocol.refusal:
            await self.close()

    async def send(self, samples_or_text: Payload) -> None:
        """Send samples or text, as the blocking client's `send`; waits while the server's window is full."""
        for piece in self.protocol.format.pieces(samples_or_text, self.opened.window):
            await self._wait_until(partial(self.protocol.fits, self.protocol.format.positions(piece)))
            self._give(self.protocol.input(piece))
        # Lets the reader run: a sender that never waits would never hear of a refusal.
        await asyncio.sleep(0)

    async def credit(self, count: int) -> None:
        """Ask a generator for `count` more steps; waits while the server's window is full."""
        for part in self.protocol.format.credits(count, self.opened.window):
            await self._wait_until(partial(self.protocol.fits, part))
            self._give(self.protocol.credit(part))
        await asyncio.sleep(0)

    async def skip(self, count: int) -> None:
        """Say that `count` samples per channel are lost."""
        self._give(self.protocol.skip(count))

    async def control(self, **values: Any) -> None:
        """Change options; the notice `Applied` says from which position on, `Rejected` that none did."""
        self._give(self.protocol.control(values))

    async def flush(self) -> None:
        """End the utterance now; the stream goes on."""
        self._give(self.protocol.flush())

    async def close(self) -> None:
        """End the input. The last results follow: iterate, or `wait`."""
        if not self.protocol.closing and not self.protocol.closed:
            self._give(self.protocol.close())

    async def wait(self) -> wire.Closed:
        """Wait for the end of a closed stream; its results stay to be read."""
        await self._wait_until(lambda: False)
        return self.protocol.ended

    async def poll(self, wait_s: float = 0.0) -> list[wire.Result]:
        """The results that have arrived; waits for the first one for at most `wait_s`."""
        await asyncio.sleep(0)
        await self._wait_until(lambda: bool(self.protocol.inbox.results), wait_s)
        return self.protocol.inbox.take_results()

    async def derived(self, wait_s: float = 0.0) -> list[Derived]:
        """The results of models that the server feeds with this stream's finals.

        Waits for the first one for at most `wait_s`, if the server feeds any model.
        """
        await self._connection.wait_until(
            lambda: bool(self.protocol.inbox.derived or not self.protocol.fed), wait_s
        )
        return self.protocol.inbox.take_derived()

    async def __aiter__(self) -> AsyncIterator[wire.Result]:
        while True:
            while self.protocol.inbox.results:
                yield self.protocol.inbox.results.popleft()
            if self.protocol.closed:
                self.protocol.check()  # a stream that ends by a fault is refused before it is closed
                return
            await self._wait_until(lambda: bool(self.protocol.inbox.results))

    async def _wait_until(self, done: Callable[[], bool], most_s: float = math.inf) -> None:
        """Wait for `done()` or the end of the stream, for at most `most_s`."""
        await self._connection.wait_until(self._unless_over(done), most_s)

    def _give(self, parts: Parts) -> None:
        self._connection.send_for(self.protocol, parts)

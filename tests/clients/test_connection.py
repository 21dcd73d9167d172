"""The Python client against a real loop: windows, reconnecting, restarts, ends."""

import asyncio
import hashlib
import threading
import time

import numpy as np
import pytest
import zmq
from msgspec.structs import replace

from streamer.clients import aio as asynchronous
from streamer.clients.connection import connect
from streamer.clients.notices import Gap, NoServer, Refusal, Restarted, StreamOver
from tests.echo_engine import WINDOW, EchoEngine
from tests.proxy import Proxy
from tests.serving import Server, serving

DATA = bytes(range(256)) * 250  # 32,000 samples
FRAME = 640


def frames(data: bytes = DATA) -> list[bytes]:
    return [data[i : i + FRAME] for i in range(0, len(data), FRAME)]


def digest(data: bytes = DATA) -> str:
    return hashlib.md5(data).hexdigest()


def heard_digest(results) -> str:
    return results[-1].alternatives[0].text


def test_all_that_was_sent_is_heard_and_the_results_come_in_order():
    with serving(EchoEngine()) as server, connect(server.address) as connection:
        stream = connection.open("echo", format={"encoding": "s16", "rate": 16000, "channels": 1})
        results = []
        for frame in frames():
            stream.send(frame)
            results += stream.poll()
        stream.flush()
        stream.close()
        results += stream
        assert [r.seq for r in results] == list(range(1, len(frames()) + 2))
        assert heard_digest(results) == digest()
        assert (stream.closed.reason, stream.closed.through) == ("closed", len(DATA) // 2)
        assert (stream.position, stream.notices()) == (len(DATA) // 2, [])


def test_one_large_send_is_cut_and_never_fills_more_than_the_window():
    engine = EchoEngine(steps=1)
    with serving(engine) as server, connect(server.address) as connection:
        stream = connection.open("echo")
        kept = []
        give = stream._give
        stream._give = lambda parts: (give(parts), kept.append(stream.protocol.kept))
        stream.send(DATA)
        stream.close()
        results = list(stream)
        assert heard_digest(results) == digest()
        assert max(kept) <= WINDOW


def test_streams_share_a_connection():
    with serving(EchoEngine()) as server, connect(server.address) as connection:
        streams = [connection.open("echo") for _ in range(20)]
        for number, stream in enumerate(streams):
            stream.send(DATA[: 4 * (number + 1)])
            stream.close()
        for number, stream in enumerate(streams):
            assert heard_digest(list(stream)) == digest(DATA[: 4 * (number + 1)])


def test_leaving_the_connection_closes_its_streams():
    engine = EchoEngine()
    with serving(engine) as server:
        with connect(server.address) as connection:
            stream = connection.open("echo")
            stream.send(DATA)
        assert stream.closed.reason == "closed"
        assert not engine.streams
        assert heard_digest(list(stream)) == digest()


def test_leaving_in_haste_closes_its_streams_too():
    engine = EchoEngine()
    with serving(engine) as server:
        with pytest.raises(KeyboardInterrupt), connect(server.address) as connection:
            connection.open("echo").send(DATA)
            raise KeyboardInterrupt
        with connect(server.address) as other:
            deadline = time.monotonic() + 5
            while engine.streams and time.monotonic() < deadline:
                other.describe()
            assert not engine.streams


def test_no_server():
    began = time.monotonic()
    with pytest.raises(NoServer, match="tcp://127.0.0.1:9 within 0.5 s") as caught:
        connect("tcp://127.0.0.1:9", timeout_s=0.5)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1", "tcp://127.0.0.1:notaport", ""])
def test_a_bad_address_is_one_line(address):
    with pytest.raises(ValueError, match="tcp://HOST:PORT") as caught:
        connect(address, timeout_s=0.5)
    assert "\n" not in str(caught.value)


def test_a_server_that_vanishes():
    server = Server(EchoEngine())
    connection = connect(server.address, timeout_s=1.5)
    stream = connection.open("echo")
    stream.send(DATA[:FRAME])
    server.kill()
    with pytest.raises(NoServer):
        stream.send(DATA)
    connection.abandon()


def test_refusals_are_raised():
    with serving(EchoEngine()) as server, connect(server.address) as connection:
        with pytest.raises(Refusal, match="no model 'none'") as caught:
            connection.open("none")
        assert (caught.value.code, caught.value.refused.field) == ("unknown_model", "model")
        stream = connection.open("echo")
        with pytest.raises(ValueError, match="3 bytes"):
            stream.send(b"abc")
        stream.send(b"ab")


def test_inputs_after_the_end():
    with serving(EchoEngine(lease_s=0.1)) as server, connect(server.address) as connection:
        stream = connection.open("echo")
        stream.send(DATA[:FRAME])
        assert heard_digest(list(stream)) == digest(DATA[:FRAME])
        assert stream.closed.reason == "lease"
        with pytest.raises(StreamOver, match="lease"):
            stream.send(DATA)
        closed = connection.open("echo")
        closed.close()
        with pytest.raises(StreamOver):
            closed.flush()


def test_a_server_that_stops_says_so():
    server = Server(EchoEngine())
    with connect(server.address) as connection:
        stream = connection.open("echo")
        stream.send(DATA[:FRAME])
        assert stream.poll(5.0)
        server.stop()
        assert list(stream) == []
        assert stream.closed.reason == "draining"


def test_skip_and_control():
    engine = EchoEngine()
    with serving(engine) as server, connect(server.address) as connection:
        stream = connection.open("echo")
        stream.send(DATA[:FRAME])
        stream.skip(1000)
        stream.control(partials=False)
        stream.send(DATA[FRAME : 2 * FRAME])
        stream.close()
        assert heard_digest(list(stream)) == digest(DATA[: 2 * FRAME])
        (applied,) = stream.notices()
        assert (applied.position, applied.options) == (FRAME // 2 + 1000, {"partials": False})
        assert stream.closed.through == FRAME + 1000


def test_a_fresh_server_in_the_old_place_gets_a_new_stream():
    first = Server(EchoEngine("first"))
    with connect(first.address, timeout_s=10) as connection:
        stream = connection.open("echo")
        before = stream.opened.stream
        for frame in frames()[:20]:
            stream.send(frame)
        while stream.protocol.kept:
            stream.poll(0.05)
        stream.poll()
        first.kill()
        with serving(EchoEngine("second"), inputs=first.address) as second:
            for frame in frames()[20:]:
                stream.send(frame)
            stream.close()
            results = list(stream)
            (notice,) = [n for n in stream.notices() if isinstance(n, Restarted)]
            assert notice == Restarted(before, stream.opened.stream, 20 * FRAME // 2)
            assert before not in second.engine.digests
            assert heard_digest(results) == digest(b"".join(frames()[20:]))
            assert stream.position == len(DATA) // 2


def test_a_broken_connection_loses_no_input_and_reports_lost_results():
    engine = EchoEngine()
    with (
        serving(engine) as server,
        Proxy(server.address) as proxy,
        connect(proxy.address, timeout_s=10) as connection,
    ):
        stream = connection.open("echo")
        results = []
        for number, frame in enumerate(frames()):
            stream.send(frame)
            results += stream.poll()
            if number % 25 == 12:
                proxy.cut()
        stream.close()
        results += stream
        notices = stream.notices()
    assert len(engine.digests) == 1, "the stream must go on, not start afresh"
    assert next(iter(engine.digests.values())).hexdigest() == digest()
    assert all(isinstance(n, Gap) for n in notices)
    lost = {seq for gap in notices for seq in range(gap.first, gap.last + 1)}
    assert sorted(lost | {r.seq for r in results}) == list(range(1, stream.closed.results + 1))
    assert stream.closed.reason == "closed"


@pytest.fixture
def stranger():
    """The address of a ROUTER that answers everything with nonsense."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    ended = threading.Event()

    def babble():
        while not ended.is_set():
            if router.poll(20):
                router.send_multipart([router.recv_multipart()[0], b"nonsense"])
        context.destroy(linger=0)

    thread = threading.Thread(target=babble)
    thread.start()
    yield f"tcp://127.0.0.1:{port}"
    ended.set()
    thread.join()


def test_another_program_at_the_address(stranger):
    with pytest.raises(NoServer, match="no streamer server"):
        connect(stranger)
    with pytest.raises(NoServer, match="no streamer server"):
        asyncio.run(asynchronous.connect(stranger))


def test_inputs_go_where_opened_says(monkeypatch):
    with serving(EchoEngine("elsewhere")) as elsewhere:
        engine = EchoEngine("here")
        # Both know the stream, as two doors of one server would.
        engine.receive = elsewhere.engine.receive
        opened = elsewhere.engine._open
        monkeypatch.setattr(
            elsewhere.engine, "_open", lambda *of: replace(opened(*of), endpoint=elsewhere.address)
        )
        with serving(engine) as here, connect(here.address) as connection:
            stream = connection.open("echo")
            elsewhere.loop._topics[stream.opened.stream] = b""
            stream.send(DATA)
            stream.close()
            assert heard_digest(list(stream)) == digest()
            assert list(connection._sockets) == [here.address, elsewhere.address]


def test_asyncio_sends_and_iterates_at_once():
    async def converse(address: str):
        async with await asynchronous.connect(address) as connection:
            assert (await connection.describe()).models[0].name == "echo"
            with pytest.raises(Refusal):
                await connection.open("none")
            stream = await connection.open("echo")

            async def speak():
                for frame in frames():
                    await stream.send(frame)
                await stream.close()

            speaking = asyncio.create_task(speak())
            results = [result async for result in stream]
            await speaking
            return results, stream

    with serving(EchoEngine(steps=1)) as server:
        results, stream = asyncio.run(converse(server.address))
    assert [r.seq for r in results] == list(range(1, len(frames()) + 1))
    assert (heard_digest(results), stream.closed.reason) == (digest(), "closed")


def test_leaving_a_stream_closes_it_and_its_results_stay():
    engine = EchoEngine()
    with serving(engine) as server, connect(server.address) as connection:
        with connection.open("echo") as stream:
            stream.send(DATA)
        assert stream.closed.reason == "closed" and not engine.streams
        assert heard_digest(list(stream)) == digest()
        with pytest.raises(KeyboardInterrupt), connection.open("echo") as left:
            raise KeyboardInterrupt
        assert left.wait().reason == "closed"


def test_asyncio_enters_connections_and_streams_as_the_blocking_client_does():
    async def converse(address: str):
        async with asynchronous.connect(address) as connection:
            async with connection.open("echo") as stream:
                await stream.send(np.frombuffer(DATA, "<i2"))
                first = await stream.poll(5.0)
                await stream.control(partials=False)
                await stream.skip(3)
                await stream.flush()
            assert await stream.derived() == []
            results = first + [result async for result in stream]
            other = await asyncio.create_task(connection.open("echo"))  # a coroutine as well
            await other.close()
            with pytest.raises(Refusal):
                async with connection.open("none"):
                    pass
            return results, stream

    with serving(EchoEngine()) as server:
        results, stream = asyncio.run(converse(server.address))
    assert (heard_digest(results), stream.closed.reason) == (digest(), "closed")
    assert stream.notices()[0].position == len(DATA) // 2


def test_asyncio_no_server():
    with pytest.raises(NoServer):
        asyncio.run(asynchronous.connect("tcp://127.0.0.1:9", timeout_s=0.5))
    with pytest.raises(ValueError):
        asyncio.run(asynchronous.connect("nonsense"))

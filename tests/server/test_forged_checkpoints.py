"""Checkpoints that are forged, cut, foreign or played back, given to a server that others use meanwhile."""

import random
from collections import Counter

from streamer import wire
from streamer.clients.connection import connect
from streamer.clients.keeping import Keeping
from streamer.clients.notices import Resumed
from streamer.server.engine import Engine
from streamer.server.loop import Loop
from streamer.server.sealing import Sealer
from streamer.server.sockets import Sockets
from streamer.server.streams import Settings
from tests.serving import ANY_PORT, Server
from tests.socket_owner import SAMPLES, SocketOwner
from tests.tiny_engine import FORMAT, alone, plain, tiny_engine, tiny_served

AT_ONCE = 64  # forgeries whose answers are awaited together


class Forger:
    """Makes pairs of a `Resume` with its payload, and the answers that they may have."""

    def __init__(self, seed: int, held: bytes, closed: wire.Opened, living: wire.Opened):
        self.chance, self.held, self.closed, self.living = random.Random(seed), held, closed, living
        self.foreign = Sealer(None)
        self.kinds = (self.cut, self.changed, self.made_up, self.sealed_elsewhere, self.swapped)
        self.kinds += self.played_back, self.stolen, self.renamed

    def make(self, number: int) -> tuple[wire.Resume, bytes, set[str]]:
        kind = self.kinds[number % len(self.kinds)]
        return kind(f"forgery {number}")

    def unknown(self, request: str) -> wire.Resume:
        return wire.Resume(request, self.chance.randbytes(16), self.chance.randbytes(16))

    def cut(self, request: str) -> tuple[wire.Resume, bytes, set[str]]:
        return self.unknown(request), self.held[: self.chance.randrange(len(self.held))], {"bad_checkpoint"}

    def changed(self, request: str) -> tuple[wire.Resume, bytes, set[str]]:
        at = self.chance.randrange(len(self.held))
        changed = bytearray(self.held)
        changed[at] ^= 1 << self.chance.randrange(8)
        return self.unknown(request), bytes(changed), {"bad_checkpoint"}

    def made_up(self, request: str) -> tuple[wire.Resume, bytes, set[str]]:
        return self.unknown(request), self.chance.randbytes(self.chance.randrange(30_000)), {"bad_checkpoint"}

    def sealed_elsewhere(self, request: str) -> tuple[wire.Resume, bytes, set[str]]:
        return self.unknown(request), self.foreign.seal(self.chance.randbytes(5000)), {"bad_checkpoint"}

    def swapped(self, request: str) -> tuple[wire.Resume, bytes, set[str]]:
        """A true checkpoint under a stream and owner that aren't its own."""
        return self.unknown(request), self.held, {"bad_checkpoint"}

    def played_back(self, request: str) -> tuple[wire.Resume, bytes, set[str]]:
        """A true one of a stream that is over."""
        closed = self.closed
        return wire.Resume(request, closed.stream, closed.owner), self.held, {"Closed"}

    def stolen(self, request: str) -> tuple[wire.Resume, bytes, set[str]]:
        """A true one, and the stream's name, without its owner's token."""
        resume = wire.Resume(request, self.closed.stream, self.chance.randbytes(16))
        return resume, self.held, {"not_owner"}

    def renamed(self, request: str) -> tuple[wire.Resume, bytes, set[str]]:
        """Another stream's, for one that lives."""
        resume = wire.Resume(request, self.living.stream, self.chance.randbytes(16))
        return resume, self.held, {"not_owner"}


def answer_of(message: wire.Output) -> str:
    return message.code if isinstance(message, wire.Refused) else type(message).__name__


def test_all_are_refused_and_nobody_else_notices(tmp_path, forgeries):
    sealer = Sealer(tmp_path)
    undisturbed, disturbed = tiny_engine(), tiny_engine()
    results: list[list[tuple]] = []
    for engine, count in ((undisturbed, 0), (disturbed, forgeries)):
        server = Server(None, loop=Loop(engine, Sockets(ANY_PORT, ANY_PORT), sealer=sealer))
        owner = SocketOwner(server.address)
        opened = owner.open("a stream that is closed")
        held = owner.checkpoint
        owner.close(opened)
        with connect(server.address) as connection:
            stream = connection.open("tiny", format=FORMAT)
            forger = Forger(1, held, opened, stream.opened)
            heard: list[wire.Result] = []
            answers: Counter[str] = Counter()
            pieces = range(0, len(SAMPLES), 4000)
            for piece, at in enumerate(pieces):
                stream.send(SAMPLES[at : at + 4000])
                numbers = range(piece * count // len(pieces), (piece + 1) * count // len(pieces))
                for first in range(numbers.start, numbers.stop, AT_ONCE):
                    expected: list[set[str]] = []
                    for number in range(first, min(first + AT_ONCE, numbers.stop)):
                        resume, payload, codes = forger.make(number)
                        expected.append(codes)
                        owner.tell(resume, payload)
                    for codes in expected:
                        answer = answer_of(owner.hear(wire.Opened | wire.Refused | wire.Closed))
                        assert answer in codes
                        answers[answer] += 1
                heard += stream.poll(0.0)
            stream.close()
            heard += list(stream)
            assert stream.closed.reason == "closed" and not stream.notices()
        assert answers.total() == count
        owner.socket.close()
        server.stop()
        assert not engine.sessions and len(engine.models["tiny"].free_rows) == 8
        results.append([plain(result) for result in heard])
    assert results[0] == results[1] and results[0]


def test_a_stream_that_lives_is_found_again_whatever_its_owner_keeps():
    server = Server(tiny_engine())
    owner = SocketOwner(server.address)
    opened = owner.open("a stream that lives")
    for number, payload in enumerate((owner.checkpoint[:-1], b"forged" * 20, b"", Sealer(None).seal(b"x"))):
        request = f"again {number}"
        ids = {"stream": opened.stream, "owner": opened.owner, "incarnation": opened.incarnation}
        owner.tell(wire.Resume(request, **ids), payload)
        again = owner.hear(wire.Opened | wire.Refused)
        assert isinstance(again, wire.Opened) and (again.request, again.covered) == (request, 1)
    owner.close(opened)
    owner.socket.close()
    server.stop()


def test_a_condition_too_large_for_a_message_is_not_sent_and_its_stream_goes_on_from_an_older_one():
    class Growing(Engine):
        """Its streams' conditions are too large, after the first one."""

        def tick(self, now):
            outgoing = super().tick(now)
            kept = [out for out in outgoing if out.condition]
            grown = [out._replace(condition=out.condition.ljust(2**21, b"\0")) for out in kept]
            first, self.grown = (not self.grown), True if kept else self.grown
            return outgoing if first else [out for out in outgoing if not out.condition] + grown

        grown = False

    sealer = Sealer(None)

    def server_of(engine, inputs: str = ANY_PORT):
        return Server(None, loop=Loop(engine, Sockets(inputs, ANY_PORT), sealer=sealer))

    growing = Growing({"tiny": tiny_served()}, Settings())
    server = server_of(growing)
    with connect(server.address, keeping=Keeping(100)) as connection:
        stream = connection.open("tiny", format=FORMAT)
        heard: list[wire.Result] = []
        for at in range(0, 32_000, 4000):
            stream.send(SAMPLES[at : at + 4000])
            heard += stream.poll(0.1)
        server.stop()
        assert growing.grown
        server = server_of(tiny_engine(), server.address)
        for at in range(32_000, len(SAMPLES), 4000):
            stream.send(SAMPLES[at : at + 4000])
        stream.close()
        heard += list(stream)
        assert [type(notice) for notice in stream.notices()] == [Resumed]
    server.stop()
    assert [plain(result) for result in heard] == alone(SAMPLES, 4000).plain_results

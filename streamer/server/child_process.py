"""A server of one's own in a child process: started, waited for, stopped. Imports no torch."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

import msgspec
from msgspec import Struct

from streamer.config import Config

STOP_SECONDS = 10.0
ANY_PORT = "tcp://127.0.0.1:0"


class Start(Struct, frozen=True):
    """What the child is told: its config, and whether it stands by until another byte comes."""

    config: Config
    standby: bool = False


class Serving(Struct, frozen=True, tag=True):
    """The child serves: its addresses."""

    inputs: str
    publish: str


class StandingBy(Struct, frozen=True, tag=True):
    """The child has loaded everything and waits to be wanted."""


class Failed(Struct, frozen=True, tag=True):
    """The child can't serve; one line."""

    message: str


class ServerProcess:
    """A server of `config` on free ports of this machine, for as long as the `with` lasts.

    `inputs` and `publish` are its addresses, or those that are given; `pid` its process. With `standby` it
    has loaded everything, and serves there from `take_over` on. `within` is a command that runs it. It
    stops by itself when the process that started it is gone. ValueError, one line, if it can't serve.
    """

    def __init__(
        self,
        config: Config,
        inputs: str = ANY_PORT,
        publish: str = ANY_PORT,
        standby: bool = False,
        within: Sequence[str] = (),
    ):
        server = msgspec.structs.replace(config.server, inputs=inputs, publish=publish)
        # A session of its own, so that Ctrl-C reaches it through us, after the last words.
        self._process = subprocess.Popen(
            [*within, sys.executable, "-m", "streamer.server.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout  # both are pipes
        self._input, self._output = self._process.stdin, self._process.stdout
        self.pid = self._process.pid
        try:
            self._tell(msgspec.json.encode(Start(msgspec.structs.replace(config, server=server), standby)))
            answer = self._answer()
        except BaseException:  # Ctrl-C too: it has a session of its own and would outlive us
            # Nobody has spoken to it: there are no last words to wait for.
            self._process.kill()
            self.stop()
            raise
        self.inputs, self.publish = inputs, publish
        if isinstance(answer, Serving):
            self.inputs, self.publish = answer.inputs, answer.publish

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def take_over(self) -> None:
        """Serve now, after standing by."""
        self._tell(b"")
        answer = self._answer()
        assert isinstance(answer, Serving)
        self.inputs, self.publish = answer.inputs, answer.publish

    def stop(self) -> None:
        """Let the server say its last words and end; kill it if it doesn't."""
        # The end of its input is the child's signal; a second one would cut its last words short.
        with suppress(BrokenPipeError):
            self._input.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    def kill(self) -> None:
        """End the server at once, whatever it still has to say; its addresses are free then."""
        self._process.kill()
        self._process.wait()

    @property
    def dead(self) -> bool:
        """Whether its process is gone."""
        return self._process.poll() is not None

    def _tell(self, line: bytes) -> None:
        try:
            self._input.write(line + b"\n")
            self._input.flush()
        except BrokenPipeError:
            pass  # it has ended; what it said of that is read next

    def _answer(self) -> Serving | StandingBy:
        line = self._output.readline()
        if not line:
            raise ValueError(f"the server ended at once with status {self._process.wait()}")
        answer = msgspec.json.decode(line, type=Serving | StandingBy | Failed)
        if isinstance(answer, Failed):
            raise ValueError(answer.message)
        return answer

"""The offline network beside a live session: it rewrites each utterance after its end."""

import multiprocessing
import signal
import time
from collections import deque
from multiprocessing.connection import Connection
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from streamer import wire
from streamer.config import Config
from streamer.offline.caption_options import SENTENCES, CaptionOptions

if TYPE_CHECKING:
    from streamer.offline.speech import Offline

MODEL = "captions-en-offline"
KEPT_S = 60.0  # of sound; an utterance that is longer loses its beginning
MARGIN_S = 0.3  # of sound around its words

Pair = tuple[str, str]  # the live text, the offline text


class Rewriter:
    """Hears what the stream hears. The network runs in a child process, so the screen never waits for it.

    A context manager; `wait_ready` before the first sound.
    """

    def __init__(self, config: Config, rate_hz: int, options: CaptionOptions = SENTENCES):
        self.rate_hz = rate_hz
        self._sound: deque[np.ndarray] = deque()
        self._start = self._end = 0  # positions of what is kept
        # The child is given an utterance when it waits for one: a pipe holds less sound than that.
        self._jobs: deque[tuple[str, np.ndarray]] = deque()
        self._busy = True  # with getting ready
        context = multiprocessing.get_context("spawn")
        self._pipe, self._childs = context.Pipe()
        self._child = context.Process(
            target=_work, args=(config, rate_hz, options, self._childs), daemon=True
        )

    def __enter__(self) -> "Rewriter":
        self._child.start()
        self._childs.close()  # the child's alone now: when it dies, the pipe ends
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._child.kill()
        self._child.join()
        self._pipe.close()

    def wait_ready(self) -> None:
        """Wait for the network. ValueError, one line, where it can't be loaded."""
        if complaint := self._receive():
            raise ValueError(complaint)

    def hear(self, block: bytes) -> None:
        """s16 mono, as it is sent."""
        samples = np.frombuffer(block, "<i2")
        self._sound.append(samples)
        self._end += len(samples)
        while self._end - self._start - len(self._sound[0]) >= KEPT_S * self.rate_hz:
            self._start += len(self._sound.popleft())

    def rewrite(self, final: wire.Result) -> None:
        """Have the offline network transcribe the sound of the words of `final`."""
        best = final.alternatives[0]
        if not best.words:
            return
        margin = round(MARGIN_S * self.rate_hz)
        start = max(0, best.words[0].start - margin - self._start)
        end = max(0, best.words[-1].end + margin - self._start)
        if end > start and self._sound:
            self._jobs.append((best.text, np.concatenate(self._sound)[start:end]))
            self._give()

    def done(self) -> list[Pair]:
        """The utterances that have become ready."""
        ready: list[Pair] = []
        while self._busy and self._pipe.poll():
            ready.append(self._receive())
            self._give()
        return ready

    def finish(self, until: float) -> list[Pair]:
        """The utterances that are under way; waits for them until the monotonic time `until` at most."""
        ready = self.done()
        while self._busy and self._pipe.poll(max(0.0, until - time.monotonic())):
            ready += self.done()
        return ready

    def _give(self) -> None:
        """The next utterance, if the child has nothing to do."""
        if self._jobs and not self._busy:
            try:
                self._pipe.send(self._jobs.popleft())
            except BrokenPipeError:
                raise self._ended() from None
            self._busy = True

    def _receive(self) -> Any:
        """What the child says next, waited for: a complaint, empty where it is ready, and then pairs."""
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise self._ended() from None
        self._busy = False
        return answer

    def _ended(self) -> OSError:
        self._child.join()
        return OSError(f"the process of {MODEL} has ended with status {self._child.exitcode}")


def _work(config: Config, rate_hz: int, options: CaptionOptions, pipe: Connection) -> None:
    """The child: says "" when it is ready, else why not; then a text for each utterance."""
    # Ctrl-C is the parent's to hear: it wants the last words first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        offline = _offline(config, options)
    except (ValueError, OSError) as error:
        pipe.send(str(error))
        return
    pipe.send("")
    try:
        while True:
            live, samples = pipe.recv()
            (transcript,) = offline.transcribe([(samples.astype(np.float32) / 32768, rate_hz)])
            pipe.send((live, transcript.text))
    except (EOFError, ConnectionError):
        return  # the session is over


def _offline(config: Config, options: CaptionOptions) -> "Offline":
    """Imported here, in the child: the session itself needs no torch."""
    import torch

    from streamer.offline.speech import Offline
    from streamer.server.loading import load_model

    torch.set_num_threads(config.engine.threads)
    return Offline(load_model(config, MODEL), options)

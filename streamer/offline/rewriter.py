"""The offline network beside a live session: it rewrites each utterance after its end."""

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from streamer import wire
from streamer.config import Config
from streamer.offline.caption_options import SENTENCES, CaptionOptions

if TYPE_CHECKING:
    from streamer.offline.speech import Offline

MODEL = "captions-en-offline"
KEPT_S = 60.0  # of sound; an utterance that is longer loses its beginning
MARGIN_S = 0.3  # of sound around its words

Pair = tuple[wire.Result, wire.Result]  # a final, and what the offline network makes of it


class Rewriter:
    """Hears what the stream hears. The network runs in a child process, so the screen never waits for it.

    A context manager; `wait_ready` before the first sound.
    """

    def __init__(self, config: Config, rate_hz: int, options: CaptionOptions = SENTENCES):
        self.rate_hz = rate_hz
        self._sound: deque[np.ndarray] = deque()
        self._start = self._end = 0  # positions of what is kept
        # The child is given an utterance when it waits for one: a pipe holds less sound than that.
        self._jobs: deque[tuple[wire.Result, int, np.ndarray]] = deque()  # a final, where its sound begins
        self._given: deque[tuple[wire.Result, int]] = deque()  # what the child has to do
        self._busy = True  # with getting ready
        context = multiprocessing.get_context("spawn")
        self._pipe, self._childs = context.Pipe()
        self._child = context.Process(
            target=_work, args=(config, rate_hz, options, self._childs), daemon=True
        )

    def __enter__(self) -> "Rewriter":
        with _unheard_by_children():
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
        """Have the offline network transcribe the sound of the words of `final`, if it is still kept."""
        best = final.alternatives[0]
        if not best.words:
            return
        margin = round(MARGIN_S * self.rate_hz)
        start = max(self._start, best.words[0].start - margin)
        end = best.words[-1].end + margin
        if end > start and self._sound:
            sound = np.concatenate(self._sound)[start - self._start : end - self._start]
            self._jobs.append((final, start, sound))
            self._give()

    def done(self) -> list[Pair]:
        """The utterances that have become ready, in their order."""
        ready: list[Pair] = []
        while self._busy and self._pipe.poll():
            spoken = self._receive()
            final, start = self._given.popleft()
            ready.append((final, replace(final, alternatives=(later(spoken, start),))))
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
            final, start, sound = self._jobs.popleft()
            self._given.append((final, start))
            try:
                self._pipe.send(sound)
            except BrokenPipeError:
                raise self._ended() from None
            self._busy = True

    def _receive(self) -> Any:
        """What the child says next, waited for: a complaint, empty where it is ready, and then readings."""
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise self._ended() from None
        self._busy = False
        return answer

    def _ended(self) -> OSError:
        self._child.join()
        return OSError(f"the process of {MODEL} has ended with status {self._child.exitcode}")


def later(reading: wire.Alternative, offset: int) -> wire.Alternative:
    """`reading` with its words `offset` positions later."""
    words = (replace(word, start=word.start + offset, end=word.end + offset) for word in reading.words)
    return replace(reading, words=tuple(words))


@contextmanager
def _unheard_by_children() -> Iterator[None]:
    """A process that is started inside hears no Ctrl-C, SIGTERM or SIGHUP from its first instant on.

    They reach the whole group of a terminal, and are the parent's to hear: it wants the last words first.
    One that comes meanwhile is heard at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(config: Config, rate_hz: int, options: CaptionOptions, pipe: Connection) -> None:
    """The child: says "" when it is ready, else why not; then a reading of each utterance's sound."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for where signals can't be blocked
    try:
        offline = _offline(config, options)
    except (ValueError, OSError) as error:
        pipe.send(str(error))
        return
    pipe.send("")
    try:
        while True:
            samples = pipe.recv()
            (transcript,) = offline.transcribe([(samples.astype(np.float32) / 32768, rate_hz)])
            words = tuple(
                wire.Word(word.word, round(word.start * rate_hz), round(word.end * rate_hz), word.confidence)
                for word in transcript.words
            )
            pipe.send(wire.Alternative(transcript.text, words))
    except (EOFError, ConnectionError):
        return  # the session is over


def _offline(config: Config, options: CaptionOptions) -> "Offline":
    """Imported here, in the child: the session itself needs no torch."""
    import torch

    from streamer.offline.speech import Offline
    from streamer.server.loading import load_model

    torch.set_num_threads(config.engine.threads)
    return Offline(load_model(config, MODEL), options)

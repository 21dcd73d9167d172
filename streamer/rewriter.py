"""The offline network behind a live session: it rewrites each utterance after its end."""

import multiprocessing
import queue
import signal
import time
from collections import deque
from types import TracebackType

import numpy as np

from streamer import wire
from streamer.config import Config
from streamer.writing import Writing

MODEL = "captions-en-offline"
KEPT_S = 60.0  # of sound; an utterance that is longer loses its beginning
MARGIN_S = 0.3  # of sound around its words
LOOK_S = 0.02

Pair = tuple[str, str]  # the live text, the offline text


class Rewriter:
    """Hears what the stream hears; the network runs in a child, which the screen never waits for.

    A context manager; `wait_ready` before the first sound.
    """

    def __init__(self, config: Config, rate_hz: int, writing: Writing = Writing()):
        self.rate_hz = rate_hz
        self._sound: deque[np.ndarray] = deque()
        self._start = self._end = 0  # positions of what is kept
        self._under_way = 0
        context = multiprocessing.get_context("spawn")
        self._jobs, self._texts = context.Queue(), context.Queue()
        self._child = context.Process(
            target=_work, args=(config, rate_hz, writing, self._jobs, self._texts), daemon=True
        )

    def __enter__(self) -> "Rewriter":
        self._child.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._jobs.cancel_join_thread()
        self._child.kill()
        self._child.join()

    def wait_ready(self) -> None:
        """Wait for the network. ValueError, one line, where it can't be loaded."""
        while True:
            try:
                complaint = self._texts.get(timeout=LOOK_S)
            except queue.Empty:
                self._check()
            else:
                break
        if complaint:
            raise ValueError(complaint)

    def hear(self, block: bytes) -> None:
        """s16 mono, as it is sent."""
        samples = np.frombuffer(block, "<i2")
        self._sound.append(samples)
        self._end += len(samples)
        while self._end - self._start - len(self._sound[0]) >= KEPT_S * self.rate_hz:
            self._start += len(self._sound.popleft())

    def rewrite(self, final: wire.Result) -> None:
        """Have the offline network read what the words of `final` rest on."""
        best = final.alternatives[0]
        if not best.words:
            return
        margin = round(MARGIN_S * self.rate_hz)
        start = max(0, best.words[0].start - margin - self._start)
        end = max(0, best.words[-1].end + margin - self._start)
        if end > start and self._sound:
            self._jobs.put((best.text, np.concatenate(self._sound)[start:end]))
            self._under_way += 1

    def done(self) -> list[Pair]:
        """The utterances that have become ready."""
        ready = []
        while self._under_way:
            try:
                ready.append(self._texts.get_nowait())
            except queue.Empty:
                self._check()
                break
            self._under_way -= 1
        return ready

    def finish(self, until: float) -> list[Pair]:
        """The utterances that are under way, waited for until the monotonic time `until` at most."""
        ready = self.done()
        while self._under_way and time.monotonic() < until:
            time.sleep(LOOK_S)
            ready += self.done()
        return ready

    def _check(self) -> None:
        # It may have answered and then ended.
        if not self._child.is_alive() and self._texts.empty():
            raise OSError(f"the process of {MODEL} has ended with status {self._child.exitcode}")


def _work(
    config: Config,
    rate_hz: int,
    writing: Writing,
    jobs: multiprocessing.Queue,
    texts: multiprocessing.Queue,
) -> None:
    """The child: says "" when it is ready, else why not; then a text for each utterance."""
    # Ctrl-C is the parent's to hear: it wants the last words first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        offline = _offline(config, writing)
    except (ValueError, OSError) as error:
        texts.put(str(error))
        return
    texts.put("")
    while True:
        live, samples = jobs.get()
        (transcript,) = offline.transcribe([(samples.astype(np.float32) / 32768, rate_hz)])
        texts.put((live, transcript.text))


def _offline(config: Config, writing: Writing):
    """Imported here, in the child: the session itself needs no torch."""
    import torch

    from models import catalog
    from models.build import load
    from streamer.offline import Offline

    torch.set_num_threads(config.engine.threads)
    folder = catalog.find(MODEL, config.folders())
    return Offline(load(folder, config.model(MODEL).allow_imports), writing)

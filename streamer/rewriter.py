"""The offline network behind a live session: it rewrites each utterance after its end."""

import queue
import threading
from types import TracebackType

import numpy as np

from streamer import wire
from streamer.config import Config

MODEL = "captions-en-offline"
LONGEST_S = 60.0  # of sound kept for an utterance
MARGIN_S = 0.3  # of sound around its words
PATIENCE_S = 10.0  # for the last utterances, at the end


class Rewriter:
    """Hears what the stream hears, in a thread of its own: the screen must not wait for the network."""

    def __init__(self, config: Config, rate_hz: int):
        self.config, self.rate_hz = config, rate_hz
        self._sound, self._start = np.zeros(0, np.float32), 0  # what is kept, and its position
        self._jobs: queue.Queue[tuple[str, np.ndarray] | None] = queue.Queue()
        self._texts: queue.Queue[tuple[str, str]] = queue.Queue()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Rewriter":
        """ValueError, one line, where the offline network can't be loaded."""
        # Here, so that a fault is told before anyone speaks.
        from models import catalog
        from models.build import load
        from streamer.offline import Offline

        folder = catalog.find(MODEL, self.config.folders())
        self._offline = Offline(load(folder, self.config.model(MODEL).allow_imports))
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._jobs.put(None)

    def hear(self, block: bytes) -> None:
        """s16 mono, as it is sent."""
        samples = np.frombuffer(block, "<i2").astype(np.float32) / 32768
        self._sound = np.concatenate([self._sound, samples])
        excess = len(self._sound) - round(LONGEST_S * self.rate_hz)
        if excess > 0:
            self._sound, self._start = self._sound[excess:], self._start + excess

    def rewrite(self, final: wire.Result) -> None:
        """Have the offline network read what `final` rests on."""
        best = final.alternatives[0]
        if not best.words:
            return
        margin = round(MARGIN_S * self.rate_hz)
        start = max(0, best.words[0].start - margin - self._start)
        end = best.words[-1].end + margin - self._start
        self._jobs.put((best.text, self._sound[start:end].copy()))

    def done(self) -> list[tuple[str, str]]:
        """(live text, offline text) of the utterances that are ready."""
        ready = []
        while not self._texts.empty():
            ready.append(self._texts.get())
        return ready

    def finish(self) -> None:
        """Wait for the utterances that are under way."""
        self._jobs.put(None)
        self._thread.join(PATIENCE_S)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            live, samples = job
            (transcript,) = self._offline.transcribe([(samples, self.rate_hz)])
            self._texts.put((live, transcript.text))

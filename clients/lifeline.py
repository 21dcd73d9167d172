"""How a stream finds back to a server: what is asked of whom, when, and with which checkpoint."""

import random
import uuid
from collections.abc import Sequence

from msgspec.structs import replace

from streamer import wire

Parts = Sequence[bytes | memoryview]
# What is asked and not answered is asked again after this long; what was refused for now, sooner.
PATIENCE_S = 1.0
KNOCK_S = 0.1
# A server that lived for less than this after a stream came to it may have died of that stream.
QUICK_S = 5.0


class Lifeline:
    """A stream's way back. `parted` says that no server is known to have it: its inputs wait.

    Law: of one resumption there is one request, however often it is asked for.
    """

    def __init__(self, origin: wire.Open):
        self.origin = origin
        self.parted, self.parted_since = True, 0.0
        self.checkpoint: wire.Checkpoint | wire.Moved | None = None  # the newest
        self.asked_at = -PATIENCE_S
        self.quick_s = QUICK_S
        self._payload = b""
        self._not_before = 0.0
        self._request = ""  # of the resumption that is under way
        self._fresh = False
        self._deaths, self._died_at, self._lived_since = 0, -1, 0.0

    def hold(self, checkpoint: wire.Checkpoint | wire.Moved, payload: bytes) -> None:
        """Keep the newest checkpoint."""
        self.checkpoint, self._payload = checkpoint, payload

    def part(self, now: float, accepted: int, beyond: bool) -> None:
        """The server is gone, or has forgotten the stream; `beyond` what it `accepted` there was more."""
        self.asked_at = now - PATIENCE_S
        if self.parted:
            return
        self.parted, self.parted_since = True, now
        self._not_before = now
        quick = now - self._lived_since < self.quick_s
        self._deaths = self._deaths + 1 if beyond and quick and accepted == self._died_at else int(beyond)
        self._died_at = accepted
        if self._deaths > 1:
            # Whoever is not to blame gets out of the way of who is.
            self._not_before += random.uniform(0.0, self.quick_s)

    def found(self, now: float) -> None:
        """The server has the stream, and answered so."""
        self.parted, self._request, self._fresh = False, "", False
        self._lived_since = now

    def attached(self) -> None:
        """It was there all the time: nobody died."""
        self._deaths, self._died_at = 0, -1

    def due(self, now: float, silent_since: float) -> bool:
        """Whether to ask now: it is parted, or who waits has heard nothing for too long."""
        if self.parted:
            return now >= self._not_before and now - self.asked_at >= PATIENCE_S
        return now - max(silent_since, self.asked_at) >= PATIENCE_S

    def ask(self, opened: wire.Opened | None, now: float) -> Parts:
        """The `Open` of a stream without a checkpoint, else its `Resume`."""
        self.asked_at = now
        if opened is None or self.checkpoint is None:
            return wire.encode(self.origin)
        self._request = self._request or uuid.uuid4().hex
        resume = wire.Resume(
            self._request,
            opened.stream,
            opened.owner,
            incarnation=opened.incarnation,
            deaths=self._deaths,
            fresh=self._fresh,
        )
        return wire.encode(resume, self._payload)

    def refused(self, refused: wire.Refused, now: float, may_begin_fresh: bool) -> bool:
        """A resumption was refused: whether another way is tried."""
        code = refused.code
        if code in ("full", "draining", "overrun", "unknown_model"):
            self.asked_at = now - PATIENCE_S + max(KNOCK_S, refused.retry_after_ms / 1000)
            return code != "unknown_model"
        self._request = ""
        if code == "other_weights" and may_begin_fresh and not self._fresh:
            self._fresh = True
        elif code in ("bad_checkpoint", "expired", "other_weights"):
            self.begin_anew()
        else:
            return False
        self.asked_at = now - PATIENCE_S
        return True

    def begin_anew(self) -> None:
        """No checkpoint serves: ask for a new stream, with what is kept."""
        self.checkpoint, self._payload, self.parted = None, b"", True
        self.origin = replace(self.origin, request=uuid.uuid4().hex)

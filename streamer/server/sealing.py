"""Checkpoints are sealed before they leave the server, so that nobody can read or make one elsewhere.

XSalsa20-Poly1305 of libsodium, with a random nonce. What is sealed begins with the time of sealing.
"""

import struct
import time
from collections.abc import Callable
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from streamer.errors import WireError
from streamer.server.keyring import FILE, new_key, read_keys

LIFETIME_S = 24 * 3600.0
MAX_BYTES = 1024 * 1024
_TIME = struct.Struct("<d")


class Sealer:
    """Seals with the first key of the file in `folder`, and opens with any.

    Without a folder it has a key of its own, and nobody opens its checkpoints after it. A checkpoint older
    than `lifetime_s` is opened no more. `clock` tells seconds since 1970.
    """

    def __init__(
        self, folder: Path | None, lifetime_s: float = LIFETIME_S, clock: Callable[[], float] = time.time
    ):
        """ValueError or OSError, one line, where the keys can't be read or made."""
        self._folder, self._lifetime_s, self._clock = folder, lifetime_s, clock
        self._read()

    def seal(self, condition: bytes) -> bytes:
        """`condition` as only a holder of the keys can read it."""
        return bytes(self._boxes[0].encrypt(_TIME.pack(self._clock()) + condition))

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. WireError `bad_checkpoint` or `expired`."""
        opened = self._opened(sealed)
        if opened is None and 0 != self._stamp() != self._seen:  # the keys were rotated
            self._read()
            opened = self._opened(sealed)
        if opened is None:
            raise WireError("bad_checkpoint", "no key of this server opens the checkpoint")
        age_s = self._clock() - _TIME.unpack_from(opened)[0]
        if age_s > self._lifetime_s:
            hours = f"{age_s / 3600:.1f} hours old; {self._lifetime_s / 3600:g} are taken"
            raise WireError("expired", f"the checkpoint is {hours}")
        return opened[_TIME.size :]

    def _opened(self, sealed: bytes) -> bytes | None:
        for box in self._boxes:
            try:
                opened = box.decrypt(sealed)
            except (CryptoError, ValueError):
                continue
            return opened if len(opened) >= _TIME.size else None
        return None

    def _read(self) -> None:
        now = self._clock()
        keys = read_keys(self._folder, now) if self._folder else [new_key(now)]
        self._boxes = [SecretBox(key.secret) for key in keys]
        self._seen = self._stamp()

    def _stamp(self) -> int:
        """When the file was last written; 0 where there is none."""
        try:
            return (self._folder / FILE).stat().st_mtime_ns if self._folder else 0
        except OSError:
            return 0

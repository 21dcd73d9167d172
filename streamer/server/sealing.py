"""Checkpoints are sealed before they leave the server, so that nobody can read or make one elsewhere.

XSalsa20-Poly1305 of libsodium, with a random nonce, after the name of the key. What is sealed begins with
the time of sealing.
"""

import struct
import time
from collections.abc import Callable
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from streamer.errors import WireError
from streamer.server.announcing import announce
from streamer.server.keyring import FILE, NAME_BYTES, Key, new_key, read_keys

LIFETIME_S = 24 * 3600.0
_TIME = struct.Struct("<d")
_NEVER = (0, 0)


class Sealer:
    """Seals with the first key of the file in `folder`, and opens with any; one that changes is read again.

    Without a folder it has a key of its own, and nobody opens its checkpoints after it. A checkpoint older
    than `lifetime_s` is opened no more. `clock` tells seconds since 1970.
    """

    def __init__(
        self, folder: Path | None, lifetime_s: float = LIFETIME_S, clock: Callable[[], float] = time.time
    ):
        """ValueError or OSError, one line, where the keys can't be read or made."""
        self._folder, self._lifetime_s, self._clock = folder, lifetime_s, clock
        self._seen = self._stamp()
        self._use(read_keys(folder, clock()) if folder else [new_key(clock())])

    def seal(self, condition: bytes) -> bytes:
        """`condition` as only a holder of the keys can read it."""
        # What a key seals that was replaced long ago would be lost when that key is dropped.
        self._read_again()
        sealed = self._boxes[self._first].encrypt(_TIME.pack(self._clock()) + condition)
        return self._first + bytes(sealed)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. WireError `bad_checkpoint` or `expired`."""
        if sealed[:NAME_BYTES] not in self._boxes:
            self._read_again()
        # One key is tried, however many there are: what is forged costs no more than what is not.
        box = self._boxes.get(sealed[:NAME_BYTES])
        try:
            opened = box.decrypt(sealed[NAME_BYTES:]) if box else b""
        except (CryptoError, ValueError):
            opened = b""
        if len(opened) < _TIME.size:
            raise WireError("bad_checkpoint", "no key of this server opens the checkpoint")
        age_s = self._clock() - _TIME.unpack_from(opened)[0]
        if age_s > self._lifetime_s:
            hours = f"{age_s / 3600:.1f} hours old; {self._lifetime_s / 3600:g} are taken"
            raise WireError("expired", f"the checkpoint is {hours}")
        return opened[_TIME.size :]

    def _use(self, keys: list[Key]) -> None:
        self._first = keys[0].name
        self._boxes = {key.name: SecretBox(key.secret) for key in keys}

    def _read_again(self) -> None:
        """Take the keys that the file has now. Where it can't be read, those before stay."""
        stamp = self._stamp()
        if self._folder is None or stamp in (_NEVER, self._seen):
            return
        self._seen = stamp
        try:
            self._use(read_keys(self._folder, self._clock()))
        except (ValueError, OSError) as error:
            announce(f"the keys of checkpoints stay as they were: {error}")

    def _stamp(self) -> tuple[int, int]:
        """Which file is there, and when it was written."""
        try:
            status = (self._folder / FILE).stat() if self._folder else None
        except OSError:
            status = None
        return (status.st_mtime_ns, status.st_ino) if status else _NEVER

"""The keys that checkpoints are sealed with: a file of their own, apart from any key of a transport.

A line is a key: when it was made, and 32 bytes in base64. The first one seals, all of them open.
"""

import base64
import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_state_path

KEY_BYTES = 32
NAME_BYTES = 8
FILE = "checkpoint.keys"
MOST_KEYS = 64
MAX_BYTES = 64 * 1024


class Key(NamedTuple):
    """`made` is in seconds since 1970."""

    made: int
    secret: bytes

    @property
    def name(self) -> bytes:
        """What may be known of it, and is said by what it has sealed."""
        return hashlib.blake2b(self.secret, digest_size=NAME_BYTES, person=b"fingerprint").digest()

    @property
    def fingerprint(self) -> str:
        """Its name, to be shown."""
        return self.name.hex()


def state_folder(named: str) -> Path:
    """The folder `named` in the config, or the user's for such things."""
    return Path(named) if named else user_state_path("streamer")


def read_keys(folder: Path, now: float) -> list[Key]:
    """The keys in `folder`, where one is made if there is none.

    ValueError, one line, for a file that others may read, or that is damaged; OSError where none can be made.
    """
    path = folder / FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Two servers may start at once: the first one's file stays.
        with suppress(FileExistsError):
            _write(path, [new_key(now)], replace=False)
    return _read(path)


def rotate(folder: Path, now: float, keep_hours: float | None = None) -> list[Key]:
    """Add a key that seals from now on, and drop those that sealed nothing for `keep_hours`; all keys."""
    before = read_keys(folder, now)
    if keep_hours is not None:
        # A key sealed until the one before it in the file was made.
        until = [now, *(key.made for key in before)]
        before = [key for key, end in zip(before, until) if now - end < keep_hours * 3600]
    keys = [new_key(now), *before][:MOST_KEYS]
    _write(folder / FILE, keys, replace=True)
    return keys


def new_key(now: float) -> Key:
    """A key that nobody else has."""
    return Key(int(now), secrets.token_bytes(KEY_BYTES))


def _read(path: Path) -> list[Key]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise ValueError(f"{path}: others may read it (mode {mode:o}); chmod 600 it, and rotate the keys")
    keys = []
    with path.open("rb") as file:
        lines = file.read(MAX_BYTES + 1).decode("ascii", "replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            made, secret = line.split()
            key = Key(int(made), base64.b64decode(secret, validate=True))
        except ValueError:
            key = Key(0, b"")
        if len(key.secret) != KEY_BYTES:
            raise ValueError(f"{path}: line {number} is no key; move the file away, and a new one is made")
        keys.append(key)
    if not keys:
        raise ValueError(f"{path}: there is no key; move the file away, and a new one is made")
    return keys


def _write(path: Path, keys: Sequence[Key], replace: bool) -> None:
    """Write the file, complete at once and for its owner alone."""
    lines = (f"{key.made} {base64.b64encode(key.secret).decode()}\n" for key in keys)
    partial = path.with_name(f".{secrets.token_hex(6)}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w") as opened:
            opened.writelines(lines)
        if replace:
            os.replace(partial, path)
        else:
            os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)

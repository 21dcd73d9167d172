"""What is printed where the output's encoding lacks a character, and where a file name is no text."""

import codecs
import io
import json
import sys

ERRORS = "streamer.kept"  # the name of the rule, as codecs know it


def keep_all_output() -> None:
    """Make standard output and standard error lose nothing, whatever their encoding is.

    Bytes of a file name that are no text come out as they are, a character that the encoding lacks as JSON
    escapes it: \\u00fc.
    """
    codecs.register_error(ERRORS, _kept)
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


def _kept(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return b"".join(map(_bytes, error.object[error.start : error.end])), error.end


def _bytes(character: str) -> bytes:
    # Python reads a byte of a name that is no text as one of these 128 characters (PEP 383).
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00])
    return json.dumps(character)[1:-1].encode("ascii")

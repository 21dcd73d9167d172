"""UTF-8 that comes in pieces, whatever characters they are cut in."""

from codecs import getincrementaldecoder

from streamer.errors import PayloadError


def decoded(payload: bytes | memoryview, half: bytes, position: int) -> tuple[str, bytes]:
    """The characters that `payload` completes after `half` a character, and the half that it leaves.

    PayloadError names the byte, counted from the text's beginning, that isn't UTF-8 or is NUL;
    `position` bytes came before `payload`.
    """
    payload = bytes(payload)
    if (zero := payload.find(b"\0")) >= 0:
        raise PayloadError(f"byte {position + zero} of the text is NUL, which no text holds")
    decoder = getincrementaldecoder("utf-8")()
    decoder.setstate((half, 0))
    try:
        text = decoder.decode(payload)
    except UnicodeDecodeError as error:
        place = position - len(half) + error.start
        raise PayloadError(f"byte {place} of the text is no UTF-8: {error.reason}") from None
    return text, decoder.getstate()[0]

"""What a stream takes: every encoding against every kind of input, exact or refused."""

import hashlib

import numpy as np
import pytest

from streamer import wire
from streamer.clients.connection import connect
from streamer.clients.stream_format import StreamFormat
from streamer.models.feeders.audio import DECODE  # what a server makes of the bytes
from tests.echo_engine import EchoEngine
from tests.serving import serving

WHOLE = np.array([0, 1, -1, 255, -256, 32767, -32768])  # samples of 16 bits
CODES = np.array([0, 1, 127, 128, 255])
DTYPES = "int8 uint8 int16 >i2 uint16 int32 int64 float16 float32 >f4 float64 bool complex64".split()
EXACT = {"s16": {"int16", ">i2"}, "f32": {"float16", "float32", ">f4", "int16", ">i2"}, "mulaw": {"uint8"}}


def samples(dtype: str) -> np.ndarray:
    kind = np.dtype(dtype).kind
    if kind == "f":
        return (WHOLE / 32768).astype(dtype)
    return (CODES if np.dtype(dtype).itemsize == 1 else WHOLE).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("encoding", EXACT)
def test_an_array_is_taken_exactly_or_refused_with_what_to_do(encoding, dtype):
    form, given = StreamFormat("model", encoding), samples(dtype)
    if dtype not in EXACT[encoding]:
        with pytest.raises(
            TypeError, match=rf"^an array of .* on a stream of {encoding}: .*send "
        ) as refused:
            form.encode(given)
        assert "\n" not in str(refused.value)
        return
    payload = form.encode(given)
    stored = {"s16": "<i2", "f32": "<f4", "mulaw": "u1"}[encoding]
    read = np.frombuffer(payload, stored).astype(np.float64)
    scale = 32768 if encoding == "f32" and given.dtype.kind == "i" else 1
    assert np.array_equal(read * scale, given.astype(np.float64))


def test_whole_samples_mean_the_same_on_either_stream():
    given = WHOLE.astype(np.int16)
    heard = [DECODE[encoding](StreamFormat("model", encoding).encode(given)) for encoding in ("s16", "f32")]
    assert np.array_equal(*heard)


def test_a_refusal_names_the_stream_that_would_take_it():
    with pytest.raises(TypeError, match=r'numpy.int16.*or open the stream with "encoding": "f32"'):
        StreamFormat("model", "s16").encode(np.zeros(4, np.float32))
    with pytest.raises(TypeError, match=r"samples.astype\(numpy.float32\)"):
        StreamFormat("model", "f32").encode(np.zeros(4, np.float64))
    with pytest.raises(TypeError, match=r'or open the stream with "encoding": "s16"'):
        StreamFormat("model", "mulaw").encode(np.zeros(4, np.int16))


@pytest.mark.parametrize("channels, shape", [(1, (6,)), (1, (6, 1)), (2, (3, 2)), (1, (0,)), (6, (2, 6))])
def test_shapes_that_fit(channels, shape):
    given = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    assert bytes(StreamFormat("model", "s16", channels).encode(given)) == given.tobytes()


@pytest.mark.parametrize(
    "channels, shape, advice",
    [
        (1, (3, 2), r"samples\[:, 0\]"),
        (1, (1, 6), r"send samples\.T"),
        (2, (2, 3), r"send samples\.T"),
        (2, (6,), r"samples\.reshape\(-1, 2\)"),
        (2, (3, 3), '"channels"'),
        (2, (6, 1), '"channels"'),
        (1, (), "the stream takes"),
        (1, (2, 3, 1), "the stream takes"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_what_to_do(channels, shape, advice):
    with pytest.raises(TypeError, match=advice):
        StreamFormat("model", "s16", channels).encode(np.zeros(shape, np.int16))


def test_memory_of_any_order_is_sent_row_by_row():
    given = np.arange(12, dtype=np.int16).reshape(2, 6).T[::2]
    payload = StreamFormat("model", "s16", 2).encode(given)
    assert np.frombuffer(payload, "<i2").tolist() == given.ravel().tolist()


@pytest.mark.parametrize(
    "kind", [bytes, bytearray, memoryview, lambda b: memoryview(np.frombuffer(b, "<i2"))]
)
def test_bytes_of_every_kind_are_taken_as_they_are(kind):
    assert bytes(StreamFormat("model", "s16").encode(kind(b"abcd"))) == b"abcd"
    with pytest.raises(ValueError, match="6 bytes are no whole number of samples of 4 bytes"):
        StreamFormat("model", "f32").encode(kind(b"abcdef"))


@pytest.mark.parametrize(
    "encoding, given, advice",
    [
        ("s16", "words", "takes sound: send samples as bytes or an array"),
        ("s16", [1, 2], "list is no input of model; send bytes or a NumPy array"),
        ("s16", 7, "int is no input"),
        ("utf8", np.zeros(2, np.int16), "takes text: send str"),
        ("utf8", None, "NoneType is no input of model; send str or UTF-8 bytes"),
        ("notes", b"ab", "makes steps for credit"),
        ("notes", np.zeros(2, np.int16), "makes steps for credit"),
    ],
)
def test_other_kinds_are_refused_with_what_to_do(encoding, given, advice):
    with pytest.raises(TypeError, match=advice):
        StreamFormat("model", encoding).encode(given)


def test_text_is_sent_as_utf8():
    assert StreamFormat("model", "utf8").encode("Größe") == "Größe".encode()


def test_a_stream_sends_an_array_and_goes_on_after_a_refusal():
    given = np.arange(-800, 800, dtype=np.int16)
    with serving(EchoEngine()) as server, connect(server.address) as connection:
        stream = connection.open("echo", format={"encoding": "s16", "rate": 16000, "channels": 1})
        with pytest.raises(TypeError, match="float32"):
            stream.send(given.astype(np.float32) / 32768)
        assert stream.position == 0
        stream.send(given)
        stream.send(given.tobytes())
        stream.close()
        *_, last = stream
        assert last.alternatives[0].text == hashlib.md5(2 * given.tobytes()).hexdigest()


def test_every_encoding_of_the_wire_is_here():
    assert set(EXACT) == set(DECODE) == set(wire.SAMPLE_BYTES)

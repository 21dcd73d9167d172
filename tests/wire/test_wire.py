"""The wire: every message round-trips; decoding any bytes gives a message or a WireError."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer import wire

ID, OWNER = bytes(range(16)), bytes(range(16, 32))
OPTIONS = {"format": {"encoding": "s16", "rate": 16000, "channels": 1}, "hot_words": ["é", "b"], "x": None}
WORDS = (wire.Word("hello", 160, 4800, 0.5), wire.Word("wörld", 4800, 9600))
INPUTS = [
    wire.Describe("q"),
    wire.Open("q", "captions-en", options=OPTIONS),
    wire.Audio(ID, OWNER, 1, 0),
    wire.Text(ID, OWNER, 2, 7),
    wire.Skip(ID, OWNER, 3, 10, 20),
    wire.Credit(ID, OWNER, 4, 5),
    wire.Control(ID, OWNER, 5, {"partials": False}),
    wire.Flush(ID, OWNER, 6),
    wire.Close(ID, OWNER, 2**62),
    wire.Resume("again", ID, OWNER, incarnation=wire.Incarnation(2, b"nonce"), deaths=1, fresh=True),
    wire.Replay(ID, 7, OWNER, "q"),
]
OUTPUTS = [
    wire.Description("q", models=(wire.ModelDescription("captions-en", rates=(16000,)),)),
    wire.Opened("q", ID, OWNER, model="m", topic="m/00", options=OPTIONS, window=16000, latency_ms=1.5),
    wire.Applied(ID, 3, {"partials": False}),
    wire.Ack(ID, 3, 16000),
    wire.Result(ID, 1, 0, "final", 9600, 3, (wire.Alternative("hello wörld", WORDS, 0.25),), 5),
    wire.Refused("hole", "2 is missing", "seq", stream=ID, expected=2, retry_after_ms=5, fatal=True),
    wire.Closed(ID, "lease", 3, 9600),
    wire.Checkpoint(ID, wire.Incarnation(1, b"nonce"), 7, 12, 3, True),
    wire.Moved(ID, wire.Incarnation(1, b"nonce"), 7),
    wire.Replayed(ID, 2, 9, "q"),
]
PAYLOADS = (wire.Audio, wire.Text, wire.Resume)


def refused(header: bytes, payload: bytes = b"") -> wire.WireError:
    with pytest.raises(wire.WireError) as caught:
        wire.decode_input(header, payload)
    assert caught.value.code in wire.CODES
    assert "\n" not in caught.value.message
    return caught.value


def named(message, **changes) -> bytes:
    """The header of `message` with some keys changed; a value of None takes the key out."""
    keys = {**msgspec.msgpack.decode(wire.encode(message)[0]), **changes}
    return msgspec.msgpack.encode({key: value for key, value in keys.items() if value is not None})


@pytest.mark.parametrize("message", INPUTS, ids=lambda m: type(m).__name__)
def test_inputs_round_trip(message):
    payload = b"\0\1" if isinstance(message, PAYLOADS) else None
    parts = wire.encode(message, payload)
    assert parts[1:] == ([payload] if payload else [])
    assert wire.decode_input(*parts) == message


@pytest.mark.parametrize("message", OUTPUTS, ids=lambda m: type(m).__name__)
def test_outputs_round_trip(message):
    assert wire.decode_output(*wire.encode(message)) == message


def test_every_message_is_here():
    assert {type(m) for m in INPUTS} == set(wire.Input.__args__)
    assert {type(m) for m in OUTPUTS} == set(wire.Output.__args__)


def test_the_key_of_applied_is_from():
    assert msgspec.msgpack.decode(wire.encode(wire.Applied(ID, 3))[0])["from"] == 3


@pytest.mark.parametrize("message", INPUTS, ids=lambda m: type(m).__name__)
def test_unknown_keys_are_ignored_wherever_the_type_stands(message):
    keys = msgspec.msgpack.decode(named(message, novelty={"a": [1, b"\xff"]}))
    backwards = msgspec.msgpack.encode(dict(reversed(keys.items())))
    assert wire.decode_input(backwards) == message


@pytest.mark.parametrize("name", [*wire.RESERVED, "Result", "Novelty", "", "x" * 1000])
def test_unknown_and_reserved_types_are_named(name):
    error = refused(named(INPUTS[1], type=name))
    assert error.code == ("unsupported" if name else "bad_header")
    assert (error.field, error.request) == ("type", "q")
    assert ("reserved" in error.message) == (name in wire.RESERVED)


@pytest.mark.parametrize(
    ("message", "changes", "field"),
    [
        (INPUTS[1], {"model": 3}, "model"),
        (INPUTS[1], {"request": ""}, "request"),
        (INPUTS[1], {"request": "q" * 201}, "request"),
        (INPUTS[1], {"options": [1]}, "options"),
        (INPUTS[2], {"seq": 0}, "seq"),
        (INPUTS[2], {"seq": 2**63}, "seq"),
        (INPUTS[2], {"seq": 1.5}, "seq"),
        (INPUTS[2], {"seq": None}, "seq"),
        (INPUTS[2], {"start": -1}, "start"),
        (INPUTS[2], {"stream": b"short"}, "stream"),
        (INPUTS[2], {"owner": "text"}, "owner"),
        (INPUTS[4], {"count": -5}, "count"),
    ],
)
def test_a_wrong_key_is_named(message, changes, field):
    error = refused(named(message, **changes))
    assert (error.code, error.field) == ("bad_header", field)
    if field not in ("request", "stream"):
        assert error.request == getattr(message, "request", "")
        assert error.stream == getattr(message, "stream", b"")


def test_another_version_is_unsupported():
    error = refused(named(INPUTS[1], wire=2))
    assert (error.code, error.field, error.request) == ("unsupported", "wire", "q")


def test_sizes_are_bounded():
    assert refused(named(INPUTS[0], padding=b"0" * wire.MAX_HEADER_BYTES)).code == "too_large"
    audio = wire.encode(INPUTS[2])[0]
    assert wire.decode_input(audio, bytes(wire.MAX_PAYLOAD_BYTES)) == INPUTS[2]
    error = refused(audio, bytes(wire.MAX_PAYLOAD_BYTES + 1))
    assert (error.code, error.stream) == ("too_large", ID)
    assert refused(wire.encode(INPUTS[7])[0], b"0").code == "bad_payload"


@pytest.mark.parametrize("key", ["options", "novelty", "request"])
@pytest.mark.parametrize("nest", [lambda v: [v], lambda v: {"a": v}], ids=["lists", "maps"])
def test_nesting_is_bounded(key, nest):
    value = 1
    for _ in range(400):
        value = nest(value)
    keys = named(INPUTS[1], **{key: {"deep": value}})
    if key == "novelty":
        assert wire.decode_input(keys) == INPUTS[1]
    else:
        assert refused(keys).code == "bad_header"


@pytest.mark.parametrize(
    "opening", [b"\x91", b"\x81\xa1a", b"\x81", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff"]
)
def test_nesting_that_never_ends_is_refused(opening):
    assert refused((opening * wire.MAX_HEADER_BYTES)[: wire.MAX_HEADER_BYTES]).code == "bad_header"
    inside = msgspec.msgpack.encode({"type": "Open", "request": "q", "model": "m"})
    for key in (b"options", b"novelty"):
        start = b"\x84" + inside[1:] + bytes([0xA0 + len(key)]) + key
        deep = start + opening * ((wire.MAX_HEADER_BYTES - len(start)) // len(opening))
        assert refused(deep).code == "bad_header"


@pytest.mark.parametrize(
    "value", [msgspec.msgpack.Ext(5, b"ab"), msgspec.msgpack.Ext(-1, b"\0" * 4), {1: 2}, {b"k": 2}]
)
def test_options_hold_plain_values_only(value):
    encoded = msgspec.msgpack.encode({"type": "Open", "request": "q", "model": "m", "options": {"a": value}})
    try:
        assert wire.decode_input(encoded).options == {"a": value}
    except wire.WireError as error:
        assert (error.code, error.field) == ("bad_header", "options")
        assert isinstance(value, msgspec.msgpack.Ext)


def decodes(header: bytes, payload: bytes = b"") -> None:
    for decode in (wire.decode_input, wire.decode_output):
        try:
            decode(header, payload)
        except wire.WireError as error:
            assert error.code in wire.CODES


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=4))
def test_any_bytes(header, payload):
    decodes(header, payload)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(INPUTS + OUTPUTS), st.data())
def test_damaged_messages(message, data):
    header = bytearray(wire.encode(message)[0])
    for _ in range(data.draw(st.integers(1, 4))):
        header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    decodes(bytes(header[: data.draw(st.integers(0, len(header)))]))
    decodes(bytes(header))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)
names = st.sampled_from([kind.__name__ for kind in (*wire.Input.__args__, *wire.Output.__args__)])
keys = st.sampled_from(
    ["request", "model", "options", "values", "stream", "owner", "seq", "start", "count", "wire", "?"]
)


@settings(max_examples=500, deadline=None)
@given(names | values, st.dictionaries(keys, values, max_size=8))
def test_any_map(kind, header):
    decodes(msgspec.msgpack.encode({"type": kind, **header}))


def test_the_document_names_every_message_key_and_code():
    text = (Path(__file__).parents[2] / "docs" / "wire.md").read_text()
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    for message in (*INPUTS, *OUTPUTS):
        row = rows[type(message).__name__]
        missing = [key for key in type(message).__struct_encode_fields__ if f"`{key}`" not in row]
        assert not missing, f"{type(message).__name__}: {missing}"
    for name in (*wire.CODES, *wire.RESERVED, *wire.ModelDescription.__struct_fields__):
        assert f"`{name}`" in text
    assert all(code in rows for code in wire.CODES)
    assert all(str(rate) in text for rate in wire.RATES_HZ)


@pytest.mark.parametrize(
    "options", [{"a": [0] * 60_000}, {"a": [[0] * 2000] * 3}, {str(i): 0 for i in range(3000)}]
)
def test_options_of_too_many_values_are_refused(options):
    (header,) = wire.encode(wire.Open("r" * 16, "m", options=options))
    with pytest.raises(wire.WireError) as caught:
        wire.decode_input(header)
    assert caught.value.code == "too_large" and "4096" in str(caught.value)


def test_the_example_of_the_document_is_read_as_messages():
    text = (Path(__file__).parents[2] / "docs" / "wire.md").read_text()
    example = text.split("## An example")[1].split("```")[1].replace("…", '"alternatives": []')
    example = re.sub(r'"(stream|owner)": [SO]\b', lambda m: f'"{m[1]}": "{"s" * 16}"', example)
    messages = re.findall(r"([→←]) (\{.*?\})(?=\s*(?:\n[→←]|\+|$))", example, re.DOTALL)
    assert len(messages) >= 10
    for direction, written in messages:
        values = msgspec.json.decode(written.encode())
        for key in ("stream", "owner", "source"):
            if key in values:
                values[key] = values[key].encode()
        header = msgspec.msgpack.encode(values)
        (wire.decode_input if direction == "→" else wire.decode_output)(header)

"""The messages of the wire, as docs/wire.md specifies them: plain values, no bytes, no socket.

Positions count samples per channel at the declared rate (UTF-8 bytes of text, steps of a generator)
from the stream's beginning and are never reset.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

VERSION = 1
FEATURES = ("flush", "publish", "checkpoint", "replay")
RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
SAMPLE_BYTES = {"s16": 2, "f32": 4, "mulaw": 1}  # of one channel, by encoding
TEXT_ENCODINGS = ("utf8",)
ID_BYTES = 16
NONCE_BYTES = 8

Id = Annotated[bytes, Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
Seq = Annotated[int, Meta(ge=1, le=2**62)]
Count = Annotated[int, Meta(ge=0, le=2**62)]
Name = Annotated[str, Meta(max_length=200)]
Request = Annotated[str, Meta(min_length=1, max_length=200)]


class Incarnation(Struct, frozen=True, array_like=True):
    """One life of a stream: how often it was resumed, and the server that it lives on.

    `server` is a nonce of that process, so two servers that resume the same checkpoint differ.
    """

    epoch: Count = 0
    server: Annotated[bytes, Meta(max_length=NONCE_BYTES)] = b""


FIRST = Incarnation()  # of a server that knows no other


class Message(Struct, frozen=True, tag_field="type"):
    """What all messages share: the key "type" holds the class name."""


class Describe(Message, tag=True, frozen=True):
    """Ask what the server can do. Answered by `Description`."""

    request: Name = ""


class Open(Message, tag=True, frozen=True):
    """Ask for a stream. Repeating it with the same `request` gives the same `Opened`.

    Without `publish` its results go to its owner alone. With `checkpoint_ms` it is given a
    `Checkpoint` so often while it works, and whenever something was said to its end.
    """

    request: Request
    model: Name
    wire: int = VERSION
    options: dict[str, Any] = {}
    publish: bool = True
    checkpoint_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 0


class Resume(Message, tag=True, frozen=True):
    """Take the stream up from the checkpoint in the payload. Answered by `Opened`, as `Open` is.

    A stream that still lives here is reattached, wherever the checkpoint stands. `incarnation` is the
    one whose results its owner took last. `deaths` counts the servers in a row that ended at this very
    input. With `fresh`, a server that has other weights of the model begins with a fresh state at the
    last end of an utterance.
    """

    request: Request
    stream: Id
    owner: Id
    wire: int = VERSION
    incarnation: Incarnation = FIRST
    deaths: Annotated[int, Meta(ge=0, le=1000)] = 0
    fresh: bool = False


class Replay(Message, tag=True, frozen=True):
    """Ask for the last results of a stream again, from `from_seq` on; 0: the running utterance.

    Answered by these `Result`s and `Replayed`. Of a stream that isn't published only for its `owner`.
    """

    stream: Id
    from_seq: Count = 0
    owner: Annotated[bytes, Meta(max_length=ID_BYTES)] = b""
    request: Name = ""


class ForStream(Message, frozen=True):
    """What all inputs of an open stream share: its name, the secret that owns it, their number from 1."""

    stream: Id
    owner: Id
    seq: Seq


class Audio(ForStream, tag=True, frozen=True):
    """Samples from position `start` on, interleaved by channel; the payload holds them."""

    start: Count


class Text(ForStream, tag=True, frozen=True):
    """UTF-8 from byte `start` of the text on; the payload holds it."""

    start: Count


class Skip(ForStream, tag=True, frozen=True):
    """The `count` positions from `start` on are lost, and known to be."""

    start: Count
    count: Count


class Credit(ForStream, tag=True, frozen=True):
    """Ask a generator for `count` more steps."""

    count: Count


class Control(ForStream, tag=True, frozen=True):
    """Change options of a running stream. Answered by `Applied`."""

    values: dict[str, Any] = {}


class Flush(ForStream, tag=True, frozen=True):
    """End the utterance now: its finals come at once and the stream goes on."""


class Close(ForStream, tag=True, frozen=True):
    """End the stream. `seq` is its own number, 1 + the last input's, so it never overtakes one."""


class Work(Struct, frozen=True):
    """The work of a network so far: its steps, their streams and blocks, and the processor time."""

    steps: int = 0
    streams: int = 0  # summed over the steps
    blocks: int = 0  # of all streams
    cpu_seconds: float = 0.0  # of the thread that steps
    reader_seconds: float = 0.0  # of all threads while outputs are read


class ModelDescription(Struct, frozen=True):
    """One model that a server offers, and the options that its streams may set."""

    name: str
    task: str = ""
    input: str = "audio"  # or text or generator, of which there are no rates
    description: str = ""
    licence: str = ""
    encodings: tuple[str, ...] = tuple(SAMPLE_BYTES)
    rates: tuple[int, ...] = RATES_HZ
    options: tuple[str, ...] = ()
    latency_ms: float = 0.0
    max_streams: int = 0
    streams: int = 0  # open now
    device: str = ""  # that the network runs on
    work: Work = Work()  # since the server started


class Description(Message, tag=True, frozen=True):
    """What the server can do."""

    request: str
    wire: int = VERSION
    features: tuple[str, ...] = FEATURES
    models: tuple[ModelDescription, ...] = ()


class Opened(Message, tag=True, frozen=True):
    """The stream exists: its name, the secret that owns it, and the options in force.

    `window` positions may be sent before the first `Ack`. After `lease_ms` without an input the
    stream is freed. `latency_ms` is what the network itself waits for before it can know. A stream
    that the server feeds with the finals of another one names it as its `source`.

    Of a stream that goes on, inputs up to `covered` are in it, and `offset` positions of the next one;
    `results` were told. `fresh` says that its state is not the one that was saved.
    """

    request: str
    stream: Id
    owner: Id
    wire: int = VERSION
    features: tuple[str, ...] = FEATURES
    model: str = ""
    endpoint: str = ""  # where this stream's inputs go
    publish: str = ""  # where its results are published
    topic: str = ""  # MODEL/STREAM, the stream in hexadecimal
    options: dict[str, Any] = {}
    window: Count = 0
    lease_ms: int = 0
    latency_ms: float = 0.0
    source: bytes = b""
    incarnation: Incarnation = FIRST
    checkpoint_ms: int = 0
    covered: Count = 0
    offset: Count = 0
    results: Count = 0
    fresh: bool = False


class Applied(Message, tag=True, frozen=True):
    """The options in force from position `from_` (key "from") on."""

    stream: Id
    from_: Count = field(name="from")
    options: dict[str, Any] = {}


class Ack(Message, tag=True, frozen=True):
    """Inputs up to `accepted` are taken; up to `window` positions may follow them.

    At least one comes every 250 ms of input, and one whenever a window that was spent opens again.
    """

    stream: Id
    accepted: Count
    window: Count


class Word(Struct, frozen=True, omit_defaults=True):
    """A word, the positions where it began and ended, and what it is said to be, if anything."""

    text: str
    start: int
    end: int
    confidence: float = 1.0
    label: str = ""


class Alternative(Struct, frozen=True):
    """One reading of an utterance."""

    text: str
    words: tuple[Word, ...] = ()
    confidence: float = 1.0


class Result(Message, tag=True, frozen=True):
    """What the model says after `through` positions; results of a stream are numbered from 1.

    `kind` is partial, final, speech_start or speech_stop. Inputs up to `accepted` are taken, and
    none after it was needed. The first `confirmed` characters of the first alternative's text never
    change again.
    """

    stream: Id
    seq: Seq
    utterance: int
    kind: str
    through: Count
    accepted: Count
    alternatives: tuple[Alternative, ...] = ()
    confirmed: Count = 0
    incarnation: Incarnation = FIRST


class Checkpoint(Message, tag=True, frozen=True):
    """The stream's whole condition, sealed, in the payload; to its owner alone, who keeps the newest.

    Inputs up to `covered` are in it, and `offset` positions of the next one; `results` were told before.
    `ended` says that it stands at the end of an utterance.
    """

    stream: Id
    incarnation: Incarnation
    covered: Count
    offset: Count = 0
    results: Count = 0
    ended: bool = False


class Moved(Message, tag=True, frozen=True):
    """The stream is not here any more: the same as `Checkpoint`, and the last message about it.

    `reason` is draining or lease.
    """

    stream: Id
    incarnation: Incarnation
    covered: Count
    offset: Count = 0
    results: Count = 0
    ended: bool = False
    reason: str = ""


class Replayed(Message, tag=True, frozen=True):
    """The results `first` to `last` of the stream were sent again; those before are gone. 0 and 0: none."""

    stream: Id
    first: Count = 0
    last: Count = 0
    request: Name = ""


class Refused(Message, tag=True, frozen=True):
    """A message was refused: `code` says why. `fatal` means that the stream is gone or never was."""

    code: str
    message: str
    field: str = ""
    request: str = ""
    stream: bytes = b""
    expected: Count = 0
    retry_after_ms: Count = 0
    fatal: bool = False


class Closed(Message, tag=True, frozen=True):
    """The stream is over after `results` results and `through` positions; `reason` says why."""

    stream: Id
    reason: str
    results: Count = 0
    through: Count = 0
    incarnation: Incarnation = FIRST


Input = Describe | Open | Resume | Replay | Audio | Text | Skip | Credit | Control | Flush | Close
Output = Description | Opened | Applied | Ack | Result | Refused | Closed | Checkpoint | Moved | Replayed
StreamInput = Audio | Text | Skip | Credit | Control | Flush | Close

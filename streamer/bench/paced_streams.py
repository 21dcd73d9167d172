"""Many live streams, paced like microphones or typists, and how late their results come."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamer import wire
from streamer.bench.opened_streams import ANSWER_SECONDS, OpenedStream, OpenedStreams

FRAME_MS = 100  # of sound
WORD_MS = 200  # from one word of a text to the next


@dataclass(frozen=True)
class Material:
    """What streams bring: a frame every `frame_ms`, from the beginning again at the end.

    The server is asked for checkpoints every `checkpoint_ms`, 0 for none.
    """

    message: type[wire.Audio] | type[wire.Text]
    options: dict[str, Any]
    frames: list[bytes]
    frame_ms: int
    position_bytes: int
    checkpoint_ms: int = 0

    def ms(self, positions: int) -> float:
        """How long this many positions take on average."""
        return positions * self.position_bytes * self.frame_ms * len(self.frames) / sum(map(len, self.frames))


def spoken(samples: np.ndarray, rate_hz: int) -> Material:
    """Samples [n] int16, in frames of `FRAME_MS`. ValueError where they are too few, or of a rate
    that the wire doesn't take."""
    if rate_hz not in wire.RATES_HZ:
        raise ValueError(f"a recording at {rate_hz} Hz; the wire takes {wire.RATES_HZ}")
    size = 2 * rate_hz * FRAME_MS // 1000
    payload = samples.astype("<i2").tobytes()
    frames = [payload[at : at + size] for at in range(0, len(payload) - size + 1, size)]
    if not frames:
        raise ValueError(f"the recording is shorter than one frame of {FRAME_MS} ms")
    options = {"format": {"encoding": "s16", "rate": rate_hz, "channels": 1}}
    return Material(wire.Audio, options, frames, FRAME_MS, 2)


def typed(text: str) -> Material:
    """The words of `text`, one every `WORD_MS`. ValueError where there are none."""
    frames = [f"{word} ".encode() for word in text.split()]
    if not frames:
        raise ValueError("there is no word in the text")
    return Material(wire.Text, {}, frames, WORD_MS, 1)


@dataclass
class PacedStream(OpenedStream):
    """One paced stream and what was seen of it."""

    ends: list[int] = field(default_factory=lambda: [0])  # positions after each frame sent so far
    sent_at: list[float] = field(default_factory=list)  # by seq - 1; the last is Close's
    window: int = 0  # positions that may be unprocessed
    processed: int = 0  # positions, by the latest Ack or Result
    worst_backlog_ms: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    drained_ms: float | None = None  # from sending Close to hearing Closed


class Load:
    """`material` on many streams at once.

    The frames of all streams are spread evenly over the frame period, on a schedule that is fixed
    beforehand: a server that answers late gets no fewer frames for it. ConnectionError if the
    server refuses.
    """

    def __init__(self, address: str, material: Material):
        self.material = material
        self.description: wire.Description | None = None
        self.speakers: list[PacedStream] = []
        self.late_ms: list[float] = []  # how far behind its schedule each frame left
        self._streams: OpenedStreams[PacedStream] = OpenedStreams(address, self._take)

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self._streams.leave()

    def describe(self, model: str) -> wire.ModelDescription:
        """The server's description of `model` now. ConnectionError where it doesn't answer."""
        self.description = None
        self._streams.send(0, wire.Describe())
        self._streams.wait(lambda: self.description is not None)
        if self.description is None:
            raise ConnectionError(f"the server doesn't say what it serves within {ANSWER_SECONDS:.0f} s")
        served = {description.name: description for description in self.description.models}
        if model not in served:
            raise ConnectionError(f"the server serves no {model}; there are {', '.join(served) or 'none'}")
        return served[model]

    def open(self, model: str, streams: int) -> None:
        """Open `streams` streams and wait for all of them."""
        self.speakers = [PacedStream(number) for number in range(streams)]
        material = self.material
        self._streams.open(model, self.speakers, lambda speaker: material.options, material.checkpoint_ms)

    def play(self, seconds: float) -> None:
        """Frame f of stream s leaves at f + s/streams frame periods, Close in place of one more frame.

        Returns when the last words are in; streams that are stuck by then stay without `closed`.
        """
        streams, frames = len(self.speakers), round(seconds * 1000 / self.material.frame_ms)
        between = self.material.frame_ms / 1000 / streams
        began = time.perf_counter()
        for turn in range((frames + 1) * streams):
            due = began + turn * between
            while (left := due - time.perf_counter()) > 0:
                self._streams.receive(left)
            speaker = self.speakers[turn % streams]
            if speaker.refusal:
                continue
            self.late_ms.append(-1000 * left)
            if speaker.sent < frames:
                self._send_frame(speaker)
            else:
                speaker.sent_at.append(time.perf_counter())
                self._streams.close(speaker)
        self._streams.wait(lambda: all(speaker.ended for speaker in self.speakers))

    def _send_frame(self, speaker: PacedStream) -> None:
        material, start = self.material, speaker.ends[-1]
        # Each begins elsewhere, so that not all say the same at once.
        payload = material.frames[(7 * speaker.number + speaker.sent) % len(material.frames)]
        speaker.ends.append(start + len(payload) // material.position_bytes)
        speaker.sent += 1
        message = material.message(speaker.stream, speaker.owner, speaker.sent, start)
        speaker.sent_at.append(time.perf_counter())
        self._streams.send(speaker.number, message, payload)
        # `start`, not its end: the frame that has just left isn't late yet.
        backlog_ms = material.ms(start - speaker.processed)
        speaker.worst_backlog_ms = max(speaker.worst_backlog_ms, backlog_ms)

    def _take(self, speaker: PacedStream | None, message: wire.Output) -> None:
        now = time.perf_counter()
        if isinstance(message, wire.Description):
            self.description = message
        elif speaker is None:
            return
        elif isinstance(message, wire.Opened):
            speaker.window = message.window
        elif isinstance(message, wire.Ack):
            waiting = speaker.window - message.window
            taken = speaker.ends[min(message.accepted, speaker.sent)]
            speaker.processed = max(speaker.processed, taken - waiting)
        elif isinstance(message, wire.Result):
            speaker.latencies_ms.append(1000 * (now - speaker.sent_at[message.accepted - 1]))
            speaker.processed = max(speaker.processed, message.through)
        elif isinstance(message, wire.Closed):
            speaker.drained_ms = 1000 * (now - speaker.sent_at[-1])

"""The offline mode: complete recordings of any length, pieces of many in one pass of the network."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
import soxr
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from streamer.models.audio.resample import RATES_HZ
from streamer.models.bundle.build import Model
from streamer.models.layers.stage import Stage
from streamer.models.layers.whole import Whole
from streamer.models.readers.build import reader
from streamer.offline.caption_options import RAW, CaptionOptions
from streamer.offline.cutting import cutter, frames
from streamer.offline.transcript import Segment, Transcript, segment, transcript

BATCH_S = 240.0  # of sound, with its padding, in one pass of the network
POOL_S = 1200.0  # of sound, whose pieces are sorted by length together
BLOCK_S = 20.0  # of a recording that is in memory, through the front at once

Progress = Callable[[float], None]


class SoundBlocks(NamedTuple):
    """A recording as mono float32 blocks [n], read when they are asked for."""

    blocks: Iterable[np.ndarray]
    rate_hz: int


@dataclass
class _Recording:
    """One recording on its way, and its segments so far."""

    seconds: float = 0.0
    ended: bool = False  # all of it is in pieces
    segments: dict[int, list[Segment]] = field(default_factory=dict)  # by the piece's first frame


class _Piece(NamedTuple):
    recording: _Recording
    first_frame: int
    features: Tensor  # [n, C]


class Offline:
    """Runs a network over complete recordings.

    A Whole gets pieces cut at silences, those of about one length together; a live network gets
    each recording by itself and in one.
    Law: a recording's transcript does not depend on what else was in its batch, except for rounding.
    """

    def __init__(self, model: Model, options: CaptionOptions = RAW):
        """ValueError for a model that hears no sound, for a reader that doesn't fit its card, and for
        numbers that it can't write.
        """
        if model.card.front is None:
            raise ValueError(f"{model.card.name} hears no sound; name a model whose input is audio")
        self.model = model
        self.reader = reader(model.card, model.folder, 1, model.allowed)
        known = options.options(self.reader.option_names)
        self.options = self.reader.parse({"partials": False} | known)
        self.front = model.front(model.rate_hz)
        self.frame_s = float(1 / (model.rate_hz * self.front.ratio))
        self.row_s = float(model.steps_per_output / model.rate_hz)
        self.cutter = cutter(1 / self.frame_s, model.network.ratio.denominator)

    def transcribe(
        self, recordings: Sequence[tuple[np.ndarray, int]], progress: Progress = lambda seconds: None
    ) -> list[Transcript]:
        """Each recording as (samples float32 [n], rate_hz), any rate, to its transcript.

        `progress` is called with the seconds that each pass has done.
        """
        return list(self.transcripts((_sound(*recording) for recording in recordings), progress))

    def transcripts(
        self, sounds: Iterable[SoundBlocks], progress: Progress = lambda seconds: None
    ) -> Iterator[Transcript]:
        """The transcript of each of `sounds`, whose rates are the wire's, in order, as soon as it is whole.

        However long a recording is, about POOL_S of it are in memory.
        """
        open_: list[_Recording] = []
        pool: list[_Piece] = []
        pooled_s = 0.0
        for sound in sounds:
            recording = _Recording()
            open_.append(recording)
            for piece in self._pieces(recording, sound):
                pool.append(piece)
                pooled_s += len(piece.features) * self.frame_s
                if pooled_s >= POOL_S:
                    self._hear(pool, progress)
                    pool, pooled_s = [], 0.0
                    yield from _ended(open_)
            recording.ended = True
        self._hear(pool, progress)
        yield from _ended(open_)

    def _pieces(self, recording: _Recording, sound: SoundBlocks) -> Iterator[_Piece]:
        """The features of `sound`, cut if the network wants it; `recording` learns how long it is."""

        def counted() -> Iterator[Tensor]:
            for block in sound.blocks:
                recording.seconds += len(block) / sound.rate_hz
                yield torch.from_numpy(np.ascontiguousarray(block, np.float32))

        front = self.front if sound.rate_hz == self.model.rate_hz else self.model.front(sound.rate_hz)
        features = frames(front, counted())
        pieces = _uncut(features) if isinstance(self.model.network, Stage) else self.cutter.pieces(features)
        for first_frame, piece in pieces:
            yield _Piece(recording, first_frame, piece)

    def _hear(self, pool: Sequence[_Piece], progress: Progress) -> None:
        """Find the segments of every piece."""
        for batch in _batches(pool, round(BATCH_S / self.frame_s)):
            outputs = _outputs(self.model.network, [piece.features for piece in batch])
            for piece, rows in zip(batch, outputs):
                piece.recording.segments[piece.first_frame] = self._read(rows, piece)
                progress(len(piece.features) * self.frame_s)

    def _read(self, rows: np.ndarray, piece: _Piece) -> list[Segment]:
        """What the reader makes of output rows [n, D]."""
        start = piece.first_frame * self.frame_s
        # A recording need not fill its last frame.
        end = min(start + len(piece.features) * self.frame_s, piece.recording.seconds)
        self.reader.open(1, self.options)
        (events,) = self.reader.read([1], rows[None])
        events = [*events, *self.reader.finish(1)]
        return [
            segment(event.alternatives[0], self.row_s, start, end)
            for event in events
            if event.kind == "final"
        ]


def _sound(samples: np.ndarray, rate_hz: int) -> SoundBlocks:
    """Samples in memory as blocks, at the nearest rate of the wire."""
    if rate_hz not in RATES_HZ:
        nearest = min(RATES_HZ, key=lambda known: abs(known - rate_hz))
        samples, rate_hz = soxr.resample(samples, rate_hz, nearest), nearest
    size = round(BLOCK_S * rate_hz)
    return SoundBlocks((samples[at : at + size] for at in range(0, len(samples), size)), rate_hz)


def _uncut(features: Iterable[Tensor]) -> Iterator[tuple[int, Tensor]]:
    chunks = [chunk for chunk in features if len(chunk)]
    if chunks:
        yield 0, torch.cat(chunks)


def _batches(pool: Sequence[_Piece], most: int) -> Iterator[list[_Piece]]:
    """Pieces of about one length together, up to `most` frames with their padding."""
    batch: list[_Piece] = []
    for piece in sorted(pool, key=lambda p: len(p.features)):
        if batch and (len(batch) + 1) * len(piece.features) > most:
            yield batch
            batch = []
        batch.append(piece)
    if batch:
        yield batch


@torch.inference_mode()
def _outputs(network: Stage | Whole, features: Sequence[Tensor]) -> list[np.ndarray]:
    """The network's output rows [n, D] of each of `features` [T, C]."""
    if isinstance(network, Stage):
        return [network(piece[None])[0].numpy() for piece in features]
    lengths = torch.tensor([len(piece) for piece in features])
    outputs = network(pad_sequence(list(features), batch_first=True), lengths)
    return [rows[:n].numpy() for rows, n in zip(outputs, network.out_lengths(lengths).tolist())]


def _ended(recordings: list[_Recording]) -> Iterator[Transcript]:
    """Takes the recordings off the front that are done."""
    while recordings and recordings[0].ended:
        done = recordings.pop(0)
        by_piece = (segments for _, segments in sorted(done.segments.items()))
        yield transcript(done.seconds, chain.from_iterable(by_piece))

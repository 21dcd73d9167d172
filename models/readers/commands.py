"""The commands reader: every word that the network marks is a final at once."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from models.readers import Alternative, Event, Word
from models.readers.commands_options import CardOptions, StreamOptions
from models.readers.converted import converted

UNKNOWN = "unknown"
UNNUMBERED = -1  # the utterance of an event until all of a call's events are in order
NEVER = -(1 << 40)  # the row of what hasn't happened yet
NOT_YET = 1 << 40  # the same, for what counts from when it happens
FADING = 0.8  # of the level of speech, a row
VOICED = 0.5  # probability of any phone that breaks a silence
USUAL_ROWS = 14.0  # of a word whose length the card doesn't know


class Streams(NamedTuple):
    """The condition of every stream; axis 0 is the reader's row, places are output rows."""

    unknown: np.ndarray  # whether `unknown` is told
    recent: np.ndarray  # [rows, mean_rows - 1, words] probabilities of the last output rows
    through: np.ndarray
    ignored: np.ndarray  # output rows still to come that a flush has read already
    utterance: np.ndarray
    said: np.ndarray  # label of the last word
    said_at: np.ndarray
    ended_at: np.ndarray
    speaking: np.ndarray
    level: np.ndarray
    silence: np.ndarray
    talking_since: np.ndarray  # where the first unknown word since the last pause was heard
    evidence: np.ndarray  # [rows, words] sums of probabilities since the last pause
    sounding_since: np.ndarray  # where speech began after it
    named_at: np.ndarray
    told: np.ndarray  # whether a word of the vocabulary was told since then


class CommandsReader:
    """Reads a head of words (the first label is the blank) and, if there is one, a head of phones.

    A word is told when its probability, averaged over `mean_rows` rows, reaches its threshold and
    that of all words of the vocabulary together reaches `vocabulary_threshold`: that some word was
    said must be sure, which one it was may be less so. `apart_rows` must lie between two words,
    `repeat_rows` between a word and the same again. Every word is an utterance and its text final at once, so there are no partials and no endpoints.
    Words outside the vocabulary are marked `unknown` and told where a stream asks for them. Speech
    starts and stops by the phones, the first of which is silence.
    """

    option_names = StreamOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        self.card = converted(options, CardOptions, "reader")
        heads = list(labels)
        self.words, count = list(labels[heads[0]]), len(labels[heads[0]])
        self.phones = slice(count, count + len(labels[heads[1]])) if heads[1:] else None
        for name in (*self.card.thresholds, *self.card.word_rows):
            if name not in self.words:
                raise ValueError(f"reader: {name!r} is no word of labels.{heads[0]}")
        limits = [self.card.thresholds.get(word, self.card.threshold) for word in self.words]
        self.thresholds = np.array(limits, np.float32)
        self.thresholds[[not word for word in self.words]] = np.inf
        self.vocabulary = np.array([word not in ("", UNKNOWN) for word in self.words])
        self.others = np.array([word == UNKNOWN for word in self.words])
        self.streams = Streams(
            np.zeros(rows, bool),
            np.zeros((rows, self.card.mean_rows - 1, count), np.float32),
            *(np.zeros(rows, np.int64) for _ in range(5)),
            np.zeros(rows, np.float64),
            np.zeros(rows, bool),
            np.zeros(rows, np.float64),
            np.zeros(rows, np.int64),
            np.zeros(rows, np.int64),
            np.zeros((rows, count), np.float64),
            np.zeros(rows, np.int64),
            np.zeros(rows, np.int64),
            np.zeros(rows, bool),
        )

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. ValueError "options.NAME: ..." for unknown or bad ones."""
        given = converted(options, StreamOptions, "options")
        return {"partials": False, "endpoint_silence_ms": 0, "unknown": given.unknown}

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        for column in self.streams:
            column[row] = 0
        self.streams.said_at[row] = self.streams.named_at[row] = NEVER
        self.streams.talking_since[row] = self.streams.sounding_since[row] = NOT_YET
        self.streams.unknown[row] = options["unknown"]

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""
        which = np.asarray(rows, np.int64)
        ignored = np.minimum(self.streams.ignored[which], outputs.shape[1])
        if not ignored.any():
            return self._hear(which, outputs)
        self.streams.ignored[which] -= ignored
        return [
            self._hear(which[b : b + 1], outputs[b : b + 1, ignored[b] :])[0] for b in range(len(which))
        ]

    def finish(self, row: int) -> list[Event]:
        """A word that is in doubt still, and the end of speech where that is going on."""
        streams, events = self.streams, []
        through = int(streams.through[row])
        if self.card.doubt_threshold is not None and not streams.told[row]:
            lasted = max(0, through - int(streams.sounding_since[row]))
            label = int(self._doubtful(streams.evidence[row : row + 1], np.array([lasted]))[0])
            if label:
                events = self._final(row, label, through - int(streams.through[row]) - 1, self._trust(row, label))
        if streams.speaking[row]:
            events.append(self._stop(row, through))
        return self._numbered(row, events)

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """Read outputs [m, D] that were drained from a copy of the network.

        The next m rows that `read` brings are these again and are counted, not read.
        """
        seen = int(self.streams.ignored[row])
        events = self._hear(np.array([row]), outputs[None, seen:])[0] + self.finish(row)
        self.streams.ignored[row] = max(seen, len(outputs))
        return events

    def save(self, row: int) -> bytes:
        """The row's whole condition."""
        return b"".join(column[row].tobytes() for column in self.streams)

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote. ValueError for a value of another reader."""
        if len(value) != sum(column[row].nbytes for column in self.streams):
            raise ValueError(f"{len(value)} bytes don't hold a row of this reader")
        at = 0
        for column in self.streams:
            size = column[row].nbytes
            column[row] = np.frombuffer(value[at : at + size], column.dtype).reshape(column.shape[1:])
            at += size

    def _hear(self, which: np.ndarray, outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D], none of which is ignored."""
        told: list[list[Event]] = [[] for _ in which]
        silence = np.zeros(outputs.shape[:2], np.int64)
        if self.phones is not None:
            silence = self._stir(which, 1.0 - _softmax(outputs[:, :, self.phones])[..., 0], told)
        self._spot(which, _softmax(outputs[:, :, : len(self.words)]), silence, told)
        self.streams.through[which] += outputs.shape[1]
        return [self._numbered(int(row), events) for row, events in zip(which, told)]

    def _numbered(self, row: int, events: list[Event]) -> list[Event]:
        """The events in order, each with its utterance; a final is the last of one."""
        numbered = []
        # A stable sort: where both fall on one row, speech starts or stops before the word is told.
        for event in sorted(events, key=_through):
            utterance = int(self.streams.utterance[row])
            numbered.append(msgspec.structs.replace(event, utterance=utterance))
            self.streams.utterance[row] += event.kind == "final"
        return numbered

    def _spot(
        self, which: np.ndarray, heard: np.ndarray, silence: np.ndarray, told: list[list[Event]]
    ) -> None:
        """Probabilities [B, n, words]: a final for every word that reaches its threshold."""
        steps, count = heard.shape[1], self.card.mean_rows
        whole = np.concatenate([self.streams.recent[which], heard], axis=1)
        self.streams.recent[which] = whole[:, steps:]
        means = sum(whole[:, i : i + steps] for i in range(count)) / np.float32(count)
        talking = self._talking(which, means[..., self.others].sum(-1), silence >= self.card.pause_rows)
        wanted = np.where(talking, self.card.talk_threshold, self.card.vocabulary_threshold)
        some = means[..., self.vocabulary].sum(-1)
        sure = (means >= self.thresholds) & ((some >= wanted)[..., None] | ~self.vocabulary)
        streams = self.streams
        for at in range(steps):
            if self.card.doubt_threshold is not None:
                self._gather(which, heard[:, at], silence[:, at], at)
                due = (silence[:, at] == self.card.doubt_rows) & ~streams.told[which]
                due &= ~sure[:, at, self.vocabulary].any(1)
            else:
                due = np.zeros(len(which), bool)
            for b in np.flatnonzero(sure[:, at].any(1) | due):
                row = int(which[b])
                if sure[b, at].any():
                    label = int(np.where(sure[b, at], means[b, at], 0).argmax())
                    if self.vocabulary[label] and self._second(row, at) and some[b, at] < self.card.second_threshold:
                        continue
                    told[b] += self._final(row, label, at, float(means[b, at, label]))
                else:
                    lasted = int(streams.through[row]) + at - int(streams.sounding_since[row])
                    label = int(self._doubtful(streams.evidence[row : row + 1], np.array([lasted]))[0])
                    if label:
                        told[b] += self._final(row, label, at, self._trust(row, label))

    def _second(self, row, at):
        place = int(self.streams.through[row]) + at
        return place - self.streams.named_at[row] < self.card.second_rows

    def _gather(self, which, heard, silence, at):
        streams = self.streams
        over = silence >= self.card.pause_rows
        streams.evidence[which] = np.where(over[:, None], 0.0, streams.evidence[which] + heard)
        streams.told[which] &= ~over
        since = np.where(over, NOT_YET, streams.sounding_since[which])
        streams.sounding_since[which] = np.where(silence == 0, np.minimum(since, streams.through[which] + at), since)

    def _doubtful(self, evidence, lasted):
        """The label [B] of the word in doubt that is told after all; 0 for none."""
        best = np.where(self.vocabulary, evidence, -1.0)
        label = best.argmax(1)
        most = best.max(1)
        share = most / np.maximum(evidence[:, 1:].sum(1), 1e-9)
        good = (most >= self.card.doubt_threshold) & (share >= self.card.doubt_share) & (lasted <= self.card.doubt_longest)
        return np.where(good, label, 0)

    def _trust(self, row, label):
        e = self.streams.evidence[row]
        return float(e[label] / max(e[1:].sum(), 1.0))

    def _talking(self, which: np.ndarray, other: np.ndarray, paused: np.ndarray) -> np.ndarray:
        """Where [B, n] talk goes on, by the probabilities of a word outside the vocabulary."""
        since, talking = self.streams.talking_since[which], np.empty(other.shape, bool)
        for at in range(other.shape[1]):
            place = self.streams.through[which] + at
            since = np.where(paused[:, at], NOT_YET, since)
            since = np.where(other[:, at] >= self.card.talk_unknown, np.minimum(since, place), since)
            talking[:, at] = place - since >= self.card.talk_rows
        self.streams.talking_since[which] = since
        return talking

    def _final(self, row: int, label: int, at: int, sure: float) -> list[Event]:
        streams, text = self.streams, self.words[label]
        place = int(streams.through[row]) + at
        apart = self.card.repeat_rows if label == streams.said[row] else self.card.apart_rows
        if place - streams.said_at[row] < apart:
            return []
        streams.said[row], streams.said_at[row] = label, place
        if self.vocabulary[label]:
            streams.told[row], streams.named_at[row] = True, place
        if text == UNKNOWN and not streams.unknown[row]:
            return []
        last = float(streams.ended_at[row])
        end = max(last, place + 1 + self.card.end_offset_rows)
        start = max(last, end - self.card.word_rows.get(text, USUAL_ROWS))
        streams.ended_at[row] = end
        word = Alternative(text, (Word(text, start, end, sure),), sure)
        return [Event("final", UNNUMBERED, place + 1, (word,), len(text))]

    def _stir(self, which: np.ndarray, voiced: np.ndarray, told: list[list[Event]]) -> np.ndarray:
        """Probabilities [B, n] of any phone: where speech starts and stops; rows of silence [B, n]."""
        streams, silences = self.streams, np.empty(voiced.shape, np.int64)
        for at in range(voiced.shape[1]):
            level = streams.level[which] * FADING + voiced[:, at]
            silence = np.where(voiced[:, at] >= VOICED, 0, streams.silence[which] + 1)
            streams.level[which], streams.silence[which] = level, silence
            speaking = streams.speaking[which]
            starts = ~speaking & (level >= self.card.start_level)
            stops = speaking & (silence >= self.card.stop_rows)
            for b in np.flatnonzero(starts | stops):
                row = int(which[b])
                place = int(streams.through[row]) + at + 1
                told[b].append(self._start(row, place) if starts[b] else self._stop(row, place))
            silences[:, at] = silence
        return silences

    def _start(self, row: int, place: int) -> Event:
        self.streams.speaking[row] = True
        return Event("speech_start", UNNUMBERED, place)

    def _stop(self, row: int, place: int) -> Event:
        self.streams.speaking[row], self.streams.level[row] = False, 0.0
        return Event("speech_stop", UNNUMBERED, place)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float32) - logits.max(-1, keepdims=True).astype(np.float32))
    return powers / powers.sum(-1, keepdims=True)


def _through(event: Event) -> int:
    return event.through

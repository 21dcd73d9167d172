"""The commands reader: every word that the network marks is a final at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from streamer.models.options import converted
from streamer.models.readers import Event, EventAlternative, EventWord, Reader
from streamer.models.readers.columns import restore_row, save_row
from streamer.models.readers.commands.commands_options import CommandsCardOptions, CommandsStreamOptions
from streamer.models.readers.commands.commands_streams import NOT_YET, begin, streams_of

UNKNOWN = "unknown"
UNNUMBERED = -1  # the utterance of an event until all of a call's events are in order
FADING = 0.8  # of the level of speech, a row
VOICED = 0.5  # probability of any phone that breaks a silence
USUAL_ROWS = 14.0  # of a word whose length the card doesn't know


class CommandsReader(Reader):
    """Reads a head of words (the first label is the blank) and, if there is one, a head of phones.

    A word is emitted when its probability, averaged over `mean_rows` rows, reaches its threshold and
    that of all words of the vocabulary together reaches `vocabulary_threshold`: that some word was
    said must be sure; which one it was may be less sure. `apart_rows` must lie between two words,
    `repeat_rows` between a word and the same again, and for `second_rows` after a word the next
    must reach `second_threshold`. Amid talk, where words outside the vocabulary were heard, a word
    must reach `talk_threshold`. A short utterance between pauses in which no word was emitted
    emits the most likely one when it is over. Every word is an utterance and its text final at once, so there
    are no partials and no endpoints. Words outside the vocabulary are marked `unknown` and emitted
    where a stream asks for them. Speech starts and stops by the phones, the first of which is silence.
    """

    option_names = CommandsStreamOptions.__struct_fields__

    def __init__(self, labels: Mapping[str, Sequence[str]], options: dict[str, Any], rows: int):
        self.card = converted(options, CommandsCardOptions, "reader")
        heads = list(labels)
        self.words, count = list(labels[heads[0]]), len(labels[heads[0]])
        self.phones = slice(count, count + len(labels[heads[1]])) if heads[1:] else None
        for name in (*self.card.thresholds, *self.card.talk_thresholds, *self.card.word_rows):
            if name not in self.words:
                raise ValueError(f"reader: {name!r} is no word of labels.{heads[0]}")
        limits = [self.card.thresholds.get(word, self.card.threshold) for word in self.words]
        self.thresholds = np.array(limits, np.float32)
        self.thresholds[[not word for word in self.words]] = np.inf
        self.vocabulary = np.array([word not in ("", UNKNOWN) for word in self.words])
        self.others = np.array([word == UNKNOWN for word in self.words])
        limits = [self.card.talk_thresholds.get(word, self.card.talk_threshold) for word in self.words]
        self.talk_thresholds = np.array(limits, np.float32)
        self.streams = streams_of(rows, self.card.mean_rows, self.card.talk_rows, count)

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        given = converted(options, CommandsStreamOptions, "options")
        return {"partials": False, "endpoint_silence_ms": 0, "unknown": given.unknown}

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        begin(self.streams, row)
        self.streams.unknown[row] = options["unknown"]

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""
        which = np.asarray(rows, np.int64)
        ignored = np.minimum(self.streams.ignored[which], outputs.shape[1])
        if not ignored.any():
            return self._decode(which, outputs)
        self.streams.ignored[which] -= ignored
        return [
            self._decode(which[b : b + 1], outputs[b : b + 1, ignored[b] :])[0] for b in range(len(which))
        ]

    def finish(self, row: int) -> list[Event]:
        """A word that was in doubt until now, and the end of speech where it still goes on."""
        events = self._resolve_doubt(row, -1)
        if self.streams.speaking[row]:
            events.append(self._stop(row, int(self.streams.through[row])))
        return self._numbered(row, events)

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """Read outputs [m, D] that were drained from a copy of the network.

        The next m rows that `read` brings are these again and are counted, not read.
        """
        seen = int(self.streams.ignored[row])
        events = self._decode(np.array([row]), outputs[None, seen:])[0] + self.finish(row)
        self.streams.ignored[row] = max(seen, len(outputs))
        return events

    def save(self, row: int) -> bytes:
        """The row's whole state."""
        return save_row(self.streams, row)

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote. ValueError for a value of another reader."""
        restore_row(self.streams, row, value)

    def _decode(self, which: np.ndarray, outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D], none of which is ignored."""
        events: list[list[Event]] = [[] for _ in which]
        silence = np.zeros(outputs.shape[:2], np.int64)
        if self.phones is not None:
            silence = self._detect_speech(which, 1.0 - _softmax(outputs[:, :, self.phones])[..., 0], events)
        self._spot(which, _softmax(outputs[:, :, : len(self.words)]), silence, events)
        self.streams.through[which] += outputs.shape[1]
        return [self._numbered(int(row), own) for row, own in zip(which, events)]

    def _numbered(self, row: int, events: list[Event]) -> list[Event]:
        """The events in order, each with its utterance; a final is the last of one."""
        numbered = []
        # A stable sort: where both fall on one row, speech starts or stops before the word is told.
        for event in sorted(events, key=_through):
            utterance = int(self.streams.utterance[row])
            numbered.append(msgspec.structs.replace(event, utterance=utterance))
            self.streams.utterance[row] += event.kind == "final"
        return numbered

    def _spot(self, which: np.ndarray, p: np.ndarray, silence: np.ndarray, events: list[list[Event]]) -> None:
        """Probabilities [B, n, words]: a final for every word that reaches its threshold."""
        steps, count = p.shape[1], self.card.mean_rows
        whole = np.concatenate([self.streams.recent[which], p], axis=1)
        self.streams.recent[which] = whole[:, steps:]
        totals = whole[:, :steps]
        for i in range(1, count):
            totals = totals + whole[:, i : i + steps]
        means = totals / np.float32(count)
        any_word = means[..., self.vocabulary].sum(-1)
        talking = self._talking(which, p[..., self.others].sum(-1))
        wanted = np.where(talking[..., None], self.talk_thresholds, self.card.vocabulary_threshold)
        allowed = any_word[..., None] >= wanted
        reached = (means >= self.thresholds) & (allowed | ~self.vocabulary)
        for at in range(steps):
            self._accumulate(which, p[:, at], silence[:, at], talking[:, at], at)
            over = silence[:, at] == self.card.doubt_rows
            for b in np.flatnonzero(reached[:, at].any(1) | over):
                row, label = int(which[b]), int(np.where(reached[b, at], means[b, at], 0).argmax())
                if label and self._apart(row, label, at, float(any_word[b, at])):
                    events[b] += self._final(row, label, at, float(means[b, at, label]))
                if over[b]:
                    events[b] += self._resolve_doubt(row, at)

    def _talking(self, which: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Where [B, n] talk goes on, by the probabilities of words outside the vocabulary."""
        steps, fading = other.shape[1], np.float32(self.card.talk_fading)
        levels = np.concatenate([self.streams.talk[which], other], axis=1)
        for at in range(-steps, 0):
            levels[:, at] = np.maximum(0, levels[:, at] + levels[:, at - 1] * fading)
        self.streams.talk[which] = levels[:, steps:]
        return levels[:, :steps] >= self.card.talk_level

    def _accumulate(
        self, which: np.ndarray, p: np.ndarray, silence: np.ndarray, talking: np.ndarray, at: int
    ) -> None:
        """Evidence of the words since the last pause. Amid talk, and in its last words, there is none."""
        streams, over = self.streams, silence >= self.card.pause_rows
        gathered = streams.evidence[which] + p
        streams.evidence[which] = np.where((over | talking)[:, None], 0.0, gathered)
        since = np.where(over, NOT_YET, streams.voiced_since[which])
        place = np.where(silence == 0, streams.through[which] + at, NOT_YET)
        streams.voiced_since[which] = np.minimum(since, place)
        streams.word_told[which] &= ~over

    def _resolve_doubt(self, row: int, at: int) -> list[Event]:
        """The likeliest word of a short utterance that is over, if none was told."""
        streams, card, evidence = self.streams, self.card, self.streams.evidence[row]
        if card.doubt_threshold is None or streams.word_told[row]:
            return []
        lasted = int(streams.through[row]) + at - int(streams.voiced_since[row])
        label = int(np.where(self.vocabulary, evidence, 0.0).argmax())
        share = float(evidence[label] / max(1.0, evidence[1:].sum()))
        likely = evidence[label] >= card.doubt_threshold and share >= card.doubt_share
        if not likely or not card.doubt_shortest <= lasted <= card.doubt_longest:
            return []
        return self._final(row, label, at, share)

    def _apart(self, row: int, label: int, at: int, any_word: float) -> bool:
        """Whether a word is far enough from the last one; `any_word` is the probability of any word."""
        streams, place = self.streams, int(self.streams.through[row]) + at
        apart = self.card.repeat_rows if label == streams.last_label[row] else self.card.apart_rows
        soon = place - streams.last_word_row[row] < self.card.second_rows
        doubtful = self.vocabulary[label] and soon and any_word < self.card.second_threshold
        return place - streams.last_row[row] >= apart and not doubtful

    def _final(self, row: int, label: int, at: int, confidence: float) -> list[Event]:
        streams, text = self.streams, self.words[label]
        place = int(streams.through[row]) + at
        streams.last_label[row], streams.last_row[row] = label, place
        if self.vocabulary[label]:
            streams.word_told[row], streams.last_word_row[row] = True, place
        if text == UNKNOWN and not streams.unknown[row]:
            return []
        last = float(streams.last_end[row])
        end = max(last, place + 1 + self.card.end_offset_rows)
        start = max(last, end - self.card.word_rows.get(text, USUAL_ROWS))
        streams.last_end[row] = end
        word = EventAlternative(text, (EventWord(text, start, end, confidence),), confidence)
        return [Event("final", UNNUMBERED, place + 1, (word,), len(text))]

    def _detect_speech(self, which: np.ndarray, voiced: np.ndarray, events: list[list[Event]]) -> np.ndarray:
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
                events[b].append(self._start(row, place) if starts[b] else self._stop(row, place))
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

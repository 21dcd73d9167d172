"""The captions reader: CTC phones to words, with partials, endpoints, times and confidences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamer.models.card import beside
from streamer.models.options import converted
from streamer.models.readers import Event, Reader
from streamer.models.readers.captions import hypotheses as h
from streamer.models.readers.captions import packed_row
from streamer.models.readers.captions.captions_options import CaptionsCardOptions, CaptionsStreamOptions
from streamer.models.readers.captions.decoder import compiled_advance
from streamer.models.readers.captions.endpoint import (
    CUT,
    FINAL,
    PARTIAL,
    SPEECH_START,
    SPEECH_STOP,
    Listening,
)
from streamer.models.readers.captions.hot_words import HotWordVocabulary
from streamer.models.readers.captions.hypothesis_text import HypothesisText
from streamer.models.readers.captions.language_model import factors, read_grams
from streamer.models.readers.captions.lexicon import read_lexicon
from streamer.models.readers.captions.pronunciation import read_pronouncer
from streamer.models.readers.captions.pruning import Pruning, Scratch, new_scratch
from streamer.models.readers.captions.search_threads import SearchThreads, num_search_threads

SENTENCE_END = "</s>"
PIECE = 8  # rows that a thread searches at a time


class CaptionsReader(Reader):
    """Reads rows of phone logits; every stream has its row of fixed-size state.

    `phones` are the labels of the network's first head, the blank at 0. `folder` holds the files
    that `options` names. Events are a function of the rows alone, however they are cut.
    """

    option_names = CaptionsStreamOptions.__struct_fields__

    def __init__(self, phones: Sequence[str], options: dict[str, Any], folder: Path, rows: int):
        card = converted(options, CaptionsCardOptions, "reader")
        self.card, self.num_phones = card, len(phones)
        lexicon = read_lexicon(beside(folder, card.lexicon, "reader.lexicon"), len(phones) - 1)
        self.tree = lexicon.tree
        self.grams = read_grams(
            beside(folder, card.language_model, "reader.language_model"), len(lexicon.spelling)
        )
        self.factors = factors(card.lm_weight)
        pronouncer = (
            read_pronouncer(beside(folder, card.sounds, "reader.sounds"), len(phones) - 1)
            if card.sounds
            else None
        )
        self.vocabulary = HotWordVocabulary(lexicon, pronouncer)
        self.hyp = h.hypotheses(rows, card.beam, card.max_words, card.max_hot_nodes)
        traces = self.hyp.trace.shape[1]
        self.threads = SearchThreads([new_scratch(card.beam, traces) for _ in range(num_search_threads())])
        self.advance = compiled_advance()
        self.pruning = Pruning(
            float(np.exp(-card.beam_width)),
            float(np.exp(-card.word_width)),
            card.phone_threshold,
            card.blank_threshold,
            float(np.exp(-card.blank_bias)),
            float(np.exp(card.word_insertion)),
            float(np.exp(card.hot_word_boost)),
            float(np.exp(-card.lm_weight * card.own_word_cost)),
        )
        self.listening = Listening(
            card.start_level,
            max(1, round(card.stop_silence_ms / card.row_ms)),
            round(card.max_utterance_s * 1000 / card.row_ms),
            round(card.max_utterance_s * 750 / card.row_ms),
            max(1, round(200 / card.row_ms)),
            card.max_words * 3 // 4,
            lexicon.spelling.index(SENTENCE_END) if card.end_probability else 0,
            card.end_probability**card.lm_weight if card.end_probability else 0.0,
            card.endpoint_patience,
        )
        self.text = HypothesisText(lexicon, card, self.grams, self.factors, len(phones))

    def parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options in force. OptionError "options.NAME" for unknown or bad ones."""
        given = converted(options, CaptionsStreamOptions, "options")
        silence = given.endpoint_silence_ms
        self.vocabulary.hot(given.hot_words, self.card.max_hot_nodes)
        return {
            "partials": given.partials,
            "endpoint_silence_ms": self.card.endpoint_silence_ms if silence is None else silence,
            "hot_words": list(given.hot_words),
            "sentences": given.sentences,
            "numbers": given.numbers,
        }

    def open(self, row: int, options: dict[str, Any]) -> None:
        """Start a stream in `row` with what `parse` returned."""
        for column in self.hyp:
            column[row] = 0
        counter = self.hyp.counter[row]
        counter[h.PARTIALS] = options["partials"]
        counter[h.SENTENCES], counter[h.NUMBERS] = options["sentences"], options["numbers"]
        silence = options["endpoint_silence_ms"]
        counter[h.ENDPOINT] = max(1, round(silence / self.card.row_ms)) if silence else 0
        hot = self.vocabulary.hot(options["hot_words"], self.card.max_hot_nodes)
        counter[h.HOT], counter[h.OWN] = len(hot.nodes), len(hot.own)
        self.hyp.hot[row, : len(hot.nodes)] = hot.nodes
        self.hyp.own[row, : len(hot.own)] = hot.own
        self.hyp.own_text[row, : len(hot.text)] = np.frombuffer(hot.text, np.uint8)
        h.begin(row, self.hyp)

    def read(self, rows: Sequence[int], outputs: np.ndarray) -> list[list[Event]]:
        """Take outputs [B, n, D] of the streams in `rows`; the events of each, in order."""
        which = np.asarray(rows, np.int64)
        at, codes = np.zeros(len(which), np.int64), np.zeros(len(which), np.int64)
        outputs = np.ascontiguousarray(outputs[:, :, : self.num_phones], np.float32)
        events: list[list[Event]] = [[] for _ in rows]
        while True:
            self._advance(which, outputs, at, codes)
            if not codes.any():
                return events
            for row, code, own in zip(rows, codes.tolist(), events):
                if code:
                    own.extend(self._events(row, code))

    def finish(self, row: int) -> list[Event]:
        """The finals of the last utterance, after all of the stream's rows were read."""
        return self._end(row)

    def flush(self, row: int, outputs: np.ndarray) -> list[Event]:
        """End the utterance with outputs [m, D] that were drained from a copy of the network.

        The next m rows that `read` brings are these again and are counted, not read.
        """
        counter = self.hyp.counter[row]
        seen, counter[h.IGNORED] = int(counter[h.IGNORED]), 0
        (events,) = self.read([row], outputs[None, seen:])
        ended = self._end(row)
        counter[h.IGNORED] = max(seen, len(outputs))
        return events + ended

    def save(self, row: int) -> bytes:
        """The row's whole state: as much of it as is in use."""
        return packed_row.save(row, self.hyp)

    def restore(self, row: int, value: bytes) -> None:
        """Make `row` what `save` wrote. ValueError for a value of another reader."""
        packed_row.restore(row, self.hyp, value)

    def _advance(self, which, outputs, at, codes) -> None:
        """Read every stream on to its next event, or to the end of its outputs."""

        def read_on(part: slice, scratch: Scratch) -> None:
            self.advance(
                which[part],
                outputs[part],
                at[part],
                codes[part],
                self.hyp,
                self.tree,
                self.grams,
                self.factors,
                self.pruning,
                self.listening,
                scratch,
            )

        self.threads.share(read_on, len(which), PIECE)

    def _events(self, row: int, code: int) -> list[Event]:
        counter, events = self.hyp.counter[row], []
        utterance, through = int(counter[h.UTTERANCE]), int(counter[h.ROWS_READ])
        if code & SPEECH_START:
            events.append(Event("speech_start", utterance, through))
        if code & PARTIAL:
            events.append(self.text.partial(row, self.hyp))
        if code & SPEECH_STOP:
            events.append(Event("speech_stop", utterance, through))
        if code & FINAL:
            events.extend(self._final(row, ended=not code & CUT))
            if code & CUT:
                h.go_on(row, self.hyp)
            else:
                h.begin(row, self.hyp)
        return events

    def _end(self, row: int) -> list[Event]:
        """The utterance ends here: its final, and the end of speech."""
        counter, events = self.hyp.counter[row], []
        if counter[h.SPEAKING]:
            counter[h.SPEAKING] = 0
            stop = Event("speech_stop", int(counter[h.UTTERANCE]), int(counter[h.ROWS_READ]))
            events.append(stop)
        self.hyp.level[row] = 0.0
        counter[h.SILENCE] = 0
        events.extend(self._final(row, ended=True))
        h.begin(row, self.hyp)
        return events

    def _final(self, row: int, ended: bool) -> list[Event]:
        """The final, if it has a word; `ended` is false in the middle of speech."""
        event = self.text.final(row, self.hyp, ended)
        if event is None:
            return []
        self.hyp.counter[row, h.UTTERANCE] += 1
        return [event]

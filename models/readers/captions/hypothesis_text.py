"""From a stream's tokens to text: words with times and confidences, partials and finals."""

from collections.abc import Sequence
from math import exp

import numpy as np

from streamer.models.readers import Event, EventAlternative, EventWord
from streamer.models.readers.captions import hypotheses as h
from streamer.models.readers.captions.captions_options import CaptionsCardOptions
from streamer.models.readers.captions.hypotheses import Hypotheses
from streamer.models.readers.captions.language_model import Factors, Grams, after
from streamer.models.readers.captions.lexicon import JOINT, Lexicon
from streamer.models.readers.captions.written_form import Style, settled, written

END_WORD = 1  # </s>


class HypothesisText:
    """Reads the words of a row; it knows what words are called and nothing about any stream."""

    def __init__(
        self, lexicon: Lexicon, card: CaptionsCardOptions, grams: Grams, factors: Factors, roots: int
    ):
        self.spelling, self.card, self.grams, self.factors = lexicon.spelling, card, grams, factors
        self.pieces, self.joined, self.listed = (
            lexicon.tree.pieces,
            lexicon.tree.joined,
            len(lexicon.spelling),
        )
        self.roots = roots  # nodes of the tree below this are the root

    def partial(self, row: int, hyp: Hypotheses) -> Event:
        """The text so far: the words of the best token."""
        counter, style = hyp.counter[row], _style(row, hyp)
        best = self._alternative(row, int(counter[h.BEST]), 1.0, hyp)
        fixed = settled(best.words[: self._whole_words(row, hyp)], style)
        return Event(
            "partial",
            int(counter[h.UTTERANCE]),
            int(counter[h.ROWS_READ]),
            (_rewritten(best, written(best.words, style)),),
            len(_text(written(best.words[:fixed], style))),
        )

    def final(self, row: int, hyp: Hypotheses, ended: bool = True) -> Event | None:
        """The utterance's text, or None where it has no word; `ended` says that speech ends here."""
        counter, style = hyp.counter[row], _style(row, hyp)
        if not counter[h.HAS_SPEECH]:
            return None
        readings: list[EventAlternative] = []
        for trace, share in self._endings(row, hyp):
            reading = self._alternative(row, trace, share, hyp)
            if all(reading.text != other.text for other in readings):  # a word is spelled in several ways
                readings.append(reading)
            if len(readings) == self.card.alternatives:
                break
        if not readings[0].words:
            return None
        alternatives = tuple(_rewritten(reading, _whole(reading.words, style, ended)) for reading in readings)
        return Event(
            "final",
            int(counter[h.UTTERANCE]),
            int(counter[h.ROWS_READ]),
            alternatives,
            len(alternatives[0].text),
        )

    def _endings(self, row: int, hyp: Hypotheses) -> list[tuple[int, float]]:
        """The last traces of the texts that may stand at an end, with their shares, best first."""
        tokens = int(hyp.counter[row, h.TOKENS])
        place = hyp.place[row, :tokens].tolist()
        mass = hyp.mass[row, :tokens, : h.LABEL + 1].sum(axis=1).tolist()
        whole = any(token[h.NODE] < self.roots for token in place)
        values: dict[int, float] = {}
        traces: dict[int, int] = {}
        for token, value in zip(place, mass):
            if whole and token[h.NODE] >= self.roots:
                continue  # in the middle of a word
            end, _ = after(token[h.CONTEXT], END_WORD, self.grams, self.factors)
            trace = token[h.TRACE]
            key = int(hyp.trace_key[row, trace]) if trace >= 0 else int(hyp.key[row, h.COMMITTED])
            values[key] = values.get(key, 0.0) + value * float(end)
            traces[key] = trace
        total = sum(values.values()) or 1.0
        best = sorted(values, key=lambda key: -values[key])
        return [(traces[key], values[key] / total) for key in best]

    def _alternative(self, row: int, trace: int, share: float, hyp: Hypotheses) -> EventAlternative:
        """The committed words and the chain that ends at `trace`."""
        count = int(hyp.counter[row, h.NUM_COMMITTED])
        places = hyp.committed[row, :count].tolist()
        committed = [
            (*place, *scores) for place, scores in zip(places, hyp.committed_scores[row, :count].tolist())
        ]
        chain = []
        while trace >= 0:
            previous, *place = hyp.trace[row, trace].tolist()
            sound, shares, rows = hyp.trace_scores[row, trace].tolist()
            chain.append((*place, sound, shares / max(1.0, rows)))
            trace = previous
        words: list[EventWord] = []
        own = hyp.own_text[row].tobytes().decode().split(" ") if hyp.counter[row, h.OWN] else []
        for number, first, last, sound, agreed in committed + chain[::-1]:
            after_row = words[-1].end if words else 0.0
            listed = number < self.listed
            text = self.spelling[number].strip(JOINT) if listed else own[number - self.listed]
            word = self._word(text, first, last, after_row, self._confidence(sound, agreed))
            if self.joined <= number < self.listed and words:
                words[-1] = _joined(words[-1], word)
            else:
                words.append(word)
        confidence = sum(word.confidence for word in words) / max(1, len(words))
        return EventAlternative(_text(words), tuple(words), share * confidence)

    def _word(self, text: str, first: int, last: int, after_row: float, confidence: float) -> EventWord:
        card = self.card
        start = max(after_row, first + card.time_offset_rows + card.start_offset_rows)
        end = max(start, last + 1 + card.time_offset_rows + card.end_offset_rows)
        return EventWord(text, start, end, confidence)

    def _whole_words(self, row: int, hyp: Hypotheses) -> int:
        """How many words are committed to their ends: a piece may be followed by another."""
        words = hyp.committed[row, : hyp.counter[row, h.NUM_COMMITTED], 0]
        joined = (words >= self.joined) & (words < self.listed)
        open_ = len(words) and self.pieces <= words[-1] < self.listed
        return int(len(words) - np.count_nonzero(joined[1:]) - open_)

    def _confidence(self, sound: float, agreed: float) -> float:
        """Confidence from the mean ln p of a word's phones and its mean share of the beam."""
        card = self.card
        return 1.0 / (
            1.0 + exp(-card.confidence_bias - card.confidence_sound * sound - card.confidence_share * agreed)
        )


def _joined(word: EventWord, piece: EventWord) -> EventWord:
    """`word` with one more of the pieces that it is spelled in."""
    return EventWord(word.text + piece.text, word.start, piece.end, min(word.confidence, piece.confidence))


def _style(row: int, hyp: Hypotheses) -> Style:
    counter = hyp.counter[row]
    return Style(bool(counter[h.SENTENCES]), bool(counter[h.NUMBERS]), bool(counter[h.GOES_ON]))


def _whole(words: Sequence[EventWord], style: Style, ended: bool) -> tuple[EventWord, ...]:
    """The words of a final. Where speech was cut its last number may go on, and stays as it is."""
    if ended:
        return written(words, style, True)
    fixed = settled(words, style)
    goes_on = style._replace(numbers=False, goes_on=style.goes_on or fixed > 0)
    return written(words[:fixed], style) + written(words[fixed:], goes_on)


def _rewritten(reading: EventAlternative, words: tuple[EventWord, ...]) -> EventAlternative:
    return EventAlternative(_text(words), words, reading.confidence)


def _text(words: Sequence[EventWord]) -> str:
    return " ".join(word.text for word in words)

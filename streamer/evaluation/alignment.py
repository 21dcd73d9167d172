"""Which words of a hypothesis are which of the reference: by edit distance, and by their times."""

from collections.abc import Sequence

import jiwer

from streamer.evaluation.recordings import SpokenWord

CLOSE_SECONDS = 1.0  # equal words farther apart than this are not the same one


def aligned(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[int, int]]:
    """Places in `reference` and in `hypothesis` of the equal words that edit distance aligns."""
    if not reference or not hypothesis:
        return []
    chunks = jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments[0]
    return [
        places
        for chunk in chunks
        if chunk.type == "equal"
        for places in zip(
            range(chunk.ref_start_idx, chunk.ref_end_idx), range(chunk.hyp_start_idx, chunk.hyp_end_idx)
        )
    ]


def right_words(reference: Sequence[str], hypothesis: Sequence[str]) -> list[bool]:
    """Which words of `hypothesis` are right, the two aligned by edit distance."""
    right = {place for _, place in aligned(reference, hypothesis)}
    return [place in right for place in range(len(hypothesis))]


def matched(spoken: Sequence[SpokenWord], heard: Sequence[SpokenWord]) -> list[tuple[int, int]]:
    """Places in `spoken` and in `heard` of the words that edit distance aligns and that lie close."""
    pairs = aligned([word.text for word in spoken], [word.text for word in heard])
    return [(i, j) for i, j in pairs if abs(heard[j].start - spoken[i].start) <= CLOSE_SECONDS]


def time_errors(spoken: Sequence[SpokenWord], heard: Sequence[SpokenWord]) -> list[float]:
    """Seconds by which the starts and the ends of matched words are off, without sign."""
    return [
        abs(error)
        for i, j in matched(spoken, heard)
        for error in (heard[j].start - spoken[i].start, heard[j].end - spoken[i].end)
    ]

"""Which of the words that were found is which of those that were spoken."""

from collections.abc import Sequence

import jiwer

from streamer.offline.recordings import SpokenWord

CLOSE_SECONDS = 1.0  # words found farther from where they were spoken are others that look alike


def matched(spoken: Sequence[SpokenWord], found: Sequence[SpokenWord]) -> list[tuple[int, int]]:
    """Places in `spoken` and in `found` of the words that edit distance aligns and that lie close."""
    if not spoken or not found:
        return []
    aligned = jiwer.process_words(
        " ".join(word.text for word in spoken), " ".join(word.text for word in found)
    )
    return [
        (reference, hypothesis)
        for chunk in aligned.alignments[0]
        if chunk.type == "equal"
        for reference, hypothesis in zip(
            range(chunk.ref_start_idx, chunk.ref_end_idx), range(chunk.hyp_start_idx, chunk.hyp_end_idx)
        )
        if abs(found[hypothesis].start - spoken[reference].start) <= CLOSE_SECONDS
    ]


def time_errors(spoken: Sequence[SpokenWord], found: Sequence[SpokenWord]) -> list[float]:
    """Seconds by which the starts and the ends of matched words are off, without sign."""
    return [
        abs(edge)
        for reference, hypothesis in matched(spoken, found)
        for edge in (
            found[hypothesis].start - spoken[reference].start,
            found[hypothesis].end - spoken[reference].end,
        )
    ]

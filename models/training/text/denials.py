"""Short sentences that say or deny one word of praise or blame, for which film reviews are too wordy."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise, product

THINGS = ("it", "this film", "the food", "that book", "the service", "my phone", "the weather", "everything")
SAYS = (
    "{thing} was {word} .",
    "{thing} is {word}",
    "{thing} is very {word} !",
    "i think {thing} is {word} .",
)
DENIES = (
    "{thing} was not {word} .",
    "{thing} is not {word} at all .",
    "{thing} was n't {word}",
    "{thing} is n't very {word} .",
    "{thing} is never {word} .",
    "i do n't think {thing} is {word} .",
    "i would not call {thing} {word} .",
    "nobody could say {thing} was {word}",
    "not {word}",
    "never {word}",
    "not very {word} at all",
)
VERBS = (
    (1, "love", "loved"),
    (1, "like", "liked"),
    (1, "enjoy", "enjoyed"),
    (1, "adore", "adored"),
    (1, "recommend", "recommended"),
    (0, "hate", "hated"),
    (0, "regret", "regretted"),
    (0, "dislike", "disliked"),
)
DID = (
    "i {past} {thing} .",
    "i really {verb} {thing} .",
    "we all {past} {thing}",
    "everyone {past} {thing} !",
)
DID_NOT = (
    "i did n't {verb} {thing} .",
    "i do not {verb} {thing} at all .",
    "nobody {past} {thing}",
    "we never {past} {thing} .",
    "i ca n't {verb} {thing} .",
)


def graded(texts: Iterable[Sequence[str]]) -> set[str]:
    """The words that stand after "very" three times or more: adjectives that can be denied."""
    pairs = (pair for words in texts for pair in pairwise(words))
    counts = Counter(word.lower() for before, word in pairs if before.lower() == "very")
    return {word for word, count in counts.items() if count >= 3}


def denials(rows: Iterable[tuple[int, str]], adjectives: set[str]) -> list[tuple[int, str]]:
    """Sentences and their labels, 0 or 1, from the rows of one word, which must be one of `adjectives`.

    Every frame holds every word once, with the things in turn; what denies has the other label.
    """
    words = sorted({(label, text.strip()) for label, text in rows if text.strip() in adjectives})
    made = []
    for denied, frames in enumerate((SAYS, DENIES)):
        for number, ((label, word), frame) in enumerate(product(words, frames)):
            thing = THINGS[(number // len(frames) + number) % len(THINGS)]
            made.append((label ^ denied, frame.format(thing=thing, word=word)))
    for denied, frames in enumerate((DID, DID_NOT)):
        for (label, verb, past), frame, thing in product(VERBS, frames, THINGS):
            made.append((label ^ denied, frame.format(thing=thing, verb=verb, past=past)))
    return made

"""Builds the English of the captions reader: lexicon.bin, lm.bin and sounds.bin, from the data folder."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from streamer.models.datasets.shards import PHONES
from streamer.models.datasets.spoken_text import sentences
from streamer.models.readers.captions.language_model import write_grams
from streamer.models.readers.captions.lexicon import JOINT, build_lexicon
from streamer.models.readers.captions.pronunciation import Pronouncer, read_pronouncer
from streamer.models.training.language.counts import END, START, book_words, count, read_counts
from streamer.models.training.language.graphones import join
from streamer.models.training.language.kneser_ney import estimate
from streamer.models.training.language.known_pronunciations import Pronunciations, pronunciations
from streamer.models.training.language.letter_sounds import build_sounding, learnt, numbers, right_shares
from streamer.models.training.language.morphology import derive
from streamer.models.training.language.spelling import SPELLED, in_units, piece_sounds, spelled_sentences

WORD_LIST = Path("/usr/share/dict/american-english")  # SCOWL to size 60
NGRAMS = "ngrams_books"  # counts, not sentences
WORDS = 85_000
PIECES = 1500  # by sound; about a thousand by letters
UNREAD_SHARE = 0.005  # of all words that are said, those that are listed and not among the `WORDS`
# How much of the mixture each text is, where the context doesn't tell.
SHARES = {
    "an4": 0.2,
    "speechocean": 0.1,
    "read": 0.04,
    "books": 0.1,
    "tatoeba": 0.1,
    "shakespeare": 0.01,
    "news": 0.05,
    "transcripts": 0.2,
    "spoken": 0.07,
    NGRAMS: 0.45,
    SPELLED: 0.2,
}
MAX_PAIRS, MAX_TRIPLES = 600_000, 2_200_000  # with the lexicon under 14 MB
PRONOUNCEABLE = re.compile(r"(?![ivxlc]+$)(?=.*[aeiouy])[a-z]+('[a-z]+)?")


def build_language(data: Path, out: Path, progress: Callable[[str], None] = print) -> None:
    """Write lexicon.bin, lm.bin and sounds.bin in `out` from the folder that holds speech/ and text/.

    Needs a word list; reads train splits only. The same data give the same files.
    """
    listed, books = listed_words(), data / "text" / NGRAMS
    out.mkdir(parents=True, exist_ok=True)
    texts = {name: sentences(data, name) for name in SHARES if name not in (NGRAMS, SPELLED)}
    known = pronunciations(data)
    cuts = in_units({word: sounds[0] for word, sounds in known.items()})
    sounds_file = out / "sounds.bin"
    read = learnt(cuts)
    build_sounding(sounds_file, read)
    pronouncer = read_pronouncer(sounds_file, len(PHONES) - 1)
    aside = cuts.keys() - read.keys()
    first, any_ = right_shares(pronouncer, sorted(aside), known)
    right = f"{first:.0%} sound right, {any_:.0%} in one of their ways"
    progress(f"{sounds_file.name}: of {len(aside)} words kept aside {right}")
    spoken = choose_words(expected(texts, book_words(books)), known, pronouncer)
    unread = {word: known[word] for word in listed if word in known and word not in spoken}
    spoken |= unread
    spelled = join(cuts, PIECES)
    texts[SPELLED] = spelled_sentences(texts, spoken, spelled)
    pieces = piece_sounds(spelled)
    vocabulary = [START, END, *sorted(spoken), *sorted(pieces, key=lambda name: name.startswith(JOINT))]
    progress(f"{len(spoken)} words and {len(pieces)} pieces of {sum(map(len, texts.values()))} sentences")
    place = {word: i for i, word in enumerate(vocabulary)}
    counts = [
        read_counts(books, place) if name == NGRAMS else count(texts[name], vocabulary) for name in SHARES
    ]
    for name, text in zip(SHARES, counts):
        progress(f"{name}: {len(text.pairs)} pairs, {len(text.triples)} triples")
    model = estimate(counts, list(SHARES.values()), MAX_PAIRS, MAX_TRIPLES, place[START])
    rare = np.log(UNREAD_SHARE / len(unread))
    for word in unread:
        model.word_logp[place[word]] = max(rare, model.word_logp[place[word]])
    progress(f"kept {len(model.pairs)} pairs, {len(model.triples)} triples")
    write_grams(out / "lm.bin", model)
    sounds = (
        (i, numbers(phones))
        for i, word in enumerate(vocabulary[2:], 2)
        for phones in (pieces if i >= 2 + len(spoken) else spoken)[word]
    )
    nodes = build_lexicon(out / "lexicon.bin", vocabulary, sounds, model.word_logp, len(PHONES) - 1)
    progress(f"{nodes} nodes in the tree")


def listed_words() -> list[str]:
    """Words that people know, without possessives; FileNotFoundError that names the package."""
    if not WORD_LIST.is_file():
        raise FileNotFoundError(f"{WORD_LIST} is missing; install it with: apt install wamerican")
    words = {word.lower() for word in WORD_LIST.read_text(encoding="utf-8").split() if word.isascii()}
    return sorted(word for word in words if not word.endswith("'s"))


def expected(texts: Mapping[str, list[str]], books: Mapping[str, int]) -> dict[str, float]:
    """How much of the mixture each word is; `books` are the words of `NGRAMS` with their counts."""
    shares: dict[str, float] = defaultdict(float)
    for name, share in SHARES.items():
        words = books if name == NGRAMS else Counter(w for line in texts.get(name, ()) for w in line.split())
        total = sum(words.values())
        for word, often in words.items():
            shares[word] += share * often / total
    return shares


def choose_words(
    wanted: Mapping[str, float], known: Pronunciations, pronouncer: Pronouncer
) -> Pronunciations:
    """The `WORDS` most expected words with their sounds, and the letters: `known`, derived from what is
    known, or pronounced from their letters. What can't be pronounced is left out."""
    derived = derive(sorted(word for word in wanted if word not in known), known)
    chosen: Pronunciations = {
        letter: known[letter] for letter in "abcdefghijklmnopqrstuvwxyz" if letter in known
    }
    for word, _ in sorted(wanted.items(), key=lambda pair: (-pair[1], pair[0])):
        if len(chosen) == WORDS:
            break
        if sounds := known.get(word) or derived.get(word) or _from_letters(word, pronouncer):
            chosen[word] = sounds
    return chosen


def _from_letters(word: str, pronouncer: Pronouncer) -> list[tuple[str, ...]]:
    if not PRONOUNCEABLE.fullmatch(word):
        return []
    return [tuple(PHONES[phone] for phone in phones) for phones in pronouncer.pronounce(word)[:2]]

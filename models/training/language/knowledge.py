"""Builds the English of the captions reader: lexicon.bin, lm.bin and sounds.bin, from the data folder."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from streamer.models.datasets.shards import PHONES
from streamer.models.datasets.spoken_text import sentences
from streamer.models.readers.captions.language_model import write_grams
from streamer.models.readers.captions.lexicon import JOINT, build_lexicon
from streamer.models.readers.captions.pronunciation import read_pronouncer
from streamer.models.training.language.graphones import join
from streamer.models.training.language.irstlm import END, START, estimate, find_estimator
from streamer.models.training.language.letter_sounds import build_sounding, learnt, numbers, right_shares
from streamer.models.training.language.morphology import derive
from streamer.models.training.language.ngrams import mix, prune
from streamer.models.training.language.pronunciation import Pronunciations, pronunciations
from streamer.models.training.language.spelling import SPELLED, in_units, piece_sounds, spelled_sentences

WORD_LIST = Path("/usr/share/dict/american-english")  # SCOWL to size 60
PIECES = 1500  # by sound; about a thousand by letters
UNREAD_SHARE = 0.01  # of all words that are said, those that are listed and in no text
# How much of the mixture each text is, where the context doesn't tell.
SHARES = {
    "an4": 0.16,
    "speechocean": 0.15,
    "read": 0.2,
    "books": 0.38,
    "tatoeba": 0.18,
    "shakespeare": 0.05,
    "news": 0.1,
    SPELLED: 0.25,
}
MAX_PAIRS, MAX_TRIPLES = 480_000, 900_000  # with the lexicon under 8 MB


def build_language(data: Path, out: Path, progress: Callable[[str], None] = print) -> None:
    """Write lexicon.bin, lm.bin and sounds.bin in `out` from the folder that holds speech/ and text/.

    Needs irstlm's `tlm` and a word list; reads train splits only. The same data give the same files.
    """
    estimator, listed = find_estimator(), listed_words()
    out.mkdir(parents=True, exist_ok=True)
    texts = {name: sentences(data, name) for name in SHARES if name != SPELLED}
    known = pronunciations(data)
    spoken = choose_words(texts, known)
    unread = {word: known[word] for word in listed if word in known and word not in spoken}
    spoken |= unread
    cuts = in_units({word: sounds[0] for word, sounds in known.items()})
    sounds_file = out / "sounds.bin"
    read = learnt(cuts)
    build_sounding(sounds_file, read, estimator)
    aside = cuts.keys() - read.keys()
    first, any_ = right_shares(read_pronouncer(sounds_file, len(PHONES) - 1), sorted(aside), known)
    right = f"{first:.0%} sound right, {any_:.0%} in one of their ways"
    progress(f"{sounds_file.name}: of {len(aside)} words kept aside {right}")
    spelled = join(cuts, PIECES)
    texts[SPELLED] = spelled_sentences(texts, spoken, spelled)
    pieces = piece_sounds(spelled)
    vocabulary = [START, END, *sorted(spoken), *sorted(pieces, key=lambda name: name.startswith(JOINT))]
    progress(f"{len(spoken)} words and {len(pieces)} pieces of {sum(map(len, texts.values()))} sentences")
    models = []
    for name, lines in texts.items():
        models.append(estimate(estimator, lines, vocabulary))
        progress(f"{name}: {len(models[-1].pairs)} pairs, {len(models[-1].triples)} triples")
    start = vocabulary.index(START)
    mixed = mix(models, [SHARES[name] for name in texts], start)
    places = [place for place, word in enumerate(vocabulary) if word in unread]
    mixed.word_logp[places] = np.log(UNREAD_SHARE / len(places))
    model = prune(mixed, MAX_PAIRS, MAX_TRIPLES, start)
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


def choose_words(texts: dict[str, list[str]], known: Pronunciations) -> Pronunciations:
    """The words of `texts` with their sounds, and the letters; what is neither known nor can be
    derived from what is known is left out."""
    counts = Counter(word for lines in texts.values() for line in lines for word in line.split())
    wanted = {*counts, *"abcdefghijklmnopqrstuvwxyz"}
    chosen = {word: known[word] for word in wanted if word in known}
    strange = [word for word in counts if word not in known and counts[word] > 1]
    return chosen | derive(sorted(strange), known)

"""A tiny data folder for the trainings of entities and sentiment."""

import gzip
from pathlib import Path

import numpy as np

NAMES = {
    "PER": ["Ann Lee", "Bo", "Cy Ray"],
    "LOC": ["Rome", "New York"],
    "ORG": ["Acme Inc."],
    "MISC": ["Dutch"],
}
FRAMES = "{} slept .", "we saw {} there", '" Is it {} ? "'
GOOD, BAD = ["fine", "lovely", "superb"], ["dull", "awful", "silly"]


def make(folder: Path) -> Path:
    """`folder`/text with the corpora of both tasks and glove_twitter_25d."""
    text = folder / "text"
    tagged = [(frame, name, kind) for kind, names in NAMES.items() for name in names for frame in FRAMES]
    sentences = "\n".join("".join(f"{line}\n" for line in _lines(*sentence)) for sentence in tagged * 4)
    for name in (
        "ner_gmb/train.conll.gz",
        "ner_gmb/dev.conll",
        "ner_uner_ewt/train.oth_as_misc.conll.gz",
        "ner_uner_ewt/dev.conll",
        "ner_wikigold/train.conll",
        "ner_wikigold/dev.conll",
        "ner_conll2003/train.conll.gz",
        "ner_conll2003/dev.conll",
    ):
        write(text / name, sentences)
    two = [
        f"{label}\tthis film is {word} ."
        for label, adjectives in ((1, GOOD), (0, BAD))
        for word in adjectives
    ] * 6
    five = [line.replace("1\t", "4\t") for line in two]
    for name, rows in (
        ("sst/binary.phrases.train.tsv.gz", two),
        ("sst/binary.dev.tsv", two),
        ("sst/fine.train.tsv", five),
        ("sst/fine.dev.tsv", five),
        ("mr/train.tsv", two),
        ("mr/dev.tsv", two),
        ("imdb/train.tsv.gz", [line.replace("\t", "\t7\t") for line in two]),
    ):
        write(text / name, "\n".join(rows) + "\n")
    (text / "glove_twitter_25d").mkdir()
    vectors = np.random.default_rng(1).normal(size=(2, 25)).astype(np.float32)
    np.savez(text / "glove_twitter_25d" / "vectors.npz", words=np.array(["this", "film"]), vectors=vectors)
    return folder


def write(path: Path, text: str) -> Path:
    """A text file, compressed where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as file:
        file.write(text)
    return path


def _lines(frame: str, name: str, kind: str) -> list[str]:
    lines = []
    for word in frame.split():
        parts = name.split() if word == "{}" else [word]
        for number, part in enumerate(parts):
            tag = "O" if word != "{}" else f"I-{kind}" if number else f"B-{kind}"
            # Three columns, as ner_gmb has: the last one counts.
            lines.append(f"{part}\tX\t{tag}")
    return lines

"""A tiny data folder for the trainings of summaries and headlines."""

import gzip
import json
from pathlib import Path

import numpy as np

ANIMALS = ["fox", "dog", "cat", "hen", "cow", "owl", "Zorilla", "Quokka"]
PLACES = ["in Rome", "on Monday", "near the river", "after lunch"]


def make(folder: Path) -> Path:
    """`folder`/text with sentence_compression, ner_gmb, glove_twitter_25d and arxiv_titles."""
    rows, papers = [], []
    for number, animal in enumerate(ANIMALS * 4):
        place = PLACES[number % 4]
        tokens = f"The {animal} sleeps {place} .".split()
        kept = [0 if word in place.split() else 1 for word in tokens]
        rows.append({"tokens": tokens, "labels": kept})
        abstract = f"We study the {animal} {place}. It sleeps all day, as animals do."
        papers.append({"abstract": abstract, "title": f"On the {animal}"})
    text = folder / "text"
    write(text / "sentence_compression" / "train.jsonl.gz", rows)
    write(text / "sentence_compression" / "dev.jsonl", [*rows[:8], {"tokens": ["A", "."], "labels": None}])
    write(text / "arxiv_titles" / "train.jsonl.gz", papers)
    write(text / "arxiv_titles" / "dev.jsonl.gz", papers[:6])
    (text / "ner_gmb").mkdir()
    with gzip.open(text / "ner_gmb" / "train.conll.gz", "wt", encoding="utf-8") as file:
        file.write("The\tO\tO\nfox\tO\tO\n\nRome\tB-geo\tB-LOC\n\n" * 3)
    (text / "glove_twitter_25d").mkdir()
    vectors = np.random.default_rng(1).normal(size=(2, 25)).astype(np.float32)
    np.savez(text / "glove_twitter_25d" / "vectors.npz", words=np.array(["the", "fox"]), vectors=vectors)
    return folder


def write(path: Path, rows: list[dict]) -> Path:
    """JSON lines, compressed where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path

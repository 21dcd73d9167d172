"""A tiny data folder for the training of agreement."""

from pathlib import Path

from tests.text_data import write

NOUNS = (("cat", "cats"), ("dog", "dogs"), ("bird", "birds"))


def rows(words: str = "", times: int = 4) -> str:
    """Lines of both numbers, the verb `words` after each subject."""
    lines = [f"VB{'ZP'[number]}\tthe {pair[number]}{words}" for pair in NOUNS for number in (0, 1)]
    return "\n".join(lines * times) + "\n"


def make(folder: Path) -> Path:
    """`folder`/text with agreement and ner_gmb."""
    text = folder / "text" / "agreement"
    for name in ("train.natural.tsv", "train.news.tsv.gz", "train.1attractor.tsv.gz", "dev.natural.tsv"):
        write(text / name, rows())
    write(text / "dev.1attractor.tsv", rows(" near", times=1))
    sentence = "\n".join(f"{word}\tO" for word in "the cats were full .".split())
    for name in ("train.conll.gz", "dev.conll"):
        write(folder / "text" / "ner_gmb" / name, f"{sentence}\n\n" * 4)
    return folder

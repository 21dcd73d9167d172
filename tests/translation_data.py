"""A tiny data folder for the translators: numbers and animals, whose German puts the verb last."""

import gzip
from itertools import product
from pathlib import Path

NUMBERS = {"two": "zwei", "three": "drei", "four": "vier", "ten": "zehn"}
ANIMALS = {"cats": "Katzen", "dogs": "Hunde", "hens": "Hennen", "owls": "Eulen", "cows": "Kühe"}
VERBS = {"sleep": "schlafen", "sing": "singen", "run": "laufen"}


def pairs() -> list[tuple[str, str]]:
    return [
        (f"I see that {n} {a} {v}.", f"Ich sehe, dass {NUMBERS[n]} {ANIMALS[a]} {VERBS[v]}.")
        for n, a, v in product(NUMBERS, ANIMALS, VERBS)
    ]


def make(folder: Path) -> Path:
    """`folder`/text/tatoeba_en_de with all pairs in train and every fourth one in dev."""
    here = folder / "text" / "tatoeba_en_de"
    here.mkdir(parents=True)
    lines = ["\t".join(pair) + "\n" for pair in pairs()]
    with gzip.open(here / "train.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(lines)
    (here / "dev.tsv").write_text("".join(lines[::4]), encoding="utf-8")
    return folder

"""Pronunciations of words that the dictionary lacks, from those it has: endings, beginnings, compounds."""

from collections.abc import Callable, Iterable

Phones = tuple[str, ...]
Sounds = Callable[[str], list[Phones]]

VOICELESS = {"P", "T", "K", "F", "TH", "S", "SH", "CH"}
HISSING = {"S", "Z", "SH", "ZH", "CH", "JH"}
ENDINGS: dict[str, Phones] = {
    "ing": ("IH", "NG"),
    "ness": ("N", "AH", "S"),
    "less": ("L", "AH", "S"),
    "ly": ("L", "IY"),
    "ful": ("F", "AH", "L"),
    "er": ("ER",),
    "est": ("AH", "S", "T"),
    "eth": ("AH", "TH"),
    "ish": ("IH", "SH"),
    "ment": ("M", "AH", "N", "T"),
    "able": ("AH", "B", "AH", "L"),
    "ship": ("SH", "IH", "P"),
}
BEGINNINGS: dict[str, Phones] = {
    "un": ("AH", "N"),
    "re": ("R", "IY"),
    "dis": ("D", "IH", "S"),
    "mis": ("M", "IH", "S"),
    "over": ("OW", "V", "ER"),
    "under": ("AH", "N", "D", "ER"),
    "fore": ("F", "AO", "R"),
    "out": ("AW", "T"),
    "non": ("N", "AA", "N"),
}
# British spellings, as the dictionary's American ones.
AMERICAN = (("our", "or"), ("is", "iz"), ("ys", "yz"), ("ll", "l"), ("tre", "ter"), ("ence", "ense"))


def derive(words: Iterable[str], known: dict[str, list[Phones]]) -> dict[str, list[Phones]]:
    """Pronunciations of those `words` that can be made of `known` ones; the others are left out."""
    derived = {}
    for word in words:
        if sounds := _sounds(word, known, depth=2):
            derived[word] = sounds
    return derived


def _sounds(word: str, known: dict[str, list[Phones]], depth: int) -> list[Phones]:
    if word in known:
        return known[word][:1]
    if depth == 0 or len(word) < 4:
        return []

    def of(part: str) -> list[Phones]:
        return _sounds(part, known, depth - 1)

    return (
        _respelled(word, known)
        or _inflected(word, of)
        or _ended(word, of)
        or _begun(word, of)
        or _compound(word, known)
    )


def _respelled(word: str, known: dict[str, list[Phones]]) -> list[Phones]:
    for british, american in AMERICAN:
        if british in word and (other := word.replace(british, american)) in known:
            return known[other][:1]
    return []


def _inflected(word: str, of: Sounds) -> list[Phones]:
    """Plurals, possessives and past tenses, which sound as the last phone demands."""
    if word.endswith("ss"):
        return []
    for ending, base in (("'s", word[:-2]), ("s'", word[:-1]), ("es", word[:-2]), ("s", word[:-1])):
        if word.endswith(ending) and (sounds := of(base) or of(_with_y(base))):
            last = sounds[0][-1]
            if ending == "s'":
                return sounds
            hiss = ("AH", "Z") if last in HISSING else ("S",) if last in VOICELESS else ("Z",)
            return [sounds[0] + hiss]
    if word.endswith("ed"):
        for base in _bases(word[:-2]):
            if sounds := of(base):
                last = sounds[0][-1]
                past = ("AH", "D") if last in "TD" else ("T",) if last in VOICELESS else ("D",)
                return [sounds[0] + past]
    return []


def _ended(word: str, of: Sounds) -> list[Phones]:
    for ending, phones in ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending) + 2:
            for base in _bases(word[: -len(ending)]):
                if sounds := of(base):
                    return [sounds[0] + phones]
    return []


def _begun(word: str, of: Sounds) -> list[Phones]:
    for beginning, phones in BEGINNINGS.items():
        rest = word[len(beginning) :]
        if word.startswith(beginning) and len(rest) > 3 and (sounds := of(rest)):
            return [phones + sounds[0]]
    return []


def _compound(word: str, known: dict[str, list[Phones]]) -> list[Phones]:
    """Two words in one, cut where the shorter of them is longest."""
    for size in range(len(word) // 2, 2, -1):
        for cut in (size, len(word) - size):
            if word[:cut] in known and word[cut:] in known:
                return [known[word[:cut]][0] + known[word[cut:]][0]]
    return []


def _bases(stem: str) -> list[str]:
    """What may have stood before an ending: the stem, with its e, its y, or its single consonant."""
    bases = [stem, stem + "e", _with_y(stem)]
    if len(stem) > 2 and stem[-1] == stem[-2]:
        bases.append(stem[:-1])
    return bases


def _with_y(stem: str) -> str:
    return stem[:-1] + "y" if stem.endswith("i") else stem

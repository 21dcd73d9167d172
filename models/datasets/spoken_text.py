"""English text for language models: one spoken sentence a line, a-z, apostrophe and space."""

import gzip
import json
import lzma
import re
from collections.abc import Iterator
from pathlib import Path

TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint"}
TITLE = re.compile(r"\b(mr|mrs|dr|st)\.", re.I)
SENTENCE_END = re.compile(r"(?<=[.!?;:])[\"”’')]*\s+|\s*(?:--|—)\s*")
SPOKEN = {
    "an4": (("an4", "train"),),
    "speechocean": (("speechocean762", "train"), ("speechocean762", "train_extra")),
    "read": (
        ("librispeech_8spk", "train"),
        ("librispeech_trainclean5_27spk", "train"),
        ("librispeech_clean100_239spk", "train"),
        ("arctic_kathleen", "train"),
        ("vctk_p239", "train"),
    ),
}
WHO_SPEAKS = re.compile(r"^[A-Z][A-Za-z ]+:$", re.M)
CLITIC = re.compile(r" (?=(?:'s|'re|'ve|'ll|'d|'m|n't)\b)")  # newspapers come as tokens


def sentences(data: Path, text: str) -> list[str]:
    """The training sentences of one of `SPOKEN` or `WRITTEN`, from the data folder; never a dev split."""
    if text in SPOKEN:
        return [line for name, split in SPOKEN[text] for line in transcripts(data, name, split)]
    return [plain for line in WRITTEN[text](data) if (plain := spoken_form(line))]


def transcripts(data: Path, name: str, split: str) -> list[str]:
    """The texts of `speech/NAME/SPLIT.manifest.jsonl`, each once for every time it was said."""
    manifest = data / "speech" / name / f"{split}.manifest.jsonl"
    if not manifest.is_file():
        raise FileNotFoundError(f"{manifest} is missing; give the data folder with speech/ and text/")
    return [json.loads(line)["text"] for line in manifest.read_text().splitlines()]


def spoken_form(sentence: str) -> str:
    """Lower case without punctuation; "" for what would need reading rules (digits, accents)."""
    words = _titled(sentence).lower().replace("’", "'").replace("‘", "'")
    if re.search(r"[^\x00-\x7f“”—]|[0-9]", words):
        return ""
    words = re.sub(r"[^a-z' ]+", " ", words)
    return " ".join(word for part in words.split() if (word := part.strip("'")))


def _books(data: Path) -> Iterator[str]:
    with gzip.open(data / "text" / "books" / "train.txt.gz", "rt") as paragraphs:
        for paragraph in paragraphs:
            # The full stop of a title ends no sentence.
            yield from SENTENCE_END.split(_titled(paragraph))


def _titled(text: str) -> str:
    return TITLE.sub(lambda title: TITLES[title[1].lower()], text)


def _tatoeba(data: Path) -> Iterator[str]:
    with gzip.open(data / "text" / "tatoeba_en_de" / "train.tsv.gz", "rt", encoding="utf-8") as pairs:
        yield from dict.fromkeys(pair.split("\t")[0] for pair in pairs)


def _transcripts(data: Path) -> Iterator[str]:
    with gzip.open(data / "text" / "librispeech_transcripts" / "train.tsv.gz", "rt") as lines:
        yield from (line.rstrip("\n").split("\t")[1] for line in lines)


def _spoken(data: Path) -> Iterator[str]:
    """Meetings and dialogues."""
    with lzma.open(data / "text" / "spoken_more" / "train-000.txt.xz", "rt", encoding="utf-8") as lines:
        yield from lines


def _shakespeare(data: Path) -> Iterator[str]:
    plays = (data / "text" / "tinyshakespeare" / "train.txt").read_text(encoding="utf-8")
    for speech in WHO_SPEAKS.sub("", plays).split("\n\n"):
        yield from SENTENCE_END.split(" ".join(speech.split()))


def _news(data: Path) -> Iterator[str]:
    with gzip.open(data / "text" / "ner_gmb" / "train.conll.gz", "rt", encoding="utf-8") as file:
        for sentence in file.read().split("\n\n"):
            words = [line.split("\t")[0] for line in sentence.splitlines() if line]
            yield CLITIC.sub("", " ".join(words))


WRITTEN = {
    "books": _books,
    "tatoeba": _tatoeba,
    "shakespeare": _shakespeare,
    "news": _news,
    "transcripts": _transcripts,
    "spoken": _spoken,
}

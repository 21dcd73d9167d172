"""tag, sentiment, translate and summarize, as their users meet them."""

import json
import subprocess
import sys

import pytest

from streamer.models.text.clitics import clitics
from streamer.offline.sentence_source import sentences
from tests.clients.test_terminal import Terminal, environment
from tests.tiny_text import judge, shortener, tagger

TEXT = "The fox isn't in Rome. Is Zoë there?\n\nשלום 👩‍👩‍👧 the dog"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    tagger(folder / "names"), judge(folder / "moods"), shortener(folder / "kept")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    return folder


def streamer(folder, *arguments, given: bytes | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "streamer", *map(str, arguments)],
        input=given,
        env=environment(folder),
        capture_output=True,
        timeout=120,
    )


def lines(done: subprocess.CompletedProcess) -> list[dict]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def cut(text: str, size: int) -> list:
    data = text.encode()
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return [sentence for batch in sentences(pieces, clitics) for sentence in batch]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_sentences_are_found_where_they_stand(size):
    text_sentences = cut(TEXT, size)
    assert [sentence.text for sentence in text_sentences] == [
        "The fox isn't in Rome.",
        "Is Zoë there?",
        "שלום 👩‍👩‍👧 the dog",
    ]
    for sentence in text_sentences:
        assert TEXT.encode()[sentence.start : sentence.end].decode() == sentence.text
    assert text_sentences[0].spelled() == ["The", "fox", "is", "n't", "in", "Rome", "."]
    assert text_sentences[1].place(3, 7) == (26, 30)


@pytest.mark.parametrize("mode", ["offline", "live"])
def test_a_file_becomes_a_line_of_json_for_each_sentence(folder, mode):
    records = lines(streamer(folder, "tag", folder / "text.txt", "--model", folder / "names", "--mode", mode))
    assert [record["text"] for record in records] == [sentence.text for sentence in cut(TEXT, 9)]
    for record in records:
        assert TEXT.encode()[record["start"] : record["end"]].decode() == record["text"]
        for name in record["entities"]:
            assert record["start"] <= name["start"] < name["end"] <= record["end"]
            assert name["label"] in ("PER", "LOC", "ORG", "MISC") and 0 <= name["confidence"] <= 1


def test_both_modes_say_the_same_of_a_live_network(folder):
    for command, model in (("tag", "names"), ("sentiment", "moods")):
        arguments = [command, "-", "--model", folder / model]
        live, offline = (
            lines(streamer(folder, *arguments, "--mode", mode, given=TEXT.encode()))
            for mode in ("live", "offline")
        )
        for record in live + offline:
            for name in record.get("entities", ()):
                name["confidence"] = round(name["confidence"], 2)
            record["probabilities"] = {k: round(v, 2) for k, v in record.get("probabilities", {}).items()}
        assert live == offline and len(live) == 3


def test_text_for_people(folder):
    done = streamer(
        folder,
        "sentiment",
        folder / "text.txt",
        "--model",
        folder / "moods",
        "--format",
        "text",
        "--classes",
        5,
    )
    rows = done.stdout.decode().splitlines()
    assert done.returncode == 0 and len(rows) == 3
    assert rows[0].split("\t")[1] == "The fox isn't in Rome." and rows[0].split("\t")[0][-4:-2] == "0."


def test_a_summary_has_its_share_of_the_words(folder):
    text = " ".join(
        f"The {word} fox of Rome sleeps near the old {word} house today."
        for word in "ab cd ef gh ij kl".split() * 20
    )
    records = lines(
        streamer(folder, "summarize", "--mode", "offline", "--model", folder / "kept", given=text.encode())
    )
    assert records and sum(len(record["summary"].split()) for record in records) <= 0.15 * len(text.split())
    text = " ".join(
        f'The {word}--fox--of Rome sleeps!"--"So {word} sleeps.' for word in "ab cd ef gh ij kl".split() * 4
    )
    records = lines(
        streamer(folder, "summarize", "--mode", "offline", "--model", folder / "kept", given=text.encode())
    )
    assert records and sum(len(record["summary"].split()) for record in records) <= 0.15 * len(text.split())
    text = " ".join(
        f"The {word} fox of Rome sleeps near the old {word} house today."
        for word in "ab cd ef gh ij kl".split() * 20
    )
    whole = lines(
        streamer(folder, "summarize", "--mode", "live", "--model", folder / "kept", given=text.encode())
    )
    assert len(whole) == 120


def test_nothing_gives_nothing_and_a_reader_that_leaves_is_no_failure(folder):
    assert lines(streamer(folder, "tag", "--model", folder / "names", given=b" \n")) == []
    long = folder / "long.txt"
    long.write_text("The fox sleeps. " * 20_000)
    command = f"{sys.executable} -m streamer tag {long} --model {folder / 'names'} --format text"
    shell = f"{command} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", shell], env=environment(folder), capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines()[1] == "0" and done.stderr == ""


@pytest.mark.parametrize(
    "arguments, given, message",
    [
        (["tag", "missing.txt"], None, "missing.txt: No such file"),
        (["tag", "/"], None, "/: Is a directory"),
        (["tag"], b"abc \xff", "byte 4 of the text is no UTF-8"),
        (["tag", "--mode", "live"], b"ab\0", "byte 2 of the text is NUL"),
        (["tag", "--model", "nobody"], b"a", "nobody"),
        (["sentiment"], b"a", "names is a model for entities; name one for sentiment"),
        (["tag", "--mode", "live", "--model", "compress-en-offline"], b"a", "name one for entities"),
    ],
)
def test_what_cannot_be_read_is_one_line(folder, arguments, given, message):
    refused(folder, arguments, given, 1, message)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["tag", "--mode", "live", "--lookahead", "3"], "--lookahead: 3"),
        (["summarize", "--mode", "live", "--share", "0.5", "--model", "compress-en"], "--share goes with"),
    ],
)
def test_a_wrong_call_is_one_line_and_another_status(folder, arguments, message):
    refused(folder, arguments, b"a", 2, message)


def refused(folder, arguments, given, status, message):
    more = [] if "--model" in arguments else ["--model", folder / "names"]
    done = streamer(folder, *arguments, *more, given=given)
    (line,) = done.stderr.decode().splitlines()
    assert (
        done.returncode == status and done.stdout == b"" and message in line and line.startswith("streamer: ")
    )


def test_who_types_sees_what_is_said_meanwhile(folder):
    terminal = Terminal(
        [sys.executable, "-m", "streamer", "tag", "--model", str(folder / "names")], environment(folder)
    )
    terminal.read_until(b"Enter ends a sentence")
    terminal.press(b"the fxo\x7f\x7fox in Rome")
    terminal.read_until(b"the fox in ")
    terminal.press(b"\n")
    terminal.read_until(b"Rome")
    terminal.press(b"and the dog\x04")
    assert terminal.wait() == 0
    shown = " ".join(terminal.text().decode().split())
    assert "dog" in shown and "fxo" not in shown.split("Rome")[-1]

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
def room(tmp_path_factory):
    room = tmp_path_factory.mktemp("commands")
    tagger(room / "names"), judge(room / "moods"), shortener(room / "kept")
    (room / "text.txt").write_text(TEXT, encoding="utf-8")
    return room


def streamer(room, *arguments, given: bytes | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "streamer", *map(str, arguments)],
        input=given,
        env=environment(room),
        capture_output=True,
        timeout=120,
    )


def lines(done: subprocess.CompletedProcess) -> list[dict]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def cut(text: str, size: int) -> list:
    data = text.encode()
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return [sentence for some in sentences(pieces, clitics) for sentence in some]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_sentences_are_found_where_they_stand(size):
    found = cut(TEXT, size)
    assert [one.text for one in found] == ["The fox isn't in Rome.", "Is Zoë there?", "שלום 👩‍👩‍👧 the dog"]
    for one in found:
        assert TEXT.encode()[one.start : one.end].decode() == one.text
    assert found[0].spelled() == ["The", "fox", "is", "n't", "in", "Rome", "."]
    assert found[1].place(3, 7) == (26, 30)


@pytest.mark.parametrize("mode", ["offline", "live"])
def test_a_file_becomes_a_line_of_json_for_each_sentence(room, mode):
    told = lines(streamer(room, "tag", room / "text.txt", "--model", room / "names", "--mode", mode))
    assert [one["text"] for one in told] == [one.text for one in cut(TEXT, 9)]
    for one in told:
        assert TEXT.encode()[one["start"] : one["end"]].decode() == one["text"]
        for name in one["entities"]:
            assert one["start"] <= name["start"] < name["end"] <= one["end"]
            assert name["label"] in ("PER", "LOC", "ORG", "MISC") and 0 <= name["confidence"] <= 1


def test_both_modes_say_the_same_of_a_live_network(room):
    for command, model in (("tag", "names"), ("sentiment", "moods")):
        arguments = [command, "-", "--model", room / model]
        live, offline = (
            lines(streamer(room, *arguments, "--mode", mode, given=TEXT.encode()))
            for mode in ("live", "offline")
        )
        for one in live + offline:
            for name in one.get("entities", ()):
                name["confidence"] = round(name["confidence"], 2)
            one["probabilities"] = {k: round(v, 2) for k, v in one.get("probabilities", {}).items()}
        assert live == offline and len(live) == 3


def test_text_for_people(room):
    done = streamer(
        room, "sentiment", room / "text.txt", "--model", room / "moods", "--format", "text", "--classes", 5
    )
    told = done.stdout.decode().splitlines()
    assert done.returncode == 0 and len(told) == 3
    assert told[0].split("\t")[1] == "The fox isn't in Rome." and told[0].split("\t")[0][-4:-2] == "0."


def test_a_summary_has_its_share_of_the_words(room):
    text = " ".join(
        f"The {word} fox of Rome sleeps near the old {word} house today."
        for word in "ab cd ef gh ij kl".split() * 20
    )
    told = lines(
        streamer(room, "summarize", "--mode", "offline", "--model", room / "kept", given=text.encode())
    )
    assert told and sum(len(one["summary"].split()) for one in told) <= 0.15 * len(text.split())
    text = " ".join(
        f'The {word}--fox--of Rome sleeps!"--"So {word} sleeps.' for word in "ab cd ef gh ij kl".split() * 4
    )
    told = lines(
        streamer(room, "summarize", "--mode", "offline", "--model", room / "kept", given=text.encode())
    )
    assert told and sum(len(one["summary"].split()) for one in told) <= 0.15 * len(text.split())
    text = " ".join(
        f"The {word} fox of Rome sleeps near the old {word} house today."
        for word in "ab cd ef gh ij kl".split() * 20
    )
    whole = lines(
        streamer(room, "summarize", "--mode", "live", "--model", room / "kept", given=text.encode())
    )
    assert len(whole) == 120


def test_nothing_gives_nothing_and_a_reader_that_leaves_is_no_failure(room):
    assert lines(streamer(room, "tag", "--model", room / "names", given=b" \n")) == []
    long = room / "long.txt"
    long.write_text("The fox sleeps. " * 20_000)
    command = f"{sys.executable} -m streamer tag {long} --model {room / 'names'} --format text"
    shell = f"{command} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", shell], env=environment(room), capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines()[1] == "0" and done.stderr == ""


@pytest.mark.parametrize(
    "arguments, given, said",
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
def test_what_cannot_be_read_is_one_line(room, arguments, given, said):
    refused(room, arguments, given, 1, said)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["tag", "--mode", "live", "--lookahead", "3"], "--lookahead: 3"),
        (["summarize", "--mode", "live", "--share", "0.5", "--model", "compress-en"], "--share goes with"),
    ],
)
def test_a_wrong_call_is_one_line_and_another_status(room, arguments, said):
    refused(room, arguments, b"a", 2, said)


def refused(room, arguments, given, status, said):
    more = [] if "--model" in arguments else ["--model", room / "names"]
    done = streamer(room, *arguments, *more, given=given)
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == status and done.stdout == b"" and said in line and line.startswith("streamer: ")


def test_who_types_sees_what_is_said_meanwhile(room):
    terminal = Terminal(
        [sys.executable, "-m", "streamer", "tag", "--model", str(room / "names")], environment(room)
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

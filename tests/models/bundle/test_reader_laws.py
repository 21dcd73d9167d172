"""`verify_reader` passes a reader that keeps its law and names how another one breaks it."""

import pytest

from streamer.models.bundle.reader_laws import verify_reader
from streamer.models.readers.argmax import ArgmaxReader, GreedyCtcReader

LABELS = {"words": ["", "yes", "no"]}


class ForgetsBetweenCalls(ArgmaxReader):
    def read(self, rows, outputs):
        return [events + self.finish(row) for row, events in zip(rows, super().read(rows, outputs))]


class ReadsItsNeighbour(ArgmaxReader):
    def read(self, rows, outputs):
        return super().read(rows, outputs[:1].repeat(len(outputs), 0))


class SavesNothing(ArgmaxReader):
    def restore(self, row, value):
        pass


class Raises(ArgmaxReader):
    def read(self, rows, outputs):
        raise ZeroDivisionError("in two\nlines")


def broken(kind):
    return {
        r.law: r.note for r in verify_reader(lambda rows: kind(LABELS, {}, rows), outputs=3) if not r.passed
    }


@pytest.mark.parametrize("kind", [ArgmaxReader, GreedyCtcReader])
def test_lawful_readers_pass(kind):
    assert broken(kind) == {}


@pytest.mark.parametrize(
    ("kind", "law", "note"),
    [
        (ForgetsBetweenCalls, "cuts", "one by one"),
        (ReadsItsNeighbour, "rows", "neighbour"),
        (SavesNothing, "save", "restored"),
        (Raises, "cuts", "ZeroDivisionError: in two lines"),
    ],
)
def test_broken_readers_are_caught(kind, law, note):
    assert note in broken(kind)[law]

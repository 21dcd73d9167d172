"""The laws, once, over every reader."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.models.readers import Reader
from streamer.models.readers.build import KINDS
from tests.readers import READERS, ROWS, Case, Recording, read, write_files

LENGTH = 40  # rows of a recording, about
MANY = settings(max_examples=20, deadline=None)
cuts = st.lists(st.integers(0, 3 * LENGTH), max_size=6)
places = st.integers(0, LENGTH)
drained = st.integers(0, 6)
rows = st.permutations(range(1, ROWS + 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("readers")
    write_files(path)
    return path


@pytest.fixture(scope="module", params=READERS)
def case(request):
    return READERS[request.param]


@pytest.fixture(scope="module")
def reader(case, folder):
    return case.make(folder)


@st.composite
def recordings(draw, case: Case) -> Recording:
    return case.record(np.random.default_rng(draw(st.integers(0, 1 << 30))), LENGTH)


def opened(reader: Reader, case: Case, row: int) -> None:
    reader.open(row, reader.parse(case.options))


def whole(reader: Reader, case: Case, recording: Recording) -> list:
    """The events of a stream by itself, read at once."""
    opened(reader, case, 1)
    return read(reader, 1, recording) + reader.finish(1)


def test_every_kind_of_reader_is_here():
    assert {case.kind for case in READERS.values()} == set(KINDS)


def test_there_is_something_to_tell(reader, case):
    recording = case.record(np.random.default_rng(1), LENGTH)
    assert any(
        event.kind == "final" and event.alternatives[0].text for event in whole(reader, case, recording)
    )


@MANY
@given(data=st.data())
def test_chunks_do_not_matter(reader, case, data):
    recording = data.draw(recordings(case))
    wanted = whole(reader, case, recording)
    opened(reader, case, 2)
    assert read(reader, 2, recording, data.draw(cuts)) + reader.finish(2) == wanted


@MANY
@given(data=st.data())
def test_neighbours_and_the_order_of_rows_do_not_matter(reader, case, data):
    streams = dict(zip(data.draw(rows)[:3], [data.draw(recordings(case)) for _ in range(3)]))
    length = min(len(recording.outputs) for recording in streams.values())
    streams = {row: next(recording.parts([length])) for row, recording in streams.items()}
    wanted = {row: whole(reader, case, recording) for row, recording in streams.items()}
    edges = data.draw(cuts)
    parts = {row: list(recording.parts(edges)) for row, recording in streams.items()}
    events = {row: [] for row in streams}
    for row in streams:
        opened(reader, case, row)
    for turn in range(len(edges) + 1):
        order = data.draw(st.permutations(list(streams)))
        for row in order:
            reader.marks(row, parts[row][turn].marks)
        together = reader.read(order, np.stack([parts[row][turn].outputs for row in order]))
        for row, own in zip(order, together):
            events[row] += own
    assert {row: events[row] + reader.finish(row) for row in streams} == wanted


@MANY
@given(data=st.data(), place=places, count=drained)
def test_a_saved_row_goes_on_in_another_row_of_another_reader(reader, case, folder, data, place, count):
    recording = data.draw(recordings(case))
    wanted = flushed(reader, case, recording, place, count)
    first, ahead, rest = recording.parts([place, place + count])
    opened(reader, case, 2)
    events = read(reader, 2, first)
    reader.marks(2, ahead.marks)
    events += reader.flush(2, ahead.outputs)
    value = reader.save(2)
    assert isinstance(value, bytes)
    whole(reader, case, recording)
    opened(reader, case, 2)  # the row is another stream's now
    other = case.make(folder, 3)
    other.restore(3, value)
    assert other.save(3) == value
    events += other.read([3], ahead.outputs[None])[0] + read(other, 3, rest)
    assert events + other.finish(3) == wanted


def flushed(reader: Reader, case: Case, recording: Recording, place: int, count: int) -> list:
    """What a stream tells that ends its utterance after `place` + `count` rows and goes on."""
    first, rest = recording.parts([place + count])
    opened(reader, case, 1)
    events = read(reader, 1, first) + reader.finish(1)
    return events + read(reader, 1, rest) + reader.finish(1)


@MANY
@given(data=st.data(), place=places, count=drained, chunks=cuts)
def test_a_flush_ends_the_utterance_and_reads_its_rows_once(reader, case, data, place, count, chunks):
    recording = data.draw(recordings(case))
    wanted = flushed(reader, case, recording, place, count)
    first, ahead, rest = recording.parts([place, place + count])
    opened(reader, case, 2)
    events = read(reader, 2, first)
    reader.marks(2, ahead.marks)
    events += reader.flush(2, ahead.outputs)
    again = [reader.read([2], part.outputs[None])[0] for part in ahead.parts(chunks)]
    assert again == [[]] * len(again)
    assert events + read(reader, 2, rest, chunks) + reader.finish(2) == wanted


@MANY
@given(data=st.data(), place=places, count=drained, seen=drained, more=drained)
def test_a_second_flush_reads_only_what_the_first_did_not(reader, case, data, place, count, seen, more):
    seen = min(seen, count)
    recording = data.draw(recordings(case))
    length = len(recording.outputs)
    at, end, last = (min(row, length) for row in (place, place + count, place + count + more))
    first, ahead, further, rest = recording.parts([at, end, last])
    opened(reader, case, 1)
    wanted = read(reader, 1, first) + read(reader, 1, ahead) + reader.finish(1)
    wanted += read(reader, 1, further) + reader.finish(1)
    wanted += read(reader, 1, rest) + reader.finish(1)

    opened(reader, case, 2)
    events = read(reader, 2, first)
    reader.marks(2, ahead.marks)
    events += reader.flush(2, ahead.outputs)
    seen = min(seen, end - at)
    events += reader.read([2], ahead.outputs[None, :seen])[0]
    reader.marks(2, further.marks)
    events += reader.flush(2, recording.outputs[at + seen : last])
    events += reader.read([2], recording.outputs[None, at + seen : last])[0]
    assert events + read(reader, 2, rest) + reader.finish(2) == wanted


@MANY
@given(data=st.data())
def test_a_stream_ends_once(reader, case, data):
    events = whole(reader, case, data.draw(recordings(case)))
    assert reader.finish(1) == []
    through = [event.through for event in events]
    assert through == sorted(through)
    finals = [event.utterance for event in events if event.kind == "final"]
    assert finals == list(range(len(finals))) or case.kind == "headline"


@MANY
@given(data=st.data())
def test_what_is_confirmed_never_changes(reader, case, data):
    if case.kind == "notes":
        pytest.skip("a partial of notes is what sounds, its final is a whole bar")
    confirmed: dict[int, str] = {}
    for event in whole(reader, case, data.draw(recordings(case))):
        if event.alternatives:
            text, before = event.alternatives[0].text, confirmed.get(event.utterance, "")
            assert text.startswith(before) and event.confirmed >= len(before)
            assert event.confirmed == len(text) or event.kind == "partial"
            confirmed[event.utterance] = text[: event.confirmed]

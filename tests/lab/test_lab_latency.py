"""What waiting buys: views that see what they say, networks of equal size, lines and time lines."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from streamer.clients.files import BUNDLED
from streamer.evaluation.recordings import SpokenWord
from streamer.evaluation.word_delays import Shown
from streamer.lab.latency import delay_picture, measure, phone_task, timeline, translation_task, word_tasks
from streamer.lab.latency.task import Scored
from streamer.lab.latency.views import BOTH_WAYS, ONE_WAY, Seer, View, seer
from streamer.lab.sample import FOLDER
from streamer.models.training.fit import Pace
from tests import text_data, translation_data
from tests.cli.test_cli import refused, streamer  # noqa: F401, a fixture

VIEWS = (ONE_WAY, View("2 ahead", ahead=2), View("chunks of 3", chunk=3), BOTH_WAYS)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("depth", [1, 3])
def test_a_network_sees_what_its_view_lets_it_and_nothing_more(view, depth):
    torch.manual_seed(1)
    network = Seer(view, 3, 4, depth, 0.0).eval()
    x, lengths = torch.randn(2, 9, 3), torch.tensor([9, 7])
    with torch.no_grad():
        before = network(x, lengths)
        for changed in range(9):
            other = x.clone()
            other[:, changed:] = torch.randn(2, 9 - changed, 3)
            after = network(other, lengths)
            for row, length in enumerate(lengths.tolist()):
                seen = np.arange(length) + view.waits(length) < changed
                same = torch.isclose(before[row, :length], after[row, :length], atol=1e-6).all(-1).numpy()
                # What was not changed for it is as it was; what was changed is heard.
                assert (same == (seen | (changed >= length))).all()


def test_padding_may_hold_anything():
    network = Seer(View("chunks", chunk=3), 3, 4, 2, 0.0).eval()
    x = torch.randn(1, 5, 3)
    padded = torch.cat([x, torch.full((1, 4, 3), torch.nan)], 1)
    with torch.no_grad():
        torch.testing.assert_close(network(padded, torch.tensor([5]))[:, :5], network(x, torch.tensor([5])))


def test_what_an_output_waits_for():
    assert ONE_WAY.waits(3).tolist() == [0, 0, 0]
    assert View("", ahead=2).waits(5).tolist() == [2, 2, 2, 1, 0]
    assert View("", chunk=3).waits(5).tolist() == [2, 1, 0, 1, 0]
    assert BOTH_WAYS.waits(3).tolist() == [2, 1, 0]


def test_networks_are_of_equal_size():
    for view in VIEWS:
        for depth in (1, 2, 3):
            made = seer(view, 72, 400_000, depth, 0.0)
            assert sum(parameter.numel() for parameter in made.parameters()) == pytest.approx(
                400_000, rel=0.03
            )


def test_every_network_has_a_name_of_its_own():
    for views in (word_tasks.VIEWS, phone_task.VIEWS, translation_task.VIEWS):
        names = [network.name("task") for network in measure.compared(views)]
        assert len(names) == len(set(names)) == len(views) + 4


def test_an_error_lies_within_its_bounds_which_more_examples_narrow():
    def scored(count):
        counts = np.tile([[0, 1], [1, 1]], (count, 1))
        return Scored(counts, *(np.ones(2 * count) for _ in range(3)))

    def error(counts):
        return counts[0] / counts[1]

    few, many = measure.bounds(error, scored(10)), measure.bounds(error, scored(1000))
    assert few[0] == many[0] == 0.5 and few[1] < many[1] < 0.5 < many[2] < few[2]


def test_names_and_summaries_are_trained_scored_written_and_drawn(tmp_path, monkeypatch):
    data = text_data.make(tmp_path / "data")
    rows = [dict(tokens=[*"abcd"], labels=[1, 0, 1, 0]), dict(tokens=[*"xyz"], labels=[0, 1, 1])] * 6
    for name in ("train.jsonl.gz", "dev.jsonl"):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        text_data.write(data / "text" / "sentence_compression" / name, lines)
    monkeypatch.setattr(word_tasks, "WEIGHTS", 6000)
    monkeypatch.setattr(word_tasks, "HELD_OUT", 3)
    reported = []
    lines = measure.measure(data, tmp_path / "runs", ["entities", "summary"], "*/2", 3, reported.append)
    assert [line.task for line in lines] == ["entities", "summary"]
    for line in lines:
        assert [point.view for point in line.points] == [view.name for view in word_tasks.VIEWS]
        for point in line.points:
            assert 0 <= point.low <= point.error <= point.high <= 1
        assert line.points[0].delay == 0 < line.points[-1].delay
    # A second time nothing is trained, and the same comes out.
    again = measure.measure(data, tmp_path / "runs", ["entities"], "*/both-ways/2", 3, reported.append)
    assert replace(again[0].points[0], cpu_seconds=0) == replace(lines[0].points[-1], cpu_seconds=0)
    path = measure.write(lines, tmp_path / "latency.json")
    kept = measure.read(path)
    assert [len(line.points) for line in kept] == [7, 7]
    other = measure.joined(again, path)
    assert [line.task for line in other] == ["entities", "summary"] and len(other[0].points) == 1
    assert measure.joined(again, tmp_path / "none.json") == again
    measure.show(kept)
    delay_picture.draw(kept, tmp_path / "latency.png")
    assert (tmp_path / "latency.png").stat().st_size > 10_000


def test_translation_reads_no_further_than_it_may(tmp_path, monkeypatch):
    monkeypatch.setattr(translation_task, "WEIGHTS", 9000)
    monkeypatch.setattr(translation_task.TranslationTask, "pace", Pace(4, 3e-3, averaged=0.5))
    data = translation_data.make(tmp_path)
    task = translation_task.TranslationTask(data, tmp_path / "cache")
    sources = [translation_task.sentence_pairs.steps(task.source, text) for text, _ in task.dev]
    lags = []
    for view in (*translation_task.VIEWS[:2], translation_task.VIEWS[-1]):
        network = task.network(view, 2).eval()
        translations = translation_task.translated(network, sources)
        for source, (units, read) in zip(sources, translations):
            assert (
                len(units) == len(read)
                and read == sorted(read)
                and all(0 < num_read <= len(source) + 1 for num_read in read)
            )
            if view.both_ways:
                assert set(read) <= {len(source) + 1}
        scored = task.scored(network, view)
        assert 0 <= task.error(scored.counts.sum(0)) <= 1
        lags.append(scored.waited.mean())
    assert lags == sorted(lags)
    lines = measure.measure(data, tmp_path / "runs", ["translation"], "*/one-way/2", None, lambda text: None)
    assert lines[0].points[0].parameters < 2_000_000
    assert measure.write(lines, tmp_path / "latency.json").is_file()


def test_phones_are_learnt_from_alignments(tmp_path, monkeypatch):
    monkeypatch.setattr(phone_task, "TRAINED", (("an4", "dev"),))
    monkeypatch.setattr(phone_task, "CHECKED", (("librispeech_8spk", 2),))
    monkeypatch.setattr(phone_task, "WEIGHTS", 20_000)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "speech").symlink_to(FOLDER / "speech")
    lines = measure.measure(tmp_path / "data", tmp_path / "runs", ["captions"], "*/*/2", 2, lambda text: None)
    points = lines[0].points
    assert [point.view for point in points] == [view.name for view in phone_task.VIEWS]
    assert points[0].delay == 0 and points[2].delay == pytest.approx(80, abs=2) and points[-1].delay > 1000
    assert all(0.5 < point.error <= 1 for point in points)


def test_what_stood_in_a_words_place_before_it():
    def shown(heard, *texts, final=False):
        return Shown(1, final, heard, tuple(SpokenWord(t, i, i + 1) for i, t in enumerate(texts)))

    everything = [
        shown(1.0, "on"),
        shown(1.5, "a"),
        shown(2.0, "a", "cap"),
        shown(3.0, "a", "cat", final=True),
    ]
    settled = [shown(1.0), shown(1.5), shown(2.0, "a"), everything[-1]]
    first, second = timeline.live_words(everything, settled)
    assert (first.shown, first.settled, first.before) == (1.5, 2.0, ((1.0, "on"),))
    assert (second.shown, second.settled, second.before) == (3.0, 3.0, ((2.0, "cap"),))
    assert timeline.right("The cat.", ["a", "cat"]) == [False, True]
    assert timeline.right(None, ["a", "cat"]) == [None, None]


def test_the_shipped_networks_on_their_sample_and_a_recording_on_its_time_line(streamer, tmp_path):  # noqa: F811
    tasks = ["--task", "entities", "--task", "captions"]
    code, _, lines = streamer("lab", "latency", "--quick", *tasks, "--output", tmp_path)
    assert code == 0, lines
    lines = {line.task: line for line in measure.read(tmp_path / "latency-quick.json")}
    names = lines["entities"].points
    assert [point.delay for point in names] == sorted(point.delay for point in names)
    assert names[-1].error < names[0].error < 0.5
    live, offline = lines["captions"].points
    assert live.delay < offline.delay and max(live.error, offline.error) < 0.6
    text = ["--text", "that is a story"]
    code, out, lines = streamer("lab", "latency", "--file", BUNDLED, *text, "--output", tmp_path)
    assert code == 0, lines
    assert "psychotherapy" in out and (tmp_path / "timeline.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "status", "wanted"),
    [
        ([], 2, "give DATA"),
        (["--quick", "--file", str(BUNDLED)], 2, "give DATA"),
        (["--quick", "--task", "summary"], 2, "no sample of 'summary'"),
        (["--file", "missing.wav"], 1, "missing.wav: No such file"),
        (["/tmp"], 1, "holds no speech/"),
    ],
)
def test_a_wrong_call_is_one_clear_line(streamer, arguments, status, wanted, tmp_path):  # noqa: F811
    refused(streamer("lab", "latency", *arguments, "--output", tmp_path / "out"), status, wanted)
    assert not (tmp_path / "out").exists()

"""The spotter's training: the loss against every path written out, the labels of spliced streams."""

from itertools import product

import numpy as np
import pytest
import torch

from streamer.models.datasets.command_shards import UNKNOWN, UNLABELLED, WORDS, ShardRecording
from streamer.models.training.speech import command_check
from streamer.models.training.speech.command_streams import (
    FREE,
    OTHER_WORD,
    SILENT,
    SPEAKING,
    UNKNOWN_TEXT,
    CommandStreams,
    RecordingSource,
)
from streamer.models.training.speech.spotting import PER_ROW, RUNS, WORD_WEIGHT, spotting_loss

TOLERANCE = 1e-4
YES = WORDS.index("yes")


def recording(words, length=120, set="clips", phones=None):
    marks = np.zeros(length, np.uint8) if phones is None else phones
    for _, start, end in words:
        marks[start:end] = 3
    text = " ".join(WORDS[label] for label, _, _ in words)
    table = np.array(words, np.int64).reshape(-1, 3)
    return ShardRecording(set, text, text, np.full((length, 40), -6.0, np.float16), marks, table)


def streams(*recordings, cut="stretch", rows=4, steps=300):
    source = RecordingSource(1.0, [recordings], np.ones(len(recordings)), cut, longest=4000)
    return CommandStreams([source], [], rows, steps, seed=3)


def test_the_loss_of_a_window_is_every_path_through_it():
    torch.manual_seed(0)
    logits = torch.randn(1, 9, len(WORDS), dtype=torch.float64)
    duties = torch.full((1, 9), FREE)
    window = torch.tensor([[0, 2, 7, YES]])
    p = logits[0].softmax(-1)
    likelihood = 0.0
    for path in product((False, True), repeat=6):
        runs = "".join(" Y"[s] for s in path).split()
        if len(runs) == 1 and len(runs[0]) in RUNS:
            rows = [p[2 + i, YES] if s else p[2 + i, 0] + p[2 + i, UNKNOWN] for i, s in enumerate(path)]
            likelihood += float(torch.stack(rows).prod())
    loss = spotting_loss(logits, duties, window, torch.tensor([0.5]))
    wanted = -0.5 * WORD_WEIGHT * np.log(likelihood) * PER_ROW / 9
    assert float(loss) == pytest.approx(wanted, abs=TOLERANCE)


def test_each_duty_wants_its_own():
    logits = torch.zeros(1, 4, len(WORDS))
    logits[0, 0, 0] = logits[0, 1, UNKNOWN] = logits[0, 2, UNKNOWN] = logits[0, 3, WORDS.index("on")] = 30.0
    none = torch.zeros(0, 4, dtype=torch.long), torch.zeros(0)
    fine = torch.tensor([[SILENT, SPEAKING, OTHER_WORD, UNKNOWN_TEXT]])
    # The last row hears a word that prose holds, and nobody knows what is said there.
    assert float(spotting_loss(logits, fine, *none)) == pytest.approx(0.0, abs=TOLERANCE)
    for row, duty in ((0, OTHER_WORD), (1, SILENT), (3, SPEAKING)):
        wrong = fine.clone()
        wrong[0, row] = duty
        assert float(spotting_loss(logits, wrong, *none)) > 10
    logits[0, 3, YES] = 60.0
    assert float(spotting_loss(logits, fine, *none)) > 10


def test_a_window_past_the_outputs_is_left_out():
    logits = torch.zeros(1, 5, len(WORDS))
    loss = spotting_loss(logits, torch.full((1, 5), FREE), torch.tensor([[0, 3, 8, YES]]), torch.ones(1))
    assert float(loss) == 0.0


def test_words_are_marked_round_their_ends():
    batch = streams(recording([(YES, 30, 60), (UNKNOWN, 61, 90)])).batch(0)
    assert len(batch.windows) >= 4
    for b, first, last, label in batch.windows.tolist():
        assert label == YES and last - first == 5
        assert (batch.duties[b, first : last + 1] == FREE).all()
        # The word's phones end in the row before the window's last one.
        assert (batch.phones[b, first : last - 1] == 3).all()
    assert {SILENT, SPEAKING, OTHER_WORD, FREE} == set(batch.duties.flatten().tolist())


def test_a_word_that_ends_with_its_clip_is_marked_before_the_clip_ends():
    loud = recording([(YES, 30, 120)])
    made = streams(loud, steps=1200)
    inside = [
        int(batch.phones[row, last]) == 3
        for batch in map(made.batch, range(8))
        for row, _, last, _ in batch.windows.tolist()
    ]
    # Now and then the next recording fades in over the last row.
    assert np.mean(inside) > 0.9


def test_speech_without_a_text_is_not_called_silence():
    unknown = recording([], phones=np.full(120, UNLABELLED, np.uint8))
    batch = streams(unknown).batch(0)
    assert not len(batch.windows)
    assert (batch.duties == UNKNOWN_TEXT).any()
    assert ((batch.phones == UNLABELLED) == (batch.duties == UNKNOWN_TEXT)).all()


def test_a_batch_depends_on_its_number_alone():
    made = streams(recording([(YES, 30, 60)]), recording([(UNKNOWN, 10, 50)]), cut="clip")
    again = next(streams(*made.sources[0].versions[0], cut="clip").batches(5))
    assert torch.equal(made.batch(5).frames, again.frames)
    assert not torch.equal(made.batch(6).frames, again.frames)


def test_recall_and_false_words_of_a_running_stream():
    clip, other = recording([(YES, 30, 60)]), recording([(UNKNOWN, 30, 60)], set="talk")
    places = [[(clip, 0, 120), (other, 150, 270), (clip, 300, 420)]]
    detections = [[("yes", 20.0), ("yes", 80.0), ("no", 130.0)]]
    recall, per_hour, false = command_check.recall(places, detections, {"clips"}, 3)
    assert recall == 0.5
    assert false == {"yes": 1}
    assert per_hour == pytest.approx(3000)

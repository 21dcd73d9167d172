"""The synthesiser: the same samples in any chunks, bounded, in tune, no clicks; the sequencer's clock."""

import numpy as np
import pytest
import torch

from streamer.models.audio.synthesis import Waves, synthesiser
from streamer.models.feeders.sequencer import Sequencer

RATE, TOLERANCE = 48000, 1e-5


def frames(sequencer, steps, tempo=120.0):
    return torch.from_numpy(np.concatenate([sequencer.frames(step, tempo) for step in steps]))[None]


def melody():
    random = np.random.default_rng(3)
    return [tuple(random.integers(40, 90, 3) * (random.random(3) < 0.8)) for _ in range(40)]


@torch.inference_mode()
def test_any_chunking_gives_the_same_samples():
    stage, x = synthesiser(RATE, 3), frames(Sequencer(3, 4, 200), melody())
    whole, _ = stage.step(x, stage.initial_state(1))
    for size in (1, 7, 50):
        state, parts = stage.initial_state(1), []
        for chunk in x.split(size, dim=1):
            samples, state = stage.step(chunk, state)
            parts.append(samples)
        torch.testing.assert_close(torch.cat(parts, 1), whole, atol=TOLERANCE, rtol=0)


@torch.inference_mode()
def test_loudness_is_bounded_and_nothing_clicks():
    # All voices as loud as can be, struck again in every frame, notes as high as they come.
    stage = synthesiser(RATE, 8)
    x = torch.ones(1, 400, 8, 3)
    x[..., 0] = torch.randint(20, 127, (1, 400, 8)).float()
    samples, _ = stage.step(x.flatten(2), stage.initial_state(1))
    assert samples.abs().max() < 1
    # One low voice that begins and ends: neighbouring samples stay as close as its own wave keeps them.
    quiet = Waves(RATE, 1)
    steps = [(45,)] * 4 + [(0,)] * 2 + [(45,)] * 2
    sound, _ = quiet.step(frames(Sequencer(1, 4, 200), steps), quiet.initial_state(1))
    held, _ = quiet.step(frames(Sequencer(1, 4, 200), [(45,)] * 8), quiet.initial_state(1))
    assert sound.diff(dim=1).abs().max() < 1.2 * held.diff(dim=1).abs().max()


@torch.inference_mode()
@pytest.mark.parametrize("rate,frames_per_second", [(48000, 200), (44100, 180)])
def test_notes_are_in_tune(rate, frames_per_second):
    stage = Waves(rate, 1)
    sound, _ = stage.step(frames(Sequencer(1, 4, frames_per_second), [(69,)] * 16), stage.initial_state(1))
    spectrum = np.abs(np.fft.rfft(sound[0, : 2 * rate, 0].numpy()))
    assert abs(spectrum.argmax() / 2 - 440) <= 0.5


@torch.inference_mode()
def test_an_hour_later_the_phase_is_that_of_the_count():
    stage = Waves(RATE, 1)
    phase, *rest = stage.initial_state(1)
    turn = int(stage.turns[69])
    hour = 3600 * 200
    assert (turn * stage.frame_samples * hour) % 2**32 == (turn * RATE * 3600) % 2**32
    x = torch.tensor([69.0, 1.0, 0.0]).expand(1, 1000, 3)
    _, (after, *_) = stage.step(x, (phase, *rest))
    assert int(after) == turn * stage.frame_samples * 1000 % 2**32


@pytest.mark.parametrize("tempo", [120.0, 97.3, 59.999])
def test_an_hour_of_steps_is_an_hour_of_frames(tempo):
    sequencer, steps = Sequencer(1, 4, 200), round(tempo * 4 * 60)
    total = sum(len(sequencer.frames((60,), tempo)) for _ in range(steps))
    assert abs(total - 200 * 60 * steps / (tempo * 4)) <= 1


def test_a_sequencer_that_was_saved_goes_on():
    original, restored = Sequencer(2, 4, 200), Sequencer(2, 4, 200)
    for number in range(7):
        original.frames((60 + number, 40), 97.3)
    restored.restore(original.save())
    for number in range(9):
        assert np.array_equal(
            original.frames((70 - number, 41), 88.8), restored.frames((70 - number, 41), 88.8)
        )


def test_a_note_is_struck_where_it_begins_alone():
    sequencer = Sequencer(1, 4, 200)
    struck = [int(sequencer.frames(step, 120.0)[:, 2].sum()) for step in [(60,), (60,), (62,), (0,), (62,)]]
    assert struck == [1, 0, 1, 0, 1]


def test_a_rate_without_whole_frames_is_refused():
    with pytest.raises(ValueError, match="44100, 48000"):
        Waves(22050, 1)

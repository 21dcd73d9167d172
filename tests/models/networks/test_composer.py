"""Composers: pieces that depend on their options alone, and likelihoods that are those of training."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.models.bundle.build import load
from streamer.models.feeders.composer import CALM, CALM_BEATS
from streamer.models.layers.sampling import draw_nucleus
from streamer.models.music.composer_channels import Layout, noise
from streamer.models.music.notation import sounding
from streamer.models.networks.composer_network import Composer as Network
from streamer.models.networks.composer_network import run_lengths
from streamer.music.composing import LoadedComposer, Pieces
from tests.tiny_composer import CARD, write_composer

STEPS = 40


@pytest.fixture(scope="module")
def composer(tmp_path_factory):
    return LoadedComposer(load(write_composer(tmp_path_factory.mktemp("composer") / "tiny")))


def test_noise_is_a_function_of_seed_position_and_voice():
    whole = noise(7, 0, 1000, 4)
    assert np.array_equal(noise(7, 300, 50, 4), whole[300:350])
    assert np.array_equal(noise(7, 300, 50, 2), whole[300:350, :2])
    assert not np.array_equal(noise(8, 0, 1000, 4), whole)
    assert whole.min() >= 0 and whole.max() < 1
    many = noise(1, 10**12, 100_000, 2)
    assert abs(many.mean() - 0.5) < 0.005 and abs(np.corrcoef(many.T)[0, 1]) < 0.02


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_same_seed_gives_the_same_notes_in_any_company_and_cut(composer, data):
    seed = data.draw(st.integers(0, 2**62))
    alone = Pieces(composer, [{"seed": seed}]).symbols(STEPS)[0]
    others = [{"seed": s, "temperature": 1.5} for s in range(31)]
    place = data.draw(st.integers(0, 31))
    company = Pieces(composer, [*others[:place], {"seed": seed}, *others[place:]])
    parts, left = [], STEPS
    while left:
        count = data.draw(st.integers(1, left))
        parts.append(company.symbols(count)[place])
        left -= count
    assert np.array_equal(np.concatenate(parts), alone)


def test_a_piece_that_is_given_has_the_likelihood_of_training(composer):
    network, layout = composer.network, Layout(2)
    symbols = torch.from_numpy(Pieces(composer, [{"seed": 1}, {"seed": 2}]).symbols(STEPS))
    x = torch.zeros(2, STEPS, layout.channels)
    x[..., layout.given] = 1.0 + symbols
    x[..., layout.beat] = torch.arange(STEPS).float()
    columns = network(x).unflatten(-1, (2, 3))
    assert torch.equal(columns[..., 0].long(), symbols)
    wanted = network.log_probabilities(symbols, x[..., layout.beat], x[..., layout.remaining])
    for voice, log_probs in enumerate(wanted):
        own = log_probs.gather(-1, symbols[..., voice : voice + 1])[..., 0]
        torch.testing.assert_close(columns[..., voice, 1], own, atol=1e-4, rtol=1e-4)
        assert torch.equal(columns[..., voice, 2].long(), log_probs.argmax(-1))


def test_controls_change_the_next_step_and_none_before(composer):
    free, steered = (Pieces(composer, [{"seed": 5}]) for _ in range(2))
    assert np.array_equal(free.symbols(10), steered.symbols(10))
    steered.control(0, {"given": {"soprano": 60}, "bounds": {"bass": (45, 50)}})
    notes = steered.notes(20)[0]
    assert {step[0] for step in notes} == {60}
    assert all(not step[1] or 45 <= step[1] <= 50 for step in notes)
    with pytest.raises(ValueError, match="options.tempo"):
        steered.control(0, {"tempo": -3})
    assert steered.options[0]["given"] == {"soprano": 60}


def test_a_piece_ends_in_silence_and_begins_with_its_prompt(composer):
    piece = Pieces(composer, [{"seed": 5, "end": 12, "prompt": [[60, -1], [62, 45], [0, -1]]}]).notes(20)[0]
    assert [step[0] for step in piece[:3]] == [60, 62, 0] and piece[1][1] == 45
    assert piece[12:] == [(0, 0)] * 8


def test_the_last_beats_before_an_end_are_calm(composer):
    feeder = composer.feeder
    steps = CALM_BEATS * feeder.defaults.steps_per_beat
    options = feeder.parse({"temperature": 0.8, "end": 100})
    temperatures = feeder.steps(options, 0, 100)[:, feeder.layout.temperature]
    assert temperatures[: 100 - steps] == pytest.approx(0.8) and temperatures[100 - steps :] == pytest.approx(
        0.8 * CALM
    )
    endless = feeder.steps(feeder.parse({"temperature": 0.8}), 0, 100)
    assert endless[:, feeder.layout.temperature] == pytest.approx(0.8)


def test_transposing_moves_what_sounds_and_not_what_is_composed(composer):
    plain, moved = Pieces(composer, [{"seed": 9}, {"seed": 9, "transpose": 5}]).notes(STEPS)
    assert [tuple(n + 5 if n else 0 for n in step) for step in plain] == moved


@pytest.mark.parametrize(
    "options,part",
    [
        ({"seed": -1}, "options.seed"),
        ({"seed": 2**70}, "options.seed"),
        ({"temperatur": 1}, "options.temperatur: unknown option; there are seed"),
        ({"temperature": 9.0}, "options.temperature"),
        ({"nucleus": 0.0}, "options.nucleus"),
        ({"tempo": 1e9}, "options.tempo"),
        ({"key": "H"}, "options.key: 'H' is no key"),
        ({"given": {"flute": 60}}, "'flute' is no voice; there are soprano, bass"),
        ({"given": {"soprano": 100}}, "E7 is out of range; soprano goes from G3 to B5"),
        ({"bounds": {"bass": (90, 100)}}, "no note of bass"),
        ({"bounds": {"bass": (50, 45)}}, "no note of bass"),
        ({"prompt": [[1, 1]]}, "options.prompt: C#-1 is out of range"),
        ({"prompt": [[60, 45, 45]]}, "3 notes in a step"),
        ({"prompt": [[60]] * 5000}, "options.prompt"),
    ],
)
def test_bad_options_are_one_line_that_names_them(composer, options, part):
    with pytest.raises(ValueError) as error:
        Pieces(composer, [options])
    assert part in str(error.value) and "\n" not in str(error.value)


def test_a_key_shuts_most_other_notes_out(composer):
    def share_in_key(options):
        notes = np.array(Pieces(composer, [options | {"seed": s} for s in range(8)]).notes(STEPS))
        sounding_notes = notes[notes > 0]
        return np.isin(sounding_notes % 12, (0, 2, 4, 5, 7, 9, 11)).mean()

    assert share_in_key({"key": "C"}) > share_in_key({}) + 0.1


def test_drawing_follows_the_probabilities_within_the_nucleus():
    logits = torch.log(torch.tensor([[0.1, 0.5, 0.05, 0.35]])).expand(10_000, -1)
    even = (torch.arange(10_000) + 0.5) / 10_000
    full = torch.ones(10_000)
    shares = torch.bincount(draw_nucleus(logits, even, full, full), minlength=4) / 10_000
    torch.testing.assert_close(shares, torch.tensor([0.1, 0.5, 0.05, 0.35]), atol=1e-3, rtol=0)
    most = torch.bincount(draw_nucleus(logits, even, full, 0.8 * full), minlength=4) / 10_000
    torch.testing.assert_close(most, torch.tensor([0, 0.5 / 0.85, 0, 0.35 / 0.85]), atol=1e-3, rtol=0)
    assert set(draw_nucleus(logits, even, 0 * full, full).tolist()) == {1}
    edge = draw_nucleus(logits, torch.full_like(full, 1 - 2**-24), full, 0.5 * full)
    assert set(edge.tolist()) == {1}


def test_run_lengths_count_how_long_a_symbol_stood():
    symbols = torch.tensor([0, 5, 5, 5, 2, 2, 5])[None, :, None]
    assert run_lengths(symbols)[0, :, 0].tolist() == [0, 1, 2, 3, 1, 2, 1]


def test_voices_sound_in_their_places(composer):
    assert sounding(composer.voices, [1, 0]) == (55, 0)


@pytest.fixture(scope="module")
def bounded(tmp_path_factory):
    """The composer, which may hold a note for 3 steps (soprano) or 5 (bass), and rest for 2 or 4."""
    folder = write_composer(tmp_path_factory.mktemp("bounded") / "tiny")
    limits = "inner_size = 10\nlongest_notes = [3, 5]\nlongest_rests = [2, 4]"
    (folder / "card.toml").write_text(CARD.replace("inner_size = 10", limits))
    return LoadedComposer(load(folder))


def longest(voice, rests):
    """The steps of the longest note, or rest, of a voice."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(voice)) + 1, [len(voice)]])
    return max(
        (end - start for start, end in zip(edges, edges[1:]) if (voice[start] == 0) == rests), default=0
    )


@pytest.mark.parametrize("options", [{}, {"temperature": 0.0}, {"key": "C", "temperature": 0.2}, {"end": 90}])
def test_nothing_is_held_for_longer_than_the_card_says(bounded, composer, options):
    free = Pieces(composer, [options | {"seed": seed, "temperature": 0.0} for seed in range(4)]).symbols(80)
    assert max(longest(voice, rests=False) for piece in free for voice in piece.T) > 5
    for piece in Pieces(bounded, [options | {"seed": seed} for seed in range(8)]).symbols(80):
        assert longest(piece[:, 0], rests=False) <= 3 and longest(piece[:, 1], rests=False) <= 5
        assert longest(piece[:, 0], rests=True) <= 2 and longest(piece[:, 1], rests=True) <= 4


def test_no_voice_is_made_to_move_in_a_last_chord(tmp_path):
    """Those that couldn't hold on let go where it begins; so a short enough one lasts to the end."""
    folder = write_composer(tmp_path / "tiny")
    limits = "inner_size = 10\nlongest_notes = [12, 12]\nlongest_rests = [12, 12]\nlast_chord = 8"
    (folder / "card.toml").write_text(CARD.replace("inner_size = 10", limits))
    composer = LoadedComposer(load(folder))
    for begins in range(13, 20):
        # The notes of the prompt begin so many steps before the end, and are given up to its last chord.
        prompt = [[60, 50]] * (60 - begins) + [[62, 52]] * (begins - 8)
        held = Pieces(composer, [{"end": 60, "prompt": prompt}]).symbols(60)[0]
        assert (held[52] != held[51]).all()
    free = Pieces(composer, [{"seed": seed, "end": 60, "temperature": 0.0} for seed in range(8)]).symbols(60)
    for piece in free:
        for voice in piece.T:
            edges = np.concatenate([[0], np.flatnonzero(np.diff(voice)) + 1, [60]])
            assert max(np.diff(edges)) <= 12
            # A note that stood when the last chord began moved there, or could go on to the end.
            assert edges[-2] >= 52 or 60 - edges[-2] <= 12


def test_what_is_given_is_held_for_as_long_as_it_is_given(bounded):
    notes = Pieces(bounded, [{"seed": 1, "given": {"soprano": 60}}]).notes(30)[0]
    assert {step[0] for step in notes} == {60}


def test_how_long_a_note_was_held_outlasts_a_cut(bounded):
    options = {"seed": 3, "temperature": 0.1}
    whole = Pieces(bounded, [options]).symbols(60)[0]
    cut = Pieces(bounded, [options])
    assert np.array_equal(np.concatenate([cut.symbols(1)[0] for _ in range(60)]), whole)


@pytest.mark.parametrize(
    "old,new,part",
    [
        ("inner_size = 10", "inner_size = 10\nlongest_notes = [4]", "as long as voices"),
        ("inner_size = 10", "inner_size = 10\nlongest_rests = [4, -1]", "network.longest_rests"),
        ("order = [0, 1]", "order = [0, 0]", "permutation"),
        ("lowest = [55, 40]", "lowest = [55]", "as long as each other"),
        ("lowest = [55, 40]", 'lowest = ["C4", "C3"]', "network.lowest"),
        ('bass = ["symbol", "log-probability", "likeliest symbol"]', "", "outputs"),
    ],
)
def test_a_wrong_card_is_one_line(tmp_path, old, new, part):
    folder = write_composer(tmp_path / "tiny")
    (folder / "card.toml").write_text(CARD.replace(old, new))
    with pytest.raises(ValueError, match=part):
        load(folder)


def test_equal_weights_without_intervals():
    assert Network([4, 3], [0, 0], [1, 0], 4, 1, 3).out_features == 6

"""The lab, on small networks with weights that have learnt nothing: numbers by hand, pictures, refusals."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from streamer.lab import (
    exploding,
    gates_picture,
    gradients,
    gradients_pictures,
    memory,
    sample,
    templates,
    why_picture,
)
from streamer.lab import why as lab_why
from streamer.lab.gate_activity import gates_along
from streamer.lab.intervals import gap, interval
from streamer.lab.unrolled import gradient_norms, product_norms, reach
from streamer.lab.why_networks import BETWEEN, PADDED, Marker, cost
from streamer.models.bundle.build import build_network, load
from streamer.models.datasets.agreement_rows import AgreementRow
from streamer.models.layers.recurrent import GRU, LSTM, RNN, TextbookGRU, stack
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.layers.whole import BidirectionalStack
from streamer.models.networks.agreement_network import AgreementLive
from streamer.models.training.fit import half_precision
from streamer.models.training.text import agreement_recipes
from tests import agreement_data

TOLERANCE = 1e-5
TINY = dict(word_size=3, letter_size=2, hidden_size=4)
WORDS = ("the", "cat", "cats", "was", "were", "near")


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def model(folder, cell):
    """A model of agreement with weights that have learnt nothing."""
    folder.mkdir()
    options = TINY | {"cell": cell, "words": len(WORDS) + 2, "outputs": 2}
    torch.manual_seed(1)
    save_file(half_precision(build_network("agreement_live", options)), folder / "weights.safetensors")
    (folder / "words.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    agreement_recipes.card(folder, cell, 1, options)
    return load(folder)


@pytest.fixture
def models(tmp_path):
    return {cell: [model(tmp_path / cell, cell)] for cell in agreement_recipes.CELLS}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_gradients_by_distance_are_what_the_product_of_jacobians_leaves(cell):
    torch.manual_seed(2)
    network = AgreementLive(9, 2, cell, **TINY).eval()
    x = torch.zeros(2, 6, 19)
    x[:, 0, 0] = 1
    x[..., 2] = torch.randint(2, 9, (2, 6))
    norms = gradient_norms(network, x, torch.tensor([0, 1]))
    # The same by finite differences of the recurrent layer's last state, for the second sentence.
    inputs = network.inputs(x)[1:, :, 1:].detach()

    def loss(change, at):
        state = network.recurrent.cell.initial_state(1)
        for step, frame in enumerate(inputs.split(1, 1)):
            _, state = network.recurrent.cell.step(frame, state)
            if step == at:
                state = tuple(leaf + part for leaf, part in zip(state, change))
        return torch.nn.functional.cross_entropy(network.number(state[0]), torch.tensor([1]))

    for at in (0, 3, 5):
        nothing = tuple(
            torch.zeros_like(leaf, requires_grad=True) for leaf in network.recurrent.cell.initial_state(1)
        )
        gradients = torch.autograd.grad(loss(nothing, at), nothing, allow_unused=True)
        norm = sum(float(gradient.square().sum()) for gradient in gradients if gradient is not None) ** 0.5
        assert norms[1, 5 - at] == pytest.approx(norm, abs=TOLERANCE)
    product = product_norms(network.recurrent.cell, inputs)
    assert product[0] == pytest.approx(1.0) and np.all(norms[1] <= norms[1, 0] * product * (1 + 1e-4))
    result = reach(network, [(x[:1], 0), (x[1:, :5], 1)], 3)
    assert result.distance == [0, 1, 2, 3] and result.median[0] == 1.0


def test_a_strong_recurrence_explodes_and_a_weak_one_vanishes():
    x = torch.zeros(1, 12, 19)
    points = exploding.explosions(9, [(x, 0), (x, 1)], 11)
    last = [point.reach.median[-1] for point in points]
    assert last == sorted(last) and last[0] < 1e-3 and last[-1] > 1
    assert all(
        point.clipped <= exploding.CLIP * 1.001 and point.clipped <= point.norm * 1.001 for point in points
    )


def test_intervals_hold_the_mean_and_shrink_with_rows():
    wide, narrow = interval([[True, False] * 10]), interval([[True, False] * 1000])
    assert wide.mean == narrow.mean == 0.5 and wide.low < narrow.low < 0.5 < narrow.high < wide.high
    assert gap([[True] * 9], [[True] * 9]) == (0.0, 0.0, 0.0)
    # Seeds that differ widen it, however many rows there are.
    assert interval([[True] * 1000, [False] * 1000]).low == 0.0


def test_rows_made_by_rule_have_what_they_say():
    for row in templates.attractors(3, 20, 1):
        nouns = row.words[1::3]
        assert (
            len(row.words) == 11
            and [noun.endswith("s") for noun in nouns] == [bool(row.number)] + [not row.number] * 3
        )
    assert [len(row.words) for row in templates.agreeing(2, 4, 1)] == [8] * 4
    assert templates.fillers(0, 2, 1)[0].number == 0 and "," in templates.fillers(2, 2, 1)[0].words


def test_the_sample_is_there():
    assert len(sample.rows("natural")) == 2265 and len(sample.rows("1attractor")) == 2000
    assert (
        len(gradients.long_rows()) > gradients.WATCHED
        and min(row.distance for row in sample.distant_rows()) > 0
    )


@pytest.mark.parametrize("cell", [LSTM, GRU, TextbookGRU])
def test_gates_give_back_what_the_layer_computes(cell):
    torch.manual_seed(3)
    layer = cell(3, 4).requires_grad_(False)
    x = torch.randn(1, 5, 3)
    ((_, gates),) = gates_along(layer, x)
    y, _ = layer.step(x, layer.initial_state(1))
    kept = {name: torch.from_numpy(values) for name, values in gates.items()}
    assert "step" not in vars(layer) and set(kept) <= {"input", "forget", "output", "reset", "update"}
    before = torch.cat([torch.zeros(1, 4), y[0, :-1]])
    from_input = x[0] @ layer.input_weight.T + layer.input_bias
    from_hidden = before @ layer.hidden_weight.T + layer.hidden_bias
    if cell is LSTM:
        c, new = torch.zeros(4), torch.tanh((from_input + from_hidden)[:, 8:12])
        for t in range(5):
            c = kept["forget"][t] * c + kept["input"][t] * new[t]
            torch.testing.assert_close(kept["output"][t] * torch.tanh(c), y[0, t])
    elif cell is GRU:
        new = torch.tanh(from_input[:, 8:] + kept["reset"] * from_hidden[:, 8:])
        torch.testing.assert_close(kept["update"] * new + (1 - kept["update"]) * before, y[0])


def test_gates_of_networks_of_every_kind():
    x = torch.randn(1, 6, 4)
    x[0, :, 0] = torch.tensor([1.0, 0, 0, 1, 0, 0])
    (layer,) = gates_along(SentenceLSTM(3, 4), x)
    # A sentence that starts afresh knows nothing of the one before.
    (alone,) = gates_along(SentenceLSTM(3, 4).eval(), x[:, 3:])
    assert layer.gates["forget"].shape == (6, 4) and alone.gates["forget"].shape == (3, 4)
    assert len(gates_along(stack("gru", 4, 5, 2), x)) == 2
    assert len(gates_along(BidirectionalStack("lstm", 4, 5, 1), x)) == 2
    with pytest.raises(ValueError, match="no layer of this network has gates"):
        gates_along(RNN(4, 5), x)


def test_gates_are_drawn_of_words_and_of_sound(models, tmp_path):
    given = gates_picture.text_input(models["lstm"][0], "The cat was near.")
    assert given.words == ["The", "cat", "was", "near", ".", "(end)"]
    (layer,) = gates_along(models["lstm"][0].network, given.x)
    gates_picture.save(gates_picture.picture(layer, given, "a title"), tmp_path / "words.png")
    assert (tmp_path / "words.png").read_bytes().startswith(b"\x89PNG")
    long = gates_picture.NetworkInput(torch.zeros(1, 0, 1), [], 0.01)
    values = {"update": np.random.default_rng(1).random((1000, 300))}
    gates_picture.save(
        gates_picture.picture(layer._replace(gates=values), long, "noise"), tmp_path / "sound.png"
    )
    assert (tmp_path / "sound.png").stat().st_size < 250_000
    with pytest.raises(ValueError, match="no words"):
        gates_picture.text_input(models["lstm"][0], " ")
    with pytest.raises(ValueError, match="reads text"):
        gates_picture.sound_input(models["lstm"][0], np.zeros(9, np.float32), 16000)


def test_gradients_are_measured_written_and_drawn(models, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gradients, "SENTENCES", 3)
    monkeypatch.setattr(gradients, "PRODUCTS", 1)
    monkeypatch.setattr(templates, "MOST", 1)
    monkeypatch.setattr(
        sample, "rows", lambda name: [AgreementRow(at % 2, ["the", "cat"] * 14) for at in range(4)]
    )
    monkeypatch.setattr(
        sample,
        "distant_rows",
        lambda: [sample.DistantRow(d, AgreementRow(0, ["cat"] * d)) for d in (1, 3, 5, 8, 12)],
    )
    left = {distance: [0.5, 0.6] for distance in gradients.DISTANCES}
    courses = [gradients.Course(cell, 1, [10, 20], [0.5, 0.9], left) for cell in models]
    findings = gradients.measure(models, courses, lambda text: None)
    assert findings.scores[0].rows == 4 and findings.trained["gru"].median[0] == 1.0
    gradients.show(findings)
    assert "LSTM - RNN" in capsys.readouterr().out
    written = json.loads(gradients.write(findings, tmp_path / "out").read_text())
    assert set(written) == {field.name for field in dataclasses.fields(gradients.Findings)}
    assert len(gradients_pictures.draw(findings, tmp_path / "out")) == 4


def test_networks_are_trained_for_the_gradients_course(tmp_path, monkeypatch):
    data = agreement_data.make(tmp_path / "data")
    recipe = dataclasses.replace(agreement_recipes.RECIPE, options=TINY, words=40)
    monkeypatch.setattr(agreement_recipes, "RECIPE", recipe)
    monkeypatch.setattr(gradients, "WATCHED", 2)
    models, courses = gradients.trained(data, tmp_path / "runs", 1, 2, lambda text: None)
    assert [course.cell for course in courses] == list(models) and courses[0].updates == [2]
    assert all(courses[0].left[distance][0] > 0 for distance in gradients.DISTANCES)


def test_memory_asks_for_was_and_were(models, tmp_path, capsys):
    by_cell = {cell: seeds[0] for cell, seeds in models.items()}
    remembered = memory.remember(by_cell, "The cats, near the cat … , was or were near")
    assert remembered.verb == "was" and len(remembered.said) == 3 * len(memory.PHRASES)
    assert all(0 < verbs.was < 1 and 0 < verbs.right("was") < 1 for verbs in remembered.said)
    assert remembered.said[0].right("was") + remembered.said[0].right("were") == pytest.approx(1.0)
    memory.show([remembered], by_cell)
    assert "P(was), P(were)" in capsys.readouterr().out
    memory.draw([remembered], tmp_path / "memory.png")
    assert json.loads(memory.write([remembered], tmp_path).read_text())[0]["verb"] == "was"
    for text in ("the cat was full", "... was", "the cat ... is full", "a ... b ... was"):
        with pytest.raises(ValueError, match="wanted was or were|write one"):
            memory.remember(by_cell, text)


@pytest.mark.parametrize("name", BETWEEN)
def test_markers_take_sentences_of_any_length_and_cost_what_they_say(name):
    torch.manual_seed(1)
    network = Marker(5, BETWEEN[name]()).eval()
    for steps in (1, PADDED, PADDED + 3):
        assert network(torch.zeros(2, steps, 19)).shape == (2, steps, 2)
    assert cost(name).parameters == sum(parameter.numel() for parameter in network.between.parameters())


def test_why_is_measured_written_and_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lab_why, "EPOCHS", 1)
    monkeypatch.setattr(lab_why, "SEEDS", (1,))
    monkeypatch.setattr(lab_why, "TIMED_EPOCHS", 1)
    read = lab_why._read
    monkeypatch.setattr(lab_why, "_read", lambda path, words: read(path, words)[:60])
    result = lab_why.measure(lambda text: None)
    assert result.kinds["rnn"].padding == 0 < result.kinds["feed-forward"].padding < 1
    # Of words past its padding the feed-forward network says the same each time: half of balanced accuracy.
    assert result.kinds["feed-forward"].accuracy[lab_why.GROUPS[3]].mean == pytest.approx(0.5)
    lab_why.show(result)
    assert "share spent on padding" in capsys.readouterr().out
    assert json.loads(lab_why.write(result, tmp_path).read_text())["seconds"].keys() == {"1", "2", "3"}
    why_picture.draw(result, tmp_path / "why.png")

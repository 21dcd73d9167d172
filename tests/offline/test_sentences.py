"""Sentences through text models: what is kept doesn't depend on batches, streams start afresh."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from streamer.models.bundle.build import build_network, load
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.text.words import WordsEncoder
from streamer.offline.sentences import Headlines, Sentences
from streamer.offline.summarize import summarize

WORDS = ["the", "fox", "dog", "sleeps", "in", "rome", "."]
SMALL = "words = 9\nword_size = 6\nletter_size = 4\nhidden_size = 8\n"
LIVE = (
    "live",
    "summary",
    "compress_live",
    SMALL,
    "tail = 2",
    '["a", "b", "c"]',
    'kind = "summary"\nthresholds = [0.5, 0.5, 0.5]\nlookahead = 1',
)
WHOLE = ("whole", "summary", "compress_offline", SMALL, "", '["a"]', 'kind = "summary_whole"')
TITLE = (
    "title",
    "headline",
    "headline",
    SMALL + "decoder_size = 8\n",
    "",
    '["unit", "log"]',
    'kind = "headline"',
)


@pytest.fixture
def model(tmp_path):
    """Builds one of the three with weights drawn at random."""

    def make(kind):
        name, task, architecture, options, tail, columns, reader = kind
        folder = tmp_path / name
        folder.mkdir()
        (folder / "words.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
        (folder / "card.toml").write_text(
            f'name = "{name}"\ntask = "{task}"\n[feeder]\nkind = "words"\n{tail}\n[network]\n'
            f'architecture = "{architecture}"\n{options}[reader]\n{reader}\n[labels]\nkeep = {columns}\n'
        )
        torch.manual_seed(3)
        given = dict(line.split(" = ") for line in options.splitlines())
        network = build_network(
            architecture, {k: int(v) for k, v in given.items()} | {"outputs": columns.count('"') // 2}
        )
        weights = {k: v * 3 if v.dim() > 1 else v for k, v in network.state_dict().items()}
        save_file(weights, folder / "weights.safetensors")
        return load(folder)

    return make


SENTENCES = [["The", "fox", "sleeps", "."], [], ["Zorilla"], "the dog sleeps in Rome .".split() * 5]


@pytest.mark.parametrize("kind", [LIVE, WHOLE], ids=lambda kind: kind[0])
def test_a_sentences_final_does_not_depend_on_its_batch(kind, model):
    sentences = Sentences(model(kind))
    together = sentences.finals(SENTENCES)
    assert together[1] is None
    for sentence, final in zip(SENTENCES, together):
        (alone,) = sentences.finals([sentence])
        assert (final is None) == (alone is None)
        if final:
            assert final.alternatives[0].text == alone.alternatives[0].text
            text = " ".join(sentence).encode()
            for word in final.alternatives[0].words:
                assert text[round(word.start) : round(word.end)].decode() == word.text


def test_a_live_network_forgets_the_sentence_before(model):
    network = model(LIVE).network
    encoder = WordsEncoder(WORDS, tail=2)
    steps = [
        torch.from_numpy(
            np.concatenate([*(encoder.steps(w, w == sentence[0]) for w in sentence), encoder.tail(9)])
        )
        for sentence in (["the", "fox", "sleeps", "."], ["Zorilla", "in", "Rome"])
    ]
    alone = network(steps[1][None])
    after, _ = network.step(torch.cat(steps)[None], network.initial_state(1))
    after = after[:, len(steps[0]) :]
    for column in range(3):
        torch.testing.assert_close(after[:, column:, column], alone[:, column:, column])


def test_a_sentence_lstm_is_torchs_between_its_first_steps():
    torch.manual_seed(1)
    cell, torchs = SentenceLSTM(3, 4), torch.nn.LSTM(3, 4, batch_first=True)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    torchs.load_state_dict(dict(zip(names, cell.weights())))
    x = torch.randn(2, 7, 3)
    first = torch.zeros(2, 7, 1)
    first[0, 3] = first[1, 5] = 1
    y, (h, c) = cell.step(torch.cat([first, x], -1), cell.initial_state(2))
    for row, cut in enumerate((3, 5)):
        for part in (slice(0, cut), slice(cut, 7)):
            wanted, (last_h, last_c) = torchs(x[row : row + 1, part])
            torch.testing.assert_close(y[row, part], wanted[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(h[row], last_h[0, 0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(c[row], last_c[0, 0], atol=1e-5, rtol=1e-5)


def test_titles_are_written_for_every_text(model):
    titles = Headlines(model(TITLE)).write(["The fox sleeps in Rome, the dog sleeps in Rome.", ""])
    assert len(titles) == 2 and titles[1] == ""


def test_a_summary_is_made_of_shortened_sentences_in_order(model):
    network = Sentences(model(WHOLE))
    sentences = [
        ["the", name, "sleeps", "in", place, "."]
        for name in ("fox", "dog")
        for place in ("Rome", "Bonn", "Oslo")
    ] * 4
    chosen = summarize(sentences, network, 0.3)
    assert [shortened.sentence for shortened in chosen] == sorted(
        {shortened.sentence for shortened in chosen}
    )
    assert 0 < sum(len(shortened.words) for shortened in chosen) <= 0.3 * 6 * len(sentences)
    assert all(set(shortened.words) <= set(sentences[shortened.sentence]) for shortened in chosen)


def test_an_option_that_the_reader_lacks_is_refused(model):
    with pytest.raises(ValueError, match="options.lookahead"):
        Sentences(model(LIVE), {"lookahead": 7})

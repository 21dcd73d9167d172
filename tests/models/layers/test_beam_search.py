"""Beam search: the best text of each row, ended where it should be."""

import torch

from streamer.models.layers.beam_search import beam_search

V = 4


def best(table: torch.Tensor, limits: list[int], beam: int, length_power: float = 0.0) -> torch.Tensor:
    """Search where unit u follows v in row b with log-probability table[b, v, u]."""
    rows = torch.arange(len(limits)).repeat_interleave(beam)
    return beam_search(
        lambda units, state: (table[state[0], units], state),
        (rows,),
        torch.tensor(limits),
        beam,
        length_power,
    )


def chain(*probabilities: dict[tuple[int, int], float]) -> torch.Tensor:
    table = torch.full((len(probabilities), V, V), 1e-6)
    for row, known in zip(table, probabilities):
        for (last, unit), p in known.items():
            row[last, unit] = p
    return table.log()


def test_it_finds_the_best_text_where_the_first_step_misleads():
    # Greedily 1 and then 0.3; the better text begins with 2.
    table = chain({(0, 1): 0.6, (0, 2): 0.4, (1, 0): 0.3, (1, 3): 0.3, (3, 0): 0.1, (2, 0): 0.9})
    assert best(table, [5], beam=2)[0, :3, 0].tolist() == [2, 0, 0]
    assert best(table, [5], beam=1)[0, :3, 0].tolist() == [1, 0, 0]
    parts = best(table, [5], beam=2)[0, :, 1]
    torch.testing.assert_close(parts[:2].exp(), torch.tensor([0.4, 0.9]))


def test_a_rows_limit_ends_its_text_and_no_other():
    # The end is never likely: a text goes on as long as it may.
    known = {(0, 1): 0.9, (1, 2): 0.9, (2, 1): 0.9}
    texts = best(chain(known, known, known), [0, 2, 4], beam=3, length_power=3.0)
    lengths = (texts[..., 0] > 0).sum(1).tolist()
    assert lengths[0] == 0 and lengths[1] <= 2 < lengths[2] <= 4


def test_longer_texts_win_as_the_length_counts_more():
    table = chain({(0, 0): 0.45, (0, 1): 0.5, (1, 2): 0.8, (2, 3): 0.8, (3, 0): 0.8})
    assert int((best(table, [4], 3, 0.0)[..., 0] > 0).sum()) == 0
    assert int((best(table, [4], 3, 1.0)[..., 0] > 0).sum()) == 3

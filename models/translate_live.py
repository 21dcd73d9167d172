"""The live translator: says the target while its source is read, k words behind."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models import waiting
from models.attention import AttentionDecoder
from models.layers import LayerNorm, dropped
from models.options import Count
from models.sentences import SentenceLSTM
from models.stage import Stage, State
from models.words import table_ids

FIRST, EMPTY, PIECE, WAIT, BEGINS, COMPLETES = range(6)
CHANNELS = 6
SOURCE_END = 2  # the piece that stands for a sentence's end
END = 0  # the unit that begins a target and ends it
ENDED = -1  # what a slot shows where the target ended


class TranslateLive(Stage):
    """Unidirectional LSTM encoder and an attention decoder that is looped inside `step`.

    x [B, n, 6] (the channels of the "pieces" encoder) -> [B, n, 2 * slots]: per slot a unit and its
    log-probability, 0 and 0 where none is said, -1 for the unit where the target ends. The wait-k
    policy says when (Ma 2019), k from x; a target that would end before its source waits instead. The
    first empty step is the sentence's end; after it all may be said that is left. At most `most` pieces
    of a sentence are kept: what comes after them is not heard. Only streams that read step the encoder,
    only those that may speak the decoder.

    State: the encoder's two LSTMs; the memory [B, most, memory_size]; its pieces and their words
    [B, most]; the decoder's h, c and context; counters [B, 6] as `Counters` names them.
    """

    def __init__(
        self,
        pieces: Count,
        units: Count,
        outputs: Count = 4,
        size: Count = 192,
        memory_size: Count = 256,
        hidden_size: Count = 256,
        most: Count = 64,
        dropout: float = 0.15,
    ):
        super().__init__(CHANNELS, outputs)
        self.slots, self.most, self.dropout = outputs // 2, most, dropout
        self.memory_size = memory_size
        self.pieces = nn.Embedding(pieces, size)
        nn.init.normal_(self.pieces.weight, std=0.1)
        self.norm_below, self.norm_above = LayerNorm(size), LayerNorm(memory_size)
        self.below = SentenceLSTM(size, memory_size)
        self.above = SentenceLSTM(memory_size, memory_size)
        self.decoder = AttentionDecoder(units, size, memory_size, hidden_size, dropout)

    def initial_state(self, batch: int) -> State:
        like = self.neutral
        return (
            *self.below.initial_state(batch),
            *self.above.initial_state(batch),
            like.new_zeros(batch, self.most, self.memory_size),
            like.new_zeros(batch, self.most),
            like.new_zeros(batch, self.most),
            *self.decoder.initial_state(like.new_zeros(batch, 0)),
            like.new_zeros(batch, len(Counters._fields)),
        )

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        # Whole numbers above all else: what is none, NaN too, becomes one.
        x = x.nan_to_num(0.0)
        encoder, decoder, counted = state[:4], state[7:10], state[10]
        # Copies, for `_read` writes into them: a state is a value.
        source = Source(*(leaf.clone() for leaf in state[4:7]))
        y = x.new_zeros(*x.shape[:2], self.slots, 2)
        for now, rows in zip(x.unbind(1), y.unbind(1)):
            fresh = now[:, FIRST, None] > 0.5
            counted, *decoder = (torch.where(fresh, 0.0, leaf) for leaf in (counted, *decoder))
            encoder, counted = self._read(now, encoder, source, counted)
            may = self._budget(now, source, counted)
            for row in rows.unbind(1):
                counted, *decoder = self._say(may, source, (counted, *decoder), row)
        return y.flatten(2), (*encoder, *source, *decoder, counted)

    def _read(self, x: Tensor, encoder: State, source: "Source", counted: Tensor) -> tuple[State, Tensor]:
        """Take x [B, 6] into `source`, where its sentence goes on: the encoder's state and the counters."""
        now, empty = Counters(*counted.unbind(1)), x[:, EMPTY] > 0.5
        # The end is a piece once; the empty steps after it are none, and the encoder rests.
        hears = now.ended < 0.5
        keeps = hears & (now.count < self.most)
        word = now.word + ((x[:, BEGINS] > 0.5) & ~empty)
        if len(rows := some(hears)):
            ids = torch.where(empty, SOURCE_END, table_ids(x[:, PIECE], self.pieces.num_embeddings))[rows]
            before = tuple(leaf[rows] for leaf in encoder)
            heard, _, after = self.hear(x[rows, FIRST, None] > 0.5, ids[:, None], before)
            encoder = tuple(
                leaf.index_copy(0, rows, torch.where(hears[rows, None], new, old))
                for leaf, new, old in zip(encoder, after, before)
            )
            at, kept = now.count[rows].long().clamp(max=self.most - 1), keeps[rows]
            for leaf, new in zip(source, (heard[:, 0], ids, word[rows])):
                old = leaf[rows, at]
                leaf[rows, at] = torch.where(kept.view(-1, *[1] * (old.dim() - 1)), new.to(old.dtype), old)
        ended = torch.where(empty, 1.0, now.ended)
        return encoder, torch.stack(now._replace(count=now.count + keeps, word=word, ended=ended), 1)

    def _budget(self, x: Tensor, source: "Source", counted: Tensor) -> Tensor:
        """How many units may be said [B] after x [B, 6]."""
        now = Counters(*counted.unbind(1))
        visible = torch.arange(self.most, device=x.device) < now.count[:, None]
        complete = now.word - 1 + (x[:, COMPLETES] > 0.5)
        wait = x[:, WAIT].round().clamp(1, self.most)
        may = waiting.budget(source.words, visible, complete, wait).to(complete.dtype)
        return torch.where(now.ended > 0.5, float(2**20), may)

    def _say(self, may: Tensor, source: "Source", state: State, out: Tensor) -> State:
        """One slot of the streams that say something in it: written into out [B, 2]; counters and decoder."""
        now = Counters(*state[0].unbind(1))
        asked = (now.said < may) & (now.done < 0.5)
        rows = some(asked)
        if not len(rows):
            return state
        read = longest(now.count[rows], self.most)
        source = Source(*(leaf[:, :read].index_select(0, rows) for leaf in source))
        after, out[rows] = self.say(asked[rows], source, tuple(leaf[rows] for leaf in state))
        return tuple(leaf.index_copy(0, rows, new) for leaf, new in zip(state, after))

    def hear(self, first: Tensor, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """The memory of pieces [B, n, H], their own vectors [B, n, size] and the encoder's state."""
        own = self.pieces(ids)
        mark = first[..., None].to(own.dtype)
        normed, _ = self.norm_below.step(self._dropped(own), ())
        below, lower = self.below.step(torch.cat([mark, normed], -1), state[:2])
        normed, _ = self.norm_above.step(self._dropped(below), ())
        above, upper = self.above.step(torch.cat([mark, normed], -1), state[2:])
        return self._dropped(below + above), own, (*lower, *upper)

    def say(self, asked: Tensor, source: "Source", state: State) -> tuple[State, Tensor]:
        """Counters and decoder state after a slot, and its row [B, 2]; nothing where none is `asked` for."""
        counted, *before = state
        now, own = Counters(*counted.unbind(1)), self.pieces(source.pieces.long())
        visible = torch.arange(own.shape[1], device=own.device) < now.count[:, None]
        told, place = self.decoder.told(now.last.long()), now.said.long()
        said, after = self.decoder.advance(told, place, source.memory, own, visible, tuple(before))
        unit, best = self.decoder.likeliest(said)
        ends = unit == END
        # An end before the source's own is no end: the target waits for more.
        speaks, ending = asked & ~ends, asked & ends & (now.ended > 0.5)
        shown = torch.where(speaks, unit, torch.where(ending, ENDED, 0)).to(best.dtype)
        row = torch.stack([shown, torch.where(speaks | ending, best, 0.0)], 1)
        last, done = torch.where(speaks, unit.to(now.last.dtype), now.last), torch.where(ending, 1.0, now.done)
        counted = torch.stack(now._replace(said=now.said + speaks, last=last, done=done), 1)
        after = (torch.where(speaks[:, None], new, old) for new, old in zip(after, before))
        return (counted, *after), row

    def _dropped(self, x: Tensor) -> Tensor:
        return dropped(x, self.dropout) if self.training else x


class Counters(NamedTuple):
    """Of a running sentence, each [B]."""

    count: Tensor  # pieces in memory
    word: Tensor  # words begun
    said: Tensor  # units of the target
    last: Tensor  # the unit said last
    ended: Tensor  # 1 after the sentence's end
    done: Tensor  # 1 after the target's end


class Source(NamedTuple):
    """What was read of a running sentence."""

    memory: Tensor  # [B, most, memory_size]
    pieces: Tensor  # [B, most]
    words: Tensor  # [B, most], each piece's


def some(wanted: Tensor) -> Tensor:
    """The rows [R] that are `wanted` [B], and on a device all: a captured graph has one shape."""
    if wanted.device.type == "cpu":
        return wanted.nonzero()[:, 0]
    return torch.arange(len(wanted), device=wanted.device)


def longest(counts: Tensor, most: int) -> int:
    """The largest of `counts`, and on a device the `most` that it may be."""
    return int(counts.max()) if counts.device.type == "cpu" else most

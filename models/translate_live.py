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
    log-probability, 0 and 0 where none is said, -1 for the unit where the target ends. The wait-k policy says when (Ma 2019), k from x; a
    target that would end before its source waits instead. The first empty step is the sentence's
    end; after it all may be said that is left. At most `most` pieces of a sentence are kept: what
    comes after them is not heard.

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
        *encoder, memory, pieces, words, h, c, context, counted = state
        empty = x[..., EMPTY] > 0.5
        ids = torch.where(empty, SOURCE_END, table_ids(x[..., PIECE], self.pieces.num_embeddings))
        heard, own, encoder = self.hear(x[..., FIRST] > 0.5, ids, tuple(encoder))
        wait, begins, completes = x[..., WAIT].round().clamp(1, self.most), x[..., BEGINS] > 0.5, x[..., COMPLETES] > 0.5
        slots = torch.arange(self.most, device=x.device)
        rows = []
        for t in range(x.shape[1]):
            fresh = (x[:, t, FIRST] > 0.5)[:, None]
            counted = torch.where(fresh, 0.0, counted)
            h, c, context = (torch.where(fresh, 0.0, leaf) for leaf in (h, c, context))
            now = Counters(*counted.unbind(1))
            # The end is a piece once; the empty steps after it are none.
            new = (now.ended < 0.5) & (now.count < self.most)
            word = now.word + (begins[:, t] & ~empty[:, t])
            at = (slots == now.count[:, None]) & new[:, None]
            memory = torch.where(at[..., None], heard[:, t, None], memory)
            pieces = torch.where(at, ids[:, t, None].to(pieces.dtype), pieces)
            words = torch.where(at, word[:, None], words)
            ended = torch.where(empty[:, t], 1.0, now.ended)
            now = now._replace(count=now.count + new, word=word, ended=ended)
            visible = slots < now.count[:, None]
            complete = word - 1 + completes[:, t].to(word.dtype)
            may = waiting.budget(words, visible, complete, wait[:, t]).to(word.dtype)
            may = torch.where(ended > 0.5, float(2**20), may)
            own_kept = self.pieces(pieces.long())
            for _ in range(self.slots):
                now, (h, c, context), row = self.say(now, may, memory, own_kept, visible, (h, c, context))
                rows.append(row)
            counted = torch.stack(now, 1)
        y = torch.stack(rows, 1).reshape(x.shape[0], x.shape[1], 2 * self.slots)
        return y, (*encoder, memory, pieces, words, h, c, context, counted)

    def hear(self, first: Tensor, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """The memory of pieces [B, n, H], their own vectors [B, n, size] and the encoder's state."""
        own = self.pieces(ids)
        mark = first[..., None].to(own.dtype)
        normed, _ = self.norm_below.step(self._dropped(own), ())
        below, lower = self.below.step(torch.cat([mark, normed], -1), state[:2])
        normed, _ = self.norm_above.step(self._dropped(below), ())
        above, upper = self.above.step(torch.cat([mark, normed], -1), state[2:])
        return self._dropped(below + above), own, (*lower, *upper)

    def say(
        self, now: "Counters", may: Tensor, memory: Tensor, own: Tensor, visible: Tensor, state: State
    ) -> tuple["Counters", State, Tensor]:
        """One slot: counters and decoder state after it, and its row [B, 2]."""
        told = self.decoder.told(now.last.long())
        said, after = self.decoder.advance(told, now.said.long(), memory, own, visible, state)
        best, unit = self.decoder.log_probabilities(said).max(1)
        asked = (now.said < may) & (now.done < 0.5)
        ends = unit == END
        # An end before the source's own is no end: the target waits for more.
        speaks = asked & ~ends
        done = torch.where(asked & ends & (now.ended > 0.5), 1.0, now.done)
        state = tuple(torch.where(speaks[:, None], new, old) for new, old in zip(after, state))
        last = torch.where(speaks, unit.to(now.last.dtype), now.last)
        ending = done > now.done
        shown = torch.where(speaks, unit, torch.where(ending, ENDED, 0)).to(best.dtype)
        row = torch.stack([shown, torch.where(speaks | ending, best, 0.0)], 1)
        return now._replace(said=now.said + speaks, last=last, done=done), state, row

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

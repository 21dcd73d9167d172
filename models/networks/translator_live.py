"""The live translator: says the target while its source is read, k words behind."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from streamer.models.bundle.options import Count
from streamer.models.layers import waiting
from streamer.models.layers.attention import AttentionDecoder
from streamer.models.layers.feedforward import LayerNorm, dropped
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.layers.stage import Stage, State

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
        self.memory_size, self.hidden_size = memory_size, hidden_size
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
        # Copies, which `_read` and `_say` write into: a state is a value. Leaves that go the same way
        # go side by side, for most of a narrow step is the number of its operations.
        encoder, target = torch.cat(state[:4], 1), torch.cat(state[7:], 1)
        source = Source(*(leaf.clone() for leaf in state[4:7]))
        y = x.new_zeros(*x.shape[:2], self.slots, 2)
        for now, rows in zip(x.unbind(1), y.unbind(1)):
            fresh = now[:, FIRST] > 0.5
            # After the end of a target comes nothing until the next sentence does.
            if not len(some(fresh | (counters(target).done < 0.5))):
                continue
            target.masked_fill_(fresh[:, None], 0.0)
            may = self._read(now, encoder, source, target)
            for row in rows.unbind(1):
                self._say(may, source, target, row)
        widths = [leaf.shape[1] for leaf in state]
        return y.flatten(2), (*encoder.split(widths[:4], 1), *source, *target.split(widths[7:], 1))

    def _read(self, x: Tensor, encoder: Tensor, source: "Source", target: Tensor) -> Tensor:
        """Take x [B, 6] into `source`, where its sentence goes on; how many units may be said [B]."""
        now, empty = counters(target), x[:, EMPTY] > 0.5
        # The end is a piece once; the empty steps after it are none, and the encoder rests.
        hears = now.ended < 0.5
        keeps = hears & (now.count < self.most)
        now.word.add_((x[:, BEGINS] > 0.5) & ~empty)
        if len(rows := some(hears)):
            self._hear(x, rows, hears, keeps, encoder, source, now)
        now.count.add_(keeps)
        now.ended.masked_fill_(empty, 1.0)
        visible = torch.arange(self.most, device=x.device) < now.count[:, None]
        complete = now.word - 1 + (x[:, COMPLETES] > 0.5)
        may = waiting.budget(source.words, visible, complete, x[:, WAIT].round().clamp(1, self.most))
        return may.masked_fill(now.ended > 0.5, 2**20)

    def _hear(
        self,
        x: Tensor,
        rows: Tensor,
        hears: Tensor,
        keeps: Tensor,
        encoder: Tensor,
        source: "Source",
        now: "Counters",
    ) -> None:
        """One step of the encoder for the streams `rows`, of which `hears` [B] counts, and `keeps` in `source`."""
        ids = x[:, PIECE].clamp(0, self.pieces.num_embeddings - 1).long()
        ids = ids.masked_fill(x[:, EMPTY] > 0.5, SOURCE_END)[rows]
        before = encoder[rows]
        heard, _, after = self.hear(x[rows, FIRST, None] > 0.5, ids[:, None], before.chunk(4, 1))
        encoder.index_copy_(0, rows, torch.where(hears[rows, None], torch.cat(after, 1), before))
        at, kept = now.count[rows].long().clamp(max=self.most - 1), keeps[rows]
        for leaf, new in zip(source, (heard[:, 0], ids, now.word[rows])):
            old = leaf[rows, at]
            leaf[rows, at] = torch.where(kept.view(-1, *[1] * (old.dim() - 1)), new.to(old.dtype), old)

    def _say(self, may: Tensor, source: "Source", target: Tensor, out: Tensor) -> None:
        """One slot of the streams that say something in it, written into out [B, 2]."""
        now = counters(target)
        asked = (now.said < may) & (now.done < 0.5)
        if not len(rows := some(asked)):
            return
        read = longest(now.count[rows], self.most)
        memory, pieces = (leaf[:, :read].index_select(0, rows) for leaf in (source.memory, source.pieces))
        after, out[rows] = self.say(asked[rows], memory, pieces, target[rows])
        target.index_copy_(0, rows, after)

    def hear(self, first: Tensor, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """The memory of pieces [B, n, H], their own vectors [B, n, size] and the encoder's state."""
        own = self.pieces(ids)
        mark = first[..., None].to(own.dtype)
        normed, _ = self.norm_below.step(self._dropped(own), ())
        below, lower = self.below.step(torch.cat([mark, normed], -1), state[:2])
        normed, _ = self.norm_above.step(self._dropped(below), ())
        above, upper = self.above.step(torch.cat([mark, normed], -1), state[2:])
        return self._dropped(below + above), own, (*lower, *upper)

    def say(self, asked: Tensor, memory: Tensor, pieces: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The target's state after a slot, and the slot's row [B, 2]; nothing where none is `asked` for."""
        now, own = counters(target), self.pieces(pieces.long())
        before = target[:, : -len(Counters._fields)]
        visible = torch.arange(own.shape[1], device=own.device) < now.count[:, None]
        told, place = self.decoder.told(now.last.long()), now.said.long()
        state = before.split([self.hidden_size, self.hidden_size, self.memory_size], 1)
        said, after = self.decoder.advance(told, place, memory, own, visible, state)
        unit, best = self.decoder.likeliest(said)
        ends = unit == END
        # An end before the source's own is no end: the target waits for more.
        speaks, ending = asked & ~ends, asked & ends & (now.ended > 0.5)
        shown = torch.where(speaks, unit, torch.where(ending, ENDED, 0)).to(best.dtype)
        row = torch.stack([shown, best.masked_fill(~(speaks | ending), 0.0)], 1)
        last = torch.where(speaks, unit.to(now.last.dtype), now.last)
        now = now._replace(said=now.said + speaks, last=last, done=now.done.masked_fill(ending, 1.0))
        after = torch.where(speaks[:, None], torch.cat(after, 1), before)
        return torch.cat([after, torch.stack(now, 1)], 1), row

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


def counters(target: Tensor) -> Counters:
    """Views of the last columns of a target's state [B, D]."""
    return Counters(*target[:, -len(Counters._fields) :].unbind(1))


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

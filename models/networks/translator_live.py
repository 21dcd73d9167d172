"""The live translator: emits the target while its source is read, k words behind."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from streamer.models.layers.attention import Attended, AttentionDecoder
from streamer.models.layers.feedforward import LayerNorm, dropout
from streamer.models.layers.sentence_recurrent import SentenceLSTM
from streamer.models.layers.stage import Stage, State
from streamer.models.layers.wait_k import allowed_units
from streamer.models.options import Count

FIRST, EMPTY, PIECE, WAIT, BEGINS, COMPLETES = range(6)  # the channels of the "pieces" encoder
CHANNELS = 6
SOURCE_END = 2  # the piece that stands for a sentence's end
END = 0  # the unit that begins a target and ends it
ENDED = -1  # a slot's unit where the target ends
NO_LIMIT = 2**20  # units; more than any sentence has


class TranslateLive(Stage):
    """Unidirectional LSTM encoder and an attention decoder that is looped inside `step`.

    x [B, n, 6] (the channels of the "pieces" encoder) -> [B, n, 2 * slots]: per slot a unit and its
    log-probability, 0 and 0 where none is emitted, -1 for the unit where the target ends. The wait-k
    policy decides when (Ma 2019), k from x; a target that would end before its source waits instead. The
    first empty step is the sentence's end; after it the rest may be emitted. At most `most` pieces of a
    sentence are kept; those after them are not read. Only streams that read step the encoder, and only
    those that may emit step the decoder.

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
        # Copies, which `_read` and `_emit` write into: a state is a value. Leaves that change together
        # stand side by side, for most of a narrow step is the number of its operations.
        source = SourcePieces(*(leaf.clone() for leaf in state[4:7]))
        sentence = Sentence(torch.cat(state[:4], 1), source, torch.cat(state[7:], 1))
        y = x.new_zeros(*x.shape[:2], self.slots, 2)
        for inputs, slots in zip(x.unbind(1), y.unbind(1)):
            first = inputs[:, FIRST] > 0.5
            # After the end of a target nothing happens until the next sentence begins.
            if not len(rows_where(first | (counters(sentence.target).done < 0.5))):
                continue
            sentence.target.masked_fill_(first[:, None], 0.0)
            allowed = self._read(inputs, sentence)
            for slot in slots.unbind(1):
                self._emit(allowed, sentence, slot)
        widths = [leaf.shape[1] for leaf in state]
        encoder, target = sentence.encoder.split(widths[:4], 1), sentence.target.split(widths[7:], 1)
        return y.flatten(2), (*encoder, *source, *target)

    def _read(self, x: Tensor, sentence: "Sentence") -> Tensor:
        """Take x [B, 6] into the sentences that go on; how many units each may emit [B]."""
        now, empty = counters(sentence.target), x[:, EMPTY] > 0.5
        # The end is a piece once; the empty steps after it are none, and the encoder rests.
        reads = now.ended < 0.5
        keeps = reads & (now.pieces < self.most)
        now.word.add_((x[:, BEGINS] > 0.5) & ~empty)
        self._encode(x, reads, keeps, sentence)
        now.pieces.add_(keeps)
        now.ended.masked_fill_(empty, 1.0)
        visible = torch.arange(self.most, device=x.device) < now.pieces[:, None]
        complete = now.word - 1 + (x[:, COMPLETES] > 0.5)
        wait = x[:, WAIT].round().clamp(1, self.most)
        allowed = allowed_units(sentence.source.words, visible, complete, wait)
        return allowed.masked_fill(now.ended > 0.5, NO_LIMIT)

    def _encode(self, x: Tensor, reads: Tensor, keeps: Tensor, sentence: "Sentence") -> None:
        """One step of the encoder for the streams that read [B], kept in the source where `keeps` [B]."""
        if not len(rows := rows_where(reads)):
            return
        ids = x[:, PIECE].clamp(0, self.pieces.num_embeddings - 1).long()
        ids = ids.masked_fill(x[:, EMPTY] > 0.5, SOURCE_END)[rows]
        now, before = counters(sentence.target), sentence.encoder[rows]
        memory, _, after = self.encode(x[rows, FIRST, None] > 0.5, ids[:, None], before.chunk(4, 1))
        encoder = torch.where(reads[rows, None], torch.cat(after, 1), before)
        sentence.encoder.index_copy_(0, rows, encoder)
        place, kept = now.pieces[rows].long().clamp(max=self.most - 1), keeps[rows]
        for leaf, new in zip(sentence.source, (memory[:, 0], ids, now.word[rows])):
            old = leaf[rows, place]
            leaf[rows, place] = torch.where(kept.view(-1, *[1] * (old.dim() - 1)), new.to(old.dtype), old)

    def _emit(self, allowed: Tensor, sentence: "Sentence", out: Tensor) -> None:
        """One slot of the streams that may emit a unit in it, written into out [B, 2]."""
        source, target = sentence.source, sentence.target
        now = counters(target)
        emits = (now.emitted < allowed) & (now.done < 0.5)
        if not len(rows := rows_where(emits)):
            return
        read = longest(now.pieces[rows], self.most)
        memory, pieces = (leaf[:, :read].index_select(0, rows) for leaf in (source.memory, source.pieces))
        after, out[rows] = self.emit(emits[rows], memory, pieces, target[rows])
        target.index_copy_(0, rows, after)

    def encode(self, first: Tensor, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """The memory of pieces [B, n, H], their own vectors [B, n, size] and the encoder's state."""
        embeddings = self.pieces(ids)
        mark = first[..., None].to(embeddings.dtype)
        normed, _ = self.norm_below.step(dropout(embeddings, self.dropout, self.training), ())
        below, lower = self.below.step(torch.cat([mark, normed], -1), state[:2])
        normed, _ = self.norm_above.step(dropout(below, self.dropout, self.training), ())
        above, upper = self.above.step(torch.cat([mark, normed], -1), state[2:])
        return dropout(below + above, self.dropout, self.training), embeddings, (*lower, *upper)

    def emit(self, emits: Tensor, memory: Tensor, pieces: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The target's state after a slot, and the slot's row [B, 2]; nothing where none `emits` [B]."""
        now, embeddings = counters(target), self.pieces(pieces.long())
        before = target[:, : -len(Counters._fields)]
        visible = torch.arange(embeddings.shape[1], device=embeddings.device) < now.pieces[:, None]
        gates, position = self.decoder.input_gates(now.last.long()), now.emitted.long()
        state = before.split([self.hidden_size, self.hidden_size, self.memory_size], 1)
        source = Attended(memory, embeddings, visible)
        output, after = self.decoder.advance(gates, position, source, state)
        unit, log_prob = self.decoder.most_probable(output)
        ends = unit == END
        # An end before the source's own is no end: the target waits for more.
        speaks, ending = emits & ~ends, emits & ends & (now.ended > 0.5)
        shown = torch.where(speaks, unit, torch.where(ending, ENDED, 0)).to(log_prob.dtype)
        row = torch.stack([shown, log_prob.masked_fill(~(speaks | ending), 0.0)], 1)
        last = torch.where(speaks, unit.to(now.last.dtype), now.last)
        done = now.done.masked_fill(ending, 1.0)
        now = now._replace(emitted=now.emitted + speaks, last=last, done=done)
        decoder = torch.where(speaks[:, None], torch.cat(after, 1), before)
        return torch.cat([decoder, torch.stack(now, 1)], 1), row


class Counters(NamedTuple):
    """Of a running sentence, each [B]."""

    pieces: Tensor  # in memory
    word: Tensor  # words begun
    emitted: Tensor  # units of the target
    last: Tensor  # the last unit
    ended: Tensor  # 1 after the sentence's end
    done: Tensor  # 1 after the target's end


def counters(target: Tensor) -> Counters:
    """Views of the last columns of a target's state [B, D]."""
    return Counters(*target[:, -len(Counters._fields) :].unbind(1))


class SourcePieces(NamedTuple):
    """The pieces of a running sentence."""

    memory: Tensor  # [B, most, memory_size]
    pieces: Tensor  # [B, most]
    words: Tensor  # [B, most], each piece's


class Sentence(NamedTuple):
    """Running sentences, one a stream; tensors that a step writes into."""

    encoder: Tensor  # [B, 4 * memory_size], the states of its two layers side by side
    source: SourcePieces
    target: Tensor  # [B, D], the decoder's state and the counters side by side


def rows_where(wanted: Tensor) -> Tensor:
    """The rows [R] that are `wanted` [B], and on a device all: a captured graph has one shape."""
    if wanted.device.type == "cpu":
        return wanted.nonzero()[:, 0]
    return torch.arange(len(wanted), device=wanted.device)


def longest(counts: Tensor, most: int) -> int:
    """The largest of `counts`, and on a device the `most` that it may be."""
    return int(counts.max()) if counts.device.type == "cpu" else most

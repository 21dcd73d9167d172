"""A network that composes: an LSTM over steps, and within a step one voice after the other."""

from math import inf
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.feedforward import dropout
from streamer.models.layers.note_intervals import Intervals
from streamer.models.layers.sampling import draw_nucleus
from streamer.models.layers.stage import Stage, State
from streamer.models.music.composer_channels import BEATS, COUNTDOWN, PITCH_CLASSES, Layout
from streamer.models.networks.roll_density import recurrent_memory
from streamer.models.options import CountOrNone

LONGEST = 32  # steps that a symbol has lasted, counted up to here
NEVER = -1e9  # the logit of a symbol that is not to be drawn
COLUMNS = 3  # of a voice's output: symbol, its log-probability, the most probable symbol


class Composer(Stage):
    """Chooses a symbol for each voice at each step, and feeds its choices back.

    x [B, n, C] as `Layout` says -> [B, n, 3 V]: of each voice the symbol, its log-probability in
    nats and the most probable symbol, both before temperature, bounds and tonality; a given symbol is
    taken as it is, so that the likelihood of a piece is found by giving it. `voices` are the sizes of
    the alphabets: symbol 0 is silence, and where `lowest` of a voice is not 0, symbol k is the MIDI note
    lowest + k - 1. Voices choose in `order`; each knows the choices before its own. No voice chooses to
    hold a note for more than its number of `longest_notes` steps, or to rest for more than that of
    `longest_rests` (0 or left out: for ever). So that none is made to move in the middle of a last chord,
    voices that couldn't hold on to the end let go `last_chord` steps before it. State: the memory's, the
    last symbols [B, V], and for how many steps each has lasted [B, V].
    """

    def __init__(
        self,
        voices: list[int],
        lowest: list[int],
        order: list[int],
        hidden_size: int,
        depth: int,
        inner_size: int,
        longest_notes: list[CountOrNone] | None = None,
        longest_rests: list[CountOrNone] | None = None,
        last_chord: CountOrNone = 0,
        outputs: int = 0,
        dropout: float = 0.0,
    ):
        count = len(voices)
        if len(lowest) != count or sorted(order) != list(range(count)) or min(voices, default=0) < 2:
            raise ValueError(
                "voices, lowest and order must be as long as each other, alphabets of 2 and more, "
                "order a permutation of 0, 1, ..."
            )
        notes, rests = longest_notes or [0] * count, longest_rests or [0] * count
        if len(notes) != count or len(rests) != count:
            raise ValueError("longest_notes and longest_rests must be as long as voices")
        if outputs not in (0, COLUMNS * count):
            raise ValueError(f"{count} voices give {COLUMNS * count} outputs, not {outputs}")
        self.layout = Layout(count)
        super().__init__(self.layout.channels, COLUMNS * count)
        self.voices, self.lowest, self.order, self.inner_size = voices, lowest, order, inner_size
        self.last = nn.ModuleList(nn.Embedding(size, hidden_size) for size in voices)
        self.stood = nn.ModuleList(nn.Embedding(LONGEST + 1, hidden_size) for _ in voices)
        self.beat = nn.Embedding(BEATS, hidden_size)
        self.remaining = nn.Embedding(COUNTDOWN + 1, hidden_size)
        self.memory = recurrent_memory(hidden_size, depth, dropout)
        self.context = nn.Linear(hidden_size, inner_size * count)
        # The inputs of a voice: each voice's last symbol, and the new one of those that chose before it.
        self.before = nn.ModuleList(nn.Embedding(size, inner_size * count) for size in voices)
        self.chosen = nn.ModuleList(nn.Embedding(size, inner_size * count) for size in voices)
        self.inner = nn.ModuleList(nn.Linear(inner_size, inner_size) for _ in voices)
        self.choice = nn.ModuleList(nn.Linear(inner_size, size) for size in voices)
        self.intervals = Intervals(voices, lowest, order)
        # The end is an input of the voices themselves too: through the memory it is learned late.
        self.ending = nn.Embedding(COUNTDOWN + 1, inner_size * count)
        nn.init.zeros_(self.ending.weight)
        self.dropout = dropout
        pitches = [
            torch.tensor([0] + [low + k for k in range(size - 1)] if low else [0] * size)
            for size, low in zip(voices, lowest)
        ]
        for voice, row in enumerate(pitches):
            self.register_buffer(f"pitches{voice}", row, persistent=False)
        for voice, (note, rest) in enumerate(zip(notes, rests)):
            steps = torch.tensor([rest or inf] + [note or inf] * (voices[voice] - 1))
            self.register_buffer(f"longest{voice}", steps, persistent=False)
            self.register_buffer(f"symbols{voice}", torch.arange(voices[voice]), persistent=False)
        self.last_chord = last_chord
        self.most_counted = max(LONGEST, *notes, *rests)

    def initial_state(self, batch: int) -> State:
        zeros = self.neutral.new_zeros(batch, len(self.voices))
        return *self.memory.initial_state(batch), zeros, zeros.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        *inner, last, lasted = state
        memory, outputs = tuple(inner), []
        # A NaN in another stream's row must not become an index.
        for controls in torch.nan_to_num(x).unbind(1):
            beat, remaining = controls[:, self.layout.beat], controls[:, self.layout.remaining]
            past = Past(*(values.unsqueeze(1) for values in (last, lasted, beat, remaining)))
            hidden, memory = self._hidden(past, memory)
            symbols, columns = self._choose(hidden.squeeze(1), last.long(), lasted, controls)
            lasted = torch.where(symbols == last, (lasted + 1).clamp(max=self.most_counted), 1.0)
            last = symbols
            outputs.append(columns)
        return torch.stack(outputs, dim=1), (*memory, last, lasted)

    def log_probabilities(self, symbols: Tensor, beat: Tensor, remaining: Tensor) -> list[Tensor]:
        """Training: of each voice log-probabilities [B, T, K], given those of `symbols` [B, T, V] before.

        beat and remaining [B, T] as the channels of those names.
        """
        before = F.pad(symbols, (0, 0, 1, 0))[:, :-1]
        memory = self.memory.initial_state(len(symbols))
        hidden, _ = self._hidden(Past(before, run_lengths(before), beat, remaining), memory)
        context = self._context(dropout(hidden, self.dropout, self.training), before, remaining)
        return [
            torch.log_softmax(self._logits(voice, context, before, symbols), dim=-1)
            for voice in range(len(self.voices))
        ]

    def _hidden(self, past: "Past", memory: State) -> tuple[Tensor, State]:
        """The memory's output at each step [B, n, H], and its state after them."""
        last, lasted, beat, remaining = past
        embedded = self.beat(beat.long().remainder(BEATS))
        embedded = embedded + self.remaining(remaining.long().clamp(0, COUNTDOWN))
        for voice in range(len(self.voices)):
            symbols = self.last[voice](last[..., voice].long())
            embedded = embedded + dropout(symbols, self.dropout, self.training)
            embedded = embedded + self.stood[voice](lasted[..., voice].long().clamp(0, LONGEST))
        return self.memory.step(torch.relu(embedded), memory)

    def _choose(
        self, hidden: Tensor, before: Tensor, lasted: Tensor, controls: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The symbols [B, V] of one step, and the output's columns [B, 3 V]."""
        layout = self.layout
        context = self._context(hidden, before, controls[:, layout.remaining])
        symbols = torch.zeros_like(before)
        needed = self._needed(lasted, controls[:, layout.remaining])
        columns = controls.new_zeros(len(controls), len(self.voices), COLUMNS)
        for voice in self.order:
            logits = self._logits(voice, context, before, symbols)
            held_out = self._held_out(voice, before[:, voice], needed)
            drawn = draw_nucleus(
                self._bounded(voice, logits, controls).masked_fill(held_out, NEVER),
                controls[:, layout.noise][:, voice],
                controls[:, layout.temperature],
                controls[:, layout.nucleus],
            )
            given = controls[:, layout.given][:, voice].round().long().clamp(0, self.voices[voice])
            symbol = torch.where(given > 0, given - 1, drawn)
            symbols = torch.cat([symbols[:, :voice], symbol[:, None], symbols[:, voice + 1 :]], dim=1)
            log_prob = torch.log_softmax(logits, dim=-1).gather(1, symbol[:, None])[:, 0]
            most_probable = logits.argmax(-1)
            columns[:, voice] = torch.stack(
                [symbol.to(log_prob), log_prob, most_probable.to(log_prob)], dim=-1
            )
        return symbols.to(controls), columns.flatten(1)

    def _context(self, hidden: Tensor, before: Tensor, remaining: Tensor) -> Tensor:
        """The inputs of every voice before any has chosen [..., V, inner_size]."""
        context = self.context(hidden) + self.ending(remaining.long().clamp(0, COUNTDOWN))
        for voice, embedding in enumerate(self.before):
            context = context + embedding(before[..., voice].long())
        return context.unflatten(-1, (len(self.voices), self.inner_size))

    def _logits(self, voice: int, context: Tensor, before: Tensor, symbols: Tensor) -> Tensor:
        """Logits [..., K] of a voice, given the new `symbols` [..., V] of those that chose before it."""
        inner, size = context[..., voice, :], self.inner_size
        for other in self.order[: self.order.index(voice)]:
            table = self.chosen[other].get_parameter("weight")[:, voice * size : (voice + 1) * size]
            inner = inner + F.embedding(symbols[..., other].long(), table)
        inner = torch.relu(inner)
        inner = inner + torch.relu(self.inner[voice](dropout(inner, self.dropout, self.training)))
        logits = self.choice[voice](dropout(inner, self.dropout, self.training))
        return logits + self.intervals(voice, before, symbols)

    def _needed(self, lasted: Tensor, remaining: Tensor) -> Tensor:
        """How many steps each symbol would have to last if it went on, its next one left out [B, V]."""
        at_last_chord = (remaining == self.last_chord) & (remaining > 0)
        return lasted + torch.where(at_last_chord, remaining - 1, 0.0)[:, None]

    def _held_out(self, voice: int, before: Tensor, needed: Tensor) -> Tensor:
        """True [B, K] at the symbol before [B] where it may not last as long as is `needed` [B, V]."""
        symbols, longest = self.get_buffer(f"symbols{voice}"), self.get_buffer(f"longest{voice}")
        return (symbols == before[:, None]) & (needed[:, voice, None] >= longest)

    def _bounded(self, voice: int, logits: Tensor, controls: Tensor) -> Tensor:
        """The logits that are drawn from: tonality added, notes out of bounds shut out."""
        if not self.lowest[voice]:
            return logits
        pitches = self.get_buffer(f"pitches{voice}")
        tonality = controls[:, self.layout.tonality].clamp(-20, 20)[:, pitches % PITCH_CLASSES]
        logits = logits + torch.where(pitches > 0, tonality, 0.0)
        low, high = (controls[:, bound][:, voice, None] for bound in (self.layout.low, self.layout.high))
        outside = ((low > 0) & (pitches < low)) | ((high > 0) & (pitches > high))
        return logits.masked_fill(outside & (pitches > 0), NEVER)


class Past(NamedTuple):
    """The memory's input at each step: symbols and how long they lasted [B, n, V]; two controls [B, n]."""

    last: Tensor
    lasted: Tensor
    beat: Tensor
    remaining: Tensor


def run_lengths(symbols: Tensor) -> Tensor:
    """For how many steps each symbol of [B, T, V] has lasted, itself counted, up to `LONGEST`."""
    steps = torch.arange(symbols.shape[1], device=symbols.device)[:, None].expand(symbols.shape[1:])
    changed = symbols != F.pad(symbols, (0, 0, 1, 0), value=-1)[:, :-1]
    began = torch.where(changed, steps, 0).cummax(1).values
    # The symbol before the first step has not lasted at all.
    return (steps - began + 1).clamp(max=LONGEST) * (steps > 0)

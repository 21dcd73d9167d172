"""A network that composes: an LSTM over steps, and within a step one voice after the other."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.feeders.composing import BEATS, COUNTDOWN, PITCH_CLASSES, Layout
from streamer.models.layers.feedforward import dropped
from streamer.models.layers.note_intervals import Intervals
from streamer.models.layers.sampling import draw
from streamer.models.layers.stage import Stage, State
from streamer.models.networks.roll_density import remembering

LONGEST = 32  # steps that a symbol has stood, counted up to here
TOLD = 3  # columns of a voice's output: symbol, its log-probability, the likeliest symbol


class Composer(Stage):
    """Chooses a symbol for each voice at each step, and feeds its choices back.

    x [B, n, C] as `Layout` says -> [B, n, 3 V]: of each voice the symbol, its log-probability in
    nats and the symbol that was likeliest, both before temperature, bounds and tonality; a symbol
    that is given is taken as it is. So feeding a piece as given tells its likelihood.
    `voices` are the sizes of the alphabets: symbol 0 is silence, and where `lowest` of a voice is
    not 0, symbol k is the MIDI note lowest + k - 1. `order` is that in which voices choose: each
    knows those before it. State: the memory's, the last symbols [B, V], and for how many steps each
    has stood [B, V].
    """

    def __init__(
        self,
        voices: list[int],
        lowest: list[int],
        order: list[int],
        hidden_size: int,
        depth: int,
        inner_size: int,
        outputs: int = 0,
        dropout: float = 0.0,
    ):
        count = len(voices)
        if len(lowest) != count or sorted(order) != list(range(count)) or min(voices, default=0) < 2:
            raise ValueError(
                "voices, lowest and order must be as long as each other, alphabets of 2 and more, "
                "order a permutation of 0, 1, ..."
            )
        if outputs not in (0, TOLD * count):
            raise ValueError(f"{count} voices give {TOLD * count} outputs, not {outputs}")
        self.layout = Layout(count)
        super().__init__(self.layout.channels, TOLD * count)
        self.voices, self.lowest, self.order, self.inner_size = voices, lowest, order, inner_size
        self.last = nn.ModuleList(nn.Embedding(size, hidden_size) for size in voices)
        self.stood = nn.ModuleList(nn.Embedding(LONGEST + 1, hidden_size) for _ in voices)
        self.beat = nn.Embedding(BEATS, hidden_size)
        self.remaining = nn.Embedding(COUNTDOWN + 1, hidden_size)
        self.memory = remembering(hidden_size, depth, dropout)
        self.context = nn.Linear(hidden_size, inner_size * count)
        # What a voice knows of each voice: its last symbol, and the new one of those before it.
        self.before = nn.ModuleList(nn.Embedding(size, inner_size * count) for size in voices)
        self.chosen = nn.ModuleList(nn.Embedding(size, inner_size * count) for size in voices)
        self.inner = nn.ModuleList(nn.Linear(inner_size, inner_size) for _ in voices)
        self.choice = nn.ModuleList(nn.Linear(inner_size, size) for size in voices)
        self.intervals = Intervals(voices, lowest, order)
        # The end is said to the voices themselves too: what the memory makes of it is learned late.
        self.ending = nn.Embedding(COUNTDOWN + 1, inner_size * count)
        nn.init.zeros_(self.ending.weight)
        self.share = dropout
        pitches = [
            torch.tensor([0] + [low + k for k in range(size - 1)] if low else [0] * size)
            for size, low in zip(voices, lowest)
        ]
        for voice, row in enumerate(pitches):
            self.register_buffer(f"pitches{voice}", row, persistent=False)

    def initial_state(self, batch: int) -> State:
        nothing = self.neutral.new_zeros(batch, len(self.voices))
        return *self.memory.initial_state(batch), nothing, nothing.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        *memory, last, stood = state
        memory, outputs = tuple(memory), []
        # A stranger's NaN in a row must not become an index.
        for now in torch.nan_to_num(x).unbind(1):
            beat, remaining = now[:, self.layout.beat], now[:, self.layout.remaining]
            hidden, memory = self._remembered(
                last.unsqueeze(1), stood.unsqueeze(1), beat.unsqueeze(1), remaining.unsqueeze(1), memory
            )
            symbols, told = self._choose(hidden.squeeze(1), last.long(), now)
            stood = torch.where(symbols == last, (stood + 1).clamp(max=LONGEST), 1.0)
            last = symbols
            outputs.append(told)
        return torch.stack(outputs, dim=1), (*memory, last, stood)

    def log_probabilities(self, symbols: Tensor, beat: Tensor, remaining: Tensor) -> list[Tensor]:
        """Training: of each voice log-probabilities [B, T, K], given those of `symbols` [B, T, V] before.

        beat and remaining [B, T] as the channels of those names.
        """
        before = F.pad(symbols, (0, 0, 1, 0))[:, :-1]
        memory = self.memory.initial_state(len(symbols))
        hidden, _ = self._remembered(before, run_lengths(before), beat, remaining, memory)
        context = self._context(self._dropped(hidden), before, remaining)
        return [
            torch.log_softmax(self._logits(voice, context, before, symbols), dim=-1)
            for voice in range(len(self.voices))
        ]

    def _dropped(self, x: Tensor) -> Tensor:
        return dropped(x, self.share) if self.training and self.share else x

    def _remembered(
        self, last: Tensor, stood: Tensor, beat: Tensor, remaining: Tensor, memory: State
    ) -> tuple[Tensor, State]:
        """What all that came before says [B, n, H]; last and stood [B, n, V], beat and remaining [B, n]."""
        read = self.beat(beat.long().remainder(BEATS))
        read = read + self.remaining(remaining.long().clamp(0, COUNTDOWN))
        for voice, size in enumerate(self.voices):
            read = read + self._dropped(self.last[voice](last[..., voice].long()))
            read = read + self.stood[voice](stood[..., voice].long().clamp(0, LONGEST))
        return self.memory.step(torch.relu(read), memory)

    def _choose(self, hidden: Tensor, before: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        """The symbols [B, V] of one step, and what is told of them [B, 3 V]."""
        layout, context = self.layout, self._context(hidden, before, now[:, self.layout.remaining])
        symbols, told = torch.zeros_like(before), now.new_zeros(len(now), len(self.voices), TOLD)
        for voice in self.order:
            logits = self._logits(voice, context, before, symbols)
            drawn = draw(
                self._bounded(voice, logits, now),
                now[:, layout.noise][:, voice],
                now[:, layout.temperature],
                now[:, layout.nucleus],
            )
            given = now[:, layout.given][:, voice].round().long().clamp(0, self.voices[voice])
            symbol = torch.where(given > 0, given - 1, drawn)
            symbols = torch.cat([symbols[:, :voice], symbol[:, None], symbols[:, voice + 1 :]], dim=1)
            sure = torch.log_softmax(logits, dim=-1).gather(1, symbol[:, None])[:, 0]
            told[:, voice] = torch.stack([symbol.to(sure), sure, logits.argmax(-1).to(sure)], dim=-1)
        return symbols.to(now), told.flatten(1)

    def _context(self, hidden: Tensor, before: Tensor, remaining: Tensor) -> Tensor:
        """What every voice knows before any has chosen [..., V, inner_size]."""
        context = self.context(hidden) + self.ending(remaining.long().clamp(0, COUNTDOWN))
        for voice, embedding in enumerate(self.before):
            context = context + embedding(before[..., voice].long())
        return context.unflatten(-1, (len(self.voices), self.inner_size))

    def _logits(self, voice: int, context: Tensor, before: Tensor, symbols: Tensor) -> Tensor:
        """Logits [..., K] of a voice, given the new `symbols` [..., V] of those in front of it."""
        inner, size = context[..., voice, :], self.inner_size
        for other in self.order[: self.order.index(voice)]:
            known = self.chosen[other].weight[:, voice * size : (voice + 1) * size]
            inner = inner + F.embedding(symbols[..., other].long(), known)
        inner = torch.relu(inner)
        inner = inner + torch.relu(self.inner[voice](self._dropped(inner)))
        return self.choice[voice](self._dropped(inner)) + self.intervals(voice, before, symbols)

    def _bounded(self, voice: int, logits: Tensor, now: Tensor) -> Tensor:
        """The logits that are drawn from: tonality added, notes out of bounds shut out."""
        if not self.lowest[voice]:
            return logits
        pitches = getattr(self, f"pitches{voice}")
        tonality = now[:, self.layout.tonality].clamp(-20, 20)[:, pitches % PITCH_CLASSES]
        logits = logits + torch.where(pitches > 0, tonality, 0.0)
        low, high = (now[:, bound][:, voice, None] for bound in (self.layout.low, self.layout.high))
        outside = ((low > 0) & (pitches < low)) | ((high > 0) & (pitches > high))
        return logits.masked_fill(outside & (pitches > 0), -1e9)


def run_lengths(symbols: Tensor) -> Tensor:
    """For how many steps each symbol of [B, T, V] has stood, itself counted, up to `LONGEST`."""
    steps = torch.arange(symbols.shape[1], device=symbols.device)[:, None].expand(symbols.shape[1:])
    changed = symbols != F.pad(symbols, (0, 0, 1, 0), value=-1)[:, :-1]
    began = torch.where(changed, steps, 0).cummax(1).values
    # What stands before the first step has not stood at all.
    return (steps - began + 1).clamp(max=LONGEST) * (steps > 0)

"""The likelihood of piano rolls: an LSTM over steps, and within a step a network from note to note."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.models.layers.feedforward import Dropout, LayerNorm, dropout
from streamer.models.layers.recurrent import LSTM, Residual
from streamer.models.layers.stage import Chain, Stage, State

KEYS, PITCH_CLASSES = 88, 12
BAR_STEPS = 48  # the position is known modulo this: a multiple of bars of 2, 3, 4, 6, 8, 12 and 16 steps


class RollDensity(Stage):
    """Log-probabilities of each step's keys, given the steps before and the keys above.

    x [B, n, 88], a key sounds where above 0.5 -> [B, n, 88]: the logarithm of the probability of
    what the key does, in nats; their sum over the keys is that of the step. Keys are decided from the
    highest to the lowest (the chain of NADE, Larochelle 2011, on an LSTM as in Boulanger-Lewandowski
    2012). Since few of them sound, the network answers once a sounding note which note is the next one
    below; the hazards of these answers are the keys' conditional probabilities.
    State: the memory's, the last step's keys [B, 88], the position [B, 1] modulo `BAR_STEPS`.
    """

    def __init__(
        self, hidden_size: int, depth: int, inner_size: int, outputs: int = KEYS, dropout: float = 0.0
    ):
        if outputs != KEYS:
            raise ValueError(f"a roll has {KEYS} keys, not {outputs}")
        super().__init__(KEYS, KEYS)
        self.before = nn.Linear(KEYS + PITCH_CLASSES, hidden_size)
        self.beat = nn.Embedding(BAR_STEPS, hidden_size)
        self.memory = recurrent_memory(hidden_size, depth, dropout)
        self.context = nn.Linear(hidden_size + KEYS, inner_size)
        self.above = nn.Linear(KEYS, inner_size, bias=False)
        self.last = nn.Embedding(KEYS + 1, inner_size)  # the last note above; KEYS: none yet
        self.inner = nn.Linear(inner_size, inner_size)
        self.choice = nn.Linear(inner_size, KEYS + 1)  # the next note below, or none
        self.dropout = dropout

    def initial_state(self, batch: int) -> State:
        empty = self.neutral.new_zeros
        return *self.memory.initial_state(batch), empty(batch, KEYS), empty(batch, 1)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        keys = (x > 0.5).to(x.dtype)
        base, state = self._base(keys, state)
        return self.log_likelihood(keys, base), state

    def log_probability(self, keys: Tensor) -> Tensor:
        """Training: the log-probability [B, T] of each step of `keys` [B, T, 88], from the beginning.

        It is the sum of `log_likelihood` over the keys, without the hazard of each one.
        """
        base, _ = self._base(keys, self.initial_state(len(keys)))
        down = keys.flip(-1)
        above = down.cumsum(-1) - down
        logits = self._answers(down, above, base)
        questions = torch.arange(logits.shape[-2], device=keys.device)[:, None]
        # A question is about the keys below its last note; past the last note "none" is certain.
        closed = F.pad(above.unsqueeze(-2) < questions, (0, 1))
        places = torch.arange(KEYS, device=keys.device)
        asked = (down.unsqueeze(-2) > 0) & (above.unsqueeze(-2) == questions)
        answer = torch.where(asked, places, KEYS).amin(-1, keepdim=True)
        log_probs = torch.log_softmax(logits.masked_fill(closed, -torch.inf), dim=-1)
        return log_probs.gather(-1, answer).squeeze(-1).sum(-1)

    def _base(self, keys: Tensor, state: State) -> tuple[Tensor, State]:
        """The features of each step from all those before it [B, n, inner_size], and the state after them."""
        *memory, last, position = state
        before = torch.cat([last.unsqueeze(1), keys[:, :-1]], dim=1)
        places = (position + torch.arange(keys.shape[1], device=keys.device)) % BAR_STEPS
        features = dropout(torch.cat([before, pitch_classes(before)], dim=-1), self.dropout, self.training)
        embedded = torch.relu(self.before(features) + self.beat(places.long()))
        context, after = self.memory.step(embedded, tuple(memory))
        base = self.context(torch.cat([context, before], dim=-1))
        position = (position + keys.shape[1]) % BAR_STEPS
        return base, (*after, keys[:, -1], position)

    def log_likelihood(self, keys: Tensor, base: Tensor) -> Tensor:
        """The log-probability [B, n, 88] of what each key of `keys` [B, n, 88] does."""
        # Highest first: place 0 is the highest key.
        down = keys.flip(-1)
        above = down.cumsum(-1) - down  # sounding notes above each key: the number of its question
        logits = self._answers(down, above, base)
        # From each key on downwards, the probability that its question has left.
        remains = logits.flip(-1).logcumsumexp(-1).flip(-1)
        own = above.long().unsqueeze(-2)
        sounds = (logits[..., :-1] - remains[..., :-1]).gather(-2, own).squeeze(-2)
        silent = (remains[..., 1:] - remains[..., :-1]).gather(-2, own).squeeze(-2)
        return torch.where(down > 0, sounds, silent).flip(-1)

    def _answers(self, down: Tensor, above: Tensor, base: Tensor) -> Tensor:
        """Logits [B, n, questions, 89] of the next note below, given the notes known at each question."""
        questions = int(above.max()) + 1 if above.numel() else 1
        order = torch.where(down > 0, above, -1.0)
        answers = []
        for number in range(questions):
            note = (order == number - 1).to(down.dtype)  # the last note known, one-hot or nothing
            last = torch.where(note.any(-1), note.argmax(-1), KEYS)
            inner = torch.relu(base + self.above(down * (above < number)) + self.last(last))
            inner = torch.relu(self.inner(dropout(inner, self.dropout, self.training))) + inner
            answers.append(self.choice(dropout(inner, self.dropout, self.training)))
        return torch.stack(answers, dim=-2)


def recurrent_memory(hidden_size: int, depth: int, dropout: float) -> Chain:
    """`depth` LSTM layers, each with layer norm before it, dropout after it and a residual round both."""
    size = hidden_size
    return Chain(
        *(Residual(Chain(LayerNorm(size), LSTM(size, size), Dropout(size, dropout))) for _ in range(depth)),
        LayerNorm(size),
    )


def pitch_classes(keys: Tensor) -> Tensor:
    """How many notes of each pitch class sound [..., 12], the first being A, of keys [..., 88]."""
    return F.pad(keys, (0, 8)).unflatten(-1, (8, 12)).sum(-2)

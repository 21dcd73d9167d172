"""The task whose output is of another language: English to German."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sacrebleu.metrics import BLEU
from torch import Tensor, nn
from torch.nn import functional as F

from streamer.evaluation.translation_scores import average_lagging
from streamer.lab.latency.task import Scored
from streamer.lab.latency.views import BOTH_WAYS, ONE_WAY, View, seer
from streamer.lab.latency.word_tasks import SPOKEN_WORDS_AN_HOUR
from streamer.models.datasets import sentence_pairs
from streamer.models.datasets.word_channels import by_length
from streamer.models.layers.attention import Attended, AttentionDecoder
from streamer.models.layers.stage import State
from streamer.models.layers.wait_k import prefixes
from streamer.models.networks.translator_live import END, SOURCE_END
from streamer.models.text.pieces import BEGINS, COMPLETES, PIECE
from streamer.models.training.fit import Pace
from streamer.models.training.text.dictionary import dictionary_vectors
from streamer.models.training.text.translation_loss import teacher_forced

PIECES, UNITS = 1200, 1500
SIZE, MEMORY, HIDDEN = 96, 160, 160
WEIGHTS = 250_000  # of the encoder
SLOTS = 4  # units that are emitted after one piece, at most
BATCH_UNITS = 2000
CHECKED = 500  # dev pairs
GROWTH, SPARE = 2, 8  # a target has at most so many units a piece, and so many more
VIEWS = (
    ONE_WAY,
    View("2 words ahead", ahead=2),
    View("4 ahead", ahead=4),
    View("8 ahead", ahead=8),
    View("chunks of 4 pieces", chunk=4),
    View("chunks of 8", chunk=8),
    BOTH_WAYS,
)


class WaitingTranslator(nn.Module):
    """A Seer over pieces and an attention decoder, which emits what wait-k lets it (Ma 2019).

    `view.ahead` counts whole words by which the decoder, not the encoder, lags; where the view
    has chunks, what was read so far ends with one.
    """

    def __init__(self, view: View, depth: int, pieces: int, units: int):
        super().__init__()
        self.view = view
        self.pieces = nn.Embedding(pieces, SIZE)
        self.seer = seer(View(view.name, chunk=view.chunk), SIZE, WEIGHTS, depth, 0.15)
        self.memory = nn.Linear(self.seer.width, MEMORY)
        self.decoder = AttentionDecoder(units, SIZE, MEMORY, HIDDEN, 0.15)

    def read(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The memory [B, T + 1, MEMORY] and each piece's own vector, a sentence's end the last of them."""
        ids = F.pad(x[..., PIECE].long(), (0, 1))
        ids.scatter_(1, lengths[:, None], SOURCE_END)
        own = self.pieces(ids)
        return self.memory(self.seer(F.dropout(own, 0.15, self.training), lengths + 1)), own

    def prefixes(self, x: Tensor, lengths: Tensor, units: int) -> Tensor:
        """How many pieces are read when each unit is emitted [B, units]; the end is one."""
        begins, completes = x[..., BEGINS].long(), x[..., COMPLETES].long()
        wait = torch.full_like(lengths, self.view.ahead + 1)
        read = prefixes(begins, completes, lengths, wait, SLOTS, units)
        if self.view.chunk:
            read = -(-read // self.view.chunk) * self.view.chunk
        return torch.minimum(read, lengths[:, None] + 1)


class TranslationTask:
    """Sentences of tatoeba; an error is 1 - BLEU of greedy decoding, all sentences together."""

    name, unit, measure = "translation", "words", "1 - BLEU"
    views: tuple[View, ...] = VIEWS
    pace = Pace(600, 3e-3, averaged=0.995)

    def __init__(self, data: Path, cache: Path):
        folder = data / "text" / "tatoeba_en_de"
        texts = sentence_pairs.read_pairs(folder / "train.tsv.gz")
        cache.mkdir(parents=True, exist_ok=True)
        files = cache / "source.model", cache / "target.model"
        if not all(file.exists() for file in files):
            sentence_pairs.train_source_model((source for source, _ in texts), PIECES, files[0])
            sentence_pairs.train_target_model((target for _, target in texts), UNITS, files[1])
        self.source, self.target = (
            sentence_pairs.SentencePieceProcessor(model_file=str(file)) for file in files
        )
        self.train = sentence_pairs.encode(texts, self.source, self.target)
        dev = sentence_pairs.read_pairs(folder / "dev.tsv")
        self.dev = dev[:: max(1, len(dev) // CHECKED)][:CHECKED]
        self.sizes = len(self.source), len(self.target)
        sources = [steps[:, PIECE].astype(np.int64) for steps in self.train.sources]
        self.begun = dictionary_vectors(sources, self.train.targets, self.sizes, SIZE, 1)

    def network(self, view: View, depth: int) -> WaitingTranslator:
        torch.manual_seed(1)
        made = WaitingTranslator(view, depth, *self.sizes)
        with torch.no_grad():
            for weight, value in zip(
                (made.pieces.weight, made.decoder.embedding.weight, made.decoder.bias), self.begun
            ):
                weight.copy_(value)
        return made

    def batches(self) -> Iterator[np.ndarray]:
        return sentence_pairs.order(self.train, BATCH_UNITS, 1)

    def loss(self, network: WaitingTranslator, number: int, chosen: np.ndarray) -> Tensor:
        torch.manual_seed(number)
        pairs = sentence_pairs.batch(self.train, chosen.tolist())
        x, lengths, units = (torch.from_numpy(part) for part in (pairs.x, pairs.lengths, pairs.units))
        memory, own = network.read(x, lengths)
        prefix = network.prefixes(x, lengths, units.shape[1])
        outputs = teacher_forced(network.decoder, units, memory, own, prefix)
        counted = units >= 0
        return F.cross_entropy(network.decoder.logits(outputs[counted]), units[counted], label_smoothing=0.1)

    @torch.inference_mode()
    def scored(self, network: WaitingTranslator, view: View) -> Scored:
        network.eval()
        sources = [sentence_pairs.steps(self.source, source) for source, _ in self.dev]
        counts, lags = np.zeros((len(sources), 10)), np.zeros(len(sources))
        for chosen in by_length(sources, 50):
            for i, (units, read) in zip(chosen, translated(network, [sources[i] for i in chosen])):
                counts[i] = bleu_counts(self.target.decode(units), self.dev[i][1])
                words = np.append(np.cumsum(sources[i][:, BEGINS]), sources[i][:, BEGINS].sum())
                lags[i] = (
                    average_lagging([int(words[pieces - 1]) for pieces in read], int(words[-1])) or words[-1]
                )
        words = np.array([source[:, BEGINS].sum() for source in sources], float)
        return Scored(counts, lags, np.ones(len(sources)), words / SPOKEN_WORDS_AN_HOUR)

    def error(self, counts: np.ndarray) -> float:
        return bleu_error(counts)


def translated(network: WaitingTranslator, sources: list[np.ndarray]) -> list[tuple[list[int], list[int]]]:
    """Of each source the units of its target, and how many pieces were read for each."""
    lengths = torch.tensor([len(source) for source in sources])
    x = nn.utils.rnn.pad_sequence([torch.from_numpy(source) for source in sources], batch_first=True)
    memory, own = network.read(x, lengths)
    most = int(lengths.max()) * GROWTH + SPARE
    read = network.prefixes(x, lengths, most)
    decoder, slots = network.decoder, torch.arange(memory.shape[1])
    state, last = decoder.initial_state(memory), torch.zeros(len(sources), dtype=torch.long)
    ended, units = torch.zeros(len(sources), dtype=torch.bool), []

    def next_unit(gates: Tensor, at: Tensor, read: Tensor, state: State) -> tuple[Tensor, State]:
        source = Attended(memory, own, slots < read[:, None])
        output, after = decoder.advance(gates, at, source, state)
        return decoder.log_probabilities(output).argmax(1), after

    for place in range(most):
        at, gates = torch.full_like(last, place), decoder.input_gates(last)
        last, after = next_unit(gates, at, read[:, place], state)
        # An end before the source's own is no end: the target waits for all of it.
        early = (last == END) & (read[:, place] <= lengths)
        if bool(early.any()):
            read[:, place:] = torch.where(early[:, None], lengths[:, None] + 1, read[:, place:])
            last, after = next_unit(gates, at, read[:, place], state)
        state = after
        ended |= (last == END) | (at >= lengths * GROWTH + SPARE)
        units.append(torch.where(ended, END, last))
        if bool(ended.all()):
            break
    rows = torch.stack(units, 1).tolist()
    counts = [row.index(END) if END in row else len(row) for row in rows]
    return [(row[:n], seen[:n]) for row, seen, n in zip(rows, read.tolist(), counts)]


def bleu_counts(target: str, reference: str) -> list[float]:
    """Matches and n-grams of each order, and both lengths [10]: what BLEU is made of."""
    score = BLEU(effective_order=True).sentence_score(target, [reference])
    return [*score.counts, *score.totals, score.sys_len, score.ref_len]


def bleu_error(counts: np.ndarray) -> float:
    """1 - BLEU of summed `bleu_counts`."""
    whole = counts.astype(int).tolist()
    return 1 - BLEU.compute_bleu(whole[:4], whole[4:8], *whole[8:]).score / 100

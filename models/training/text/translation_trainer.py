"""Training of the translators, live and offline, from pairs of sentences."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import sacrebleu
import torch
from safetensors.torch import load_file
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from streamer.models.bundle.build import build_network
from streamer.models.datasets import sentence_pairs
from streamer.models.datasets.sentence_pairs import SentencePairs, batch, order
from streamer.models.datasets.word_channels import by_length
from streamer.models.networks.translator_live import TranslateLive
from streamer.models.networks.translator_offline import TranslateOffline
from streamer.models.text.pieces import EMPTY, PIECE, WAIT, empty_steps
from streamer.models.training.fit import Pace, fit
from streamer.models.training.text.dictionary import dictionary_vectors
from streamer.models.training.text.translation_loss import loss_of
from streamer.models.training.text.translation_recipes import (
    CORPORA,
    GROWTH,
    RECIPES,
    SPARE,
    TranslationRecipe,
    card,
)
from streamer.models.training.text.translation_recipes import WAIT as CHECKED_WAIT
from streamer.output_file import write_bytes

Network = TranslateLive | TranslateOffline


def train_translation(
    data: Path,
    out: Path,
    mode: str = "live",
    pair: str = "en-de",
    *,
    updates: int | None = None,
    start: Path | None = None,
    resume: bool = True,
    threads: int = 1,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train `mode` ("live" or "offline"); returns the best weights' file, in a folder that is a model.

    `data`/text holds what `CORPORA` names for `pair`. `out`/translation-PAIR-MODE keeps checkpoints
    and the log; a run found there goes on. `start` is the weights file of the other mode, whose
    vectors and decoder are begun with; its sub-words are taken, too.
    """
    torch.set_num_threads(threads)
    recipe, corpus = RECIPES[mode], CORPORA[pair]
    updates = updates or recipe.updates
    folder, run = data / "text" / corpus.folder, out / f"translation-{pair}-{mode}"
    run.mkdir(parents=True, exist_ok=True)
    texts = sentence_pairs.read_pairs(folder / corpus.train)
    dev = sentence_pairs.read_pairs(folder / corpus.dev)
    source, target = sub_words(texts, recipe, run, start)
    pairs = sentence_pairs.encode(texts, source, target)
    dev = dev[:: max(1, len(dev) // recipe.checked)]
    card(run, mode, pair, len(source), len(target))
    progress(f"{len(pairs)} pairs, {len(source)} pieces, {len(target)} units")

    torch.manual_seed(recipe.seed)
    sizes = {"pieces": len(source), "units": len(target), "outputs": recipe.outputs}
    network = build_network(recipe.architecture, recipe.options | sizes)
    assert isinstance(network, TranslateLive | TranslateOffline)
    if not (resume and (run / "last.safetensors").exists()):
        begin(network, pairs, start, recipe.seed)

    def loss(number: int, chosen: np.ndarray) -> Tensor:
        torch.manual_seed(recipe.seed * 1_000_003 + number)  # the same dropout wherever a run went on
        negatives = 0 if number >= (1 - recipe.full) * updates else recipe.negatives
        return loss_of(network, batch(pairs, chosen), negatives, recipe.smoothing)

    def scores(averaged: Network) -> dict[str, float]:
        bleu, translations = check(averaged, source, target, dev)
        progress(f"{dev[1][0]} -> {translations[1]}")
        return {"bleu": bleu}

    pace = Pace(updates, recipe.learning_rate, averaged=recipe.averaged, check_every=recipe.every)
    batches = order(pairs, recipe.units, recipe.seed)
    return fit(network, pace, batches, loss, scores, run, resume=resume, progress=progress)


def sub_words(
    texts: list[tuple[str, str]], recipe: TranslationRecipe, run: Path, start: Path | None
) -> tuple[SentencePieceProcessor, SentencePieceProcessor]:
    """The models of both languages: those in `run`, those beside `start`, or trained from `texts`."""
    files = run / "source.model", run / "target.model"
    if not all(file.exists() for file in files):
        if start:
            for file in files:
                write_bytes(file, (start.parent / file.name).read_bytes())
        else:
            sentence_pairs.train_source_model((text for text, _ in texts), recipe.pieces, files[0])
            sentence_pairs.train_target_model((text for _, text in texts), recipe.target_units, files[1])
    source, target = (SentencePieceProcessor(model_file=str(file)) for file in files)
    return source, target


def begin(network: Network, pairs: SentencePairs, start: Path | None, seed: int) -> None:
    """Take over the weights that `start` shares with this network, or begin with a counted dictionary."""
    if start:
        own = network.state_dict()
        for name, value in load_file(start).items():
            if name in own and own[name].shape == value.shape:
                own[name].copy_(value.float())
        return
    decoder = network.decoder
    (pieces, size), units = network.pieces.weight.shape, len(decoder.bias)
    sources = [steps[:, PIECE].astype(np.int64) for steps in pairs.sources]
    vectors = dictionary_vectors(sources, pairs.targets, (pieces, units), size, seed)
    with torch.no_grad():
        for weight, value in zip((network.pieces.weight, decoder.embedding.weight, decoder.bias), vectors):
            weight.copy_(value)


@torch.inference_mode()
def check(
    network: Network,
    source: SentencePieceProcessor,
    target: SentencePieceProcessor,
    dev: list[tuple[str, str]],
) -> tuple[float, list[str]]:
    """The BLEU of translations of `dev` (live ones `CHECKED_WAIT` words behind), and the translations."""
    sources = [sentence_pairs.steps(source, text) for text, _ in dev]
    translations = [""] * len(dev)
    for indices in by_length(sources, 50):
        for i, text in zip(indices, _translated(network, target, [sources[i] for i in indices])):
            translations[i] = text
    return sacrebleu.corpus_bleu(translations, [[text for _, text in dev]]).score, translations


def _translated(network: Network, target: SentencePieceProcessor, sources: list[np.ndarray]) -> list[str]:
    """Texts of `sources`, steps of the encoder."""
    lengths = torch.tensor([len(source) for source in sources])
    live = isinstance(network, TranslateLive)
    tail = empty_steps(int(lengths.max()), CHECKED_WAIT, GROWTH, SPARE) if live else 0
    x = torch.zeros(len(sources), int(lengths.max()) + tail, network.in_features)
    for row, steps in zip(x, sources):
        row[: len(steps)] = torch.from_numpy(steps)
        row[len(steps) :, EMPTY] = 1
    x[..., WAIT] = CHECKED_WAIT
    y = network(x) if live else network(x, lengths)
    units = y[..., 0::2].flatten(1).long()
    return [target.decode([unit for unit in row if unit > 0]) for row in units.tolist()]

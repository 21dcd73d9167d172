"""Training of the translators, live and offline, from pairs of sentences."""

from collections.abc import Callable, Sequence
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
from streamer.models.text.masks import PLACEHOLDERS, Masked, mask, restore
from streamer.models.text.pieces import EMPTY, PIECE, WAIT, empty_steps
from streamer.models.training.fit import Pace, fit
from streamer.models.training.text.dictionary import dictionary_vectors
from streamer.models.training.text.translation_loss import loss_of
from streamer.models.training.text.translation_mixture import Part, read_mixture
from streamer.models.training.text.translation_recipes import (
    CORPORA,
    GROWTH,
    KNOWN,
    SPARE,
    TranslationRecipe,
    card,
    recipe_of,
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
    recipe, corpus = recipe_of(mode, pair), CORPORA[pair]
    updates = updates or recipe.updates
    folder, run = data / "text" / corpus.folder, out / f"translation-{pair}-{mode}"
    run.mkdir(parents=True, exist_ok=True)
    known: frozenset[str] | None = None
    if corpus.mixture:
        texts, known = read_mixture(data / "text", corpus.mixture, recipe.seed)
        write_bytes(run / KNOWN, "".join(f"{word}\n" for word in sorted(known)).encode())
        dev = mixed_dev(data / "text", corpus.mixture, recipe.checked)
    else:
        texts = sentence_pairs.read_pairs(folder / corpus.train)
        dev = sentence_pairs.read_pairs(folder / corpus.dev)
        dev = dev[:: max(1, len(dev) // recipe.checked)]
    source, target = sub_words(texts, recipe, run, start, PLACEHOLDERS if corpus.mixture else ())
    pairs = sentence_pairs.encode(texts, source, target)
    card(run, mode, pair, len(source), len(target))
    progress(f"{len(pairs)} pairs, {len(source)} pieces, {len(target)} units")

    torch.manual_seed(recipe.seed)
    sizes = {"pieces": len(source), "units": len(target), "outputs": recipe.outputs}
    network = build_network(recipe.architecture, recipe.options | sizes)
    assert isinstance(network, TranslateLive | TranslateOffline)
    if not (resume and (run / "last.safetensors").exists()):
        begin(network, pairs, start, recipe.seed)
        if start and corpus.mixture:
            take_vectors(network, source, target, start)

    def loss(number: int, chosen: np.ndarray) -> Tensor:
        torch.manual_seed(recipe.seed * 1_000_003 + number)  # the same dropout wherever a run went on
        negatives = 0 if number >= (1 - recipe.full) * updates else recipe.negatives
        return loss_of(network, batch(pairs, chosen), negatives, recipe.smoothing)

    def scores(averaged: Network) -> dict[str, float]:
        bleu, translations = check(averaged, source, target, dev, known)
        progress(f"{dev[1][0]} -> {translations[1]}")
        return {"bleu": bleu}

    pace = Pace(updates, recipe.learning_rate, averaged=recipe.averaged, check_every=recipe.every)
    batches = order(pairs, recipe.units, recipe.seed)
    return fit(network, pace, batches, loss, scores, run, resume=resume, progress=progress)


def sub_words(
    texts: list[tuple[str, str]],
    recipe: TranslationRecipe,
    run: Path,
    start: Path | None,
    symbols: Sequence[str] = (),
) -> tuple[SentencePieceProcessor, SentencePieceProcessor]:
    """The models of both languages: those in `run`, those beside `start`, or trained from `texts`.

    With `symbols` they are always trained: the models beside `start` lack them.
    """
    files = run / "source.model", run / "target.model"
    if not all(file.exists() for file in files):
        if start and not symbols:
            for file in files:
                write_bytes(file, (start.parent / file.name).read_bytes())
        else:
            sources, targets = (text for text, _ in texts), (text for _, text in texts)
            sentence_pairs.train_source_model(sources, recipe.pieces, files[0], symbols)
            sentence_pairs.train_target_model(targets, recipe.target_units, files[1], symbols)
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


@torch.no_grad()
def take_vectors(
    network: Network, source: SentencePieceProcessor, target: SentencePieceProcessor, start: Path
) -> None:
    """The vectors of pieces and units that the network of `start` has, too; its models stand beside it."""
    weights, decoder = load_file(start), network.decoder
    for model, name, table, bias in (
        (source, "pieces.weight", network.pieces.weight, None),
        (target, "decoder.embedding.weight", decoder.embedding.weight, decoder.bias),
    ):
        file = "source.model" if bias is None else "target.model"
        old = SentencePieceProcessor(model_file=str(start.parent / file))
        ids = {old.id_to_piece(i): i for i in range(len(old))}
        shared = [(i, ids[piece]) for i in range(len(model)) if (piece := model.id_to_piece(i)) in ids]
        here, there = (list(numbers) for numbers in zip(*shared))
        table[here] = weights[name].float()[there]
        if bias is not None:
            bias[here] = weights["decoder.bias"].float()[there]


def mixed_dev(text: Path, parts: Sequence[Part], checked: int) -> list[tuple[str, str]]:
    """About `checked` pairs of the dev sets of `parts`, equally many of each."""
    sets = [sentence_pairs.read_pairs(text / part.folder / part.dev) for part in parts if part.dev]
    each = max(1, checked // len(sets))
    return [pair for pairs in sets for pair in pairs[:: max(1, len(pairs) // each)][:each]]


@torch.inference_mode()
def check(
    network: Network,
    source: SentencePieceProcessor,
    target: SentencePieceProcessor,
    dev: list[tuple[str, str]],
    known: frozenset[str] | None = None,
) -> tuple[float, list[str]]:
    """The BLEU of translations of `dev` (live ones `CHECKED_WAIT` words behind), and the translations.

    With `known` words the sources are masked and the translations restored.
    """
    texts = [text for text, _ in dev]
    masked = [Masked(text, {}) if known is None else mask(text, known) for text in texts]
    sources = [sentence_pairs.steps(source, text) for text, _ in masked]
    translations = [""] * len(dev)
    for indices in by_length(sources, 50):
        for i, text in zip(indices, _translated(network, target, [sources[i] for i in indices])):
            translations[i] = restore(text, masked[i].values)
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

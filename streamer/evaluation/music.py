"""Evaluation of music: how well the next step is predicted, and how like the corpus a network composes."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from streamer.errors import WrongCall
from streamer.evaluation.job import Figures, Job, Measured, Mode, Task
from streamer.evaluation.music_spread import figures_of_pieces, share_outside, spread
from streamer.evaluation.music_statistics import distance, judge
from streamer.evaluation.stopwatch import Stopwatch
from streamer.models.bundle.build import Model
from streamer.models.datasets.word_channels import by_length
from streamer.models.music.composer_channels import BEATS, Layout
from streamer.models.music.folk import LOWEST_MELODY, tune
from streamer.models.music.folk_chords import CHORDS
from streamer.models.music.scores import Rolls, Voices, read_scores, symbols_of
from streamer.models.networks.composer_network import COLUMNS, Composer
from streamer.models.networks.roll_density import RollDensity
from streamer.music.composing import LoadedComposer, Pieces
from streamer.runtime.cpu import CpuRunner
from streamer.runtime.kernel_choice import fastest
from streamer.server.loading import load_model

STREAMS = 32  # side by side
CHUNK_STEPS = 16  # that a stream takes at once
# What predicts the sets of these names, and the composer that plays in their style.
NETWORKS = {"jsb_chorales": "roll-jsb", "nottingham": "roll-nottingham", "jsb_satb_16th": "chorale"}
COMPOSERS = {"jsb_chorales": "chorale", "jsb_satb_16th": "chorale", "nottingham": "folk"}
SAME_PIECES = {"jsb_chorales": "jsb_satb_16th"}  # where a composer reads the set in another form


def live(job: Job) -> Measured:
    """`nll`: nats a step of t + 1 given 1..t, summed over the keys or the voices; of voices `accuracy`.

    Beside it stands the composer's own NLL where another network plays.
    """
    scores, name = read_scores(job.path), job.model or _named(job.path, NETWORKS)
    if all(len(piece) < 2 for piece in scores.pieces):
        raise ValueError(f"{job.path}: no piece has a second step, and the first is not predicted")
    model = load_model(job.config, name)
    torch.set_num_threads(job.config.engine.threads)
    with Stopwatch() as watch:
        figures = _predicted(model, scores, job.path)
        composer = COMPOSERS.get(job.path.parent.name, name)
        if composer != name:
            figures |= _beside(job, composer, scores)
    return Measured(len(scores.pieces), 0.0, watch, {"model": name, **figures})


def generated(job: Job, count: int) -> Measured:
    """`count` pieces as long as the file's, beside those.

    Distances of histograms, rates of both, and of figures that each piece has the percentiles of both,
    with the share of the composed pieces that lie outside of those of the file.
    """
    if count < 1:
        raise WrongCall(f"--generated {count}; compose at least one piece")
    scores, name = read_scores(job.path), job.model or _named(job.path, COMPOSERS)
    composer = LoadedComposer(load_model(job.config, name))
    torch.set_num_threads(job.config.engine.threads)
    corpus = [_outer(composer, symbols) for symbols in _symbols(composer.network, scores, job.path)]
    lengths = [len(piece) for piece in corpus]
    composed: list[np.ndarray] = []
    with Stopwatch() as watch:
        for start in range(0, count, STREAMS):
            seeds = range(start, min(start + STREAMS, count))
            ends = [lengths[seed % len(lengths)] for seed in seeds]
            pieces = Pieces(composer, [{"seed": seed, "end": end} for seed, end in zip(seeds, ends)])
            steps = pieces.symbols(max(ends))
            composed += [_outer(composer, symbols[:end]) for symbols, end in zip(steps, ends)]
    ours, theirs = judge(composed), judge(corpus)
    figures: Figures = {"model": name, "generated": count}
    for key, histogram in ours.histograms.items():
        figures[f"{key}_distance"] = distance(histogram, theirs.histograms[key])
    for key, rate in ours.rates.items():
        figures[key], figures[f"{key}_corpus"] = rate, theirs.rates[key]
    names = [voice.name for voice in composer.voices]
    theirs_by_piece = figures_of_pieces(corpus, names)
    for key, values in figures_of_pieces(composed, names).items():
        usual = spread(theirs_by_piece[key])
        figures[f"{key}_p1_p50_p99"], figures[f"{key}_p1_p50_p99_corpus"] = spread(values), usual
        figures[f"{key}_outside"] = share_outside(values, usual)
    return Measured(count, 0.0, watch, figures)


TASK = Task("music", {"live": Mode("", live)})


def generated_mode(count: int) -> Mode:
    """The live mode that composes `count` pieces and compares them with the file's."""
    return Mode("", partial(generated, count=count))


def _named(path: Path, names: dict[str, str]) -> str:
    folder = path.absolute().parent.name
    if folder not in names:
        known = ", ".join(names)
        raise ValueError(
            f"{path}: no network is known for a folder {folder!r} ({known} are); name one with --model"
        )
    return names[folder]


def _predicted(model: Model, scores: Rolls | Voices, path: Path) -> Figures:
    if isinstance(model.network, RollDensity):
        if not isinstance(scores, Rolls):
            raise ValueError(f"{path}: holds voices, and {model.name} reads piano rolls")
        pieces = [piece.astype(np.float32) for piece in scores.pieces]
        logs = _outputs(model.network, pieces)
        # The first step of a piece follows nothing.
        steps = sum(len(piece) - 1 for piece in logs)
        nats = -sum(float(piece[1:].sum(dtype=np.float64)) for piece in logs)
        return {"nll": nats / max(1, steps), "steps": steps}
    if isinstance(model.network, Composer):
        return _composer_figures(model.network, _symbols(model.network, scores, path))
    raise ValueError(f"{model.name} is neither a network of piano rolls nor a composer")


def _beside(job: Job, name: str, scores: Rolls | Voices) -> Figures:
    """The composer's own figures, of the set in the form that it reads; none where that isn't there."""
    other_form, path = SAME_PIECES.get(job.path.parent.name), job.path
    if other_form:
        path = job.path.absolute().parent.parent / other_form / job.path.name
        if not path.is_file():
            return {"composer": name, "composer_nll": None}
        scores = read_scores(path)
    network = LoadedComposer(load_model(job.config, name)).network
    own = _composer_figures(network, _symbols(network, scores, path))
    return {"composer": name, "composer_nll": own["nll"], "composer_accuracy": own["accuracy"]}


def _composer_figures(network: Composer, pieces: list[np.ndarray]) -> Figures:
    """Each piece is given to the composer, which puts out the log-likelihood of each step."""
    layout, inputs = Layout(len(network.voices)), []
    for piece in pieces:
        x = np.zeros((len(piece), layout.channels), np.float32)
        x[:, layout.given] = 1 + piece
        x[:, layout.beat] = np.arange(len(piece)) % BEATS
        inputs.append(x)
    outputs = _outputs(network, inputs)
    steps = sum(len(piece) - 1 for piece in outputs)
    nats = -sum(float(piece[1:, 1::COLUMNS].sum(dtype=np.float64)) for piece in outputs)
    right = sum(int((piece[1:, 2::COLUMNS] == piece[1:, ::COLUMNS]).sum()) for piece in outputs)
    return {
        "nll": nats / max(1, steps),
        "accuracy": right / max(1, steps * len(network.voices)),
        "steps": steps,
    }


def _symbols(network: Composer, scores: Rolls | Voices, path: Path) -> list[np.ndarray]:
    """The pieces in the composer's alphabet, [T, V]."""
    if isinstance(scores, Rolls):
        if network.lowest != [LOWEST_MELODY, 0] or network.voices[1] != len(CHORDS):
            raise ValueError(
                f"{path}: holds piano rolls, and the composer reads other voices than tunes with chords"
            )
        return [tune(piece) for piece in scores.pieces]
    if any(piece.shape[1] != len(network.voices) for piece in scores.pieces):
        raise ValueError(f"{path}: has {scores.pieces[0].shape[1]} voices, wanted {len(network.voices)}")
    pieces = [symbols_of(piece, network.lowest[0]) for piece in scores.pieces]
    if any(piece.min() < 0 or (piece >= network.voices).any() for piece in pieces):
        raise ValueError(f"{path}: has notes that the composer doesn't know")
    return pieces


def _outer(composer: LoadedComposer, symbols: np.ndarray) -> np.ndarray:
    """MIDI notes [T, V] of symbols [T, V]: of a chord its lowest one."""
    rows = [
        [min(voice.notes(int(symbol)), default=0) for voice, symbol in zip(composer.voices, step)]
        for step in symbols
    ]
    return np.array(rows).reshape(len(symbols), len(composer.voices))


@torch.inference_mode()
def _outputs(network: RollDensity | Composer, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs [T, D] of inputs [T, C], as a server steps them: rows of an arena, a chunk at a time."""
    runner = CpuRunner(network, STREAMS, fastest(network, STREAMS))
    result: list[np.ndarray] = [np.empty(0)] * len(inputs)
    for group in by_length(inputs, STREAMS):
        x = pad_sequence([torch.from_numpy(inputs[number]) for number in group], batch_first=True).numpy()
        rows = list(range(1, len(group) + 1))
        for row in rows:
            runner.open(row)
        chunks = (x[:, at : at + CHUNK_STEPS] for at in range(0, x.shape[1], CHUNK_STEPS))
        outputs = np.concatenate([runner.step(rows, chunk) for chunk in chunks], axis=1)
        for row, number in enumerate(group):
            result[number] = outputs[row, : len(inputs[number])]
    return result

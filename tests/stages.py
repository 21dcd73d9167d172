"""The one list of Stages and Wholes: each of them is held to every law."""

import torch

from streamer.models.audio.features import LogMel
from streamer.models.audio.resample import Resample
from streamer.models.audio.samples import Samples
from streamer.models.audio.synthesis import Limiter, Reverb, Waves, synthesiser
from streamer.models.layers.convolution import CausalConvolution, LookaheadConvolution
from streamer.models.layers.feedforward import (
    Activation,
    Delay,
    Dropout,
    LayerNorm,
    Linear,
    Stack,
    Standardize,
)
from streamer.models.layers.generator import Feedback, Sampler
from streamer.models.layers.recurrent import GRU, LSTM, RNN, Residual, TextbookGRU, plain_stack, stack
from streamer.models.layers.sentence_recurrent import SentenceLSTM, SentenceRecurrent
from streamer.models.layers.stage import Chain
from streamer.models.layers.whole import Bidirectional, BidirectionalStack
from streamer.models.layers.word_embedding import WordLetters
from streamer.models.networks.acoustic import SILENCE, AcousticBidirectional, acoustic_gru, acoustic_lstm
from streamer.models.networks.agreement_network import AgreementLive
from streamer.models.networks.composer_network import Composer
from streamer.models.networks.compression_network import CompressLive, CompressOffline
from streamer.models.networks.entity_tagger import EntitiesLive, EntitiesOffline
from streamer.models.networks.headline_network import Headline
from streamer.models.networks.paired_network import Paired
from streamer.models.networks.recurrent_network import RecurrentBidirectional, recurrent
from streamer.models.networks.roll_density import RollDensity
from streamer.models.networks.sentiment_classifier import SentimentLive, SentimentOffline
from streamer.models.networks.translator_live import TranslateLive
from streamer.models.networks.translator_offline import TranslateOffline

ACOUSTIC = dict(n_mels=5, stack=4, hidden_size=6, depth=2, delay=3, outputs=7)

STAGES = {
    "rnn": lambda: RNN(3, 4),
    "rnn, projected": lambda: RNN(3, 4, 2),
    "lstm": lambda: LSTM(3, 4),
    "lstm, projected": lambda: LSTM(3, 4, 2),
    "gru": lambda: GRU(3, 4),
    "gru, projected": lambda: GRU(3, 4, 2),
    "textbook gru": lambda: TextbookGRU(3, 4),
    "textbook gru, projected": lambda: TextbookGRU(3, 4, 2),
    "stack of lstm": lambda: stack("lstm", 3, 4, 2),
    "deep projected stack of gru": lambda: stack("gru", 3, 5, 4, projection=2),
    "recurrent": lambda: recurrent(3, 4, 5, 2, "lstm", 2),
    "plain stack of rnn": lambda: plain_stack("rnn", 3, 4, 3),
    "head": lambda: Chain(RNN(3, 4), Linear(4, 5), Activation(5, "log_softmax")),
    "linear": lambda: Linear(3, 4),
    "activation": lambda: Activation(3, "tanh"),
    "layer norm": lambda: LayerNorm(3),
    "standardize": lambda: Standardize(3, SILENCE),
    "frame stack": lambda: Stack(3, 4),
    "delay": lambda: Delay(3, 5),
    "dropout": lambda: Dropout(3, 0.5),
    "residual": lambda: Residual(Chain(LayerNorm(3), Linear(3, 3))),
    "causal convolution": lambda: CausalConvolution(3, 4, 5),
    "strided convolution": lambda: CausalConvolution(3, 4, 5, 2),
    "convolution without context": lambda: CausalConvolution(3, 4, 3, 3),
    "lookahead convolution": lambda: LookaheadConvolution(3, 4, 7, 4),
    "strided lookahead convolution": lambda: LookaheadConvolution(3, 4, 7, 4, 2),
    "convolutions over each other": lambda: Chain(
        LookaheadConvolution(3, 4, 5, 2, 2), LookaheadConvolution(4, 5, 3, 3, 3), LSTM(5, 4)
    ),
    "samples": lambda: Samples(8000, 80),
    "log-mel": lambda: LogMel(8000, n_mels=20, n_fft=128, hop_length=80),
    "resampled up": lambda: Resample(8000, 16000),
    "resampled down": lambda: Resample(48000, 16000),
    "resampled by 160/441": lambda: Resample(44100, 16000),
    "resampled log-mel": lambda: Chain(
        Resample(22050, 16000, 160), LogMel(16000, n_mels=20, n_fft=512, hop_length=160)
    ),
    "feedback": lambda: Feedback(Chain(LSTM(2 + 3, 4), Linear(4, 2))),
    "sampler": lambda: Sampler(Chain(GRU(6 + 1, 8), Linear(8, 6))),
    "roll density": lambda: RollDensity(hidden_size=6, depth=2, inner_size=5),
    "composer": lambda: Composer([9, 7, 5], [60, 50, 0], [0, 2, 1], hidden_size=6, depth=2, inner_size=5),
    "waves": lambda: Waves(44100, voices=2),
    "reverb": lambda: Reverb(44100),
    "limiter": Limiter,
    "synthesiser": lambda: synthesiser(48000, voices=3),
    "acoustic lstm": lambda: acoustic_lstm(**ACOUSTIC),
    "acoustic gru": lambda: acoustic_gru(**ACOUSTIC, projection=4),
    "acoustic lstm of one loudness": lambda: acoustic_lstm(**ACOUSTIC, level=True),
    "sentence lstm": lambda: SentenceLSTM(3, 4),
    "words and letters": lambda: WordLetters(5, 3, 4),
    "live compression": lambda: CompressLive(5, 3, word_size=3, letter_size=2, hidden_size=4),
    "live entities": lambda: EntitiesLive(5, 15, word_size=3, letter_size=2, hidden_size=4),
    "live sentiment": lambda: SentimentLive(5, 7, word_size=3, hidden_size=4),
    "sentence gru": lambda: SentenceRecurrent(GRU(3, 4)),
    "live agreement": lambda: AgreementLive(5, 2, "rnn", word_size=3, letter_size=2, hidden_size=4),
    "live translation": lambda: TranslateLive(7, 9, 4, size=6, memory_size=8, hidden_size=8, most=5),
}

WHOLES = {
    "bidirectional rnn": lambda: Bidirectional(RNN(3, 4), RNN(3, 4)),
    "bidirectional textbook gru": lambda: Bidirectional(TextbookGRU(3, 4), TextbookGRU(3, 4)),
    "two cells": lambda: Bidirectional(LSTM(3, 4), GRU(3, 5)),
    "shallow stack": lambda: BidirectionalStack("lstm", 3, 4, 1),
    "deep stack": lambda: BidirectionalStack("gru", 3, 4, 4, projection=2),
    "recurrent bidirectional": lambda: RecurrentBidirectional(3, 4, 5, 2, "gru"),
    "acoustic bidirectional": lambda: AcousticBidirectional(
        n_mels=5, stack=4, hidden_size=6, depth=2, outputs=7
    ),
    "paired": lambda: Paired(
        AcousticBidirectional(n_mels=5, stack=4, hidden_size=6, depth=2, outputs=7),
        acoustic_lstm(n_mels=5, stack=4, hidden_size=6, depth=1, delay=2, outputs=7, level=True),
        (4, 3),
        0.3,
    ),
    "offline entities": lambda: EntitiesOffline(5, 5, word_size=3, letter_size=2, hidden_size=4),
    "offline sentiment": lambda: SentimentOffline(5, 7, word_size=3, hidden_size=4),
    "offline compression": lambda: CompressOffline(5, 1, word_size=3, letter_size=2, hidden_size=4),
    "headline": lambda: Headline(50, 2, word_size=6, letter_size=4, hidden_size=4, decoder_size=8, longest=5),
    "offline translation": lambda: TranslateOffline(7, 9, size=6, memory_size=8, hidden_size=8, beam=3),
}


def fresh(make, seed: int = 0):
    """A network of the lists with weights drawn from `seed`, in evaluation mode."""
    torch.manual_seed(seed)
    return make().eval().requires_grad_(False)

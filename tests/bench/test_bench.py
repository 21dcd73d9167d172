"""What bench reports of the streams it saw, by hand."""

import os

import numpy as np
import pytest
import soundfile

from streamer import wire
from streamer.bench.latency_picture import draw
from streamer.bench.live_streams import ServerUse, bench, recording, report
from streamer.bench.paced_streams import PacedStream
from streamer.bench.product_rate import product_rate, products_per_block
from streamer.bench.references import naive_streams
from streamer.bench.search import best, search
from streamer.config import Config, ModelOptions
from streamer.models.bundle.build import build_network
from streamer.server.usage import cpu_seconds, resident_bytes
from tests.tiny_model import write_model
from tests.tiny_text import shortener


def seen(cpu: float = 0.0) -> ServerUse:
    served = wire.ModelDescription("m", "captions", device="cpu", work=wire.Work(14, 45, 60, 3.0, 0.5))
    return ServerUse(served, wire.Work(4, 5, 10, 1.0, 0.1), cpu, 4096.0, 0.5)


def test_what_cannot_be_seen_is_none():
    served = wire.ModelDescription("m", "captions")
    result = report(
        ServerUse(served, wire.Work(), None, None, None), [PacedStream(0, latencies_ms=[1.0])], 1.0, [0.0]
    )
    assert result.cpu_seconds_per_stream_hour is result.bytes_per_stream is result.mean_width is None
    assert result.reader_ms_per_second is None


def test_a_report_pools_latencies_and_takes_the_worst_backlog():
    first = PacedStream(0, latencies_ms=[10.0, 20.0], worst_backlog_ms=100.0, closed=True)
    second = PacedStream(1, latencies_ms=[30.0], worst_backlog_ms=400.0, closed=True)
    result = report(seen(0.5), [first, second], seconds=10.0, late_ms=[1.0, 2.0])
    assert (result.streams, result.held, result.results) == (2, True, 3)
    assert (result.p50_ms, result.backlog_ms) == (20.0, 400.0)
    assert (result.task, result.model, result.device) == ("captions", "m", "cpu")
    assert (result.mean_width, result.bytes_per_stream, result.drain_p99_ms) == (4.0, 2048.0, None)
    # Half a second of processor for 20 seconds of streams: 90 for 3,600.
    assert result.cpu_seconds_per_stream_hour == pytest.approx(90.0)
    assert result.reader_ms_per_second == pytest.approx(20.0)


@pytest.mark.parametrize(
    "latency_ms, backlog_ms, held", [(199.0, 499.0, True), (201.0, 0.0, False), (1.0, 500.0, False)]
)
def test_held_has_two_limits(latency_ms, backlog_ms, held):
    speaker = PacedStream(0, latencies_ms=[latency_ms] * 5, worst_backlog_ms=backlog_ms, closed=True)
    assert report(seen(), [speaker], 1.0, [0.0]).held is held


def test_a_stream_that_was_lost_was_not_held():
    speakers = [PacedStream(0, latencies_ms=[1.0], closed=True), PacedStream(1, latencies_ms=[1.0])]
    assert report(seen(), speakers, 1.0, [0.0]).held is False


def test_streams_without_results_were_not_held():
    result = report(seen(), [PacedStream(0)], 1.0, [0.0])
    assert (result.held, result.p99_ms) == (False, None)


def test_a_recording_is_mixed_to_mono(tmp_path):
    path = tmp_path / "two.wav"
    soundfile.write(path, np.array([[0.5, 0.0]] * 100), 8000)
    samples, rate_hz = recording(path)
    assert (rate_hz, samples.dtype, samples.tolist()) == (8000, np.int16, [8192] * 100)
    with pytest.raises(ValueError, match="missing.wav is missing"):
        recording(tmp_path / "missing.wav")
    (tmp_path / "no.wav").write_text("no sound")
    with pytest.raises(ValueError, match="is no audio file that can be read"):
        recording(tmp_path / "no.wav")


def test_processor_time_of_a_process_grows():
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) < before + 0.03:
        sum(range(10000))


def test_streams_are_played_to_a_server_of_their_own(tmp_path):
    file = tmp_path / "noise.wav"
    soundfile.write(file, 0.2 * np.random.default_rng(0).standard_normal(16000), 16000)
    config = Config(models={"tiny": ModelOptions(folder=str(write_model(tmp_path / "tiny")))})
    result = bench(config, "tiny", streams=4, seconds=2.0, file=file)
    assert (result.model, result.streams) == ("tiny", 4)
    assert result.results > 0 and result.p50_ms > 0
    assert result.cpu_seconds_per_stream_hour > 0 and result.reader_ms_per_second > 0


def test_what_cannot_be_played_is_one_line(tmp_path):
    file = tmp_path / "click.wav"
    soundfile.write(file, np.zeros(10), 16000)
    config = Config(models={"tiny": ModelOptions(folder=str(write_model(tmp_path / "tiny")))})
    for model, streams, complaint in (
        ("nobody", 1, "nobody"),
        ("tiny", 0, "0 streams"),
        ("tiny", 1, "shorter"),
    ):
        with pytest.raises(ValueError, match=complaint):
            bench(config, model, streams, 1.0, file)


def test_texts_are_typed_word_by_word(tmp_path):
    config = Config(models={"kept": ModelOptions(folder=str(shortener(tmp_path / "kept")))})
    file = tmp_path / "text.txt"
    file.write_text("The fox sleeps. Is it\nthe dog?")
    result = bench(config, "kept", streams=3, seconds=2.0, file=file)
    # Ten words a stream: a partial for each, finals beside them.
    assert (result.model, result.streams) == ("kept", 3) and result.results >= 30
    assert result.backlog_ms < 60_000 and result.cpu_seconds_per_stream_hour > 0
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="no UTF-8"):
        bench(config, "kept", 1, 1.0, file)
    file.write_text(" \n")
    with pytest.raises(ValueError, match="no word"):
        bench(config, "kept", 1, 1.0, file)


def test_products_are_two_a_weight():
    options = dict(n_mels=20, stack=4, hidden_size=16, depth=2, delay=1, outputs=9)
    network = build_network("acoustic_lstm", options)
    per_block = 80 * 16 + 2 * (64 * 16 + 64 * 16) + 16 * 9
    assert products_per_block(network) == 2 * per_block
    words = build_network(
        "compress_live", dict(words=9, word_size=4, letter_size=4, hidden_size=8, outputs=3)
    )
    assert products_per_block(words) is None
    assert product_rate(1) > 1e8


def test_the_search_ends_within_five_percent(monkeypatch):
    def limited(config, model, streams, seconds, file, peak, checkpoint_ms):
        speaker = PacedStream(0, latencies_ms=[10.0 if streams <= 333 else 300.0], closed=True)
        return report(seen(), [speaker] * streams, seconds, [0.0])

    monkeypatch.setattr("streamer.bench.search.Peak", lambda *a: None)
    monkeypatch.setattr("streamer.bench.search.bench", limited)
    reported = []
    runs = search(None, "m", 1.0, None, reported.append)
    assert runs == reported and len(runs) < 12
    assert 333 / 1.05 <= best(runs).streams <= 333
    monkeypatch.setattr(
        "streamer.bench.search.bench", lambda *a: report(seen(), [PacedStream(0)], 1.0, [0.0])
    )
    with pytest.raises(ValueError, match="hold a single stream"):
        search(None, "m", 1.0, None, reported.append)


def test_a_loop_of_single_networks_is_measured_and_drawn(tmp_path):
    config = Config(models={"tiny": ModelOptions(folder=str(write_model(tmp_path / "tiny")))})
    samples = (0.2 * np.random.default_rng(0).standard_normal(16000) * 32767).astype(np.int16)
    assert naive_streams(config, "tiny", samples, 16000) > 1
    runs = [
        report(seen(), [PacedStream(0, latencies_ms=[5.0, 9.0], closed=True)] * n, 1.0, [0.0]) for n in (1, 4)
    ]
    draw(runs, tmp_path / "late.png")
    assert (tmp_path / "late.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="name a .png"):
        draw(runs, tmp_path / "late.nothing")
    with pytest.raises(ValueError, match="no run had results"):
        draw([report(seen(), [PacedStream(0)], 1.0, [0.0])], tmp_path / "late.png")
    assert resident_bytes(os.getpid()) > 10**7

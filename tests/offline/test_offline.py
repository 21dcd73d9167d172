"""Recordings of any length through networks that hear the whole of a piece."""

import numpy as np
import pytest
import torch

from streamer.models.bundle.build import load
from streamer.offline.cutting import Cutter, cutter, frames
from streamer.offline.speech import Offline, SoundBlocks
from tests.tiny_ctc import write_ctc
from tests.tiny_model import LIVE

RATE_HZ = 16000
ATOL = 1e-5
TIME_S = 0.002  # times are written to the millisecond


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    return Offline(load(write_ctc(tmp_path_factory.mktemp("models") / "tiny")))


def babble(seconds: float, seed: int, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Bursts of tones of random pitch and loudness."""
    random = np.random.default_rng(seed)
    n = round(seconds * rate_hz)
    bursts = n // (rate_hz // 8) + 1
    pitch = np.repeat(random.uniform(100, 3000, bursts), rate_hz // 8)[:n]
    loudness = np.repeat(random.uniform(0.0, 0.5, bursts), rate_hz // 8)[:n]
    sound = loudness * np.sin(2 * np.pi * np.cumsum(pitch) / rate_hz)
    return (sound + 0.01 * random.standard_normal(n)).astype(np.float32)


def words(transcript):
    return [(w.word, w.start, w.end) for s in transcript.segments for w in s.words]


@pytest.mark.parametrize("rate_hz", [16000, 8000, 44100])
@pytest.mark.parametrize("block", [1, 159, 160, 1000, 50_000])
def test_features_block_by_block_are_those_of_the_whole(offline, rate_hz, block):
    sound = torch.from_numpy(babble(1.3 if block > 1 else 0.05, 1, rate_hz)[:-7])
    front = offline.model.front(rate_hz)
    blocks = (sound[at : at + block] for at in range(0, len(sound), block))
    features = torch.cat(list(frames(front, blocks)))
    torch.testing.assert_close(features, front(sound[None, :, None])[0], atol=ATOL, rtol=1e-4)


def test_no_samples_have_no_features(offline):
    assert list(frames(offline.front, [])) == []
    assert list(frames(offline.front, [torch.zeros(0)])) == []


@pytest.mark.parametrize("chunk", [1, 7, 30, 1000])
@pytest.mark.parametrize("n", [0, 1, 40, 41, 500])
def test_pieces_are_all_the_frames_in_order(chunk, n):
    torch.manual_seed(n)
    whole = torch.randn(n, 3)
    pieces = list(Cutter(40, 20, 5, 4).pieces(whole[at : at + chunk] for at in range(0, n, chunk)))
    assert all(0 < len(piece) <= 40 for _, piece in pieces)
    assert all(len(piece) >= 20 for _, piece in pieces[:-1])
    for first, piece in pieces:
        assert first % 4 == 0
        assert torch.equal(piece, whole[first : first + len(piece)])
    assert sum(len(piece) for _, piece in pieces) == n
    together = list(Cutter(40, 20, 5, 4).pieces([whole] if n else []))
    assert [first for first, _ in pieces] == [first for first, _ in together]


def test_a_cut_goes_through_the_quietest_place():
    whole = torch.zeros(3000, 3)
    whole[1700:1760] = -8.0
    whole[1900:1910] = -20.0  # shorter than the window, and louder on the whole
    (first, _), (second, _) = list(cutter(100.0, 4).pieces([whole]))
    assert first == 0
    assert 1710 <= second <= 1745


def test_a_batch_says_what_each_says_alone(offline):
    sounds = [(babble(seconds, seed), RATE_HZ) for seed, seconds in enumerate([3.0, 0.4, 7.7, 31.0, 3.1])]
    together = offline.transcribe(sounds)
    assert together == [offline.transcribe([sound])[0] for sound in sounds]
    assert len({t.text for t in together}) == len(sounds)


def test_a_long_recording_is_its_pieces(offline):
    """Pieces with silence around them say the same, later."""
    parts = [babble(20.0, seed) for seed in range(4)]
    silence = np.zeros(2 * RATE_HZ, np.float32)
    long = np.concatenate([x for part in parts for x in (part, silence)])
    (whole,) = offline.transcribe([(long, RATE_HZ)])
    assert whole.seconds == 88.0
    cuts = [first for first, _ in offline.cutter.pieces(frames(offline.front, [torch.from_numpy(long)]))]
    assert len(cuts) > 3
    assert all(20.0 <= cut * offline.frame_s % 22 <= 22.0 for cut in cuts[1:])
    starts = [round(cut * offline.frame_s * RATE_HZ) for cut in cuts] + [len(long)]
    apart = []
    for start, end in zip(starts, starts[1:]):
        (piece,) = offline.transcribe([(long[start:end], RATE_HZ)])
        apart += [(w, s + start / RATE_HZ, e + start / RATE_HZ) for w, s, e in words(piece)]
    assert [w for w, _, _ in words(whole)] == [w for w, _, _ in apart]
    for (_, start, end), (_, other_start, other_end) in zip(words(whole), apart):
        assert abs(start - other_start) < TIME_S and abs(end - other_end) < TIME_S


def test_times_are_in_order_and_within_the_recording(offline):
    (transcript,) = offline.transcribe([(babble(61.003, 5), RATE_HZ)])
    times = [t for _, start, end in words(transcript) for t in (start, end)]
    assert times == sorted(times)
    assert times[0] >= 0.0 and times[-1] <= transcript.seconds


@pytest.mark.parametrize("rate_hz", [8000, 44100, 7350, 37800])
def test_any_rate(offline, rate_hz):
    (transcript,) = offline.transcribe([(babble(3.0, 2, rate_hz), rate_hz)])
    assert transcript.text and transcript.seconds == pytest.approx(3.0, abs=0.001)


def test_nothing_says_nothing(offline):
    sound = babble(2.0, 1)
    empty = np.zeros(0, np.float32)
    nothing, something = offline.transcribe([(empty, RATE_HZ), (sound, RATE_HZ)])
    assert (nothing.seconds, nothing.text, nothing.segments) == (0.0, "", ())
    assert something == offline.transcribe([(sound, RATE_HZ)])[0]
    assert offline.transcribe([]) == []
    (sample,) = offline.transcribe([(sound[:1], RATE_HZ)])
    assert sample.seconds == 0.0


def test_progress_adds_up_and_results_come_early(offline, monkeypatch):
    monkeypatch.setattr("streamer.offline.speech.POOL_S", 10.0)
    opened, done = [], []

    def sounds():
        for seed in range(6):
            opened.append(seed)
            yield SoundBlocks([babble(6.0, seed)], RATE_HZ)

    transcripts = offline.transcripts(sounds(), done.append)
    next(transcripts)
    assert len(opened) < 6
    rest = list(transcripts)
    assert len(rest) == 5
    assert sum(done) == pytest.approx(36.0)
    assert rest == offline.transcribe([(babble(6.0, seed), RATE_HZ) for seed in range(1, 6)])


def test_a_live_network_hears_each_recording_in_one(tmp_path):
    offline = Offline(load(write_ctc(tmp_path / "tiny", LIVE)))
    long = babble(50.0, 3)
    short, whole = offline.transcribe([(long[: 2 * RATE_HZ], RATE_HZ), (long, RATE_HZ)])
    assert short.seconds == 2.0 and whole.seconds == 50.0
    features = offline.front(torch.from_numpy(long)[None, :, None])
    rows = offline.model.network(features)[0].numpy()
    offline.reader.open(1, offline.reader.parse({"partials": False}))
    events = offline.reader.read([1], rows[None])[0] + offline.reader.finish(1)
    texts = [e.alternatives[0].text for e in events if e.kind == "final"]
    assert whole.text == " ".join(text for text in texts if text)

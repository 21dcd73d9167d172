"""Keys and sealing: who may read a checkpoint, and what becomes of everything else."""

import os
import random
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from streamer.errors import WireError
from streamer.server.keyring import FILE, NAME_BYTES, read_keys, rotate
from streamer.server.sealing import Sealer

HOUR = 3600.0
CONDITION = b"all that a stream is" * 100


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def code(sealer: Sealer, sealed: bytes) -> str:
    with pytest.raises(WireError) as caught:
        sealer.open(sealed)
    assert "\n" not in caught.value.message
    return caught.value.code


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path):
    folder = tmp_path / "state" / "streamer"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: read_keys(folder, 0.0), range(8)))
    assert len({tuple(own) for own in keys}) == 1 and len(keys[0]) == 1
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert os.listdir(folder) == [FILE]


def test_what_is_sealed_is_opened_by_any_server_with_the_keys(tmp_path, clock):
    sealed = Sealer(tmp_path, clock=clock).seal(CONDITION)
    assert (
        CONDITION[:20] not in sealed
        and len(sealed) < len(CONDITION) + 64
        and read_keys(tmp_path, 0.0)[0].secret not in sealed
    )
    assert Sealer(tmp_path, clock=clock).open(sealed) == CONDITION
    assert Sealer(tmp_path, clock=clock).seal(CONDITION) != sealed
    assert code(Sealer(tmp_path / "another", clock=clock), sealed) == "bad_checkpoint"
    assert code(Sealer(None, clock=clock), sealed) == "bad_checkpoint"


def test_old_keys_open_and_a_running_server_learns_of_new_ones(tmp_path, clock):
    running = Sealer(tmp_path, clock=clock)
    before = running.seal(CONDITION)
    rotate(tmp_path, clock.now)
    after = Sealer(tmp_path, clock=clock).seal(CONDITION)
    assert running.open(after) == running.open(before) == CONDITION
    clock.now += 30 * HOUR
    rotate(tmp_path, clock.now, keep_hours=24)
    rotated = Sealer(tmp_path, lifetime_s=1000 * HOUR, clock=clock)
    assert rotated.open(after) == CONDITION, "it sealed until now"
    assert code(rotated, before) == "bad_checkpoint"


def test_a_server_that_runs_on_seals_with_no_key_that_may_be_dropped(tmp_path, clock):
    running = Sealer(tmp_path, clock=clock)
    rotate(tmp_path, clock.now)
    clock.now += 30 * 24 * HOUR
    rotate(tmp_path, clock.now, keep_hours=24)
    assert Sealer(tmp_path, clock=clock).open(running.seal(CONDITION)) == CONDITION


@pytest.mark.parametrize("content, mode", [("nonsense", 0o600), ("", 0o600), ("0 AAAA\n", 0o644)])
def test_a_running_server_whose_key_file_is_spoilt_keeps_its_keys(tmp_path, clock, capsys, content, mode):
    running = Sealer(tmp_path, clock=clock)
    sealed = running.seal(CONDITION)
    (tmp_path / FILE).write_text(content)
    (tmp_path / FILE).chmod(mode)
    for _ in range(3):
        assert code(running, b"forged" * 20) == "bad_checkpoint"
        assert running.open(running.seal(CONDITION)) == running.open(sealed) == CONDITION
    assert len(capsys.readouterr().err.splitlines()) == 1
    (tmp_path / FILE).unlink()
    assert running.open(running.seal(CONDITION)) == CONDITION


def test_a_checkpoint_grows_old(tmp_path, clock):
    sealer = Sealer(tmp_path, lifetime_s=HOUR, clock=clock)
    sealed = sealer.seal(CONDITION)
    clock.now += HOUR
    assert sealer.open(sealed) == CONDITION
    clock.now += 1
    assert code(sealer, sealed) == "expired"


def test_whatever_is_cut_changed_or_made_up_is_refused(tmp_path, clock):
    sealer, chance = Sealer(tmp_path, clock=clock), random.Random(5)
    sealed = sealer.seal(CONDITION)
    for _ in range(2000):
        at = chance.randrange(len(sealed))
        forged = (
            sealed[:at],
            sealed[:at] + bytes([sealed[at] ^ (1 << chance.randrange(8))]) + sealed[at + 1 :],
            sealed[at:],
            chance.randbytes(at),
            sealed + chance.randbytes(3),
        )[chance.randrange(5)]
        if forged != sealed:
            assert code(sealer, forged) == "bad_checkpoint"
    other = Sealer(tmp_path / "another", clock=clock).seal(CONDITION)
    assert code(sealer, sealed[:NAME_BYTES] + other[NAME_BYTES:]) == "bad_checkpoint"
    assert sealer.open(sealed) == CONDITION


@pytest.mark.parametrize(
    "content, complaint",
    [("", "no key"), ("nonsense\n", "line 1"), ("0 AAAA\n", "line 1"), ("x " + "A" * 44 + "\n", "line 1")],
)
def test_a_damaged_file_is_named(tmp_path, content, complaint):
    (tmp_path / FILE).write_text(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(ValueError, match=complaint) as caught:
        Sealer(tmp_path)
    assert str(tmp_path / FILE) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_others_may_read_is_refused_without_its_keys(tmp_path):
    secret = read_keys(tmp_path, 0.0)[0]
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(ValueError, match="others may read it") as caught:
        Sealer(tmp_path)
    assert secret.secret.hex() not in str(caught.value)

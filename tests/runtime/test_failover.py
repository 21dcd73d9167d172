"""A device that dies in the middle: the streams go on on the CPU with the same text."""

import numpy as np
import pytest
import torch

from streamer.runtime.cpu import CpuRunner
from streamer.runtime.devices import Devices
from streamer.runtime.failover import FailoverRunner
from streamer.runtime.runner import DeviceFault
from tests.tiny_engine import Client, alone, noise, tiny_engine, tiny_model

ROWS = 8


class Device(CpuRunner):
    """A CPU runner that plays a device: from its n-th call on it fails and can't be read."""

    device = "cuda in a test"

    def __init__(self, stage, rows, calls):
        super().__init__(stage, rows, lambda width: stage.step)
        self.calls = calls

    def open(self, row):
        self._spend()
        super().open(row)

    def step(self, rows, x):
        self._spend()
        return super().step(rows, x)

    def peek(self, row, x):
        self._spend()
        return super().peek(row, x)

    def snapshot(self):
        self._spend()
        return tuple(leaf.clone() for leaf in self.arena.state)

    def _spend(self):
        self.calls -= 1
        if self.calls < 0:
            for leaf in self.arena.state:
                leaf.fill_(torch.nan)
            raise DeviceFault("an illegal memory access was encountered")


def fragile(stage, calls: int, announced: list[str], journal_steps: int = 5) -> FailoverRunner:
    def rescue() -> CpuRunner:
        return CpuRunner(stage, ROWS, lambda width: stage.step)

    return FailoverRunner(Device(stage, ROWS, calls), rescue, announced.append, journal_steps)


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 7, 8, 9, 20])
def test_streams_say_the_same_when_the_device_fails(calls):
    engine, announced = tiny_engine(ROWS), []
    model = engine.models["tiny"]
    stages = tiny_model()
    model.network = fragile(stages.network, calls, announced)
    model.input.fronts[16000] = fragile(stages.front(16000), calls + 3, announced)
    clients = [Client(engine, request=str(number)).open() for number in range(3)]
    recordings = [noise(12000 + 3000 * number, number) for number in range(3)]
    for at in range(0, 18000, 800):
        for client, samples in zip(clients, recordings):
            if len(samples[at : at + 800]):
                client.audio(samples[at : at + 800])
        while engine.busy:
            for out in engine.tick(0.0):
                next(c for c in clients if c.opened.stream == out.message.stream).answers.append(out.message)
    for client in clients:
        client.close()
    while engine.busy:
        for out in engine.tick(0.0):
            next(c for c in clients if c.opened.stream == out.message.stream).answers.append(out.message)
    for client, samples in zip(clients, recordings):
        assert client.closed and client.plain_results == alone(samples, 800).plain_results
    assert len(announced) == 2 and "illegal memory access" in announced[0] and "CPU" in announced[0]
    assert model.description().device == "cpu, since cuda in a test failed"


@pytest.mark.parametrize("calls", range(3, 12))
def test_a_flush_survives_the_device(calls):
    engine, announced = tiny_engine(ROWS), []
    engine.models["tiny"].network = fragile(tiny_model().network, calls, announced)
    client, sound = Client(engine).open(), Client(tiny_engine()).open()
    for stream in (client, sound):
        for part in np.split(noise(24000), 5):
            stream.audio(part)
            stream.flush()
            stream.settle()
        stream.close()
        stream.settle()
    assert client.plain_results == sound.plain_results and announced


def test_the_journal_is_bounded():
    stage = tiny_model().network
    runner = fragile(stage, 10**9, [], journal_steps=5)
    runner.open(1)
    for _ in range(23):
        runner.step([1], np.zeros((1, stage.block, 20), np.float32))
        assert len(runner.journal) < 5


def test_cuda_without_a_gpu_is_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="^device cuda: .*no usable CUDA device[^\n]*$"):
        Devices("cuda", 8, print)
    assert not Devices("auto", 8, print).cuda


def test_cuda_that_fails_at_start_is_announced(monkeypatch):
    def broken(*_: object) -> None:
        raise DeviceFault("out of memory")

    announced: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("streamer.runtime.devices.CudaRunner", broken)
    devices = Devices("auto", 8, announced.append)
    runners = [devices.front(tiny_model().front(16000), 2) for _ in range(2)]
    assert [runner.device for runner in runners] == ["cpu", "cpu"]
    assert len(announced) == 1 and "out of memory" in announced[0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_steps_like_the_cpu():
    stage = tiny_model().network
    runners = Devices("cuda", 4, print).network(stage, ROWS), Devices("cpu", 4, print).network(stage, ROWS)
    random = np.random.default_rng(0)
    for runner in runners:
        runner.open(2)
        runner.open(5)
    for blocks in (1, 2, 6):
        x = random.normal(size=(2, blocks * stage.block, 20)).astype(np.float32)
        ours, theirs = (runner.step([5, 2], x) for runner in runners)
        np.testing.assert_allclose(ours, theirs, atol=1e-3)

"""The mean of several weights: exact, in the type of the first, and refused where it makes no sense."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from streamer.cli.app import main
from streamer.models.training.average import average


def write(path, dtype=torch.float16, **values):
    save_file({name: torch.tensor(value, dtype=dtype) for name, value in values.items()}, path)
    return path


def test_it_is_the_mean_of_each_number(tmp_path):
    files = [write(tmp_path / f"{i}", a=[i, 2.0 * i], b=[[1.0]]) for i in (1.0, 2.0, 6.0)]
    average(tmp_path / "new" / "mean", files)
    mean = load_file(tmp_path / "new" / "mean")
    assert mean["a"].tolist() == [3.0, 6.0] and mean["b"].tolist() == [[1.0]]
    assert mean["a"].dtype == torch.float16


def test_it_is_taken_in_more_than_half_precision(tmp_path):
    files = [write(tmp_path / "large", a=[60000.0]), write(tmp_path / "too", a=[60064.0])]
    average(tmp_path / "mean", files)  # their sum is no float16
    assert load_file(tmp_path / "mean")["a"].tolist() == [60032.0]


@pytest.mark.parametrize("other", [{"a": [1.0, 2.0]}, {"a": [1.0], "b": [1.0]}, {"b": [1.0]}])
def test_weights_of_another_network_are_refused(tmp_path, other):
    files = [write(tmp_path / "one", a=[1.0]), write(tmp_path / "two", **other)]
    with pytest.raises(ValueError, match="two: not of the network that .*one"):
        average(tmp_path / "mean", files)
    assert not (tmp_path / "mean").exists()


def test_the_command_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    whole, broken = write(tmp_path / "one", a=[1.0]), tmp_path / "broken"
    broken.write_bytes(b"nothing")

    def called(*arguments):
        monkeypatch.setattr("sys.argv", ["streamer", "train", "average", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr()

    out = tmp_path / "mean"
    for files, status, message in (
        ([whole], 2, "two or more"),
        ([whole, tmp_path / "none"], 1, "No such file"),
        ([whole, broken], 1, "not a whole safetensors file"),
    ):
        code, output = called(out, *files)
        assert code == status and message in output.err and output.err.count("\n") == 1 and not out.exists()
    code, output = called(out, whole, whole)
    assert not code and output.out == f"{out}\n" and load_file(out)["a"].tolist() == [1.0]

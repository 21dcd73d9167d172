"""The config: the shipped file lists every key, and what is wrong is named in one line."""

import re
from pathlib import Path

import msgspec
import pytest

from streamer.config import (
    DEFAULT,
    Config,
    EngineOptions,
    ModelOptions,
    Server,
    parse,
    read_config,
    with_model,
)
from tests.tiny_model import write_model

ROOT = Path(__file__).parent.parent


def test_the_shipped_file_holds_the_defaults():
    assert read_config(DEFAULT) == Config()


def test_the_file_at_the_top_is_the_shipped_one():
    assert DEFAULT.samefile(ROOT / "config.toml")


def test_every_key_is_listed():
    text = DEFAULT.read_text()
    for table in (Server, EngineOptions, ModelOptions):
        for key in table.__struct_fields__:
            assert re.search(rf"^(# )?{key} = .*#", text, re.M), key


@pytest.mark.parametrize(
    "text, names",
    [
        ("[server]\nleas_ms = 3", "server.leas_ms: unknown key"),
        ("[sever]\nlease_ms = 3", "sever: unknown key"),
        ("[server]\nlease_ms = '3'", "server.lease_ms: "),
        ("[server]\nserve = [3]", "server.serve"),
        ("[engine]\ndevice = 'gpu'", "engine.device: "),
        ("[engine]\nthreads = 0", "engine.threads: "),
        ("[models.a]\nfolder = '.'\n[models.b]\nfoldr = 'x'", "models.b.foldr: unknown key"),
        ("[models.a]\nmax_streams = 0", "models.a.max_streams: "),
        ("models = 3", "models: "),
        ("[server", "not TOML: "),
    ],
)
def test_a_wrong_key_is_named_in_one_line(tmp_path, text, names):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ValueError) as error:
        read_config(path)
    assert str(error.value).startswith(f"{path}: {names}") and "\n" not in str(error.value)


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match=f"^{path}: "):
            read_config(path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="bytes: "):
        read_config(tmp_path / "bytes")


def test_folders_start_at_the_file(tmp_path):
    config = parse("[models.own]\nfolder = 'mine'\n[models.other]\nfolder = '/abs'", tmp_path)
    assert config.folders() == {"own": tmp_path / "mine", "other": Path("/abs")}
    assert config.model("own").max_streams == config.model("nobody").max_streams == 1024


def test_the_local_file_comes_before_the_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_config() == Config()
    (tmp_path / "config.toml").write_text("[server]\nlease_ms = 5")
    assert read_config().server.lease_ms == 5


def test_a_config_travels_as_json():
    config = parse("[models.a]\nfolder = 'x'\nallow_imports = ['m']")
    assert msgspec.json.decode(msgspec.json.encode(config), type=Config) == config


def test_the_folder_of_a_model_gets_a_name(tmp_path):
    folder = write_model(tmp_path / "mine")
    config, name = with_model(Config(), str(folder))
    assert (name, config.folders()) == ("mine", {"mine": folder})
    assert with_model(Config(), "captions-en") == (Config(), "captions-en")
    assert with_model(Config(), "") == (Config(), "")
    with pytest.raises(ValueError, match="'nobody' is unknown"):
        with_model(Config(), "nobody")
    with pytest.raises(ValueError, match="not a model's folder"):
        with_model(Config(), str(tmp_path / "none"))

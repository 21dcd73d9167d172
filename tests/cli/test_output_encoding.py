"""Whatever the encoding of the output is, nothing that is printed is lost."""

import json
import os
import subprocess
import sys

import pytest

PRINTED = "print('\"café “日” 😀\"'); print('caf\\udce9.wav', file=sys.stderr)"


def run(code: str, encoding: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", f"import sys; {code}"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        check=True,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
def test_what_an_encoding_lacks_is_escaped_as_in_json(encoding):
    code = f"from streamer.cli.output_encoding import keep_all_output; keep_all_output(); {PRINTED}"
    printed = run(code, encoding)
    assert json.loads(printed.stdout.decode(encoding)) == "café “日” 😀"
    assert printed.stderr == b"caf\xe9.wav\n"


def test_a_missing_file_whose_name_is_no_text_is_named(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    printed = subprocess.run([sys.executable, "-m", "streamer", "transcribe", name], capture_output=True)
    assert printed.stderr == b"streamer: " + name + b" is missing; give an audio file\n"
    assert printed.returncode == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a device that is always full")
def test_an_output_without_room_is_one_line():
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "streamer", "models"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    wanted = "streamer: the output can't be written: No space left on device\n"
    assert (run.returncode, run.stderr) == (1, wanted)

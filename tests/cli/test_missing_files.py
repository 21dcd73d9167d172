"""A file that is missing is told before anything heavy is loaded, by every command that reads one."""

import subprocess
import sys

import pytest

COMMANDS = [
    "transcribe gone",
    "live --file gone",
    "send gone",
    "replay gone",
    "tag gone",
    "sentiment gone",
    "translate gone",
    "summarize gone",
    "compose --soundfont gone --output a.wav",
    "compose --accompany gone --output a.mid",
    "bench --file gone",
    "lab gates --file gone",
    "lab latency --file gone",
    "tune gone",
    "train captions . --from gone",
    *(
        f"evaluate {task} gone"
        for task in ("captions", "commands", "entities", "sentiment", "translation", "summary", "music")
    ),
]
RUN = """
import sys
from streamer.cli.app import main
try:
    main()
finally:
    assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_file_is_one_line_at_once(command, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", RUN, *command.split()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr in (
        "streamer: gone: No such file or directory\n",
        "streamer: gone is missing; give an audio file\n",
    )

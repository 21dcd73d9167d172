"""Machine code on the disk: it is another where a source has changed, also one that is only called."""

import os
from pathlib import Path

from streamer.models.readers.captions import decoder, pronunciation
from streamer.models.readers.captions.machine_code import source_stamp, sources

CALLER = """
from numba import njit
import compiled_constants as constants
from compiled_callee import twice

@njit
def outer(x):
    return twice(x) + constants.ONE
"""
CALLEE = """
from numba import njit

@njit
def twice(x):
    return 2 * x
"""


def test_every_compiled_file_is_a_source():
    folder = Path(decoder.__file__).resolve().parent
    compiled = {path for path in folder.glob("*.py") if "from numba import njit" in path.read_text()}
    assert sources(decoder.advance_rows) | sources(pronunciation.likely_cuts) == compiled


def test_a_changed_source_changes_the_stamp(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in (("caller", CALLER), ("callee", CALLEE), ("constants", "ONE = 1"), ("other", "")):
        (tmp_path / f"compiled_{name}.py").write_text(text)
    import compiled_caller

    before = source_stamp(compiled_caller.outer)
    os.utime(tmp_path / "compiled_other.py", (1, 1))
    assert source_stamp(compiled_caller.outer) == before
    for name in ("caller", "callee", "constants"):
        os.utime(tmp_path / f"compiled_{name}.py", (1, 1))
        after = source_stamp(compiled_caller.outer)
        assert after != before
        before = after

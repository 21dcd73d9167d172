"""Back-off trigrams by irstlm, which is installed as a package of the system."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from streamer.models.training.language.ngrams import Trigrams, read_arpa

IRSTLM = Path("/usr/lib/irstlm/bin/tlm")
START, END = "<s>", "</s>"


def find_estimator() -> Path:
    """irstlm's `tlm`; FileNotFoundError that names the package where it is missing."""
    found = shutil.which("tlm") or (IRSTLM if IRSTLM.is_file() else None)
    if not found:
        raise FileNotFoundError("tlm is missing; install it with: apt install irstlm")
    return Path(found)


def estimate(estimator: Path, lines: Sequence[str], vocabulary: Sequence[str]) -> Trigrams:
    """A trigram of `lines` with improved Kneser-Ney discounts, in back-off form."""
    known = set(vocabulary)
    with tempfile.TemporaryDirectory() as folder:
        text, arpa = Path(folder) / "text", Path(folder) / "arpa"
        with text.open("w") as file:
            for line in lines:
                words = [word if word in known else "<unk>" for word in line.split()]
                file.write(" ".join([START, *words, END]) + "\n")
        command: list[str | Path] = [
            estimator,
            f"-tr={text}",
            "-n=3",
            "-lm=msb",
            "-bo=yes",
            "-ps=no",
            f"-o={arpa}",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode or not arpa.is_file():
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise RuntimeError(f"tlm failed with {done.returncode}: {''.join(last)}")
        return read_arpa(arpa, vocabulary)

"""Findings as a JSON file, each number with four significant digits."""

import json
from pathlib import Path
from typing import Any

from streamer.output_file import write_text


def write_json(findings: Any, path: Path) -> Path:
    """Write plain values to `path`, whose folder is made; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = json.loads(json.dumps(findings), parse_float=lambda text: float(f"{float(text):.4g}"))
    write_text(path, json.dumps(rounded, indent=1) + "\n")
    return path

"""Tables whose headings a person reads, and figures as one line of JSON, on standard output."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

HEADINGS = {
    "seconds": "Length of the input (s)",
    "wall_seconds": "Time taken (s)",
    "cpu_seconds": "Processor time (s)",
    "rtf": "Real-time factor",
    "p50_ms": "Latency, median (ms)",
    "p95_ms": "Latency, 95th percentile (ms)",
    "p99_ms": "Latency, 99th percentile (ms)",
    "held": "All streams held",
    "backlog_ms": "Largest backlog (ms)",
    "sent_late_p99_ms": "Frames sent late, 99th percentile (ms)",
    "drain_p99_ms": "From close to closed, 99th percentile (ms)",
    "cpu_seconds_per_stream_hour": "Processor time for an hour of a stream (s)",
    "bytes_per_stream": "Memory of a stream (bytes)",
    "mean_width": "Streams in a step, mean",
    "share_of_peak": "Share of the peak rate",
    "reader_ms_per_second": "Reading a second of a stream (ms)",
    "times_real_time": "Times faster than real time",
    "naive_streams": "Streams with a network each, in torch",
    "onnx_streams": "Streams with a network each, in ONNX",
    "tried": "Tried (streams, held, median, 95th, 99th)",
    "lead_least_ms": "Lead, smallest (ms)",
    "lead_p50_ms": "Lead, median (ms)",
    "compose_cpu_per_stream_second": "Processor time to compose a second (s)",
    "sound_cpu_per_stream_second": "Processor time to sound a second (s)",
    "joined_minutes": "Length of a stream (min)",
    "memory_growth_percent": "Memory growth (%)",
    "times_monotone": "Words in the order of time",
}
WORDS = {
    "wer": "word error rate",
    "cer": "character error rate",
    "nll": "nats a step",
    "f1": "F1",
    "bleu": "BLEU",
    "chrf": "chrF",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "p95": "95th percentile",
}
UNITS = {"ms": "ms", "seconds": "s", "mb": "MB", "percent": "%", "per_minute": "a minute"}


def show(figures: Mapping[str, Any], as_json: bool) -> None:
    """Print `figures`; a figure that holds others has a line for each of them in the table."""
    if as_json:
        print(json.dumps(figures))
        return
    from rich.console import Console  # late: JSON does without it
    from rich.table import Table

    table = Table("Figure")
    table.add_column("Value", overflow="fold")
    for key, value in figures.items():
        for name, part in value.items() if isinstance(value, dict) else [("", value)]:
            table.add_row(heading(f"{key}_{name}" if name else key), _written(part))
    Console().print(table)


def heading(key: str) -> str:
    """A key as a person reads it: "delay_p95_ms" is "Delay 95th percentile (ms)"."""
    if key in HEADINGS:
        return HEADINGS[key]
    text = words(key)
    return text if text.split()[0] in WORDS.values() else text[:1].upper() + text[1:]


def words(key: str) -> str:
    """A key in words: "delay_p95_ms" is "delay 95th percentile (ms)"."""
    for ending, unit in UNITS.items():
        stem = key.removesuffix(f"_{ending}")
        if stem != key:
            return f"{words(stem)} ({unit})"
    return " ".join(WORDS.get(word, word) for word in re.split(r"[_\s]+", key))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, its cells in columns; nothing is cut, however narrow the terminal."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)

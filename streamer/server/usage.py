"""What a process of this machine uses: processor time and memory. Imports no torch."""

import os
import subprocess
import sys
from pathlib import Path


def cpu_seconds(process: int) -> float:
    """Processor time that the process `process` has used so far, user and system."""
    if sys.platform == "linux":
        # Fields 14 and 15, counted after the command's closing bracket, in clock ticks.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    shown = subprocess.run(["ps", "-o", "time=", "-p", str(process)], capture_output=True, text=True)
    total = 0.0
    for part in shown.stdout.strip().replace("-", ":").split(":"):
        total = 60 * total + float(part)
    return total


def resident_bytes(process: int) -> int:
    """Memory that the process `process` holds."""
    if sys.platform == "linux":
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True)
    return 1024 * int(shown.stdout)

"""Which machine, versions and commit a comparison ran with, and how busy the machine was."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import numpy as np


def print_load() -> None:
    """Prints how busy the machine is, this program included; times are too high where others take the cores."""
    if hasattr(os, "getloadavg"):
        print(f"Load average of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n", flush=True)


def machine() -> list[str]:
    """Returns the processor, the versions and the commit."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line for line in information.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    root = Path(__file__).resolve().parent.parent.parent
    git = ["git", "--no-optional-locks", "-C", str(root)]
    try:
        commit, changed = (
            subprocess.run([*git, *command.split()], capture_output=True, text=True, check=True).stdout.strip()
            for command in ("rev-parse --short HEAD", "status --porcelain")
        )
        commit += " with local changes" if changed else ""
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    return [
        f"processor: {model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}, NumPy {np.__version__}",
        f"commit of the checkout: {commit}",
    ]

"""What made a run or a prediction: versions, commit, device."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

SOURCE = Path(__file__).parents[1]


def provenance(device: torch.device) -> dict[str, str | None]:
    """Versions of Python and of the packages that set the numbers, the commit, and the device."""
    packages = {name: version(name) for name in ("apical", "torch", "numpy")}
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return packages | {
        "python": platform.python_version(),
        "git_commit": _git_commit(),
        "device": f"{device.type} ({name})",
    }


def _git_commit() -> str | None:
    """Commit of apical's own checkout; None where it was installed without one."""
    if not (SOURCE / ".git").exists():
        return None
    try:
        git = subprocess.run(["git", "-C", SOURCE, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return git.stdout.strip()

"""What a dataset says about how it was made."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .cells import Morphology

PACKAGES = ("apical", "neuron", "numpy", "scipy", "xarray", "zarr")


def provenance(morphology: Morphology) -> dict:
    """Versions, commit, time, morphology with checksum and licence, and the sources to cite."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "packages": {name: _version(name) for name in PACKAGES},
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "morphology": {
            "name": morphology.name,
            "sha256": morphology.sha256,
            "source": morphology.source,
            "licence": morphology.licence,
        },
        "sources": [
            "Hay et al. 2011, PLoS Comput Biol 7:e1002107",
            "Shai et al. 2015, PLoS Comput Biol 11:e1004090",
            "Beniaguev, Segev & London 2021, Neuron 109:2727",
        ],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """The commit of the checkout that runs, if it is one."""
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return None
    done = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None

"""What every artefact says of the code that made it."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path


def made_with(*packages: str) -> dict[str, str | None]:
    """What every artefact says of the code that made it: versions of apical, Python and `packages`, and the commit.

    The commit is that of apical's own checkout; None where it was installed without one.
    """
    root, commit = Path(__file__).parents[2], None
    if (root / ".git").exists():
        try:
            git = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
            commit = git.stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            commit = None
    versions: dict[str, str | None] = {name: version(name) for name in ("apical", *packages)}
    return versions | {"python": platform.python_version(), "git_commit": commit}

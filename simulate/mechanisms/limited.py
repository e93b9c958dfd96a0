"""A program that is ended, with all that it has started, where it does not end by itself."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run(
    command: Sequence[str | Path], limit_s: float, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What the command returned and said, without input. Raises TimeoutExpired where it took longer than `limit_s`."""
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # make and compilers have the pipes too, and would go on
    ) as process:
        try:
            said = process.communicate(timeout=limit_s)
        except BaseException:  # a Ctrl-C too, which reaches no other session
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, *said)

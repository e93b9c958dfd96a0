"""Which other engines take a mechanism that engine batched refuses: asked of their own translators of NMODL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

LONGEST_S = 5.0  # a translator takes a tenth of a second; some never end on what they do not like
OF_C = re.compile(r"\b(?:VERBATIM|POINTER)\b")  # CoreNEURON's translator copies the one and lets the other dangle


@cache
def advice(text: str) -> str:
    """What to do about NMODL that engine batched refuses: names no engine that refuses it too."""
    if not _translates("nocmodl", text):
        return "NEURON's own translator refuses the file too"
    if OF_C.search(text) or not _translates("nmodl", text):
        return "give --engine neuron"
    return "give --engine coreneuron, or --engine auto, which takes the fastest that can"


def _translates(program: str, text: str) -> bool:
    import neuron
    from find_libpython import find_libpython

    data = Path(neuron.__file__).parent / ".data"
    environment = os.environ | {
        "NMODLHOME": str(data),
        "NEURONHOME": str(data / "share" / "nrn"),
        "NMODL_PYLIB": find_libpython() or "",  # CoreNEURON's solves equations by SymPy
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with TemporaryDirectory() as folder:
        (Path(folder) / "it.mod").write_text(text, encoding="utf-8")
        try:
            done = subprocess.run(
                [data / "bin" / program, "it.mod", "-o", "out"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LONGEST_S,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0

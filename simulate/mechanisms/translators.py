"""Which engines of NEURON take a mechanism's file: asked of their own translators of NMODL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ..processes import command
from . import nmodl
from .nmodl import Source, without_comments

LONGEST_S = 30.0  # a translator takes a tenth of a second on an idle machine; some never end on what they do not like
OF_C = r"\b(VERBATIM|POINTER)\b"  # CoreNEURON's translator copies the one and lets the other dangle
START = r"\bSTATE\s*\{[^}]*\b(START)\b"  # which it passes over, so that the state begins at 0
TABLE_OF_OTHERS = r"\b(FUNCTION_TABLE)\b"
IMPLICIT = r"\b(METHOD\s+(?:sparse|derivimplicit))\b"  # NEURON takes half a step of these where secondorder is 2
OTHERWISE = {  # what it runs, but not as NEURON does
    OF_C: "is not supported by engine 'coreneuron'",
    START: "is passed over by CoreNEURON",
    TABLE_OF_OTHERS: "has no numbers in engine 'coreneuron'",
    IMPLICIT: "has first order in CoreNEURON, also where second order is asked for",
}
SAID_OF_A_PLACE = re.compile(r"\[error\] :: (?:Code Incompatibility :: )?(.*?) ?\[(\d+)\.[\d-]+\] ?(.*)")
SAID = re.compile(r"\[(?:error|critical)\] :: (.*)")


@cache
def advice(text: str) -> str:
    """What to do about NMODL that engine batched refuses: names no engine that refuses it too."""
    if not _translated("nocmodl", text)[0]:
        return "NEURON's own translator refuses the file too"
    if re.search(rf"{OF_C}|{TABLE_OF_OTHERS}", without_comments(text)) or not _translated("nmodl", text)[0]:
        return "give --engine neuron"
    return "give --engine coreneuron, or --engine auto, which takes the fastest that can"


@cache
def thread_safe(text: str) -> bool:
    """Whether NEURON's translator takes it for that: tables are then made before anything else."""
    return "Thread Safe" in _translated("nocmodl", text)[1]


@cache
def coreneuron_refusal(source: Source) -> str:
    """Why CoreNEURON cannot run it as NEURON does, with file and line; empty where it can."""
    bare = without_comments(source.text)
    for pattern, why in OTHERWISE.items():
        if found := re.search(pattern, bare):
            return f"{source.file}, line {nmodl.line_of(source.text, pattern)}: {found[1]} {why}"
    translated, said = _translated("nmodl", source.text)
    if translated:
        return ""
    if place := SAID_OF_A_PLACE.search(said):
        what = f"{place[1].removesuffix(' found at')} {place[3].partition(' to enable ')[0]}"
        return f"{source.file}, line {place[2]}: CoreNEURON's translator refuses it ({what})"
    reasons = [each for each in SAID.findall(said) if "detected" not in each and not each.startswith(("Cannot", "Fix"))]
    return f"{source.file}: CoreNEURON's translator refuses it ({(reasons or ['it says no more'])[0].strip()})"


def _translated(program: str, text: str) -> tuple[bool, str]:
    """Whether the translator takes it, and what it said."""
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
        words: list[str | Path] = [data / "bin" / program, "it.mod", "-o", "out"]
        try:
            done = command(words, LONGEST_S, Path(folder), environment)
        except subprocess.TimeoutExpired:
            return False, f"[error] :: it was still at it after {LONGEST_S:g} s"
    return done.returncode == 0, done.stdout + done.stderr

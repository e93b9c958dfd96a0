"""The notebooks with what they print and draw: executed in order in one folder, as a reader does it.

At their real size, or with APICAL_NOTEBOOK_TINY=1 as small as the tests run them. They are kept in build/notebooks,
under a hash of their text and of the package's sources, so what has not changed is not executed again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
PACKAGES = ("simulate", "surrogate", "tasks", "analysis")
LINK = re.compile(r"\(\.\./(?P<up>(?:\.\./)*)notebooks/(?P<name>\w+)\.py\)")
TIMEOUT_S = 1800  # for one cell: a simulation on a slow machine


def key() -> str:
    """A hash of all that fixes what the notebooks show."""
    known = hashlib.sha256(os.environ.get("APICAL_NOTEBOOK_TINY", "").encode())
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if "__pycache__" not in path.parts]
    for path in [*NOTEBOOKS, *sorted(filter(Path.is_file, sources))]:
        known.update(f"{path.relative_to(ROOT)}\0".encode())
        known.update(path.read_bytes())
    return known.hexdigest()[:16]


def executed() -> Path:
    """The folder with every notebook and its outputs. Raises CellExecutionError where one fails."""
    kept = ROOT / "build" / "notebooks" / key()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as made:
            done = Path(made) / "done"
            done.mkdir()
            for path in NOTEBOOKS:
                print(f"executing {path.relative_to(ROOT)}", file=sys.stderr, flush=True)
                nbformat.write(run(path, Path(made)), done / f"{path.stem}.ipynb")
            done.replace(kept)
    return kept


def run(path: Path, folder: Path) -> NotebookNode:
    """A notebook after its run in `folder`."""
    found = jupytext.read(path)
    NotebookClient(
        found,
        timeout=TIMEOUT_S,
        resources={"metadata": {"path": os.fspath(folder)}},
        extra_arguments=["--log-level=ERROR"],  # else each kernel warns that it talks over TCP, on this machine
    ).execute()
    return found


def place(app: Any, config: Any) -> None:
    """Put them where Sphinx looks for pages, which git ignores."""
    pages = Path(app.srcdir) / "notebooks"
    pages.mkdir(exist_ok=True)
    if not config.execute_notebooks:
        for path in NOTEBOOKS:
            nbformat.write(jupytext.read(path), pages / f"{path.stem}.ipynb")
        return
    for path in executed().iterdir():
        shutil.copy2(path, pages)  # with its time: what has not changed is not read again


def link(app: Any, page: str, source: list[str]) -> None:
    """Links to a notebook's file are links to its page."""
    source[0] = LINK.sub(r"(\g<up>notebooks/\g<name>.ipynb)", source[0])


def setup(app: Any) -> dict[str, bool]:
    app.add_config_value("execute_notebooks", True, "env", bool)
    app.connect("config-inited", place)
    app.connect("source-read", link)
    return {"parallel_read_safe": True}

"""A task that takes long to make, block by block: each is kept as soon as it is made, and the same command goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..simulate.cores import available_cores
from ..simulate.processes import Step, each
from ..simulate.schema import InputError, making, unwritten
from .store import Block

Make = Callable[..., Block]  # of a block's number and further arguments, which a process can be sent
Progress = Callable[[int, int], None]


def quiet(done: int, total: int) -> None:
    """Progress that nobody looks at."""


def made_blocks(
    out: Path,
    recipe: dict[str, Any],
    n_blocks: int,
    make: Make,
    arguments: tuple,
    workers: int | None = None,
    progress: Progress = quiet,
) -> Iterator[Block]:
    """Blocks in their order, made on `workers` processes (None: a core each) and kept in a folder beside `out`.

    `forget` removes the folder once the task is there. recipe: what they are made by. Raises InputError where the
    folder holds blocks of another recipe, or cannot be written.
    """
    folder = parts_folder(out)
    try:
        begin(folder, recipe)
        missing = [number for number in range(n_blocks) if not _path(folder, number).exists()]
        done = n_blocks - len(missing)
        progress(done, n_blocks)

        def step(size: int) -> None:
            nonlocal done
            done += size
            progress(done, n_blocks)

        share = [(folder, make, number, arguments) for number in missing]
        each(_keep, share, min(workers or available_cores(), max(len(missing), 1)), step)
    except OSError as error:
        raise unwritten(folder, error) from error
    for number in range(n_blocks):
        yield _read(_path(folder, number))


def forget(out: Path) -> None:
    """Remove what was kept while `out` was made."""
    shutil.rmtree(parts_folder(out), ignore_errors=True)


def parts_folder(out: Path) -> Path:
    """Where what is being made for `out` is kept."""
    return out.with_name(f"{out.stem}_parts")


def begin(folder: Path, recipe: dict[str, Any]) -> None:
    """Make the folder, or go on with what is in it. Raises InputError where that is of another recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    told, file = json.dumps(recipe, indent=1), folder / "recipe.json"
    if file.exists() and file.read_text("utf-8") != told:
        raise InputError(f"{folder}: holds parts of another seed, size or version; remove it, or choose another --out")
    with making(file) as growing:
        growing.write_text(told, "utf-8")


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.npz"


def _keep(folder: Path, make: Make, number: int, arguments: tuple, step: Step) -> None:
    block = make(number, *arguments)
    arrays: dict[str, Any] = {
        f"{tower}/{name}": values for tower, parts in enumerate(block.towers) for name, values in parts.items()
    }
    with making(_path(folder, number)) as growing, growing.open("wb") as file:
        np.savez(file, label=np.asarray(block.label), split=np.array(block.split, "U16"), **arrays)
    step(1)


def _read(path: Path) -> Block:
    with np.load(path) as kept:
        towers: dict[str, dict[str, np.ndarray]] = {}
        for key in kept.files:
            tower, slash, name = key.partition("/")
            if slash:
                towers.setdefault(tower, {})[name] = kept[key]
        return Block(kept["label"], kept["split"].tolist(), [towers[tower] for tower in sorted(towers)])

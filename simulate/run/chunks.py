"""The files of a store, each one variable of one trial: what is there, and whether it is as it was written."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import schema
from ..schema import COORDINATES, PENDING, InputError

if TYPE_CHECKING:
    from zarr import Array, Group

MARKS = ("trial_status", "trial_crc32")  # what is written once the trial's other files are there


def opened(out: str | Path) -> dict[str, Array]:
    """The store's variables by name, for `write`: Zarr opens all stores of a process in one thread, one by one."""
    import zarr

    return _trial_variables(zarr.open_group(out, mode="r+"))


def write(
    out: str | Path,
    position: int,
    arrays: dict[str, np.ndarray],
    status: int,
    variables: dict[str, Array] | None = None,
) -> int:
    """Write a trial's variables, then their checksum, then its status; returns its bytes on disk.

    A status that is not pending therefore means, whenever the writer was killed, that everything else is there.
    variables: as `opened` gives them, which takes about as long as writing a trial.
    """
    variables = opened(out) if variables is None else variables
    schema.write_trial(variables, position, arrays, PENDING)
    checksum = np.array(_checksum(Path(out), variables, position), "u4")
    schema.write_trial(variables, position, {"trial_crc32": checksum}, status)
    return sum(file.stat().st_size for name in variables for file in _files(Path(out), variables[name], position))


def sweep(out: Path) -> None:
    """Remove what killed writers left half written."""
    for file in out.glob("**/*.partial"):
        file.unlink()


def unfinished(out: Path) -> list[int]:
    """Positions of the trials still to be made, or to be made again because a file of theirs is lost or damaged.

    The latter are marked as pending. Raises InputError for a store that another program wrote.
    """
    import zarr

    variables = _trial_variables(zarr.open_group(out, mode="r"))
    if not variables.keys() >= {*MARKS} or any(each.chunks[0] != 1 for each in variables.values()):
        raise InputError(
            f"{out}: was written by another program, which leaves no checksums; it can be read, not gone on with"
        )
    sweep(out)
    status, checksums = (_values(out, variables[name]) for name in MARKS)
    todo = []
    for position in range(len(status)):
        if status[position] == PENDING or _checksum(out, variables, position) != checksums[position]:
            _remove(out, variables["trial_status"], position)
            todo.append(position)
    return todo


def _trial_variables(group: Group) -> dict[str, Array]:
    """The store's arrays of which every trial has a chunk, by name."""
    return {n: a for n, a in by_trial(group).items() if n not in COORDINATES}


def by_trial(group: Group) -> dict[str, Array]:
    """The arrays with a place for each trial, by name."""
    return {n: a for n, a in group.arrays() if (getattr(a.metadata, "dimension_names", None) or [""])[0] == "trial"}


def _files(out: Path, array: Array, position: int) -> list[Path]:
    """A trial's files of a variable: one, or of events as many as there are chunks."""
    place = out / array.basename / "c" / str(position)
    if array.ndim == 1:
        return [place] if place.is_file() else []
    return sorted(file for file in place.rglob("*") if file.is_file() and file.suffix != ".partial")


def _remove(out: Path, array: Array, position: int) -> None:
    for file in _files(out, array, position):
        file.unlink()


def _checksum(out: Path, variables: dict[str, Array], position: int) -> int:
    """CRC-32 of the trial's files, one after another, without its marks."""
    found = 0
    for name in sorted(variables.keys() - set(MARKS)):
        for file in _files(out, variables[name], position):
            found = zlib.crc32(file.read_bytes(), found)
    return found


def _values(out: Path, array: Array) -> np.ndarray:
    """The value of every trial, after removal of the files that cannot be read."""
    try:
        return np.asarray(array[:])
    except Exception:  # each codec raises its own kinds for bytes that it did not write
        for position in range(array.shape[0]):
            try:
                array[position]
            except Exception:
                _remove(out, array, position)
        return np.asarray(array[:])

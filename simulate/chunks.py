"""The files of a store, each one variable of one trial: what is there, lost or damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .schema import COORDINATES, PENDING

if TYPE_CHECKING:
    from zarr import Array, Group

BLOCK_BYTES = 64e6  # decoded at a time


def unfinished(out: Path) -> list[int]:
    """Positions of the trials still to be made, or to be made again because a chunk of theirs is lost or damaged.

    The latter are marked as pending, and what a killed writer left half written is removed.
    """
    for file in out.glob("**/*.partial"):
        file.unlink()
    variables = trial_variables(out)
    status = variables.pop("trial_status")
    again = _undecodable(status, range(status.shape[0]))
    _mark_pending(out, status, again)
    done = np.flatnonzero(np.asarray(status[:]) != PENDING).tolist()
    for array in variables.values():
        lost = [at for at in done if not _file(out, array, at).is_file()]
        _mark_pending(out, status, lost + _undecodable(array, done))
    return np.flatnonzero(np.asarray(status[:]) == PENDING).tolist()


def trial_bytes(out: str | Path, position: int) -> int:
    """Bytes on disk of the trial at `position`."""
    return sum(_file(out, array, position).stat().st_size for array in trial_variables(out).values())


def trial_variables(out: str | Path) -> dict[str, Array]:
    """The store's arrays of which every trial has a chunk, by name."""
    import zarr

    return {n: a for n, a in by_trial(zarr.open_group(out, mode="r")).items() if n not in COORDINATES}


def by_trial(group: Group) -> dict[str, Array]:
    """The arrays with a place for each trial, by name."""
    return {n: a for n, a in group.arrays() if (getattr(a.metadata, "dimension_names", None) or [""])[0] == "trial"}


def _file(out: str | Path, array: Array, position: int) -> Path:
    return Path(out, array.basename, array.metadata.encode_chunk_key((position, *[0] * (array.ndim - 1))))


def _mark_pending(out: Path, status: Array, positions: Sequence[int]) -> None:
    for position in positions:
        _file(out, status, position).unlink(missing_ok=True)


def _undecodable(array: Array, positions: Sequence[int]) -> list[int]:
    """Those of the positions whose chunk is there and cannot be decoded."""
    each = array.dtype.itemsize * int(np.prod(array.shape[1:]))
    step = max(int(BLOCK_BYTES / max(each, 1)), 1)
    found = []
    for block in (positions[at : at + step] for at in range(0, len(positions), step)):
        if not _decodes(array, block):
            found += [position for position in block if not _decodes(array, [position])]
    return found


def _decodes(array: Array, positions: Sequence[int]) -> bool:
    try:
        array.oindex[np.asarray(positions)]
    except Exception:  # each codec raises its own kinds for bytes that it did not write
        return False
    return True

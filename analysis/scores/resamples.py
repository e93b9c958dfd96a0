"""The scores of every resample of the trials, kept beside a score file: whence intervals and paired differences come.

Two models that were scored on the same trials were scored on the same draws of them, so resample by resample their
difference is what one of them is better. R resamples, N rows of a score file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...simulate.schema import InputError, unwritten, writing_whole

UNKNOWN = -1  # in the file, of n_spiking
KEPT = ("roc_auc", "average_precision", "rmse_mv", "rmse_rescaled_mv")  # in the file; the rest is for the moment


@dataclass(frozen=True, eq=False)
class Resamples:
    """trials_id: which trials were drawn from, and how. values: score by name, (R,) each.

    n_spiking: how many of the trials have an output spike to score; None in a file of before.
    """

    trials_id: str
    values: Mapping[str, np.ndarray]
    n_spiking: int | None = None

    def __eq__(self, other: object) -> bool:
        """Whether they hold the same of what both hold."""
        if not isinstance(other, Resamples):
            return NotImplemented
        both = self.values.keys() & other.values.keys()
        same = (np.array_equal(self.values[name], other.values[name], equal_nan=True) for name in both)
        return self.trials_id == other.trials_id and all(same)


def resamples_path(scores: str | Path) -> Path:
    """Where the resamples of a score file are: scores.csv, scores.resamples.npz."""
    return Path(scores).with_suffix(".resamples.npz")


def row_key(cells: Mapping[str, Any]) -> str:
    """What stands for a row of a score file: another value in any column is another row."""
    told = "\n".join(f"{name}={'' if value is None else value}" for name, value in sorted(cells.items()))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def write_resamples(scores: str | Path, of_row: Mapping[str, Resamples]) -> None:
    """Write the resamples of a score file's rows beside it, (N, R) in single precision; with none, the file goes.

    Raises InputError where it cannot be written.
    """
    path = resamples_path(scores)
    if not of_row:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise unwritten(path, error) from error
        return
    kept = list(of_row.values())
    arrays = {name: np.array([each.values[name] for each in kept], dtype="f4") for name in KEPT}
    arrays |= {"rows": np.array(list(of_row)), "trials_id": np.array([each.trials_id for each in kept])}
    arrays["n_spiking"] = np.array([UNKNOWN if each.n_spiking is None else each.n_spiking for each in kept])
    with writing_whole(path) as growing:
        np.savez_compressed(growing, **arrays)  # type: ignore[arg-type]  # NumPy's stub: the last argument is them


def read_resamples(scores: str | Path) -> dict[str, Resamples]:
    """The resamples beside a score file, by `row_key`; none where there is no such file.

    Raises InputError for a file that is damaged or not one of these.
    """
    path = resamples_path(scores)
    if not path.exists():
        return {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            rows, trials_id = found["rows"].tolist(), found["trials_id"].tolist()
            values = {name: found[name] for name in KEPT}
            n_spiking = found["n_spiking"].tolist() if "n_spiking" in found else [UNKNOWN] * len(rows)
    except Exception as error:  # zip, zlib and NumPy raise half a dozen kinds
        raise InputError(f"{path}: is damaged, or holds no resamples; evaluate again, or remove it") from error
    if any(each.ndim != 2 or len(each) != len(rows) for each in values.values()) or not (
        len(trials_id) == len(n_spiking) == len(rows)
    ):
        raise InputError(f"{path}: its arrays do not fit each other; evaluate again, or remove it")
    return {
        row: Resamples(
            trials_id[at],
            {name: each[at] for name, each in values.items()},
            None if n_spiking[at] == UNKNOWN else n_spiking[at],
        )
        for at, row in enumerate(rows)
    }

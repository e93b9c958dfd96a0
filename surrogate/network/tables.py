"""Columns of numbers, and sparse matrices, as files have them."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ...simulate.schema import InputError
from ...simulate.schema.input_error import one_line

MATRIX = {"format", "shape", "data"}  # of what scipy.sparse.save_npz writes


def read_columns(path: Path) -> dict[str, np.ndarray]:
    """The columns of a .csv with a header, or the arrays of a .npz, by name.

    Columns of whole numbers are such. Raises InputError where the file cannot be read.
    """
    if path.suffix not in (".csv", ".npz"):
        raise InputError(f"{path}: a table is a .csv with a header or a .npz of arrays")
    try:
        return _csv(path) if path.suffix == ".csv" else _npz(path)
    except Exception as error:  # an archive that is damaged fails in many ways
        raise InputError(f"{path}: the table cannot be read ({one_line(error)})") from error


def _csv(path: Path) -> dict[str, np.ndarray]:
    with path.open(encoding="utf-8-sig", newline="") as lines, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a table without rows
        names = [name.strip() for name in next(csv.reader(lines), [])]
        rows = np.loadtxt(lines, delimiter=",", ndmin=2, comments=None)
    columns = rows.reshape(len(rows), -1).T if rows.size else np.zeros((len(names), 0))
    if not names or len(columns) != len(names) or len({*names}) != len(names):
        raise ValueError(f"{len(columns)} columns under the header {','.join(names)}")
    return {name: _whole_where_it_is(column) for name, column in zip(names, columns, strict=True)}


def _npz(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _whole_where_it_is(column: np.ndarray) -> np.ndarray:
    whole = (column == np.floor(column)) & (abs(column) < 2**53)
    return column.astype(np.int64) if whole.all() else column


def is_matrix(path: Path) -> bool:
    """Whether a file is a sparse matrix of SciPy."""
    if path.suffix != ".npz":
        return False
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {*file.files} >= MATRIX
    except Exception:  # whoever reads it says what is wrong
        return False


def read_matrix(path: Path) -> Any:
    """The sparse matrix of a .npz, in the form COO. Raises InputError where it cannot be read or is none."""
    from scipy.sparse import load_npz

    try:
        matrix = load_npz(path)
        if hasattr(matrix, "check_format"):
            matrix.check_format()  # every index
        return matrix.tocoo()
    except Exception as error:  # as above
        raise InputError(f"{path}: no sparse matrix that SciPy reads ({one_line(error)})") from error

"""Input spikes that a user gives, so that an experiment can be replayed: an array, a table of events, or a dataset.

S synapses, T bins of 1 ms. Forms: .npy, or .npz with one array, or a Zarr array, boolean (trial, synapse, time_ms);
.csv with the columns trial, synapse, time_ms; a dataset of apical, whose input_spikes are taken.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import schema
from ..schema import InputError
from ..schema.input_error import one_line

COLUMNS = ("trial", "synapse", "time_ms")


class _Source(NamedTuple):
    """What a file holds: its shape (trials, S, T), and what gives the spikes of one trial."""

    shape: tuple[int, int, int]
    trial: Callable[[int], np.ndarray]


class GivenSpikes:
    """The input spikes in the file at `path`, for a neuron with `n_synapses` and trials of `duration_ms`.

    n_trials: how many it has; trial number i of a simulation replays the file's trial i, counted from 0.
    Raises InputError where it cannot be read, or does not fit the neuron or the trials' length.
    """

    def __init__(self, path: str | Path, n_synapses: int, duration_ms: int) -> None:
        self.path = Path(path)
        self._source = _open(self.path, n_synapses, duration_ms)
        self.n_trials, synapses, ms = self._source.shape
        if synapses != n_synapses:
            raise InputError(
                f"{self.path}: has {synapses} synapses, the simulated neuron {n_synapses} (excitatory, then "
                "inhibitory): simulate the neuron that it was made for, or give spikes for this one"
            )
        if ms != duration_ms:
            raise InputError(
                f"{self.path}: has trials of {ms} ms, the simulation {duration_ms} ms: give --seconds {ms / 1000:g}"
            )

    def trial(self, number: int) -> np.ndarray:
        """Input spikes of trial `number`, shape (S, T), boolean."""
        return self._source.trial(number)


def digest(path: str | Path) -> str:
    """What identifies the file's content, wherever it lies: sha256, or for a dataset its own id and size."""
    path = Path(path)
    if path.is_dir():
        ds = _dataset(path)
        if ds is not None:
            return f"{ds.attrs['dataset_id']}, {ds.sizes['trial']} trials"
        found = hashlib.sha256()
        for file in sorted(each for each in path.rglob("*") if each.is_file()):
            found.update(file.relative_to(path).as_posix().encode() + b"\0" + file.read_bytes())
        return found.hexdigest()
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _open(path: Path, n_synapses: int, duration_ms: int) -> _Source:
    if path.is_dir():
        return _from_zarr(path)
    if not path.exists():
        raise InputError(f"{path}: no such file of input spikes")
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return _from_numpy(path)
    if suffix == ".csv":
        return _from_table(path, n_synapses, duration_ms)
    raise InputError(f"{path}: input spikes are read from .npy, .npz, .csv or a Zarr folder, not from '{suffix}'")


def _from_numpy(path: Path) -> _Source:
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded:
                if len(loaded.files) != 1:
                    raise InputError(f"{path}: expected one array, got {', '.join(loaded.files) or 'none'}")
                loaded = loaded[loaded.files[0]]
    except InputError:
        raise
    except (OSError, ValueError, EOFError) as error:  # a pickle ends here too: it could run code
        raise _unreadable(path, error) from error
    return _from_array(path, loaded)


def _from_array(path: Path, array) -> _Source:
    if array.ndim != 3:
        raise InputError(f"{path}: expected an array (trial, synapse, time_ms), got {array.ndim} dimensions")
    if array.dtype.kind not in "b":
        raise InputError(f"{path}: expected booleans, spike or no spike in each ms, got {array.dtype}")

    def trial(number: int) -> np.ndarray:
        try:
            return np.asarray(array[number])
        except (OSError, ValueError, RuntimeError) as error:
            raise _unreadable(path, error) from error

    return _Source(tuple(array.shape), trial)


def _from_zarr(path: Path) -> _Source:
    import zarr

    ds = _dataset(path)
    if ds is not None:
        pending = schema.read(ds, "trial_status") == schema.PENDING
        shape = tuple(ds["input_spikes"].shape)

        def trial(number: int) -> np.ndarray:
            if pending[number]:
                raise InputError(f"{path}: trial {number} is not there yet; finish that dataset with --resume")
            return schema.read(ds, "input_spikes", number)

        return _Source(shape, trial)
    try:
        array = zarr.open_array(path, mode="r")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error
    return _from_array(path, array)


def _dataset(path: Path):
    """The dataset at `path`, or None where it is another folder. Raises InputError where it holds no input spikes."""
    import zarr

    try:
        group = zarr.open_group(path, mode="r")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if "apical_schema" not in group.attrs:
        return None
    return schema.open_dataset(path, "simulation", complete=False)


def _from_table(path: Path, n_synapses: int, duration_ms: int) -> _Source:
    events: dict[int, list[tuple[int, int]]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as opened:
            rows = csv.DictReader(opened)
            if tuple(rows.fieldnames or ()) != COLUMNS:
                raise InputError(f"{path}: line 1: expected the columns {','.join(COLUMNS)}, got {rows.fieldnames}")
            for row in rows:
                trial, at = _event(path, rows.line_num, row, n_synapses, duration_ms)
                events.setdefault(trial, []).append(at)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    n_trials = max(events, default=-1) + 1

    def spikes(number: int) -> np.ndarray:
        made = np.zeros((n_synapses, duration_ms), bool)
        if number in events:
            made[tuple(np.array(events[number]).T)] = True
        return made

    return _Source((n_trials, n_synapses, duration_ms), spikes)


def _event(path: Path, line: int, row: dict, n_synapses: int, duration_ms: int) -> tuple[int, tuple[int, int]]:
    limits = {"trial": np.inf, "synapse": n_synapses, "time_ms": duration_ms}
    values = []
    for name, limit in limits.items():
        try:
            value = float(row[name])
        except (TypeError, ValueError):
            value = np.nan
        if not 0 <= value < limit or (name != "time_ms" and value != int(value)):
            what = "a number" if name == "time_ms" else "a whole number"
            room = "from 0" if limit == np.inf else f"from 0 to below {limit:g}"
            raise InputError(f"{path}: line {line}: {name} is '{row[name]}', expected {what} {room}")
        values.append(int(value))
    return values[0], (values[1], values[2])


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: input spikes cannot be read from it ({one_line(error)})")

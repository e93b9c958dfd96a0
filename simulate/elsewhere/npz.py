"""The same arrays as a file: `.npz`, of which each array has the name of an argument of `from_arrays`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ..names import nearest
from ..schema import InputError
from ..schema.input_error import one_line
from .arrays import OWN_ARRAYS, write
from .recorded import recorded

NEEDED = ("input_spikes", "soma_v_mv", "sign")
GIVEN = ("input_spikes", "sign")  # of what has its voltage elsewhere
WHERE = ("segment", "distance_um", "tree")
MORE = ("output_spike_times_ms", "sampling_khz", "time_ms", *WHERE)


def import_arrays(
    file: str | Path,
    out: str | Path,
    *,
    sampling_khz: float | None = None,
    name: str = OWN_ARRAYS,
    overwrite: bool = False,
) -> Path:
    """Write the arrays of an `.npz` as a dataset at `out`, which is returned; nothing in the file is run.

    sampling_khz: where the file does not hold it. name: what the dataset is called.
    Raises InputError as `from_arrays`, and where the file is no .npz, lacks an array or has one of another name.
    """
    path = Path(file)
    arrays: dict[str, Any] = dict.fromkeys(MORE) | _read(path, NEEDED, MORE)
    if sampling_khz is not None:
        if arrays["sampling_khz"] is not None:
            raise InputError(f"{path}: holds 'sampling_khz' itself; leave --sampling out")
        arrays["sampling_khz"] = sampling_khz
    if arrays["sampling_khz"] is not None:
        arrays["sampling_khz"] = np.asarray(arrays["sampling_khz"])[()]
    found = recorded(str(path), **arrays)
    options = {"--sampling": sampling_khz, "--name": None if name == OWN_ARRAYS else name}
    files = [told(path)]
    return write(found, out, made_by=name, files=files, command="import-arrays", options=options, overwrite=overwrite)


def input_of(path: Path) -> dict[str, Any]:
    """Input spikes, signs and places of synapses from an `.npz`, for what has its voltage in another file."""
    return dict(_read(path, GIVEN, WHERE))


def signs_of(path: Path) -> dict[str, Any]:
    """Signs and places of synapses alone."""
    return dict(_read(path, ("sign",), WHERE))


def told(path: Path) -> dict[str, str]:
    """Name and sha256 of a file, for the provenance. Raises InputError where it cannot be read."""
    try:
        with path.open("rb") as opened:
            return {"name": path.name, "sha256": hashlib.file_digest(opened, "sha256").hexdigest()}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error


def _read(path: Path, needed: tuple[str, ...], more: tuple[str, ...]) -> dict[str, np.ndarray]:
    told(path)  # that it can be read at all
    try:
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise InputError(f"{path}: holds one array; expected an .npz of {', '.join(needed)}")
        with opened as loaded:
            for name in loaded.files:
                nearest(f"{path}: array", name, (*needed, *more))
            missing = [name for name in needed if name not in loaded.files]
            if missing:
                raise InputError(f"{path}: lacks the array '{missing[0]}'; expected {', '.join(needed)}")
            return {name: loaded[name] for name in loaded.files}
    except InputError:
        raise
    except Exception as error:  # a damaged archive raises its own kinds; a pickle, which could run code, ends here too
        raise InputError(f"{path}: no .npz of arrays ({one_line(error)}); write it with numpy.savez") from error

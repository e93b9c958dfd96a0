"""A simulation's store as a whole: made at once, held by one run, extended at once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .. import schema
from ..schema import InputError
from .chunks import by_trial


def check_writable(out: Path) -> None:
    """Raise InputError where nothing can be written, or for something else than a Zarr store."""
    if out.exists() and not (out / "zarr.json").is_file() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists and is not a Zarr store; it is left alone: choose another path")
    above = next(folder for folder in (out, *out.absolute().parents) if folder.is_dir())
    if not os.access(above, os.W_OK):
        raise InputError(f"{out}: cannot be written (Permission denied in {above}); choose another path")


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Hold the store for one run. Raises InputError where another run holds it."""
    folder = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InputError(f"{out}: another run is writing to it; wait for its end or stop it") from error
    finally:
        os.close(folder)


def extend(out: Path, trials: int, seed: int, source: str, made_by: dict) -> str:
    """Add `trials` pending trials of `seed` to the store: all of them or, after a kill at any moment, none.

    source: what their source_file says. made_by: what the provenance says of them. Of what is there only labels are
    written again. Returns the new dataset_id.
    """
    import zarr

    group = zarr.open_group(out, mode="r+")
    numbers, seeds = labels(out)
    before = len(numbers)
    added = {
        "trial": numbers.max() + 1 + np.arange(trials),
        "trial_seed": np.full(trials, seed),
        "source_file": np.full(trials, source, np.dtypes.StringDType()),
    }
    for name, array in by_trial(group).items():
        array.resize((before + trials, *array.shape[1:]))
        if name in added:
            array.with_config({"write_empty_chunks": True})[before:] = added[name]  # also of seed 0
    attributes = dict(group.attrs)
    provenance = json.loads(str(attributes["provenance"]))
    provenance["appended"] = [*provenance.get("appended", []), {"position": before, "seed": seed} | made_by]
    attributes["provenance"] = json.dumps(provenance)
    if seed != seeds[-1]:
        attributes["dataset_id"] = _with_seed(str(attributes["dataset_id"]), before, seed)
    schema.commit(out, attributes)
    return str(attributes["dataset_id"])


def labels(out: Path) -> tuple[np.ndarray, np.ndarray]:
    """Number and seed of every trial. Raises InputError where a trial does not say its seed."""
    ds = schema.open_dataset(out, "simulation", complete=False)
    if "trial_seed" not in ds:
        raise InputError(f"{out}: its trials do not say their seed, since an earlier apical made it; make it again")
    return schema.read(ds, "trial"), schema.read(ds, "trial_seed")


def id_with_seeds(first_id: str, seeds: Sequence[int]) -> str:
    """The id of a dataset whose trials have these seeds; `first_id` is that of its configuration with the first."""
    found = first_id
    for position in range(1, len(seeds)):
        if seeds[position] != seeds[position - 1]:
            found = _with_seed(found, position, seeds[position])
    return found


def dataset_id(out: str | Path) -> str | None:
    """The id in the attributes of the store; None where there is no store."""
    try:
        return json.loads(Path(out, "zarr.json").read_text())["attributes"]["dataset_id"]
    except FileNotFoundError:
        return None


def _with_seed(before_id: str, position: int, seed: int) -> str:
    return hashlib.sha256(f"{before_id}, from {position} on seed {seed}".encode()).hexdigest()[:16]

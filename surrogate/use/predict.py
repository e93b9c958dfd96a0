"""A surrogate over a dataset's trials: simulation in, prediction out, both in one schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import xarray as xr

from ...simulate import schema
from ...simulate.schema import InputError, notebook, shown
from ..device import at, choose_device
from ..fitting.rollout import rollout
from ..fitting.spike_inputs import StoredInputs
from ..fitting.split import Split
from ..fitting.windows import finished_trials, positions_of
from ..provenance import provenance
from .checkpoint import Surrogate

PARTS = ("train", "validation", "test")


def predict(
    surrogate: Surrogate,
    data: str | Path,
    out: str | Path,
    *,
    trials: Literal["auto", "all", "train", "validation", "test"] | list[int] = "auto",
    mode: Literal["windows", "stream"] = "windows",
    device: str = "auto",
    overwrite: bool = False,
    report: Callable[[int, int], None] | None = None,
) -> Path:
    """Write what the surrogate predicts for the simulation at `data` to a prediction dataset, and return its path.

    surrogate: what `Surrogate.load` returns. data: path of the simulation. out: path of the prediction.
    trials: 'auto' is the held-out trials of a dataset that the surrogate was fitted on (validation and test, told
    apart by `part`), and all trials of any other; or a part of the fit's split, or trial numbers.
    mode: 'windows' of 500 ms as published (overlap 150 ms, a TCN's at least its receptive field less one), 'stream'
    goes through each trial in one pass. device: auto, cpu, cuda or cuda:N.
    overwrite: replace what is at `out`, once the new prediction is whole; before that, nothing is at a new `out`.
    report: called after each trial with trials done and in all; in a notebook, a bar shows them where it is not given.
    Raises InputError where the dataset's inputs are not the model's, a trial is not there, or `out` exists.
    """
    out, ds = Path(out), schema.open_dataset(data, "simulation")
    surrogate.check_inputs(ds.sizes["synapse"], data)
    if mode not in ("windows", "stream"):
        raise InputError(f"mode '{mode}': choose windows or stream")
    numbers = _chosen_trials(surrogate, ds, trials)
    positions = positions_of(ds, numbers)
    if report is None and notebook.in_notebook():
        report = notebook.Bar(f"Predicting with {surrogate.name}")
    torch_device = choose_device(device)
    model = surrogate.model.to(torch_device).eval()
    _check_target(out, overwrite)
    config = surrogate.describe() | {"trials": trials, "mode": mode}
    with at(torch_device), schema.writing_whole(out) as growing:
        schema.create(
            growing,
            "prediction",
            {"spike_probability": "f4", "soma_v_mv": "f4"},
            {
                "trial": np.array(numbers),
                "time_ms": schema.read(ds, "time_ms"),
                "source_file": schema.read(ds, "source_file", positions),
                "part": _part_of_each(surrogate, ds, numbers),
            },
            dataset_id=f"{ds.attrs['dataset_id']}/{surrogate.name}/{surrogate.seed}",
            config=config,
            provenance=provenance(torch_device),
            truth_id=ds.attrs["dataset_id"],
        )
        for done, inputs in enumerate(StoredInputs(ds, positions.tolist())):
            y_to = rollout(model, inputs, in_one_pass=mode == "stream")
            spike_probability_t = torch.sigmoid(torch.from_numpy(y_to[:, 0])).numpy()
            voltage_t = surrogate.scaling.to_mv(y_to[:, 1])
            schema.write_trial(growing, done, {"spike_probability": spike_probability_t, "soma_v_mv": voltage_t})
            if report is not None:
                report(done + 1, len(positions))
    return out


def _chosen_trials(surrogate: Surrogate, ds: xr.Dataset, trials: str | list[int]) -> list[int]:
    """Trial numbers that `trials` stands for."""
    if not isinstance(trials, str):
        numbers = list(dict.fromkeys(trials))
    elif trials not in ("auto", "all", *PARTS):
        raise InputError(f"trials {shown(trials)}: choose auto, all, {', '.join(PARTS)}, or trial numbers")
    else:
        split = _split_of(surrogate, ds)
        if trials in PARTS and split is None:
            raise InputError(
                f"trials '{trials}': {surrogate.run} was not fitted on this dataset; choose all, or numbers"
            )
        if trials == "all" or split is None:
            numbers = finished_trials(ds).tolist()
        elif trials == "auto":
            numbers = sorted(split.validation + split.test)
        else:
            numbers = getattr(split, trials)
    if not numbers:
        raise InputError(f"trials '{trials}': there is no finished trial to predict")
    return numbers


def _split_of(surrogate: Surrogate, ds: xr.Dataset) -> Split | None:
    """The parts of this dataset in the surrogate's fit; None where it was fitted on another."""
    return surrogate.splits.get(ds.attrs["dataset_id"])


def _part_of_each(surrogate: Surrogate, ds: xr.Dataset, numbers: list[int]) -> np.ndarray:
    """The part that each trial is in; a trial that a share of the training trials left out is in none."""
    split = _split_of(surrogate, ds)
    part = {trial: name for name in PARTS for trial in getattr(split, name)} if split else {}
    return np.array([part.get(trial, "") for trial in numbers], dtype=np.dtypes.StringDType())


def _check_target(out: Path, overwrite: bool) -> None:
    """Raise InputError where no prediction can be put; nothing but an earlier prediction is ever replaced."""
    schema.recover(out)
    if not out.exists():
        return
    if not overwrite:
        raise InputError(f"{out}: exists already; --overwrite replaces it")
    try:
        attributes = json.loads((out / "zarr.json").read_text()).get("attributes", {})
    except (OSError, ValueError):
        attributes = {}
    if attributes.get("kind") != "prediction":
        raise InputError(f"{out}: is there but is not a prediction, so --overwrite leaves it; choose another path")

"""`apical look`: what each stage finds in one surrogate, and the figures of it that its family has."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ..analysis.inside.worst_trials import TrialError
    from ..surrogate.use.checkpoint import Surrogate

READOUT_TRIALS = 20  # chosen: a minute and a half of NeuronIO, and a few seconds of work


@dataclass
class Found:
    """Numbers, and figures by name; a figure is drawn when it is asked for. notes: what there is no figure of, why."""

    trial: int
    errors: list[TrialError]
    numbers: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Callable[[], Figure]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def look_inside(
    surrogate: Surrogate,
    truth: xr.Dataset,
    prediction: xr.Dataset,
    trial: int | None = None,
    morphology: Path | None = None,
) -> Found:
    """Look into a surrogate with an open simulation, and an open prediction of its own.

    trial: whose state is drawn; None for a typical one. morphology: in place of the dataset's own.
    Raises InputError for another dataset's inputs, an absent trial, nothing to score, or another cell's morphology.
    """
    from ..analysis.inside.worst_trials import typical_of, worst_figure, worst_trials
    from ..analysis.plots import UNTOLD, trial_position, untold
    from ..simulate.schema import InputError, source
    from ..surrogate.models.elm import ELM
    from ..surrogate.models.tcn import TCN

    if morphology is not None and untold(truth):
        raise InputError(f"--morphology: {source(truth)}: {UNTOLD}, so no cell can be drawn with them; leave it out")
    errors = worst_trials(truth, prediction)
    trial = typical_of(errors) if trial is None else trial
    trial_position(truth, trial)
    found = Found(trial, errors)
    found.figures["worst_trials"] = lambda: worst_figure(truth, prediction, errors)
    found.numbers["worst_trials"] = [each.model_dump() for each in errors]
    _spike_triggered(found, surrogate, truth, prediction)
    if isinstance(surrogate.model, ELM):
        _memory(found, surrogate, truth)
        _weights(found, surrogate, truth, morphology)
    elif isinstance(surrogate.model, TCN):
        _filters(found, surrogate, truth)
    return found


@contextmanager
def prediction_of(surrogate: Surrogate, truth: xr.Dataset, given: Path | None, device: str) -> Iterator[xr.Dataset]:
    """The prediction at `given`, if it is this surrogate's; without one, a new one that is gone afterwards."""
    from ..simulate.folders import temporary
    from ..simulate.schema import InputError, config_of, open_dataset, source
    from ..surrogate.use.predict import predict
    from .progress import bar

    if given is not None:
        prediction = open_dataset(given, "prediction")
        config = config_of(prediction)
        theirs, ours = [(c.get("name"), c.get("seed")) for c in (config, surrogate.describe())]
        if theirs != ours:
            raise InputError(
                f"{given}: was predicted by {theirs[0]} (seed {theirs[1]}), not by {ours[0]} (seed {ours[1]}); "
                "leave --prediction out, or give its own"
            )
        yield prediction
        return
    own = truth.attrs["dataset_id"] in surrogate.splits
    trials: Literal["test", "auto"] = "test" if own else "auto"
    with temporary() as folder:
        path = Path(folder) / "prediction.zarr"
        with bar(f"Predicting with {surrogate.name}") as show:
            predict(surrogate, source(truth), path, trials=trials, device=device, report=show)
        yield open_dataset(path, "prediction")


def _spike_triggered(found: Found, surrogate: Surrogate, truth: xr.Dataset, prediction: xr.Dataset) -> None:
    from ..analysis.inside.spike_triggered import spike_triggered
    from ..analysis.inside.spike_triggered_figure import spike_triggered_figure

    if not any(each.n_spikes for each in found.errors):
        found.notes.append("no spike-triggered input: none of the trials has an output spike")
        return
    before = spike_triggered(truth, prediction)
    found.figures["spike_triggered"] = lambda: spike_triggered_figure(before, surrogate.name)
    found.numbers["spike_triggered"] = _plain(before)


def _memory(found: Found, surrogate: Surrogate, truth: xr.Dataset) -> None:
    from ..analysis.inside.memory_figure import memory_figure
    from ..surrogate.inside.elm import over_trial, readout_shares

    trials = sorted(each.trial for each in found.errors)[:READOUT_TRIALS]
    shares = readout_shares(surrogate, truth, trials)
    found.figures["memory"] = lambda: memory_figure(truth, over_trial(surrogate, truth, found.trial), shares)
    found.numbers["readout"] = _plain(shares)


def _weights(found: Found, surrogate: Surrogate, truth: xr.Dataset, morphology: Path | None) -> None:
    from ..analysis.inside.weights_figure import weights_figure
    from ..simulate.cell.outline import outline
    from ..simulate.schema import InputError
    from ..surrogate.inside.synapse_weights import synapse_weights

    weights = synapse_weights(surrogate, truth)
    found.numbers["weights"] = _plain(weights)

    def draw() -> Figure:
        try:
            cell = outline(truth, morphology)
        except InputError as error:
            if morphology is not None:
                raise
            found.notes.append(f"weights are drawn without the cell: {error}")
            cell = None
        return weights_figure(weights, cell)

    found.figures["weights"] = draw


def _filters(found: Found, surrogate: Surrogate, truth: xr.Dataset) -> None:
    from ..analysis.inside.filters_figure import filters_figure
    from ..surrogate.inside.filters import first_layer

    filters = first_layer(surrogate, truth)
    found.figures["filters"] = lambda: filters_figure(filters)
    found.numbers["filters"] = _plain(filters)


def _plain(found: xr.Dataset) -> dict[str, Any]:
    """Variables, coordinates and attributes as JSON has them: None where a value is not finite."""
    values = {str(name): variable.values.tolist() for name, variable in found.variables.items()}
    return {name: _finite(each) for name, each in values.items()} | found.attrs


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""Sweeps of ELM Networks that have a budget of parameters, spent on neurons, their complexity or their connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xarray as xr

from ...surrogate.models.elm_network_config import NetworkShape, elm_network
from ...surrogate.models.elm_network_sizes import Axis, sizes_for_budget
from ..fitting.fit import learning
from ..fitting.recipe import NETWORK, NETWORK_TEXT, recipe
from .sweep_config import TaskModels, TaskSweep

FAMILY = "elm-network"
OPTIONS = ("d_m", "n_branches", "synapses_per_branch")  # in which networks of one sweep differ, beside their neurons


def network_sweep(
    ds: xr.Dataset,
    budgets: Sequence[int],
    axis: Axis = "n-vs-ke",
    *,
    seeds: Sequence[int] = (0, 1),
    settings: dict[str, Any] | None = None,
) -> TaskSweep:
    """Every size along an axis that meets each budget of trainable parameters within 1 %.

    ds: the task, as `open_task` returns it. budgets: numbers of parameters. axis: n-vs-ke, n-vs-kc or ke-vs-kc, as
    `sizes_for_budget` has them. seeds: of every network. settings: fields of the fit in place of the published ones of
    SHD-Adding, or of Enwik8 where the task is text (recipe quick for others); its options are of all networks.
    Raises InputError for a budget that no size meets, and for what is not a setting.
    """
    settings = dict(settings or {})
    name = NETWORK if ds.attrs["form"] == "events" else NETWORK_TEXT if ds.attrs["target"] == "next" else "quick"
    fit = recipe(name, FAMILY, **settings)
    bins = {"bins_ms": (settings.pop("bin_ms"),)} if "bin_ms" in settings else {}
    sizes = learning(fit, ds).sizes
    base = elm_network(1, sizes["n_channels"], sizes["n_classes"], **_shape(fit.options))
    models = []
    for budget in budgets:
        for network in sizes_for_budget(budget, axis, base):
            told = {name: getattr(network, name) for name in OPTIONS}
            label = f"d{network.d_m}-{network.n_branches}x{network.synapses_per_branch}"
            models.append(TaskModels(family=FAMILY, sizes=(network.n_neurons,), label=label, options=told))
    return TaskSweep(models=tuple(models), seeds=tuple(seeds), recipe=name, settings=settings, **bins)


def _shape(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in NetworkShape.model_fields}

"""A configuration's changes to the cell's channels, as another parameter set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cell.biophysics import Biophysics

if TYPE_CHECKING:
    from ..config import Simulation

DENDRITES = ("basal", "apical")
VALUES = ("scale", "inside", "outside", "near", "far")  # the fields of a distance rule that are values, not distances


def varied(parameters: Biophysics, config: Simulation) -> Biophysics:
    """`parameters` with passive dendrites, the density of SK_E2 multiplied and Ih shifted, as `config` says."""
    regions: dict[str, dict[str, Any]] = {
        name: parameters.region(name) for name in ("soma", "axon", *DENDRITES) if getattr(parameters, name) is not None
    }
    for name, entries in regions.items():
        if config.passive_dendrites and name in DENDRITES:
            regions[name] = entries = {k: v for k, v in entries.items() if not isinstance(v, dict) or k == "pas"}
        if config.sk_e2_factor != 1 and "SK_E2" in entries:
            entries["SK_E2"] = entries["SK_E2"] | {"gbar": _times(entries["SK_E2"]["gbar"], config.sk_e2_factor)}
        if config.ih_shift_mv and "Ih" in entries:
            entries["Ih"] = entries["Ih"] | {"vshift": config.ih_shift_mv}
    return parameters.model_copy(update={"all": {}, **regions})


def _times(value: Any, factor: float) -> Any:
    """A number, or a rule over distance, multiplied."""
    if isinstance(value, float):
        return value * factor
    found = [name for name in VALUES if hasattr(value, name)]
    return value.model_copy(update={name: getattr(value, name) * factor for name in found})

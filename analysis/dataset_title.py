"""What a dataset is called, where people read it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..simulate.schema import config_of

if TYPE_CHECKING:
    import xarray as xr

# Field -> its default, and the presets that are named after what they change of it
CHANGES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "excitatory": ("AMPA_NMDA", ("ampa", "ampa-sk")),
    "inhibitory": ("GABA_A", ("gaba-b",)),
    "receptors": ({}, ()),
    "mechanisms": (None, ()),
    "out_of_distribution": (None, ("ood",)),
    "passive_dendrites": (False, ("passive-dendrites",)),
    "without_nmda": (None, ("nmda-basal",)),
    "sk_e2_factor": (1, ("ampa-sk",)),
    "ih_shift_mv": (0, ("ih-shift",)),
    "gaba_b_factor": (1, ("gaba-b",)),
    "synapses_per_segment": (1, ("dense",)),
    "input_spikes": (None, ()),
}
# The published input sets, Beniaguev et al. 2021: most excitatory spikes per 100 ms in the basal and the apical tree,
# and how far inhibitory ones are from them
PUBLISHED_INPUT = {
    "nmda": (800, 800, (-600, 200)),
    "ampa": (1900, 2000, (-1650, 150)),
    "ampa-sk": (1900, 2000, (-1500, 300)),
}


def dataset_title(ds: xr.Dataset) -> str:
    """What a dataset is, in a few words for people: input preset, morphology and parameter set, or who made it.

    What was changed of a preset that says otherwise by its name stands behind it.
    """
    config = config_of(ds)
    named = ("preset",) if is_lif(config) else ("preset", "morphology", "biophysics")
    told = [Path(config[key]).name for key in named if key in config] + ["LIF neuron"] * is_lif(config)
    told[1:1] = changes(config)
    return ", ".join(told) or config.get("made_by") or config.get("name") or ds.attrs["dataset_id"]


def is_lif(config: Mapping[str, Any]) -> bool:
    """Whether a leaky integrate-and-fire neuron was simulated; morphology and parameter set then mean nothing."""
    return config.get("lif") is not None


def changes(config: Mapping[str, Any]) -> list[str]:
    """What a simulation's configuration has changed of its preset: names of fields, in words.

    >>> changes({"preset": "nmda", "passive_dendrites": True, "ih_shift_mv": 0.0, "inhibitory": "GABA_B"})
    ['inhibitory GABA_B', 'passive dendrites']
    """
    preset = config.get("preset")
    told = []
    for name, (default, named) in CHANGES.items():
        value = config.get(name, default)
        if value != default and preset not in named:
            words = "own mechanisms" if name == "mechanisms" else name.removesuffix("_mv").replace("_", " ")
            which = value if name in ("excitatory", "inhibitory") else "+".join(value) if name == "receptors" else ""
            told.append(f"{words} {which}".rstrip())
    given = config.get("statistics")
    if given and preset in PUBLISHED_INPUT and given != _statistics(*PUBLISHED_INPUT[str(preset)]):
        told.append("other input rates")
    return told


def _statistics(most_basal: float, most_apical: float, difference: tuple[float, float]) -> dict[str, list[float]]:
    by_tree = {"excitatory_basal": [0, most_basal], "excitatory_apical": [0, most_apical]}
    return by_tree | {f"inhibitory_minus_excitatory_{tree}": list(difference) for tree in ("basal", "apical")}

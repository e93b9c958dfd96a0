"""What a dataset is called, where people read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..simulate.schema import config_of

if TYPE_CHECKING:
    import xarray as xr


def dataset_title(ds: xr.Dataset) -> str:
    """What a dataset is, in a few words for people: input preset, morphology and parameter set, or who made it."""
    config = config_of(ds)
    told = [Path(config[key]).name for key in ("preset", "morphology", "biophysics") if key in config]
    if config.get("out_of_distribution") and config.get("preset") != "ood":
        told.insert(1, "out of distribution")
    return ", ".join(told) or config.get("made_by") or config.get("name") or ds.attrs["dataset_id"]

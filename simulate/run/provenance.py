"""What a simulated dataset says about how it was made."""

from __future__ import annotations

import platform
from datetime import UTC, datetime

from ..cell.morphologies import Morphology
from ..cell.reading import reconstruction
from ..config import Simulation
from ..schema import made_with


def provenance(morphology: Morphology | None, config: Simulation) -> dict:
    """Versions, commit, time, the cell's morphology with checksum and licence, its parameters with the NMODL that it
    brings, and the sources to cite.

    morphology: None for a neuron without one; config: names the parameter set of one that has one.
    """
    published = "Beniaguev, Segev & London 2021, Neuron 109:2727"
    made = made_with("neuron", "numpy", "scipy", "xarray", "zarr") | {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "sources": [published],
    }
    if morphology is None:
        return made
    biophysics = config.parameter_set()
    remarks = reconstruction.remarks(morphology.path, biophysics.types)
    return made | {
        "morphology": {
            "name": morphology.name,
            "sha256": morphology.sha256,
            "source": morphology.source,
            "licence": morphology.licence,
        }
        | ({"remarks": remarks} if remarks else {}),
        "biophysics": biophysics.model_dump(mode="json", exclude_none=True),
        "sources": [
            biophysics.source,
            "Hay et al. 2011, PLoS Comput Biol 7:e1002107",
            published,
        ],
    }

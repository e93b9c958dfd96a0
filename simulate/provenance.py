"""What a simulated dataset says about how it was made."""

from __future__ import annotations

import platform
from datetime import UTC, datetime

from .cells import Morphology
from .schema import made_with


def provenance(morphology: Morphology, biophysics_source: str) -> dict:
    """Versions, commit, time, morphology with checksum and licence, and the sources to cite."""
    return made_with("neuron", "numpy", "scipy", "xarray", "zarr") | {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "morphology": {
            "name": morphology.name,
            "sha256": morphology.sha256,
            "source": morphology.source,
            "licence": morphology.licence,
        },
        "sources": [
            biophysics_source,
            "Hay et al. 2011, PLoS Comput Biol 7:e1002107",
            "Beniaguev, Segev & London 2021, Neuron 109:2727",
        ],
    }

"""What the catalogue of morphologies holds, as rows of plain values."""

from __future__ import annotations

from ..processes import apart
from .morphologies import CATALOGUE, Morphology, checksum


def catalogue() -> list[dict]:
    """One row per morphology: name, kind (type of the cell), biophysics (its own parameter set), source, licence, path,
    present, and where present its sections and segments.

    sections and segments are those that are simulated of the reconstruction (soma and dendrites; dendritic segments),
    counted by NEURON in a process of its own, whose state nothing else sees. The axon depends on the parameter set.
    """
    found = [make() for make in CATALOGUE.values()]
    counts = apart(_counts, [morphology for morphology in found if morphology.present])
    return [
        {
            "name": m.name,
            "kind": m.kind,
            "biophysics": m.biophysics,
            "sections": counts[m.name][0] if m.present else None,
            "segments": counts[m.name][1] if m.present else None,
            "present": m.present and checksum(m.path) == m.sha256,
            "source": m.source,
            "licence": m.licence,
            "path": str(m.path),
        }
        for m in found
    ]


def _counts(morphologies: list[Morphology]) -> dict[str, tuple[int, int]]:
    from .built import Cell

    counts = {}
    for morphology in morphologies:
        cell = Cell(morphology)
        counts[morphology.name] = len(cell.sections()) - len(cell.axon), len(cell.segments)
        cell.close()
    return counts

"""The nexus of the apical tree: where its thick trunk ends and the tuft begins."""

from __future__ import annotations

from ..schema import InputError
from .built import Cell

# Chosen so that the trunk of the published reconstruction ends with apic[50], where Beniaguev et al. 2021 record it.
TRUNK_DIAM_UM = 1.5
POSITION = 0.9  # along that section: apic[50](0.9) in the code of Beniaguev et al. 2021


def nexus(cell: Cell, distance_um: float | None = None):
    """The NEURON segment of the nexus of `cell`.

    From the soma, at each branching follow the child with the most dendrite beyond it, for as long as it is at least
    1.5 um thick; the nexus is near the end of the last such section.
    distance_um: take the thickest apical location at that path length from the soma's middle instead.
    Raises InputError where the trunk is thinner than that from the start, or no apical dendrite reaches so far.
    """
    if distance_um is not None:
        return cell.at_apical_distance(distance_um)
    trunk, onward = None, [s for s in cell.apical if s.parentseg().sec not in cell.apical]
    while onward:
        section = max(onward, key=lambda each: _dendrite_um(each, cell))
        if section(0.5).diam < TRUNK_DIAM_UM:
            break
        trunk, onward = section, [child for child in section.children() if child in cell.apical]
    if trunk is None:
        raise InputError(
            f"cell {cell.name}: has no apical trunk of {TRUNK_DIAM_UM:g} um or more, so no nexus: "
            "give its distance from the soma in nexus_um"
        )
    return trunk(POSITION)


def _dendrite_um(section, cell: Cell) -> float:
    return sum(each.L for each in section.subtree() if each not in cell.axon)  # which may start at a dendrite

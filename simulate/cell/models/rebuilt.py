"""A cell that was taken over becomes a NEURON cell again."""

from __future__ import annotations

from ...schema import InputError
from ..biophysics import Biophysics
from ..built import Cell
from ..morphologies import Morphology
from . import taken
from .taken import Section, Taken, Values

SAME_AREA = 1e-6  # relative: NEURON keeps points in 32 bits


def build(morphology: Morphology, biophysics: Biophysics, fused: bool) -> Cell:
    """The cell of a morphology file with these parameters, or the one that the file holds as a whole."""
    return Rebuilt(morphology) if taken.is_taken(morphology.path) else Cell(morphology, biophysics, fused)


class Rebuilt(Cell):
    """The same cell, section by section; see Cell."""

    def __init__(self, morphology: Morphology) -> None:
        """Raises InputError for a file that holds no cell, or one of which NEURON makes another than it was."""
        found = taken.read(morphology.path)
        self.name, self._where = morphology.name, f"cell {morphology.path}"
        self.nmodl, self.kept, self.pointing = found.nmodl, [], {}
        try:
            self._make(found)
            self._describe()
        except BaseException:
            self.close()
            raise

    def _make(self, found: Taken) -> None:
        from neuron import h

        h.celsius = found.celsius
        made = [h.Section(name=section.name, cell=self) for section in found.sections]
        of = dict(zip((section.name for section in found.sections), made, strict=True))
        for name, value in found.globals.items():
            if hasattr(h, name):
                setattr(h, name, value)
        for section, data in zip(made, found.sections, strict=True):
            if data.parent is not None:
                section.connect(made[data.parent](data.parent_x), data.end)
        for section, data in zip(made, found.sections, strict=True):
            _shape(section, data)
            _fill(section, data)
        trees: dict[str, list] = {region: [] for region in taken.REGIONS}
        for section, data in zip(made, found.sections, strict=True):
            trees[data.region].append(section)
        self._soma, self.axon, self.basal, self.apical = trees.values()
        if not self._soma or not (self.basal or self.apical):
            raise InputError(f"{self._where}: has no soma, or no dendrite")
        self.soma = self._soma[0]
        self._check_areas(found, of)

    def _check_areas(self, found: Taken, of: dict) -> None:
        for data in found.sections:
            for segment, expected in zip(of[data.name], _each(data.area_um2, data.nseg), strict=True):
                if abs(segment.area() - expected) > SAME_AREA * expected:
                    raise InputError(
                        f"{self._where}: NEURON makes {segment.area():.6g} um2 of {data.name}({segment.x:.3g}), which "
                        f"was {expected:.6g}; its diameters were changed after it was drawn"
                    )


def _shape(section, data: Section) -> None:
    section.nseg, section.Ra = data.nseg, data.ra_ohm_cm
    if data.points:
        for point in data.points:
            section.pt3dadd(*point)
    else:
        section.L = data.length_um
        for segment, diam_um in zip(section, _each(data.diam_um, data.nseg), strict=True):
            segment.diam = diam_um
    for segment, cm in zip(section, _each(data.cm_uf_per_cm2, data.nseg), strict=True):
        segment.cm = cm


def _fill(section, data: Section) -> None:
    from neuron import h

    for name in data.mechanisms:
        section.insert(name)
    for ion, of_ion in data.ions.items():
        style = of_ion.style  # of its bits: see NEURON's ion_style
        parts = (style & 3, style >> 3 & 3, style >> 5 & 1, style >> 6 & 1, style >> 2 & 1)
        h.ion_style(f"{ion}_ion", *parts, sec=section)
    for name, parameters in data.mechanisms.items():
        for parameter, values in parameters.items():
            for segment, value in zip(section, _each(values, data.nseg), strict=True):
                base, _, index = f"{parameter}".rstrip("]").partition("[")
                if index:
                    getattr(segment, f"{base}_{name}")[int(index)] = value
                else:
                    setattr(segment, f"{base}_{name}", value)
    for of_ion in data.ions.values():
        for name, values in of_ion.values.items():
            for segment, value in zip(section, _each(values, data.nseg), strict=True):
                setattr(segment, name, value)


def _each(values: Values, n: int) -> list[float]:
    return values if isinstance(values, list) else [values] * n

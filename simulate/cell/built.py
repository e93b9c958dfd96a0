"""Morphology and parameters become a NEURON cell with its dendritic segments in the order of every dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..mechanisms import fusion
from ..mechanisms.nmodl import REVERSALS
from ..schema import InputError
from . import function_tables, pointers, shared_values
from .biophysics import CELSIUS, Axon, Biophysics
from .distance_rules import Rule
from .morphologies import Morphology
from .reading import reconstruction

AXON_LENGTH_UM, AXON_DIAM_UM, AXON_SECTIONS = 30.0, 1.0, 2  # the stub that replaces the axon, Hay et al. 2011
AXON_SECOND_UM = 60.0  # where a shortened axon takes the diameter of its second section, Markram et al. 2015
SEGMENT_LENGTH_UM = 40  # nseg = 1 + 2 int(L / 40), Hay et al. 2011
REACH_UM = (1, 20_000)  # of a cell without its axon: dendrites end within a few mm, and another unit is 1,000 times off
AXON_REACH_UM = (0, 500_000)  # NEURON has no more than 32,767 segments in a section
IN_FILES = {"basal": "ASC: a tree marked Dendrite; SWC: type 3", "apical": "ASC: a tree marked Apical; SWC: type 4"}


@dataclass(frozen=True)
class Segment:
    """A dendritic segment: its tree, section number in that tree, position in it, path length from the soma's start
    (as NeuronIO counts it), length, and its NEURON object."""

    tree: str
    section: int
    x: float
    distance_um: float
    length_um: float
    neuron: object


class Cell:
    """A cell in this process's NEURON. Build one per process and run many trials; `close` frees its sections.

    soma: the somatic section (of several, the one where the tree starts); axon, basal, apical: lists of sections.
    nmodl: of the mechanisms that it brings. pointing: of a section or synapse, by name, its POINTERs to variables, as
    in `{"Kca.far": "Pool.c"}`. segments: dendritic, basal then apical, in section order, each from 0 to 1.
    longest_um: path length from the soma's middle to the furthest apical tip (without apical dendrite, basal).
    """

    def __init__(
        self,
        morphology: Morphology,
        biophysics: Biophysics | None = None,
        fused: bool = False,
        axon: Axon = "replace",
        types: Mapping[int, str] | None = None,
    ) -> None:
        """Build it from `morphology`; without `biophysics` only its geometry (no mechanisms are needed).

        fused: the mechanisms of a region as one (see fusion): the same equations, sooner solved.
        axon, types: where `biophysics` does not say, its reconstructed_axon and types.

        Raises InputError for a file that NEURON cannot read, that has no soma or no dendrite, or that has other regions
        than `biophysics` describes.
        """
        self.name, self._where = morphology.name, f"morphology {morphology.path}"
        self.nmodl = biophysics.nmodl if biophysics else {}
        self.kept: list = []  # numbers of NEURON's that POINTERs of the cell and its synapses point to
        self.pointing: dict[str, dict[str, str]] = {}
        try:
            if biophysics is not None:
                axon, types = biophysics.reconstructed_axon, biophysics.types
            self._build(morphology, biophysics, fused, axon, types or {})
        except BaseException:
            self.close()  # a part of a cell would be integrated with the next one
            raise

    def _build(
        self,
        morphology: Morphology,
        biophysics: Biophysics | None,
        fused: bool,
        axon: Axon,
        types: Mapping[int, str],
    ) -> None:
        from neuron import h

        h.celsius = biophysics.celsius if biophysics else CELSIUS
        self.globals = biophysics.globals if biophysics else {}
        shared_values.give(self.globals)
        self.tables = biophysics.tables if biophysics else {}
        function_tables.give(self.tables)
        self._soma, self.axon, self.basal, self.apical, line = reconstruction.read(morphology.path, self, types)
        self.soma = self._soma[0]
        if not (self.basal or self.apical):
            raise InputError(f"{self._where}: has no dendrite, and synapses stand on dendrites")
        self._check_size()
        self._shape_axon(axon)
        self._check_connected(line)
        for section in self.sections():
            section.nseg = _n_segments(section)
        self._describe()
        if biophysics is not None:
            self._insert(biophysics, fused)

    def _describe(self) -> None:
        """Number the dendritic segments of the sections that there are."""
        from neuron import h

        self.longest_um = max(self.path_um(section(1)) for section in self.apical or self.basal)
        self.segments = [
            Segment(tree, number, segment.x, h.distance(self.soma(0), segment), section.L / section.nseg, segment)
            for tree, sections in (("basal", self.basal), ("apical", self.apical))
            for number, section in enumerate(sections)
            for segment in section
        ]

    def sections(self) -> list:
        return [*self._soma, *self.axon, *self.basal, *self.apical]

    def path_um(self, location) -> float:
        """Path length from the soma's middle, where the dendrites attach, as density rules and electrodes count it."""
        from neuron import h

        return h.distance(self.soma(0.5), location)

    def at_apical_distance(self, distance_um: float):
        """The thickest apical location at that path length from the soma's middle.

        Source: how Hay et al. 2011 place their dendritic electrodes. Raises InputError where no section reaches.
        """
        return self._thickest(self.apical, distance_um, "apical dendrite")

    def at_distance(self, distance_um: float):
        """The same on the apical dendrite, or on the basal ones of a cell that has no other."""
        return self._thickest(self.apical or self.basal, distance_um, "dendrite")

    def _thickest(self, sections: list, distance_um: float, what: str):
        spanning = [s for s in sections if self.path_um(s(0)) < distance_um <= self.path_um(s(1))]
        if not spanning:
            raise InputError(f"cell {self.name}: no {what} at {distance_um:g} um from the soma")
        sites = [s((distance_um - self.path_um(s(0))) / s.L) for s in spanning]
        return max(sites, key=lambda site: site.diam)

    def value_at(self, segment: Segment, value: float | Rule) -> float:
        """A value in the middle of a segment, whatever way it changes with distance along the segment's tree."""
        from neuron import h

        if not isinstance(value, Rule):
            return value
        tree = self.apical if segment.tree == "apical" else self.basal
        return value.at(h.distance(self.soma(value.from_x), segment.neuron), self._longest_um(tree))

    def close(self) -> None:
        """Delete the cell's sections from NEURON."""
        from neuron import h

        for section in [each for each in h.allsec() if each.cell() is self]:
            h.delete_section(sec=section)
        self.segments, self.kept, self.pointing = [], [], {}

    def _shape_axon(self, what: Axon) -> None:
        """Replace, shorten, keep or remove the reconstructed axon."""
        from neuron import h

        if what == "keep":
            if not self.axon:
                raise InputError(f"{self._where}: has no axon, which reconstructed_axon = 'keep' asks for")
            return
        own_um = self._axon_diameters_um()
        for section in self.axon:
            h.delete_section(sec=section)
        self.axon = [h.Section(name=f"axon[{i}]", cell=self) for i in range(AXON_SECTIONS)] if what != "remove" else []
        hillock, diams_um = (self.soma(1), own_um) if what == "shorten" else (self.soma(0.5), [AXON_DIAM_UM] * 2)
        for section, parent, diam_um in zip(self.axon, [hillock, *(a(1) for a in self.axon)], diams_um, strict=False):
            section.L, section.diam = AXON_LENGTH_UM, diam_um
            section.connect(parent)

    def _axon_diameters_um(self) -> list[float]:
        """Of the reconstructed axon: of its first section, and of the first with its middle beyond 60 um, if any is.

        Each is that of the section's middle segment. Without an axon 1 um, as Markram et al. 2015 have it.
        """
        from neuron import h

        if not self.axon:
            return [AXON_DIAM_UM] * AXON_SECTIONS
        for section in self.axon:
            section.nseg = _n_segments(section)
        beyond = (a for a in self.axon if h.distance(self.soma(0), a(0.5)) > AXON_SECOND_UM)
        return [self.axon[0](0.5).diam, next(beyond, self.axon[0])(0.5).diam]

    def _check_connected(self, line: dict[str, int]) -> None:
        """Nothing but the axon may go with the axon."""
        for section in [*self._soma, *self.basal, *self.apical]:
            if section.parentseg() is None and section != self.soma:
                raise InputError(
                    f"{self._where}, line {line[section.name()]}: section {section.name().split('.')[-1]} hangs on the "
                    "axon, which is taken away; give the points between it and the soma the type of a dendrite, or set "
                    "reconstructed_axon = 'keep'"
                )

    def _check_size(self) -> None:
        """A cell far larger or smaller than there are has its coordinates in another unit."""
        for what, sections, (least_um, most_um) in (
            ("soma and dendrites", [*self._soma, *self.basal, *self.apical], REACH_UM),
            ("axon", self.axon, AXON_REACH_UM),
        ):
            reach_um = max((self.path_um(section(1)) for section in sections), default=least_um)
            if not least_um <= reach_um <= most_um:
                unit = "nm" if reach_um > most_um else "mm"
                raise InputError(
                    f"{self._where}: {what} as far as {reach_um:,.1f} um from the soma's middle, expected {least_um:g} "
                    f"to {most_um:,}; coordinates and radii are in um: are these in {unit}?"
                )

    def _insert(self, biophysics: Biophysics, fused: bool) -> None:
        from neuron import h

        regions = {"soma": self._soma, "axon": self.axon, "basal": self.basal, "apical": self.apical}
        for region, sections in regions.items():
            self._check_described(region, sections, biophysics)
            entries = biophysics.region(region)
            longest_um = self._longest_um(sections)
            together = fusion.name_of(biophysics.groups().get(region, ())) if fused else ""
            together = together if hasattr(h, together) else ""
            mechanisms = {name: value for name, value in entries.items() if isinstance(value, dict)}
            properties = {name: value for name, value in entries.items() if not isinstance(value, dict)}
            for section in sections:
                for name in [together] if together else mechanisms:
                    section.insert(name)
                for name, parameters in mechanisms.items():
                    pointing = pointers.of(name, self.nmodl, parameters)
                    for parameter, value in (parameters | pointing).items():
                        if isinstance(value, str):
                            self._point(section, name, parameter, value)
                            continue
                        variable = f"{name}_{parameter}_{together}" if together else f"{parameter}_{name}"
                        mechanism = name if parameter in pointing else None
                        self._set(section, parameter if mechanism else variable, value, longest_um, mechanism)
                for name, entry in properties.items():
                    variable = f"{name}_{together}" if together and name in REVERSALS else name
                    if hasattr(section, variable):  # ek and ena only where a channel uses the ion
                        self._set(section, variable, entry, longest_um)

    def _longest_um(self, sections: list) -> float:
        return max((self.path_um(section(1)) for section in sections), default=0.0)

    def _check_described(self, region: str, sections: list, biophysics: Biophysics) -> None:
        """The cell and its parameter set must have the same regions: neither is silently left out."""
        described = getattr(biophysics, region) is not None
        if described and not sections:
            raise InputError(
                f"{self._where}: has no {region} dendrite ({IN_FILES[region]}), which parameter set "
                f"'{biophysics.name}' describes; use a parameter set without [{region}]"
            )
        if sections and not described:
            raise InputError(
                f"parameter set '{biophysics.name}': region missing: add [{region}], of which {self._where} "
                f"has {len(sections)} sections"
            )

    def _set(self, section, variable: str, value: float | Rule, longest_um: float, pointing: str | None = None) -> None:
        """Give a range variable its value on every segment of `section`. pointing: of a POINTER, its mechanism."""
        if pointing is None and not isinstance(value, Rule):
            setattr(section, variable, value)
            return
        for segment, number in zip(section, self._numbers(section, value, longest_um), strict=True):
            if pointing is None:
                setattr(segment, variable, number)
            else:
                self.kept.append(pointers.to_number(getattr(segment, pointing), variable, number))

    def _point(self, section, mechanism: str, pointer: str, variable: str) -> None:
        """Let a POINTER point to a variable of another mechanism, on every segment of `section`."""
        for segment in section:
            pointers.to_variable(getattr(segment, mechanism), pointer, segment, variable)
        self.pointing.setdefault(section.name(), {})[f"{mechanism}.{pointer}"] = variable

    def _numbers(self, section, value: float | Rule, longest_um: float) -> list[float]:
        """A value on each segment of `section`."""
        from neuron import h

        if not isinstance(value, Rule):
            return [value] * section.nseg
        # The published cell takes the distance at a section's end for its last segment (hoc's `for (x)` visits x = 1
        # after the segments' middles); without that, the golden back-propagating spike comes out 3 mV too small.
        places = [*[segment.x for segment in section][:-1], 1.0] if value.at_ends else [each.x for each in section]
        return [value.at(h.distance(self.soma(value.from_x), section(x)), longest_um) for x in places]


def _n_segments(section) -> int:
    return 1 + 2 * int(section.L / SEGMENT_LENGTH_UM)

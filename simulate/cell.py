"""Morphology and parameters become a NEURON cell with its dendritic segments in the order of every dataset."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

from . import fusion
from .biophysics import Biophysics, Exponential, Zone
from .cells import Morphology
from .schema import InputError

AXON_LENGTH_UM, AXON_DIAM_UM, AXON_SECTIONS = 30.0, 1.0, 2  # the stub that replaces the axon, Hay et al. 2011
SEGMENT_LENGTH_UM = 40  # nseg = 1 + 2 int(L / 40), Hay et al. 2011
CELSIUS = 6.3  # NEURON's default, kept by the published runs: kinetics carry their own factor, so it acts through eca


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

    soma: the somatic section; axon, basal, apical: lists of sections.
    segments: dendritic segments, basal then apical, in section order, each from 0 to 1.
    longest_um: path length from the soma's middle to the furthest apical tip.
    """

    def __init__(self, morphology: Morphology, biophysics: Biophysics | None = None, fused: bool = False) -> None:
        """Build it from `morphology`; without `biophysics` only its geometry (no mechanisms are needed).

        fused: the mechanisms of a region as one (see fusion): the same equations, sooner solved.

        Raises InputError for a file that NEURON cannot read, or that has no soma or no apical dendrite.
        """
        from neuron import h

        self.name = morphology.name
        h.celsius = CELSIUS
        self._read(morphology)
        self._replace_axon()
        for section in self.sections():
            section.nseg = 1 + 2 * int(section.L / SEGMENT_LENGTH_UM)
        self.longest_um = max(self.path_um(section(1)) for section in self.apical)
        self.segments = [
            Segment(tree, number, segment.x, h.distance(self.soma(0), segment), section.L / section.nseg, segment)
            for tree, sections in (("basal", self.basal), ("apical", self.apical))
            for number, section in enumerate(sections)
            for segment in section
        ]
        if biophysics is not None:
            self._insert(biophysics, fused)

    def sections(self) -> list:
        return [self.soma, *self.axon, *self.basal, *self.apical]

    def path_um(self, location) -> float:
        """Path length from the soma's middle, where the dendrites attach, as density rules and electrodes count it."""
        from neuron import h

        return h.distance(self.soma(0.5), location)

    def at_apical_distance(self, distance_um: float):
        """The thickest apical location at that path length from the soma's middle.

        Source: how Hay et al. 2011 place their dendritic electrodes. Raises InputError where no section reaches.
        """
        spanning = [s for s in self.apical if self.path_um(s(0)) < distance_um <= self.path_um(s(1))]
        if not spanning:
            raise InputError(f"cell {self.name}: no apical dendrite at {distance_um:g} um from the soma")
        sites = [s((distance_um - self.path_um(s(0))) / s.L) for s in spanning]
        return max(sites, key=lambda site: site.diam)

    def close(self) -> None:
        """Delete the cell's sections from NEURON."""
        from neuron import h

        for section in self.sections():
            h.delete_section(sec=section)
        self.segments = []

    def _read(self, morphology: Morphology) -> None:
        from neuron import h

        h.load_file("stdlib.hoc")
        h.load_file("import3d.hoc")
        try:
            with _quiet():
                swc = morphology.path.suffix.lower() == ".swc"
                reader = h.Import3d_SWC_read() if swc else h.Import3d_Neurolucida3()
                reader.quiet = 1
                reader.input(str(morphology.path))
                h.Import3d_GUI(reader, False).instantiate(self)
        except Exception as error:  # hoc errors come as RuntimeError or worse; the file is what is wrong
            raise InputError(
                f"morphology {morphology.path}: NEURON cannot read it ({error})".splitlines()[0]
            ) from error
        somata = getattr(self, "soma", [])
        if not somata:
            raise InputError(f"morphology {morphology.path}: has no soma")
        self.soma = somata[0]
        self.axon = list(getattr(self, "axon", []))
        self.basal = list(getattr(self, "dend", []))
        self.apical = list(getattr(self, "apic", []))
        if not self.apical:
            raise InputError(
                f"morphology {morphology.path}: has no apical dendrite (ASC: a tree marked Apical; SWC: type 4), "
                "which the cell's parameters need"
            )

    def _replace_axon(self) -> None:
        from neuron import h

        for section in self.axon:
            h.delete_section(sec=section)
        self.axon = [h.Section(name=f"axon[{i}]", cell=self) for i in range(AXON_SECTIONS)]
        for section in self.axon:
            section.L, section.diam = AXON_LENGTH_UM, AXON_DIAM_UM
        self.axon[0].connect(self.soma(0.5))
        for parent, child in zip(self.axon, self.axon[1:], strict=False):
            child.connect(parent(1))

    def _insert(self, biophysics: Biophysics, fused: bool) -> None:
        from neuron import h

        regions = {"soma": [self.soma], "axon": self.axon, "basal": self.basal, "apical": self.apical}
        for region, sections in regions.items():
            entries = biophysics.region(region)
            together = fusion.name_of(biophysics.groups().get(region, ())) if fused else ""
            together = together if hasattr(h, together) else ""
            mechanisms = {name: value for name, value in entries.items() if isinstance(value, dict)}
            for section in sections:
                section.Ra, section.cm = entries["Ra"], entries["cm"]
                for name in [together] if together else mechanisms:
                    section.insert(name)
                for name, parameters in mechanisms.items():
                    for parameter, value in parameters.items():
                        variable = f"{name}_{parameter}_{together}" if together else f"{parameter}_{name}"
                        self._set(section, variable, value)
                for ion in ("ek", "ena"):
                    variable = f"{ion}_{together}" if together else ion
                    if ion in entries and hasattr(section(0.5), variable):
                        setattr(section, variable, entries[ion])

    def _set(self, section, variable: str, value) -> None:
        """Give a range variable its value on every segment of `section`."""
        if not isinstance(value, Exponential | Zone):
            setattr(section, variable, value)
            return
        # The published cell takes the distance at a section's end for its last segment (hoc's `for (x)` visits x = 1
        # after the segments' middles); without that, the golden back-propagating spike comes out 3 mV too small.
        places = [*[segment.x for segment in section][:-1], 1.0]
        for segment, x in zip(section, places, strict=True):
            setattr(segment, variable, value.at(self.path_um(section(x)), self.longest_um))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what NEURON's importer prints; what goes wrong is raised."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield

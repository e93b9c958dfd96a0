"""What is simulated: one frozen configuration, the same in Python, in TOML and in a dataset's attributes."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .cell import biophysics, receptors
from .cell.biophysics import Biophysics
from .cell.models import taken
from .cell.morphologies import Morphology, own_biophysics
from .cell.synapses import Domain, PerSegment
from .engine.interface import Integration
from .schema import Configuration, Seed
from .stimulus import given
from .stimulus.out_of_distribution import OutOfDistribution
from .stimulus.statistics import InputStatistics

OF_DESCRIBED_CHANNELS = ("passive_dendrites", "sk_e2_factor", "ih_shift_mv")
RECORDINGS = ("record_fine", "record_nexus", "nexus_um", "record_dendrites")  # what is looked at, not what happens
OF_A_CELL = (  # what a neuron without NEURON does not have
    "morphology",
    "biophysics",
    "mechanisms",
    "excitatory",
    "inhibitory",
    "receptors",
    "gaba_b_factor",
    "sk_e2_factor",
    "ih_shift_mv",
    "passive_dendrites",
    "synapses_per_segment",
    "without_nmda",
    "out_of_distribution",
    "integration",
    "record_nexus",
    "nexus_um",
    "record_dendrites",
)
NAMES_OF_FILES = {"nmodl": {"__all__": {"file"}}}  # of a parameter set: where its content stands
MOST_STEPS = 1e9  # of a trial: 8 GB of one recorded voltage, and more than a day
PathName = Annotated[str, Field(pattern=r"^[^\x00]*$")]
FORMER = {"biophysics": "shai2015", "integration": Integration(engine="coreneuron")}  # defaults of the first apical
SegmentNumber = Annotated[int, Field(ge=0)]


class Lif(Configuration):
    """The neuron: `segments` sites without extent, half basal and half apical, one synapse of each sign on each."""

    segments: int = Field(100, ge=2, le=10_000, description="sites; each has one excitatory and one inhibitory synapse")
    tau_m_ms: float = Field(20.0, ge=0.01, le=1e5, description="membrane time constant")
    tau_excitatory_ms: float = Field(3.0, ge=0.01, le=1e5, description="decay of an excitatory current")
    tau_inhibitory_ms: float = Field(8.0, ge=0.01, le=1e5, description="decay of an inhibitory current")
    jump_excitatory_mv: float = Field(
        9.0, ge=0, le=1e4, description="excitatory current of one spike, times the resistance"
    )
    jump_inhibitory_mv: float = Field(
        3.375, ge=0, le=1e4, description="inhibitory current of one spike; the same charge"
    )
    v_rest_mv: float = Field(-76.0, ge=-1e3, le=1e3, description="resting voltage, where a trial starts")
    v_threshold_mv: float = Field(-55.0, ge=-1e3, le=1e3, description="where it fires")
    v_reset_mv: float = Field(-70.0, ge=-1e3, le=1e3, description="where it stays while refractory")
    refractory_ms: float = Field(2.0, ge=0, le=1e5, description="how long")

    @model_validator(mode="after")
    def _can_fire_and_rest(self) -> Lif:
        if self.tau_m_ms in (self.tau_excitatory_ms, self.tau_inhibitory_ms):
            raise ValueError(f"tau_m_ms: expected another value than a synapse's time constant, got {self.tau_m_ms:g}")
        if max(self.v_rest_mv, self.v_reset_mv) >= self.v_threshold_mv:
            raise ValueError(
                f"v_threshold_mv: expected a value above rest and reset "
                f"({self.v_rest_mv:g} and {self.v_reset_mv:g}), got {self.v_threshold_mv:g}"
            )
        return self


class Simulation(Configuration):
    """A simulated experiment. With the seed, trial numbers fix every input spike."""

    preset: str = Field(description="name it started from")
    morphology: PathName = Field("ttpc1", description="catalogue name, or path to an .asc or .swc file")
    biophysics: PathName = Field(
        default_factory=lambda fields: own_biophysics(fields["morphology"]),
        description="parameter set, or path to a .toml or .json file [default: the morphology's own]",
    )
    mechanisms: PathName | None = Field(
        None, description="folder of NMODL files, in place of the one that the parameter set names"
    )
    excitatory: str = Field("AMPA_NMDA", description="receptors of excitatory synapses, joined by +")
    inhibitory: str = Field("GABA_A", description="receptors of inhibitory ones, joined by +")
    receptors: dict[str, dict[str, Any]] = Field(
        {}, description="changed or made: point process, weight, parameters; a number, '0.4 nS', or a distance rule"
    )
    gaba_b_factor: float = Field(1.0, ge=0, le=1e3, description="on the conductance of GABA_B")
    without_nmda: Domain | None = Field(None, description="dendrites whose excitatory synapses have AMPA only")
    synapses_per_segment: PerSegment = Field(1, description="of each sign, or by tree; they share the segment's input")
    passive_dendrites: bool = Field(False, description="no channels but the leak in basal and apical dendrites")
    sk_e2_factor: float = Field(1.0, ge=0, le=1e3, description="on the density of SK_E2")
    ih_shift_mv: float = Field(0.0, ge=-100, le=100, description="of Ih's activation; above 0, more is open at rest")
    lif: Lif | None = Field(None, description="a leaky integrate-and-fire neuron in place of the cell")
    statistics: InputStatistics = Field(description="ranges of the input rates")
    out_of_distribution: OutOfDistribution | None = Field(None, description="changes those rates trial by trial")
    input_spikes: PathName | None = Field(None, description="path of input spikes to replay, in place of random ones")
    seconds: float = Field(6.0, ge=0.001, le=3600, description="length of a trial")
    seed: Seed = Field(0, description="fixes the random input, together with the trial number")
    integration: Integration = Field(Integration(), description="engine and step")
    record_fine: bool = Field(False, description="keep the soma voltage at 8 samples per ms too")
    record_nexus: bool = Field(False, description="keep the voltage of the apical nexus, at 1 ms")
    nexus_um: float | None = Field(None, gt=0, description="its distance from the soma, in place of the trunk's end")
    record_dendrites: Literal["none", "all", "basal", "apical"] | tuple[SegmentNumber, ...] = Field(
        "none", description="segments of which the voltage is kept, at 1 ms; NaN stands in the others"
    )

    @model_validator(mode="after")
    def _everything_has_an_effect(self) -> Simulation:
        default = {name: field.default for name, field in type(self).model_fields.items()}
        if self.lif is not None:
            default["biophysics"] = own_biophysics(self.morphology)
            for name in OF_A_CELL:
                if getattr(self, name) not in (default[name], FORMER.get(name)):
                    raise ValueError(f"{name}: a leaky integrate-and-fire neuron has none, leave it out")
        if taken.is_taken(self.morphology):
            if self.biophysics != taken.OWN:
                raise ValueError(
                    f"biophysics: {self.morphology} is a whole cell, with all that stands in it; leave it out"
                )
            for name in OF_DESCRIBED_CHANNELS:
                if getattr(self, name) != default[name]:
                    raise ValueError(f"{name}: {self.morphology} is a whole cell, change it in its model; leave it out")
        if "GABA_B" not in receptors.names(self.inhibitory) and self.gaba_b_factor != 1:
            raise ValueError(
                f"gaba_b_factor: inhibitory is {self.inhibitory}, so there is no GABA_B; leave one of them out"
            )
        if "AMPA_NMDA" not in receptors.names(self.excitatory) and self.without_nmda is not None:
            raise ValueError(
                f"without_nmda: excitatory is {self.excitatory}, so there is no NMDA anywhere; leave one of them out"
            )
        used = {*receptors.names(self.excitatory), *receptors.names(self.inhibitory)}
        used |= {"AMPA"} if self.without_nmda is not None else set()
        for name in self.receptors:
            if name not in used:
                raise ValueError(f"receptors.{name}: neither excitatory nor inhibitory names it; leave it out")
        if self.input_spikes is not None and self.out_of_distribution is not None:
            raise ValueError("out_of_distribution: input_spikes are replayed as they are; leave one of them out")
        dt_ms = self.integration.dt_ms
        if dt_ms is not None and 1000 * self.seconds / dt_ms > MOST_STEPS:
            n_steps = 1000 * self.seconds / dt_ms
            raise ValueError(f"seconds: {n_steps:.1e} steps of {dt_ms:g} ms, expected {MOST_STEPS:.0e} at most")
        if self.nexus_um is not None and not self.record_nexus:
            raise ValueError("nexus_um: the nexus is not recorded; set record_nexus too")
        return self

    @property
    def duration_ms(self) -> int:
        return round(self.seconds * 1000)

    def parameter_set(self) -> Biophysics:
        """What stands on the cell's membrane. Raises InputError as `biophysics.load` and `receptors.of`."""
        found = biophysics.of_cell(self.morphology, self.biophysics, self.mechanisms, self.receptors)
        self.point_processes(found)
        return found

    def point_processes(self, parameters: Biophysics) -> list[str]:
        """Those that its synapses have on a cell of these parameters. Raises InputError as `receptors.of`."""
        signs = ("excitatory", "inhibitory")
        found = (receptors.of(sign, getattr(self, sign), parameters.receptors) for sign in signs)
        return sorted({receptor.process for each in found for receptor in each.values()})

    def dataset_id(self, morphology: Morphology | None) -> str:
        """16 hex digits of what fixes the data: this configuration and the content of every file that it names.

        Fields at their default do not count, so an id stays what it is when a later apical has a field more. Nor does
        engine 'coreneuron', which was the default, and exact rates, which were all that there was; rates of tables
        do on a cell that has one.
        morphology: what `morphologies.resolve` finds; None for a neuron without one.
        Raises InputError where the input spikes cannot be read.
        """
        by_name = {"preset", "morphology", "biophysics", "mechanisms", "receptors", *RECORDINGS}
        parts = self.model_dump(mode="json", exclude=by_name, exclude_defaults=True)
        how = parts.pop("integration", {})
        how = {n: v for n, v in how.items() if (n, v) != ("engine", "coreneuron") and n != "exact_rates"}
        if morphology is not None:
            stands = self.parameter_set()
            if stands.has_tables() and not self.integration.exact_rates:
                how["exact_rates"] = False
            parts["biophysics"] = stands.model_dump(mode="json", exclude=NAMES_OF_FILES)
            parts["morphology"] = morphology.sha256
        if how:
            parts["integration"] = how
        if self.input_spikes is not None:
            parts["input_spikes"] = given.digest(self.input_spikes)
            parts = {name: part for name, part in parts.items() if name not in ("statistics", "seed")}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

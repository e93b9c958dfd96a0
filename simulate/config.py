"""What is simulated: one frozen configuration, the same in Python, in TOML and in a dataset's attributes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from . import biophysics, input_files
from .cells import Morphology
from .engine.base import Integration
from .lif import Lif
from .names import nearest
from .out_of_distribution import OutOfDistribution
from .stimulus import InputStatistics
from .synapses import Domain

DEFAULT_PRESET = "nmda-ttpc1"
RECORDINGS = ("record_fine", "record_nexus", "nexus_um", "record_dendrites")  # what is looked at, not what happens
OF_A_CELL = (  # what a neuron without NEURON does not have
    "morphology",
    "biophysics",
    "excitatory",
    "inhibitory",
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
SegmentNumber = Annotated[int, Field(ge=0)]


class Simulation(BaseModel):
    """A simulated experiment. With the seed, trial numbers fix every input spike."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    preset: str = Field(description="name it started from")
    morphology: str = Field("ttpc1", description="catalogue name, or path to an .asc or .swc file")
    biophysics: str = Field("shai2015", description="parameter set, or path to a .toml file")
    excitatory: Literal["AMPA", "AMPA_NMDA"] = Field("AMPA_NMDA", description="receptors of excitatory synapses")
    inhibitory: Literal["GABA_A", "GABA_B", "GABA_AB"] = Field("GABA_A", description="receptors of inhibitory ones")
    gaba_b_factor: float = Field(1.0, ge=0, description="on the conductance of GABA_B")
    without_nmda: Domain | None = Field(None, description="dendrites whose excitatory synapses have AMPA only")
    synapses_per_segment: int = Field(1, ge=1, le=100, description="of each sign; they share the segment's input")
    passive_dendrites: bool = Field(False, description="no channels but the leak in basal and apical dendrites")
    sk_e2_factor: float = Field(1.0, ge=0, description="on the density of SK_E2")
    ih_shift_mv: float = Field(0.0, ge=-100, le=100, description="of Ih's activation; above 0, more is open at rest")
    lif: Lif | None = Field(None, description="a leaky integrate-and-fire neuron in place of the cell")
    statistics: InputStatistics = Field(description="ranges of the input rates")
    out_of_distribution: OutOfDistribution | None = Field(None, description="changes those rates trial by trial")
    input_spikes: str | None = Field(None, description="path of input spikes to replay, in place of random ones")
    seconds: float = Field(6.0, ge=0.001, le=3600, description="length of a trial")
    seed: int = Field(0, ge=0, description="fixes the random input, together with the trial number")
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
            for name in OF_A_CELL:
                if getattr(self, name) != default[name]:
                    raise ValueError(f"{name}: a leaky integrate-and-fire neuron has none, leave it out")
        if self.inhibitory == "GABA_A" and self.gaba_b_factor != 1:
            raise ValueError("gaba_b_factor: inhibitory is GABA_A, so there is no GABA_B; leave one of them out")
        if self.excitatory == "AMPA" and self.without_nmda is not None:
            raise ValueError("without_nmda: excitatory is AMPA, so there is no NMDA anywhere; leave one of them out")
        if self.input_spikes is not None and self.out_of_distribution is not None:
            raise ValueError("out_of_distribution: input_spikes are replayed as they are; leave one of them out")
        if self.nexus_um is not None and not self.record_nexus:
            raise ValueError("nexus_um: the nexus is not recorded; set record_nexus too")
        return self

    @property
    def duration_ms(self) -> int:
        return round(self.seconds * 1000)

    def dataset_id(self, morphology: Morphology | None) -> str:
        """16 hex digits of what fixes the data: this configuration and the content of every file that it names.

        Fields at their default do not count, so an id stays what it is when a later apical has a field more.
        morphology: what `cells.resolve` finds; None for a neuron without one.
        Raises InputError where the input spikes cannot be read.
        """
        by_name = {"preset", "morphology", "biophysics", *RECORDINGS}
        parts = self.model_dump(mode="json", exclude=by_name, exclude_defaults=True)
        if morphology is not None:
            parts["biophysics"] = biophysics.load(self.biophysics).model_dump(mode="json")
            parts["morphology"] = morphology.sha256
        if self.input_spikes is not None:
            parts["input_spikes"] = input_files.digest(self.input_spikes)
            parts = {name: part for name, part in parts.items() if name not in ("statistics", "seed")}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _ranges(most_basal: float, most_apical: float, difference: tuple[float, float]) -> InputStatistics:
    """Excitatory counts from 0 up to a limit per tree; inhibitory counts within `difference` of them in both trees."""
    return InputStatistics(
        excitatory_basal=(0, most_basal),
        excitatory_apical=(0, most_apical),
        inhibitory_minus_excitatory_basal=difference,
        inhibitory_minus_excitatory_apical=difference,
    )


def nmda_ttpc1() -> Simulation:
    """NMDA input set with ranges chosen for morphology ttpc1, whose more numerous segments need more input."""
    return Simulation(preset="nmda-ttpc1", statistics=_ranges(1600, 1600, (-900, 200)))


def nmda() -> Simulation:
    """Published NMDA input set: excitatory synapses with AMPA and NMDA (NeuronIO, with morphology hay2011)."""
    return Simulation(preset="nmda", statistics=_ranges(800, 800, (-600, 200)))


def ampa() -> Simulation:
    """Published AMPA-only input set."""
    return Simulation(preset="ampa", excitatory="AMPA", statistics=_ranges(1900, 2000, (-1650, 150)))


def ampa_sk() -> Simulation:
    """Published AMPA-only input set with a tenth of the SK_E2 current."""
    statistics = _ranges(1900, 2000, (-1500, 300))
    return Simulation(preset="ampa-sk", excitatory="AMPA", sk_e2_factor=0.1, statistics=statistics)


def ball_and_stick() -> Simulation:
    """Ball-and-stick cell with AMPA and NMDA; half the published NMDA ranges."""
    return Simulation(
        preset="ball-and-stick",
        morphology="ball-and-stick",
        biophysics="ball-and-stick",
        statistics=_ranges(400, 400, (-300, 100)),
    )


def passive_dendrites() -> Simulation:
    """nmda-ttpc1 with dendrites that have no channels but the leak."""
    return _variant("passive-dendrites", passive_dendrites=True)


def ih_shift() -> Simulation:
    """nmda-ttpc1 with the activation of Ih moved by +20 mV, so that more of it is open at rest."""
    return _variant("ih-shift", ih_shift_mv=20.0)


def gaba_b() -> Simulation:
    """nmda-ttpc1 with GABA_B beside GABA_A, at 3 % of its conductance, and fewer inhibitory spikes.

    At all of it, input at those rates holds the cell at -95 mV: GABA_B lasts 33 times as long as GABA_A.
    """
    statistics = _ranges(1600, 1600, (-1500, -400))  # chosen: 1.3 Hz on ttpc1
    return _variant("gaba-b", inhibitory="GABA_AB", gaba_b_factor=0.03, statistics=statistics)


def dense() -> Simulation:
    """nmda-ttpc1 with three synapses of each sign on a segment, which share its input."""
    return _variant("dense", synapses_per_segment=3)


def nmda_basal() -> Simulation:
    """nmda-ttpc1 without NMDA in the apical tree."""
    return _variant("nmda-basal", without_nmda=Domain(tree="apical"))


def ood() -> Simulation:
    """nmda-ttpc1 out of distribution: up to 30 % of 64 clusters, half of trials modulated, half without inhibition."""
    return _variant("ood", out_of_distribution=OutOfDistribution())


def recorded() -> Simulation:
    """nmda-ttpc1 with the voltages of the nexus and of every segment kept."""
    return _variant("recorded", record_nexus=True, record_dendrites="all")


def lif() -> Simulation:
    """A leaky integrate-and-fire neuron with exponential synapses (the control of Beniaguev et al. 2021, Figure 1)."""
    return Simulation(preset="lif", lif=Lif(), statistics=_ranges(100, 100, (-60, 20)))


def _variant(name: str, **fields: object) -> Simulation:
    return Simulation.model_validate(nmda_ttpc1().model_dump() | {"preset": name} | fields)


PRESETS: dict[str, Callable[[], Simulation]] = {
    "nmda-ttpc1": nmda_ttpc1,
    "nmda": nmda,
    "ampa": ampa,
    "ampa-sk": ampa_sk,
    "ball-and-stick": ball_and_stick,
    "passive-dendrites": passive_dendrites,
    "ih-shift": ih_shift,
    "gaba-b": gaba_b,
    "dense": dense,
    "nmda-basal": nmda_basal,
    "ood": ood,
    "recorded": recorded,
    "lif": lif,
}


def preset(name: str) -> Simulation:
    """The configuration called `name`. Raises InputError with the nearest name where there is none."""
    return PRESETS[nearest("preset", name, PRESETS)]()

"""What is simulated: one frozen configuration, the same in Python, in TOML and in a dataset's attributes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from . import biophysics
from .cells import Morphology
from .engine.base import Integration
from .names import nearest
from .stimulus import InputStatistics

V_INIT_MV = -76.0  # Beniaguev et al. 2021


class Simulation(BaseModel):
    """A simulated experiment. With the seed, trial numbers fix every input spike.

    preset: the name it started from. morphology: catalogue name or path; biophysics: parameter set, or path.
    seconds: length of a trial. record_fine: keep the soma voltage at 8 samples per ms too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    preset: str
    morphology: str = "ttpc1"
    biophysics: str = "shai2015"
    excitatory: Literal["AMPA", "AMPA_NMDA"] = "AMPA_NMDA"
    inhibitory: Literal["GABA_A", "GABA_B", "GABA_AB"] = "GABA_A"
    sk_e2_factor: float = Field(1.0, ge=0)
    statistics: InputStatistics
    seconds: float = Field(6.0, ge=0.001, le=3600)
    seed: int = Field(0, ge=0)
    integration: Integration = Integration()
    record_fine: bool = False

    @property
    def duration_ms(self) -> int:
        return round(self.seconds * 1000)

    def dataset_id(self, morphology: Morphology) -> str:
        """16 hex digits of what fixes the data: this configuration, the parameter set and the morphology's content."""
        parts = self.model_dump(mode="json", exclude={"preset", "morphology", "record_fine"})
        parts["biophysics"] = biophysics.load(self.biophysics).model_dump(mode="json")
        parts["morphology"] = morphology.sha256
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


PRESETS: dict[str, Callable[[], Simulation]] = {
    "nmda-ttpc1": nmda_ttpc1,
    "nmda": nmda,
    "ampa": ampa,
    "ampa-sk": ampa_sk,
    "ball-and-stick": ball_and_stick,
}


def preset(name: str) -> Simulation:
    """The configuration called `name`. Raises InputError with the nearest name where there is none."""
    return PRESETS[nearest("preset", name, PRESETS)]()

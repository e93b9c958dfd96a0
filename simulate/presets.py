"""The configurations that have a name."""

from __future__ import annotations

from collections.abc import Callable

from .cell.morphologies import MEAREC
from .cell.synapses import Domain
from .config import Lif, Simulation
from .names import nearest
from .stimulus.out_of_distribution import OutOfDistribution
from .stimulus.statistics import InputStatistics

DEFAULT_PRESET = "nmda-ttpc1"
# Spikes per 100 ms and tree of the published cells beside ttpc1: excitatory ones at most, and the range of inhibitory
# ones relative to them. Chosen for 0.5 to 5 Hz (measured: docs/cell.md).
RANGES = {
    "ttpc2": (800, (-400, 200)),
    "stpc": (560, (-280, 140)),
    "utpc": (200, (-100, 50)),
    "bp": (40, (-30, 10)),
    "btc": (80, (-60, 20)),
    "dbc": (200, (-150, 50)),
    "lbc": (80, (-60, 20)),
    "mc": (80, (-60, 20)),
    "nbc": (16, (-12, 4)),
    "chc": (32, (-24, 8)),
    "ngc": (32, (-24, 8)),
    "sbc": (40, (-30, 10)),
}


def _ranges(most_basal: float, most_apical: float, difference: tuple[float, float]) -> InputStatistics:
    """Excitatory counts from 0 up to a limit per tree; inhibitory counts within `difference` of them in both trees."""
    return InputStatistics(
        excitatory_basal=(0, most_basal),
        excitatory_apical=(0, most_apical),
        inhibitory_minus_excitatory_basal=difference,
        inhibitory_minus_excitatory_apical=difference,
    )


def nmda_ttpc1() -> Simulation:
    """NMDA input set with ranges chosen for the published cell of morphology ttpc1, which then fires at 1.2 Hz."""
    return Simulation(preset="nmda-ttpc1", statistics=_ranges(800, 800, (-400, 200)))


def _nmda_of(cell: str) -> Callable[[], Simulation]:
    most, difference = RANGES[cell]

    def nmda_of() -> Simulation:
        return Simulation(preset=f"nmda-{cell}", morphology=cell, statistics=_ranges(most, most, difference))

    nmda_of.__doc__ = f"NMDA input set with ranges chosen for {cell}, a {MEAREC[cell].kind}."
    return nmda_of


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
    statistics = _ranges(800, 800, (-650, -150))  # chosen for a rate like the others'
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
    **{f"nmda-{cell}": _nmda_of(cell) for cell in RANGES},
    "lif": lif,
}


def preset(name: str) -> Simulation:
    """The configuration called `name`.

    name: one of those that `apical presets` lists, such as nmda-ttpc1.
    Raises InputError with the nearest name where there is none.
    """
    return PRESETS[nearest("preset", name, PRESETS)]()

"""Checks of what the cell does when it fires: the dendritic protocols, step currents, and the f-I curve.

Source: Hay et al. 2011, PLoS Comput Biol 7:e1002107, Figures 1 and 4.
"""

from __future__ import annotations

import numpy as np

from ..engine.interface import Pulse
from ..schema import InputError
from ..trial.output_spikes import SPIKE_PEAK_MV
from . import features, protocols
from .checks import Check, Findings, check
from .protocols import STEP_MS, Response
from .specimen import Specimen

# Tolerances. The golden values come from the variable step; a fixed step is right when it moves spikes by less than
# the 1 ms bin of a dataset and dendritic peaks by less than 2.5 mV, the spread of the calcium spike's height between
# cells (Hay et al. 2011, Table 1). First order at 0.05 ms moves them by 3 ms and 60 mV, and must fail.
SPIKE_MS, PEAK_MV = 1.0, 2.5
SOMA_PEAK_MV = 5.0  # AP height varies by 5 mV between cells (Hay et al. 2011, Table 1); an overshoot moves no spike
SUBTHRESHOLD_MV = 0.5  # rest, and peaks of an EPSP
ABOVE_MS = 2.0
COUNT = 1  # a spike more or less at the end of a step

FI_MS, FI_V_INIT_MV = (200.0, 1200.0), -76.0  # Beniaguev et al. 2021 start from there
FI_NA = tuple(round(0.2 * i, 1) for i in range(9))
FI_QUICK_NA = (0.4, 0.6, 0.8, 1.0)


def dendrites(specimen: Specimen) -> Findings:
    """Back-propagation, calcium burst, BAC firing and the EPSP alone, against golden values."""
    found = Findings()
    try:
        runs = protocols.protocols(specimen.cell)
    except InputError as error:
        return Findings(remarks=[f"dendritic protocols left out: {error}"])
    for name, (currents, duration_ms) in runs.items():
        response = specimen.run(currents, duration_ms)
        found.traces[name] = {"time_ms": response.time_ms, **response.v_mv}
        spikes_ms = response.spike_times_ms()

        def compare(quantity: str, unit: str, value, tolerance: float, name: str = name) -> None:
            found.checks.append(specimen.reference.check(name, quantity, unit, value, tolerance))

        compare("spike times", "ms", spikes_ms, SPIKE_MS)
        if name == "bAP":
            compare("soma at 290 ms", "mV", response.at_mv("soma", 290), SUBTHRESHOLD_MV)
        for site in ("soma", "400 um", "620 um"):
            subthreshold = name == "EPSP"
            tolerance = SUBTHRESHOLD_MV if subthreshold else SOMA_PEAK_MV if site == "soma" else PEAK_MV
            compare(f"peak {site}", "mV", response.peak_mv(site), tolerance)
        if name == "Ca burst":
            compare("620 um above -40 mV", "ms", response.above_ms("620 um", -40), ABOVE_MS)
        if name == "BAC":
            compare("mean ISI", "ms", np.diff(spikes_ms).mean() if len(spikes_ms) > 1 else np.nan, SPIKE_MS)
    return found


def steps(specimen: Specimen) -> Findings:
    """The three 2 s steps: spikes and first latency against golden values, eFEL's features beside experiments'."""
    found, rates_hz, until_ms = Findings(), [], STEP_MS[1] + 300
    held = Pulse(specimen.soma, 0, until_ms, specimen.reference.holding_na)
    for amplitude_na in specimen.reference.steps_na:
        name = f"step {round(amplitude_na, 3)} nA"
        response = specimen.run([Pulse(specimen.soma, *STEP_MS, amplitude_na), held], until_ms)
        found.traces[name] = {"time_ms": response.time_ms, "soma": response.v_mv["soma"]}
        spikes_ms = response.spike_times_ms()
        rates_hz.append(len(spikes_ms) / (STEP_MS[1] - STEP_MS[0]) * 1000)
        latency_ms = spikes_ms[0] - STEP_MS[0] if len(spikes_ms) else np.nan
        reference = specimen.reference
        found.checks += [
            reference.check(name, "spikes", "1", len(spikes_ms), COUNT),
            reference.check(name, "first latency", "ms", latency_ms, SPIKE_MS),
            _efel_counts_the_same(name, response, amplitude_na),
        ]
        wanted = [feature for feature, _ in features.FIRING.values()]
        values = features.extract(response, wanted, STEP_MS, amplitude_na)
        found.checks += [
            reference.beside(name, quantity, unit, values[feature])
            for quantity, (feature, unit) in features.FIRING.items()
        ]
    found.curves["steps"] = {
        "amplitude_na": list(specimen.reference.steps_na),
        "rate_hz": rates_hz,
    }
    return found


def _efel_counts_the_same(name: str, response: Response, amplitude_na: float) -> Check:
    """Of the whole trace: at the step's edges eFEL places a spike where it is highest, and we where it begins."""
    counted = features.extract(response, ["spike_count"], STEP_MS, amplitude_na, whole=True)["spike_count"]
    ours = len(response.spike_times_ms())
    return check(name, "spikes by eFEL", "1", counted, ours, 0, "measured", "our own count of the same trace")


def f_i(specimen: Specimen) -> Findings:
    """Spikes under 1 s steps from -76 mV, counted as peaks above -25 mV, against golden values where there are."""
    found = Findings()
    amplitudes_na = FI_QUICK_NA if specimen.quick else FI_NA
    counts = []
    for amplitude_na in amplitudes_na:
        currents = [Pulse(specimen.soma, *FI_MS, amplitude_na)]
        response = specimen.run(currents, FI_MS[1], v_init_mv=FI_V_INIT_MV)
        counts.append(len(response.spike_times_ms(SPIKE_PEAK_MV)))
        found.checks.append(specimen.reference.check("f-I", f"spikes at {amplitude_na} nA", "1", counts[-1], COUNT))
    seconds = (FI_MS[1] - FI_MS[0]) / 1000
    found.curves["f_i"] = {"amplitude_na": list(amplitudes_na), "rate_hz": [n / seconds for n in counts]}
    return found

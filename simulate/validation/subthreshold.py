"""Checks of the cell at rest: resting state, input resistance, sag, and how EPSPs lose height on their way."""

from __future__ import annotations

import numpy as np

from ..engine.interface import Epsp, Pulse
from ..schema import InputError
from . import features
from .checks import Findings, check
from .protocols import EPSP_ONSET_MS
from .specimen import Specimen

STEP_MS, TAIL_MS = (1000.0, 2000.0), 300.0  # rest has settled by then: calcium and SK need most of a second
SMALL_NA, SAG_NA = -0.05, -0.4  # 2 mV: the cell is linear there; 15 mV: Ih opens
DRIFT_MV = 0.05  # over the last 100 ms before a step; a hundredth of that is usual

EPSP_NA, EPSP_WINDOW_MS = 0.1, 60.0  # about 2 mV at the site
ATTENUATION_UM = (50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 620.0, 700.0)
QUICK_UM = (100.0, 400.0, 620.0)
RECIPROCITY = 0.03  # relative; active conductances make the cell less than linear


def rest(specimen: Specimen) -> Findings:
    """Resting potential and its drift, input resistance, membrane time constant, and sag, with eFEL."""
    small, large = (
        specimen.run([Pulse(specimen.soma, *STEP_MS, na)], STEP_MS[1] + TAIL_MS) for na in (SMALL_NA, SAG_NA)
    )
    of_small = features.extract(
        small, ["voltage_base", "ohmic_input_resistance_vb_ssse", "decay_time_constant_after_stim"], STEP_MS, SMALL_NA
    )
    of_large = features.extract(large, ["sag_amplitude", "sag_ratio2"], STEP_MS, SAG_NA)
    drift_mv = small.at_mv("soma", STEP_MS[0]) - small.at_mv("soma", STEP_MS[0] - 100)
    told = specimen.reference.beside
    return Findings(
        checks=[
            check("rest", "drift in 100 ms", "mV", drift_mv, 0.0, DRIFT_MV, "theory", "a cell at rest stays there"),
            told("rest", "resting potential", "mV", of_small["voltage_base"]),
            told("rest", "input resistance", "Mohm", of_small["ohmic_input_resistance_vb_ssse"]),
            told("rest", "membrane time constant", "ms", of_small["decay_time_constant_after_stim"]),
            told("rest", f"sag at {SAG_NA} nA", "mV", of_large["sag_amplitude"]),
            told("rest", "steady state / peak", "1", of_large["sag_ratio2"]),
        ],
        traces={
            f"{na} nA": {"time_ms": each.time_ms, "soma": each.v_mv["soma"]}
            for na, each in ((SMALL_NA, small), (SAG_NA, large))
        },
    )


def attenuation(specimen: Specimen) -> Findings:
    """The same EPSP-like current at several distances up the apical trunk: its height there and at the soma.

    Reciprocity checks it: in a linear cable the current at the site moves the soma exactly as the same current at the
    soma moves the site, whatever the branching.
    Source: Koch, Biophysics of Computation, 1999, section 2.2 (transfer impedances are symmetric).
    """
    sites = {}
    for distance_um in QUICK_UM if specimen.quick else ATTENUATION_UM:
        try:
            sites[distance_um] = specimen.cell.at_apical_distance(distance_um)
        except InputError:
            break
    if not sites:
        return Findings(remarks=["EPSP attenuation left out: the apical dendrite is too short"])
    until_ms = EPSP_ONSET_MS + EPSP_WINDOW_MS
    from_soma = specimen.run(
        [Epsp(specimen.soma, EPSP_ONSET_MS, EPSP_NA)], until_ms, sites={f"{d:.0f} um": s for d, s in sites.items()}
    )
    local, soma, back = [], [], []
    for distance_um, site in sites.items():
        here = {"soma": specimen.soma, "site": site}
        response = specimen.run([Epsp(site, EPSP_ONSET_MS, EPSP_NA)], until_ms, sites=here)
        local.append(_height_mv(response, "site"))
        soma.append(_height_mv(response, "soma"))
        back.append(_height_mv(from_soma, f"{distance_um:.0f} um"))
    ratio = np.array(soma) / np.array(back)
    told = specimen.reference.beside
    found = Findings(
        checks=[
            told("EPSP attenuation", f"site / soma at {d:.0f} um", "1", there / here)
            for d, there, here in zip(sites, local, soma, strict=True)
        ],
        curves={
            "attenuation": {"distance_um": list(sites), "local_mv": local, "soma_mv": soma, "soma_to_site_mv": back}
        },
    )
    found.checks.append(
        check(
            "EPSP attenuation",
            "there / back",
            "1",
            ratio[np.argmax(np.abs(ratio - 1))],
            1.0,
            RECIPROCITY,
            "theory",
            "reciprocity of the linear cable; the distance where it is worst",
        )
    )
    return found


def _height_mv(response, site: str) -> float:
    return response.peak_mv(site, EPSP_ONSET_MS) - response.at_mv(site, EPSP_ONSET_MS)

"""One published NeuronIO pickle, checked, as the arrays of our schema.

Source: Beniaguev, Segev & London 2021, Neuron 109:2727; the pickles are what its simulation script wrote.
T ms, N dendritic segments, S = 2 N synapses: N excitatory, then N inhibitory, in segment order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..schema import FINE_PER_MS, SPIKE_BIN_OFFSET_MS, InputError
from ..trial.output_spikes import peaks
from . import array_pickle

RECEPTORS = {"NMDA": "AMPA_NMDA", "AMPA": "AMPA", "GABA_A": "GABA_A", "GABA_B": "GABA_B", "GABA_AB": "GABA_AB"}
VOLTAGES = {
    "soma_v_mv": "somaVoltageLowRes",
    "soma_v_fine_mv": "somaVoltageHighRes",
    "nexus_v_mv": "nexusVoltageLowRes",
    "dendrite_v_mv": "dendriticVoltagesLowRes",
}
SETTING_LENGTH = 32  # longer lists in Params are tables of sections, segments or trials


class NeuronIOFile:
    """A pickle of which the input spikes are held in memory; voltages are read from the file when they are asked for.

    duration_ms: T; n_trials: trials it holds; settings: the scalars and short lists of its `Params`.
    coordinates: of synapses and segments, as in the schema.
    has_dendrites: every trial has the voltage of every segment.
    report: called with the bytes read so far.
    Raises InputError where it is no pickle of arrays, or not laid out as NeuronIO's.
    """

    def __init__(self, path: Path, report: Callable[[int], None] | None = None) -> None:
        content = array_pickle.load(path, report)
        self._path = path
        self._params = self._field(content, "Params", dict)
        self._trials = self._field(self._field(content, "Results", dict), "listOfSingleSimulationDicts", list)
        if not self._trials:
            raise InputError(f"{path}: 'listOfSingleSimulationDicts' holds no trial")
        self.n_trials = len(self._trials)
        seconds = self._field(self._params, "totalSimDurationInSec", (int, float))
        if not 0 < seconds < math.inf:
            raise InputError(f"{path}: 'totalSimDurationInSec' is {seconds}, expected more than 0")
        self.duration_ms = round(1000 * seconds)
        self.settings = {name: value for name, value in self._params.items() if _is_setting(value)}
        self.coordinates = self._coordinates()
        self.has_dendrites = all(isinstance(t, dict) and VOLTAGES["dendrite_v_mv"] in t for t in self._trials)

    def arrays(self, trial: int, voltages: Iterable[str]) -> dict[str, np.ndarray]:
        """Input spikes (S, T), output spike times (ms) and the `voltages` (mV) of one trial, named as in the schema."""
        spikes = {"input_spikes": self.input_spikes(trial)} | self.output_spike_times_ms(trial)
        return spikes | {name: self.voltage(trial, name) for name in voltages}

    def voltage(self, trial: int, name: str) -> np.ndarray:
        """Voltage `name` of our schema (mV): (T,), fine (8 T,), of the dendrites (N, T)."""
        n_segments, duration_ms = len(self.coordinates["segment_x"]), self.duration_ms
        shape = {
            "soma_v_fine_mv": (duration_ms * FINE_PER_MS,),
            "dendrite_v_mv": (n_segments, duration_ms),
        }.get(name, (duration_ms,))
        return self._numbers(self._trials[trial], VOLTAGES[name], shape, "f4", f"trial {trial}")

    def input_spikes(self, trial: int) -> np.ndarray:
        """Input spikes as booleans (S, T)."""
        n_segments = len(self.coordinates["segment_x"])
        spikes = np.zeros((2, n_segments, self.duration_ms), dtype=bool)
        for of_sign, name in zip(spikes, ("exInputSpikeTimes", "inhInputSpikeTimes"), strict=True):
            times_of = self._field(self._trials[trial], name, dict, f"trial {trial}")
            for segment, times in times_of.items():
                where = f"{self._path}: trial {trial}: '{name}' of segment {segment}"
                if not isinstance(segment, int) or not 0 <= segment < n_segments:
                    raise InputError(f"{where}: no such segment, the file has 0 to {n_segments - 1}")
                at = np.asarray(times)
                if not at.size:
                    continue
                if at.dtype.kind not in "iu":
                    raise InputError(f"{where}: times are of type {at.dtype}, expected whole milliseconds")
                if at.min() < 0 or at.max() >= self.duration_ms:
                    raise InputError(
                        f"{where}: a spike outside the trial of {self.duration_ms} ms (times {at.min()} to {at.max()})"
                    )
                of_sign[segment, at] = True
        return spikes.reshape(2 * n_segments, self.duration_ms)

    def output_spike_times_ms(self, trial: int) -> dict[str, np.ndarray]:
        """Output spike times (ms): found in the fine soma trace, and as published."""
        published = self._numbers(self._trials[trial], "outputSpikeTimes", None, "f8", f"trial {trial}")
        # Published label: bin = int(t - 0.5); rounding to float16 can move a spike of the last bin past the end.
        if ((published < 0) | (published >= self.duration_ms + SPIKE_BIN_OFFSET_MS)).any():
            raise InputError(
                f"{self._path}: trial {trial}: 'outputSpikeTimes' has a spike outside the trial of "
                f"{self.duration_ms} ms (times {published.min():g} to {published.max():g})"
            )
        return {
            "output_spike_time_ms": peaks(self.voltage(trial, "soma_v_fine_mv")) / FINE_PER_MS,
            "output_spike_time_published_ms": published,
        }

    def _coordinates(self) -> dict[str, np.ndarray]:
        trees = self._field(self._params, "allSegmentsType", list)
        n_segments = len(trees)
        if not trees or not all(tree in ("basal", "apical") for tree in trees):
            raise InputError(f"{self._path}: 'allSegmentsType' must hold 'basal' or 'apical' for every segment")

        def of_segments(name: str, dtype: str = "f8") -> np.ndarray:
            return self._numbers(self._params, name, (n_segments,), dtype)

        section, length_um = of_segments("allSegments_SectionInd", "i8"), of_segments("allSegmentsLength")
        if section.min() < 0 or section.max() >= n_segments:
            raise InputError(f"{self._path}: 'allSegments_SectionInd' has sections {section.min()} to {section.max()}")
        distance_um = of_segments("allSegments_DistFromSoma")
        # SectionDistFromSoma is the path length to the start of the segment's section (NeuronIO counts sections on
        # from basal to apical, we count them within each tree).
        into_section_um = distance_um - of_segments("allSegments_SectionDistFromSoma")
        section_length_um = np.bincount(section, length_um)[section]
        tree = np.array(trees)
        first_section = {name: section[tree == name].min() for name in set(trees)}
        receptors = [self._receptor("excitatorySynapseType"), self._receptor("inhibitorySynapseType")]
        return {
            "synapse_sign": np.repeat(np.array([1, -1], "i1"), n_segments),
            "synapse_receptor": np.repeat(receptors, n_segments),
            "synapse_segment": np.tile(np.arange(n_segments), 2),
            "segment_type": tree,
            "segment_section": section - np.array([first_section[name] for name in trees]),
            "segment_x": into_section_um / section_length_um,
            "segment_distance_um": distance_um,
            "segment_length_um": length_um,
        }

    def _receptor(self, name: str) -> str:
        receptor = self._field(self._params, name, str)
        if receptor not in RECEPTORS:
            raise InputError(f"{self._path}: '{name}' is '{receptor}', expected one of {', '.join(RECEPTORS)}")
        return RECEPTORS[receptor]

    def _field(self, holder: Any, name: str, kind: type | tuple[type, ...], where: str = "") -> Any:
        at = f"{self._path}: {where}: " if where else f"{self._path}: "
        if not isinstance(holder, dict) or name not in holder:
            raise InputError(f"{at}'{name}' is missing: not a NeuronIO file")
        if not isinstance(holder[name], kind):
            raise InputError(f"{at}'{name}' is of type {type(holder[name]).__name__}: not a NeuronIO file")
        return holder[name]

    def _numbers(self, holder: Any, name: str, shape: tuple | None, dtype: str, where: str = "") -> np.ndarray:
        at = f"{self._path}: {where}: " if where else f"{self._path}: "
        found = self._field(holder, name, object, where)
        try:
            values = np.asarray(found).astype(dtype)
        except OSError as error:
            raise InputError(f"{at}'{name}' cannot be read ({error.strerror}); check the path") from error
        except (TypeError, ValueError) as error:
            raise InputError(f"{at}'{name}' does not hold numbers: not a NeuronIO file") from error
        if values.shape != shape and (shape is not None or values.ndim != 1):
            raise InputError(f"{at}'{name}' has shape {values.shape}, expected {shape or 'a list'}")
        if not np.isfinite(values).all():
            raise InputError(f"{at}'{name}' holds values that are not finite")
        return values


def _is_setting(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= SETTING_LENGTH and all(_is_setting(part) for part in value)
    return value is None or isinstance(value, (bool, int, float, str))

"""NWB, Neurodata Without Borders: current clamp and spike times become a dataset.

A trial is a CurrentClampSeries of `acquisition`; times of spikes are in seconds of the session, as everywhere in NWB.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..schema import InputError
from ..schema.input_error import one_line
from . import sampling
from .arrays import write
from .npz import GIVEN, input_of, told
from .recorded import NS_MS, recorded


class Sweep(NamedTuple):
    """A current clamp series: its name, start in s of the session, rate, and voltage (n,)."""

    name: str
    start_s: float
    khz: float
    v_mv: np.ndarray


def import_nwb(
    file: str | Path,
    out: str | Path,
    *,
    input_spikes: str | Path | None = None,
    name: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the current clamp series of an NWB file as a dataset, of which the path is returned.

    file: the NWB file. out: where the dataset is written. name: what it is called. overwrite: replace what is at `out`.
    input_spikes: an .npz of `input_spikes` and `sign` as `from_arrays` has them, and `segment`, `distance_um` and
    `tree` where they are known. Without it, the units that have a `sign` of +1 or -1 are the synapses.
    Each series is a trial, in order of time: its data times conversion plus offset. The unit without a sign, where
    there is one, has the output spikes; else they are found in the voltage.
    Raises InputError for a file that is no NWB or holds no current clamp, series of unequal lengths or rates, samples
    without equal steps, units of which it is not said what they are, and as `from_arrays` does.
    """
    path = Path(file)
    files = [told(path)]
    sweeps, units = _read(path)
    first = sweeps[0]
    for other in sweeps[1:]:
        if (other.v_mv.size, round(other.khz, 6)) != (first.v_mv.size, round(first.khz, 6)):
            raise InputError(
                f"{path}: '{other.name}' has {other.v_mv.size} samples at {other.khz:g} kHz, '{first.name}' "
                f"{first.v_mv.size} at {first.khz:g} kHz; put trials of another length or rate into another file"
            )
    starts_s, ms = [sweep.start_s for sweep in sweeps], sampling.whole_ms(first.v_mv.size, first.khz)
    if input_spikes is not None:
        given = input_of(Path(input_spikes))
        files.append(told(Path(input_spikes)))
    else:
        given = _synapses(path, units, starts_s, ms)
    cells = [times_s for times_s, sign in units if sign not in (1, -1)]
    if len(cells) > 1:
        raise InputError(
            f"{path}: {len(cells)} units without a sign: one of them is the cell, others take +1 or -1 in column 'sign'"
        )
    output_ms = [_within(cells[0], start_s, ms) for start_s in starts_s] if cells else None
    found = recorded(
        str(path), soma_v_mv=np.stack([s.v_mv for s in sweeps]), output_spike_times_ms=output_ms,
        sampling_khz=first.khz, **given
    )  # fmt: skip
    return write(
        found,
        out,
        made_by=name or path.stem,
        files=files,
        sources=[sweep.name for sweep in sweeps],
        command="import-nwb",
        options={"--input-spikes": input_spikes and Path(input_spikes).name, "--name": name},
        overwrite=overwrite,
    )


def library() -> Any:
    """pynwb. Raises InputError where it is not installed."""
    try:
        import pynwb
    except ImportError as error:
        raise InputError("NWB takes pynwb, which is not installed: pip install 'apical[nwb]'") from error
    return pynwb


def _read(path: Path) -> tuple[list[Sweep], list[tuple[np.ndarray, float]]]:
    """The sweeps in order of time; spike times in s and sign of each unit, NaN where it has none."""
    pynwb = library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what the file lacks, and of releases
            with pynwb.NWBHDF5IO(path, "r") as io:
                content = io.read()
                clamped = [
                    each for each in content.acquisition.values() if isinstance(each, pynwb.icephys.PatchClampSeries)
                ]
                sweeps = [_sweep(path, s) for s in clamped if isinstance(s, pynwb.icephys.CurrentClampSeries)]
                units = _units(content.units)
    except InputError:
        raise
    except Exception as error:  # of HDF5, of hdmf and of pynwb, each their own kinds
        raise InputError(f"{path}: not a readable NWB file ({one_line(error)})") from error
    if not sweeps:
        kinds = ", ".join(sorted({type(each).__name__ for each in clamped})) or "no patch clamp series"
        raise InputError(
            f"{path}: holds {kinds} in acquisition; a soma voltage takes a CurrentClampSeries (voltage clamp records a "
            "current)"
        )
    return sorted(sweeps, key=lambda sweep: sweep.start_s), units


def _sweep(path: Path, series: Any) -> Sweep:
    data = np.asarray(series.data[:], float)
    if data.ndim != 1:
        raise InputError(f"{path}: '{series.name}' has shape {data.shape}, expected one voltage over time")
    v_mv = data * (1e3 * series.conversion) + 1e3 * series.offset
    if series.timestamps is None:
        return Sweep(series.name, float(series.starting_time or 0), series.rate / 1e3, v_mv)
    times_s = np.asarray(series.timestamps[:], float)
    if times_s.size != data.size or not times_s.size:
        raise InputError(f"{path}: '{series.name}' has {times_s.size} timestamps of {data.size} samples")
    khz = sampling.rate_khz(1e3 * (times_s - times_s[0]), f"{path}: '{series.name}'")
    return Sweep(series.name, float(times_s[0]), khz, v_mv)


def _units(units: Any) -> list[tuple[np.ndarray, float]]:
    if units is None or "spike_times" not in units.colnames:
        return []
    signs = np.asarray(units["sign"][:], float) if "sign" in units.colnames else np.full(len(units), np.nan)
    return [(np.asarray(units.get_unit_spike_times(i), float), float(sign)) for i, sign in enumerate(signs)]


def _synapses(path: Path, units: list[tuple[np.ndarray, float]], starts_s: list[float], ms: int) -> dict[str, Any]:
    synapses = [(times_s, sign) for times_s, sign in units if sign in (1, -1)]
    if not synapses:
        raise InputError(
            f"{path}: no unit has a 'sign' of +1 or -1, so there are no input spikes: give them with --input-spikes, "
            f"an .npz of {', '.join(GIVEN)}"
        )
    events = [
        (trial, synapse, time_ms)
        for trial, start_s in enumerate(starts_s)
        for synapse, (times_s, _) in enumerate(synapses)
        for time_ms in _within(times_s, start_s, ms)
    ]
    return {"input_spikes": np.array(events, float).reshape(-1, 3), "sign": [int(sign) for _, sign in synapses]}


def _within(times_s: np.ndarray, start_s: float, ms: int) -> np.ndarray:
    times_ms = np.round(1e3 * (times_s - start_s), NS_MS)
    return times_ms[(times_ms >= 0) & (times_ms < ms)]

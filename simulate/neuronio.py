"""Published NeuronIO pickles become one dataset of the schema that `apical simulate` writes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import schema
from .neuronio_file import VOLTAGES, NeuronIOFile
from .schema import FINE_PER_MS, InputError

ROUNDING = (
    "voltages and output_spike_time_published_ms are float16 at the source, so those times are rounded to 2 ms past "
    "2048 ms and to 4 ms past 4096 ms; output_spike_time_ms was found in soma_v_fine_mv"
)


def import_neuronio(
    files: Sequence[str | Path],
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the trials of NeuronIO's pickles, in the order of `files`, as one simulation dataset at `out`.

    overwrite: replace a dataset that is already at `out`; the old one stays until the new one is whole.
    report: called with (trials written, trials in all) after each trial.
    Each file is read twice, the first time to learn what the store must hold; memory is bounded by one file.
    The dendrites' voltages are kept where every file has them. Two spikes of one synapse in the same 1 ms bin are
    one spike, as in the published loader.
    Raises InputError where `out` exists, a file is no NeuronIO pickle, or the files do not belong together.
    """
    out = Path(out)
    _check_target(out, overwrite)
    surveys = [_survey(Path(file)) for file in files]
    _check_agreement(surveys)

    voltages = [name for name in VOLTAGES if name != "dendrite_v_mv" or all(s.has_dendrites for s in surveys)]
    n_spike, n_trials = max(s.n_spike for s in surveys), sum(s.n_trials for s in surveys)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _create(partial, surveys, voltages, n_spike)
        for done, arrays in enumerate(_trials([survey.path for survey in surveys], voltages, n_spike)):
            schema.write_trial(partial, done, arrays)
            if report is not None:
                report(done + 1, n_trials)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if out.exists():
        shutil.rmtree(out)
    return partial.rename(out)


class _Survey(NamedTuple):
    """What must be known of every file before the store is made."""

    path: Path
    sha256: str
    duration_ms: int
    n_trials: int
    n_spike: int
    has_dendrites: bool
    settings: dict
    coordinates: dict[str, np.ndarray]


def _survey(path: Path) -> _Survey:
    file = NeuronIOFile(path)
    spikes = [times for trial in range(file.n_trials) for times in file.output_spike_times_ms(trial).values()]
    with path.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return _Survey(
        path,
        sha256,
        file.duration_ms,
        file.n_trials,
        max(len(times) for times in spikes),
        file.has_dendrites,
        file.settings,
        file.coordinates,
    )


def _check_target(out: Path, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    if out.exists() and not (out / "zarr.json").is_file():
        raise InputError(f"{out}: exists and is not a Zarr store; it is left alone: choose another path")


def _check_agreement(surveys: list[_Survey]) -> None:
    if not surveys:
        raise InputError("no NeuronIO file was given: expected one pickle or more")
    first = surveys[0]
    seen: dict[str, Path] = {}
    for survey in surveys:
        if survey.sha256 in seen:
            raise InputError(f"{survey.path}: has the same trials as {seen[survey.sha256]}; give it once")
        seen[survey.sha256] = survey.path
        for (name, there), here in zip(_traits(first).items(), _traits(survey).values(), strict=True):
            if not np.array_equal(here, there):
                values = f" ({here} against {there})" if np.ndim(here) == 0 else ""
                raise InputError(
                    f"{survey.path}: does not go with {first.path}, '{name}' differs{values}; "
                    "import them into datasets of their own"
                )


def _traits(survey: _Survey) -> dict[str, Any]:
    sizes = {"duration_ms": survey.duration_ms, "number of segments": len(survey.coordinates["segment_x"])}
    return sizes | survey.coordinates


def _create(path: Path, surveys: list[_Survey], voltages: list[str], n_spike: int) -> None:
    first = surveys[0]
    digest = hashlib.sha256("".join(survey.sha256 for survey in surveys).encode()).hexdigest()
    dtypes = {"input_spikes": "?", "output_spike_time_ms": "f8", "output_spike_time_published_ms": "f8"}
    schema.create(
        path,
        "simulation",
        {**dtypes, **dict.fromkeys(voltages, "f4")},
        {
            "trial": np.arange(sum(survey.n_trials for survey in surveys)),
            "time_ms": np.arange(first.duration_ms),
            "time_fine_ms": np.arange(first.duration_ms * FINE_PER_MS) / FINE_PER_MS,
            "source_file": np.repeat([survey.path.name for survey in surveys], [s.n_trials for s in surveys]),
            **first.coordinates,
        },
        n_spike=n_spike,
        dataset_id=f"neuronio-{digest[:16]}",
        config={"made_by": "NeuronIO", "files": [survey.settings for survey in surveys]},
        provenance={
            "source": "NeuronIO: Beniaguev, Segev & London 2021, Neuron 109:2727",
            "files": [{"name": survey.path.name, "sha256": survey.sha256} for survey in surveys],
            "rounding": ROUNDING,
            **schema.made_with("numpy", "zarr"),
        },
    )


def _trials(paths: list[Path], voltages: list[str], n_spike: int) -> Iterator[dict[str, np.ndarray]]:
    for path in paths:
        file = NeuronIOFile(path)
        for trial in range(file.n_trials):
            arrays = {"input_spikes": file.input_spikes(trial)}
            for name, times_ms in file.output_spike_times_ms(trial).items():
                arrays[name] = np.pad(times_ms, (0, n_spike - len(times_ms)), constant_values=np.nan)
            yield arrays | {name: file.voltage(trial, name) for name in voltages}
        del file  # before the next one is read: one file in memory at a time

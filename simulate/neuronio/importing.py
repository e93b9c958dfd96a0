"""Published NeuronIO pickles become one dataset of the schema that `apical simulate` writes.

The store grows beside its place, as NAME.partial, and is put there when it is whole: whatever happens before, that
folder and --resume lead to the same store. Trials are written by position, so several files can be read at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .. import schema
from ..processes import Step, each
from ..schema import FINE_PER_MS, InputError
from .published_file import VOLTAGES, NeuronIOFile
from .survey import Survey, check_agreement, digest, survey

ROUNDING = (
    "voltages and output_spike_time_published_ms are float16 at the source, so those times are rounded to 2 ms past "
    "2048 ms and to 4 ms past 4096 ms; output_spike_time_ms was found in soma_v_fine_mv"
)
MB = 1_000_000


def import_neuronio(
    files: Sequence[str | Path],
    out: str | Path,
    *,
    workers: int = 1,
    resume: bool = False,
    overwrite: bool = False,
    report: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Write the trials of NeuronIO's pickles, in the order of `files`, as one simulation dataset at `out`.

    files: paths of the pickles. out: path of the dataset, which is returned.
    workers: processes, each of which reads a file of its own. resume: go on with an import of these files that was
    stopped. overwrite: replace a dataset that is already at `out`; the old one stays until the new one is whole.
    report: called with (what is done, how much of it, of how much in all): MB checked, then trials imported.
    Nothing is written before every file has been read to its end. A process holds the input spikes of one file and the
    voltages of one trial. The dendrites' voltages are kept where every file has them.
    Two spikes of one synapse in the same 1 ms bin are one spike, as in the published loader.
    Raises InputError where `out` exists, a file is no NeuronIO pickle, or the files do not belong together.
    """
    out, paths = Path(out), [Path(file) for file in files]
    partial = out.with_name(f"{out.name}.partial")
    if not paths or workers < 1:
        raise InputError(f"an import takes at least one NeuronIO file and one worker, got {len(paths)} and {workers}")
    for path in (out, partial):
        schema.recover(path)
    _check_target(out, partial, resume, overwrite)
    store = next((path for path in (partial, out) if _is_begun(path)), None) if resume else None

    passes = 1 if store else 2  # of the files, before trials are written
    check = _counter(report, "Checking (MB)", passes * sum(map(_size, paths)), passes * MB)
    if store is None:
        surveys = each(survey, [(path,) for path in paths], workers, check)
        check_agreement(surveys)
        digests = [survey.sha256 for survey in surveys]
        _create(partial, surveys)
        store = partial
    else:
        digests = each(digest, [(path,) for path in paths], workers, check)
    _fill(store, paths, digests, workers, report)
    if store == partial:
        try:
            schema.put(partial, out)
        except OSError as error:
            raise schema.unwritten(out, error, "give --resume") from error
    return out


def _check_target(out: Path, partial: Path, resume: bool, overwrite: bool) -> None:
    for path in (out, partial):
        if path.exists() and not (path / "zarr.json").is_file():
            raise InputError(f"{path}: exists and is not a Zarr store; it is left alone: choose another path")
    if out.exists() and not overwrite and not (resume and not partial.exists()):
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    if partial.exists() and not (resume or overwrite):
        raise InputError(f"{partial}: an import that was stopped; give --resume to go on, or --overwrite to start anew")
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        why = "Permission denied" if folder.is_dir() else f"{folder} is a file"
        raise InputError(f"{out}: cannot be written ({why}); choose another path")


def _is_begun(path: Path) -> bool:
    """Whether a store is at `path` that was made before the import was stopped, and not only begun to be made."""
    try:
        schema.open_dataset(path, complete=False)
    except InputError:
        return False
    return True


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _counter(report: Callable[[str, int, int], None] | None, what: str, total: int, unit: int = 1) -> Step:
    done = 0

    def step(size: int) -> None:
        nonlocal done
        done += size
        if report is not None and size:
            report(what, done // unit, total // unit)

    return step


def _create(path: Path, surveys: list[Survey]) -> None:
    first = surveys[0]
    whole = hashlib.sha256("".join(survey.sha256 for survey in surveys).encode()).hexdigest()
    dtypes = {"input_spikes": "?", "output_spike_time_ms": "f8", "output_spike_time_published_ms": "f8"}
    voltages = [name for name in VOLTAGES if name != "dendrite_v_mv" or all(s.has_dendrites for s in surveys)]
    with schema.writing_whole(path) as growing:
        schema.create(
            growing,
            "simulation",
            {**dtypes, **dict.fromkeys(voltages, "f4")},
            {
                "trial": np.arange(sum(survey.n_trials for survey in surveys)),
                "time_ms": np.arange(first.duration_ms),
                "time_fine_ms": np.arange(first.duration_ms * FINE_PER_MS) / FINE_PER_MS,
                "source_file": np.repeat([survey.path.name for survey in surveys], [s.n_trials for s in surveys]),
                **first.coordinates,
            },
            n_spike=max(survey.n_spike for survey in surveys),
            dataset_id=f"neuronio-{whole[:16]}",
            config={"made_by": "NeuronIO", "files": [survey.settings for survey in surveys]},
            provenance={
                "source": "NeuronIO: Beniaguev, Segev & London 2021, Neuron 109:2727",
                "files": [{"name": s.path.name, "sha256": s.sha256, "n_trials": s.n_trials} for s in surveys],
                "rounding": ROUNDING,
                **schema.made_with("numpy", "zarr"),
            },
        )


def _fill(
    store: Path, paths: list[Path], digests: list[str], workers: int, report: Callable[[str, int, int], None] | None
) -> None:
    """Write the trials that `store` lacks."""
    ds = schema.open_dataset(store, "simulation", complete=False)
    listed = json.loads(ds.attrs["provenance"]).get("files", [])
    if [file.get("sha256") for file in listed] != digests:
        names = ", ".join(file.get("name", "?") for file in listed) or "a simulation"
        raise InputError(f"{store}: was not made from these files ({names}); give those, or --overwrite to start anew")
    missing = schema.read(ds, "trial_status") != schema.DONE
    missing[schema.trials_with_lost_chunks(store)] = True
    first, tasks = 0, []
    for path, file in zip(paths, listed, strict=True):
        positions = first + np.flatnonzero(missing[first : first + file["n_trials"]])
        if positions.size:
            tasks.append((path, store, first, positions.tolist(), [name for name in VOLTAGES if name in ds]))
        first += file["n_trials"]
    if report is not None and tasks:
        report("Importing", 0, int(missing.sum()))  # the first trial comes when a file has been read
    step = _counter(report, "Importing", int(missing.sum()))
    each(_write, [(*task, ds["output_spike_time_ms"].shape[1]) for task in tasks], workers, step)
    for torn in store.rglob("*.partial"):  # what Zarr was writing when the process was killed
        torn.unlink()


def _write(
    path: Path, store: Path, first: int, positions: list[int], voltages: list[str], n_spike: int, step: Step
) -> None:
    file = NeuronIOFile(path)
    for position in positions:
        arrays = file.arrays(position - first, voltages)
        for name in ("output_spike_time_ms", "output_spike_time_published_ms"):
            arrays[name] = np.pad(arrays[name], (0, n_spike - arrays[name].size), constant_values=np.nan)
        try:
            schema.write_trial(store, position, arrays)
        except OSError as error:
            raise schema.unwritten(store, error, "give --resume") from error
        step(1)

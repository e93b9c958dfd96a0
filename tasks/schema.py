"""The labelled form of every task: sequences end to end, where each begins, their labels, their split, where from.

N sequences (`sequence`), in N + 1 boundaries (`boundary`) of what lies end to end, by `form`:

- "events": E events (`event`), each a time in its sequence and a channel
- "tokens": P positions (`position`), each a token of a vocabulary
- "vectors": P positions of C channels (`channel`), real numbers, or bytes that stand for the share of 255

A task of two towers (retrieval) has a second set of these, named with `_2` at the end.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from ..simulate.schema import InputError
from ..simulate.schema.input_error import one_line

TASK_SCHEMA = 1
SPLITS = ("train", "validation", "test")
FORMS = ("events", "tokens", "vectors")
TARGETS = ("label", "next")  # what is asked of a sequence: its label, or at each token the one after it
LARGEST_LABEL = 10_000
SLAB = 1 << 22  # values that are looked at at once


class Variable(NamedTuple):
    """What one variable must be."""

    dims: tuple[str, ...]
    dtype: str  # NumPy kind letters that are allowed; T: text
    units: str
    long_name: str


COMMON = {
    "label": Variable(("sequence",), "iu", "1", "class of the sequence"),
    "split": Variable(("sequence",), "T", "1", "train, validation or test"),
}
START = Variable(("boundary",), "iu", "1", "where each sequence begins, and where the last one ends")
OF_FORM = {
    "events": {
        "event_time_s": Variable(("event",), "f", "s", "time of the event in its sequence"),
        "event_channel": Variable(("event",), "iu", "1", "channel of the event"),
    },
    "tokens": {"token": Variable(("position",), "iu", "1", "place in the vocabulary")},
    "vectors": {"value": Variable(("position", "channel"), "fu", "1", "input; of bytes the share of 255")},
}
# attribute -> its type; the JSON objects and lists are text
ATTRIBUTES: dict[str, type | tuple[type, ...]] = {
    "apical_task_schema": int,
    "form": str,
    "target": str,
    "title": str,
    "n_channels": int,  # of tokens: the size of the vocabulary
    "class_names": str,
    "towers": int,
    "licence": str,
    "provenance": str,
}


def variables(form: str, towers: int = 1, target: str = "label") -> dict[str, Variable]:
    """Name -> what it must be, of all variables of a task."""
    found = dict(COMMON) if target == "label" else {"split": COMMON["split"]}
    for tower in range(1, towers + 1):
        end = "" if tower == 1 else f"_{tower}"
        found["start" + end] = START
        for name, spec in OF_FORM[form].items():
            dims = tuple(dim if dim == "channel" else dim + end for dim in spec.dims)
            found[name + end] = spec._replace(dims=dims)
    return found


def class_names(ds: xr.Dataset) -> list[str]:
    """Names of the classes, in the order of their labels; of target "next", none."""
    return json.loads(ds.attrs["class_names"])


def vocabulary(ds: xr.Dataset) -> list[str]:
    """What each token stands for."""
    return json.loads(ds.attrs["vocabulary"])


def n_classes(ds: xr.Dataset) -> int:
    """Of the answer: classes, or tokens where the next one is asked for."""
    return ds.attrs["n_channels"] if ds.attrs["target"] == "next" else len(class_names(ds))


def is_task(path: str | Path) -> bool:
    """Whether a path is a task, as far as its first file says."""
    return "apical_task_schema" in json_in(Path(path) / "zarr.json").get("attributes", {})


def json_in(path: Path) -> dict:
    """The JSON object in a file; an empty one where there is none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def open_task(path: str | Path) -> xr.Dataset:
    """Open a task lazily; its offsets, labels and splits are checked, the sequences themselves are not read.

    path: the store.
    Raises InputError naming the file, the variable and the value at fault.
    """
    if not Path(path).exists():
        raise InputError(f"{path}: is not there; `apical tasks make --help` lists what can be made")
    try:
        ds = xr.open_dataset(path, engine="zarr", consolidated=False)
    except Exception as error:  # each backend has its own kinds
        raise InputError(f"{path}: cannot be opened as a Zarr store ({one_line(error)}); make it again") from error
    ds.encoding["source"] = str(path)
    validate(ds, str(path))
    return ds


def validate(ds: xr.Dataset, where: str = "task", *, values: bool = False) -> None:
    """Check attributes, names, dims, dtypes, offsets, labels and splits of a task.

    values: look at every event, token and vector too, a slab at a time. Raises InputError of one line that names
    `where`, the variable and the value at fault.
    """
    if "apical_task_schema" not in ds.attrs:
        raise InputError(f"{where}: attribute 'apical_task_schema' is missing: this is not a task; see `apical tasks`")
    for name, kind in ATTRIBUTES.items():
        found = ds.attrs.get(name)
        if not isinstance(found, kind) or isinstance(found, bool):
            raise InputError(f"{where}: attribute '{name}' is {found!r}, expected {getattr(kind, '__name__', kind)}")
    version = ds.attrs["apical_task_schema"]
    if version != TASK_SCHEMA:
        raise InputError(f"{where}: written with task schema {version}, expected {TASK_SCHEMA}; make it again")
    for name, known in (("form", FORMS), ("target", TARGETS), ("towers", (1, 2))):
        if ds.attrs[name] not in known:
            told = ", ".join(map(str, known))
            raise InputError(f"{where}: attribute '{name}' is {ds.attrs[name]!r}, expected one of {told}")
    if ds.attrs["n_channels"] < 1:
        raise InputError(f"{where}: attribute 'n_channels' is {ds.attrs['n_channels']}, expected 1 or more")
    if ds.attrs["form"] == "events" and not _positive(ds.attrs.get("duration_s")):
        came = ds.attrs.get("duration_s")
        raise InputError(f"{where}: attribute 'duration_s' is {came!r}, expected the length in seconds of every clip")
    _check_json(ds, where)
    for name, spec in variables(ds.attrs["form"], ds.attrs["towers"], ds.attrs["target"]).items():
        _check_variable(ds, name, spec, where)
    _check_offsets(ds, where)
    _check_labels(ds, where)
    if values:
        _check_values(ds, where)


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value)) and value > 0


def _check_json(ds: xr.Dataset, where: str) -> None:
    expected = {"class_names": list, "provenance": dict}
    if ds.attrs["form"] == "tokens":
        expected["vocabulary"] = list
    for name, kind in expected.items():
        try:
            found = json.loads(ds.attrs.get(name, ""))
        except (ValueError, TypeError, RecursionError):
            found = None
        if not isinstance(found, kind):
            raise InputError(f"{where}: attribute '{name}' is no JSON {kind.__name__}; make the task again")
    if ds.attrs["form"] == "tokens" and len(vocabulary(ds)) != ds.attrs["n_channels"]:
        came = f"{len(vocabulary(ds))} entries, n_channels is {ds.attrs['n_channels']}"
        raise InputError(f"{where}: attribute 'vocabulary' has {came}; they must be equal")


def _check_variable(ds: xr.Dataset, name: str, spec: Variable, where: str) -> None:
    if name not in ds.variables:
        raise InputError(f"{where}: variable '{name}' is missing from this task of {ds.attrs['form']}")
    found = ds[name]
    if found.dims != spec.dims:
        raise InputError(f"{where}: variable '{name}' has dims {found.dims}, expected {spec.dims}")
    if found.dtype.kind not in spec.dtype and not (spec.dtype == "T" and found.dtype.kind in "OUT"):
        raise InputError(f"{where}: variable '{name}' has dtype {found.dtype}, expected kind '{spec.dtype}'")
    if found.attrs.get("units") != spec.units:
        raise InputError(f"{where}: variable '{name}' has units '{found.attrs.get('units')}', not '{spec.units}'")


def _check_offsets(ds: xr.Dataset, where: str) -> None:
    n = ds.sizes["sequence"]
    if not n:
        raise InputError(f"{where}: holds no sequence")
    if ds.attrs["form"] == "vectors" and ds.sizes["channel"] != ds.attrs["n_channels"]:
        came = f"{ds.sizes['channel']} channels, attribute n_channels is {ds.attrs['n_channels']}"
        raise InputError(f"{where}: variable 'value' has {came}; they must be equal")
    for end in ("", "_2")[: ds.attrs["towers"]]:
        start, length = ds["start" + end].values.astype(np.int64), ds.sizes[LAID[ds.attrs["form"]] + end]
        if len(start) != n + 1 or start[0] != 0 or start[-1] != length:
            raise InputError(
                f"{where}: variable 'start{end}' runs from {start[:1]} to {start[-1:]} in {len(start)} values, "
                f"expected 0 to {length} in {n + 1}"
            )
        if (np.diff(start) < 0).any():
            at = int(np.argmax(np.diff(start) < 0))
            raise InputError(f"{where}: variable 'start{end}' falls after sequence {at}; it must never fall")
        empty = np.flatnonzero(np.diff(start) == 0)
        if ds.attrs["form"] != "events" and empty.size:
            raise InputError(f"{where}: variable 'start{end}': sequence {empty[0]} is empty; leave it out")


LAID = {"events": "event", "tokens": "position", "vectors": "position"}  # form -> the dim in which sequences lie


def _check_labels(ds: xr.Dataset, where: str) -> None:
    split = ds["split"].values.astype("U16")
    unknown = split[~np.isin(split, SPLITS)]
    if unknown.size:
        raise InputError(f"{where}: variable 'split' has '{unknown[0]}', expected one of {', '.join(SPLITS)}")
    if not (split == "train").any():
        raise InputError(f"{where}: variable 'split': no sequence is for training")
    if ds.attrs["target"] == "next":
        return
    names, label = class_names(ds), ds["label"].values.astype(np.int64)
    wrong = np.flatnonzero((label < 0) | (label >= len(names)))
    if wrong.size:
        raise InputError(
            f"{where}: variable 'label' of sequence {wrong[0]} is {label[wrong[0]]}, expected 0 to {len(names) - 1}"
        )
    counts = np.bincount(label[split == "train"], minlength=len(names))
    if (counts == 0).any():
        empty = int(np.argmin(counts))
        raise InputError(
            f"{where}: class {empty} ('{names[empty]}') has no training sequence; add some, or leave the class out"
        )


def _check_values(ds: xr.Dataset, where: str) -> None:
    form, channels = ds.attrs["form"], ds.attrs["n_channels"]
    for end in ("", "_2")[: ds.attrs["towers"]]:
        for name in OF_FORM[form]:
            found = ds[name + end]
            step = max(SLAB // max(int(np.prod(found.shape[1:])), 1), 1)
            for at in range(0, len(found), step):
                slab = found[at : at + step].values
                if name in ("event_channel", "token"):
                    wrong, expected = (slab < 0) | (slab >= channels), f"0 to {channels - 1}"
                elif name == "event_time_s":
                    wrong, expected = ~(np.isfinite(slab) & (slab >= 0)), "0 or more"
                else:
                    wrong, expected = ~np.isfinite(slab), "finite numbers"
                if wrong.any():
                    first = np.argwhere(wrong)[0]
                    value = f"{slab[tuple(first)]}, expected {expected}"
                    raise InputError(f"{where}: variable '{name}{end}' at {at + int(first[0])} is {value}")

"""Writing a task: its sequences are appended a block at a time, so that memory holds one block."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from ..simulate.schema import InputError, made_with, writing_whole
from . import schema

CHUNK_BYTES = 1 << 18  # unpacked: some clips of events, so that a sequence is read without much beside it
SEQUENCES_PER_CHUNK = 1 << 16
MOST_SEQUENCES = 10_000_000


class Block(NamedTuple):
    """Some sequences: their labels, splits, and for each tower lengths and what lies end to end, by variable."""

    label: Sequence[int] | np.ndarray
    split: Sequence[str]
    towers: Sequence[dict[str, np.ndarray]]  # with "length" (sequences,)


def write_task(
    out: str | Path,
    blocks: Iterable[Block],
    *,
    form: str,
    title: str,
    n_channels: int,
    class_names: Sequence[str] = (),
    licence: str,
    provenance: dict[str, Any],
    towers: int = 1,
    target: str = "label",
    vocabulary: Sequence[str] | None = None,
    duration_s: float | None = None,
    overwrite: bool = False,
) -> xr.Dataset:
    """Write a task and return it, opened. provenance: command, seed, sources; versions are added.

    Raises InputError where `out` is there already, cannot be written, or the result would not be a valid task.
    """
    out = Path(out)
    check_free(out, overwrite)
    attrs = {
        "apical_task_schema": schema.TASK_SCHEMA,
        "form": form,
        "target": target,
        "title": title,
        "n_channels": n_channels,
        "class_names": json.dumps(list(class_names), ensure_ascii=False),
        "towers": towers,
        "licence": licence,
        "provenance": json.dumps(made_with("numpy", "zarr") | provenance, ensure_ascii=False),
    }
    if vocabulary is not None:
        attrs["vocabulary"] = json.dumps(list(vocabulary), ensure_ascii=False)
    if duration_s is not None:
        attrs["duration_s"] = duration_s
    with writing_whole(out) as growing:
        _write(growing, blocks, attrs)
        schema.validate(xr.open_dataset(growing, engine="zarr", consolidated=False), str(out), values=True)
    return schema.open_task(out)


def check_sizes(train: int, test: int, validation: int = 0, *, least: int = 1) -> None:
    """Raise InputError for numbers of sequences that no task can have."""
    for name, n, fewest in (("train", train, least), ("validation", validation, 0), ("test", test, least)):
        if not fewest <= n <= MOST_SEQUENCES:
            raise InputError(f"{name} is {n}, expected {fewest} to {MOST_SEQUENCES:,}")


def check_free(out: Path, overwrite: bool) -> None:
    """Raise InputError where something is at `out` that is not to be replaced, before anything long begins."""
    if out.exists() and not overwrite:
        raise InputError(f"{out}: is there already; choose another --out, or --overwrite it")


def _write(path: Path, blocks: Iterable[Block], attrs: dict[str, Any]) -> None:
    import zarr

    group = zarr.open_group(path, mode="w-")
    expected = schema.variables(attrs["form"], attrs["towers"], attrs["target"])
    labels: list[np.ndarray] = []
    splits: list[str] = []
    lengths: list[list[np.ndarray]] = [[] for _ in range(attrs["towers"])]
    for block in blocks:
        labels.append(np.asarray(block.label, np.int64))
        splits += block.split
        for tower, parts in enumerate(block.towers):
            end = "" if not tower else f"_{tower + 1}"
            lengths[tower].append(np.asarray(parts["length"], np.int64))
            for name in schema.OF_FORM[attrs["form"]]:
                _append(group, name + end, parts[name], expected[name + end])
    if not splits:
        raise InputError("no sequence: there is nothing to write")
    if attrs["target"] == "label":
        label = np.concatenate(labels)
        _append(group, "label", label.astype("u2" if label.min() >= 0 else "i8"), expected["label"])
    _append(group, "split", np.array(splits, np.dtypes.StringDType()), expected["split"])
    for tower, found in enumerate(lengths):
        end = "" if not tower else f"_{tower + 1}"
        start = np.concatenate([[0], np.cumsum(np.concatenate(found))])
        _append(group, "start" + end, start.astype(np.int64), expected["start" + end])
    group.attrs.update(attrs)


def _append(group, name: str, values: np.ndarray, spec: schema.Variable) -> None:
    if name not in group:
        size = values.dtype.itemsize * int(np.prod(values.shape[1:]))
        per_chunk = max(CHUNK_BYTES // size, 1) if spec.dims[0] not in ("sequence", "boundary") else SEQUENCES_PER_CHUNK
        group.create_array(
            name,
            shape=(0, *values.shape[1:]),
            chunks=(per_chunk, *values.shape[1:]),
            dtype="string" if spec.dtype == "T" else values.dtype,
            dimension_names=spec.dims,
            attributes={"units": spec.units, "long_name": spec.long_name},
        )
    group[name].append(values)

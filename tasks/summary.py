"""What a task holds, in numbers that are fit for JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from . import schema


def summary(path: str | Path) -> dict[str, Any]:
    """Describe a task: sequences of each class in each split, their lengths, and where it comes from.

    Lengths are events of a clip, or tokens or pixels of a sequence, of the first tower and the second.
    Raises InputError where it is no task, or damaged.
    """
    ds = schema.open_task(path)
    schema.validate(ds, str(path), values=True)
    split = ds["split"].values.astype("U16")
    found: dict[str, Any] = {
        name: ds.attrs[name] for name in ("title", "form", "target", "towers", "n_channels", "licence")
    }
    if "duration_s" in ds.attrs:
        found["duration_s"] = float(ds.attrs["duration_s"])
    found["sequences"] = {name: int((split == name).sum()) for name in schema.SPLITS}
    for tower in range(ds.attrs["towers"]):
        end = "" if not tower else f"_{tower + 1}"
        length = np.diff(ds["start" + end].values)
        found["length" + end] = {
            "least": int(length.min()), "median": float(np.median(length)), "most": int(length.max()),
        }  # fmt: skip
    if ds.attrs["target"] == "label":
        label, names = ds["label"].values, schema.class_names(ds)
        found["classes"] = {
            name: {each: int(((label == at) & (split == each)).sum()) for each in schema.SPLITS}
            for at, name in enumerate(names)
        }
    found["provenance"] = json.loads(ds.attrs["provenance"])
    return found

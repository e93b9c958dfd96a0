"""ListOps of the Long Range Arena as it was released: lines of an expression and its value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from ...simulate.schema import InputError
from ..store import Block, check_free, write_task
from . import listops
from .reading import in_blocks, lines

LISTOPS_FILES = {"train": "basic_train.tsv", "validation": "basic_val.tsv", "test": "basic_test.tsv"}


def import_listops(folder: str | Path, out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Read basic_train.tsv and so on, lines of an expression and its value. Raises InputError for another layout."""
    check_free(Path(out), overwrite)
    folder = Path(folder)
    names = {each: at for at, each in enumerate(listops.VOCABULARY)} | {
        f"[{each}": at for at, each in enumerate(listops.VOCABULARY)
    }
    names["]"] = listops.CLOSES

    def parsed(path: Path) -> Iterator[tuple[int, np.ndarray]]:
        for number, (expression, value) in lines(path, 2):
            if number == 1 and expression.strip() == "Source":
                continue
            words = [word for word in expression.split() if word not in "()"]
            unknown = next((word for word in words if word not in names), None)
            if unknown is not None:
                raise InputError(f"{path}: line {number} has '{unknown}', which is no token of ListOps")
            if value.strip() not in listops.VOCABULARY[:10]:
                raise InputError(f"{path}: line {number} has label '{value.strip()}', expected 0 to 9")
            yield int(value), np.array([names[word] for word in words], "u1")

    def blocks() -> Iterator[Block]:
        for split, name in LISTOPS_FILES.items():
            for some in in_blocks(parsed(folder / name)):
                tokens = [each for _, each in some]
                token = {"length": np.array([len(each) for each in tokens]), "token": np.concatenate(tokens)}
                yield Block([label for label, _ in some], [split] * len(some), [token])

    return write_task(
        out, blocks(), form="tokens", title="LRA ListOps", n_channels=len(listops.VOCABULARY),
        class_names=listops.VOCABULARY[:10], vocabulary=listops.VOCABULARY, licence="Apache-2.0 (Tay et al. 2021)",
        provenance={"made_by": "import lra-listops", "source": str(folder)}, overwrite=overwrite,
    )  # fmt: skip

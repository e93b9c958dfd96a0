"""Fashion-MNIST by pixel: 60,000 and 10,000 pictures of clothes, 28 × 28 grey levels, row by row.

Source: Xiao, Rasul & Vollgraf 2017, MIT licence; Debian's package dataset-fashion-mnist holds the files.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from ...simulate.schema import InputError
from ...simulate.schema.input_error import one_line
from ..store import Block, check_free, write_task

FOLDER = Path("/usr/share/datasets/fashion-mnist")
FILES = {"train": "train", "test": "t10k"}
CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
IMAGES, LABELS = 0x803, 0x801  # magic numbers of the idx format: bytes in three dims, in one
PER_BLOCK = 5000


def make_fashion(
    out: str | Path,
    folder: str | Path = FOLDER,
    *,
    train: int | None = None,
    test: int | None = None,
    overwrite: bool = False,
) -> xr.Dataset:
    """Write pictures as sequences of bytes. train, test: how many, the first ones; None: all.

    Raises InputError where a file is absent, damaged or of another layout.
    """
    check_free(Path(out), overwrite)
    folder, wanted = Path(folder), {"train": train, "test": test}

    def blocks() -> Iterator[Block]:
        for split, name in FILES.items():
            pictures = _idx(folder / f"{name}-images-idx3-ubyte.gz", IMAGES)
            label = _idx(folder / f"{name}-labels-idx1-ubyte.gz", LABELS)
            if len(pictures) != len(label):
                raise InputError(f"{folder}: {name} has {len(pictures)} pictures and {len(label)} labels")
            n = len(label) if wanted[split] is None else min(len(label), wanted[split] or 0)
            for at in range(0, n, PER_BLOCK):
                some = pictures[at : min(at + PER_BLOCK, n)]
                value = {"length": np.full(len(some), some[0].size), "value": some.reshape(-1, 1)}
                yield Block(label[at : at + len(some)], [split] * len(some), [value])

    return write_task(
        out, blocks(), form="vectors", title="Fashion-MNIST by pixel", n_channels=1, class_names=CLASSES,
        licence="MIT (Xiao, Rasul & Vollgraf 2017)",
        provenance={"made_by": "make fashion", "source": "Debian dataset-fashion-mnist", "train": train, "test": test},
        overwrite=overwrite,
    )  # fmt: skip


def _idx(path: Path, magic: int) -> np.ndarray:
    """Bytes of a packed idx file."""
    if not path.is_file():
        raise InputError(f"{path}: is not there; 'apt-get install dataset-fashion-mnist' brings it, or name its folder")
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be unpacked ({one_line(error)}); fetch it again") from error
    dims = magic & 0xFF
    head = struct.unpack_from(f">{1 + dims}I", data) if len(data) >= 4 + 4 * dims else (0,)
    if head[0] != magic or len(data) != 4 * len(head) + int(np.prod(head[1:], dtype=np.int64)):
        raise InputError(f"{path}: is no idx file of {dims} dims of bytes, or is cut off; fetch it again")
    return np.frombuffer(data, np.uint8, offset=4 * len(head)).reshape(head[1:])

"""Pictures of the Long Range Arena, pixel by pixel: CIFAR-10 in grey, and Pathfinder as it was released."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from ...simulate.schema import InputError
from ...simulate.schema.input_error import one_line
from ..store import Block, check_free, write_task
from . import pathfinder
from .reading import PER_BLOCK, read_text

GREY = np.array([0.2989, 0.5870, 0.1140])  # of red, green, blue, as tf.image.rgb_to_grayscale has them
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_FILES = {"train": [f"data_batch_{n}.bin" for n in range(1, 6)], "test": ["test_batch.bin"]}
CIFAR_SIDE, CIFAR_COLOURS = 32, 3
FOR_TRAINING = 0.9  # of CIFAR-10's training pictures; the others are for validation, as the benchmark has it


def import_image(folder: str | Path, out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Read CIFAR-10's binary version, as grey levels row by row. Raises InputError as `import_text`."""
    check_free(Path(out), overwrite)
    folder, record = Path(folder), 1 + CIFAR_COLOURS * CIFAR_SIDE**2

    def blocks() -> Iterator[Block]:
        for split, names in CIFAR_FILES.items():
            paths = [folder / name for name in names]
            sizes = [_size(path, record) for path in paths]
            held = int(sum(sizes) * FOR_TRAINING) if split == "train" else sum(sizes)
            done = 0
            for path in paths:
                rows = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, record)
                _check_labels(path, rows[:, 0], len(CIFAR))
                colour = rows[:, 1:].reshape(len(rows), CIFAR_COLOURS, CIFAR_SIDE**2).transpose(0, 2, 1)
                value = np.rint(colour @ GREY).astype(np.uint8).reshape(-1, 1)
                where = [split if done + at < held else "validation" for at in range(len(rows))]
                done += len(rows)
                yield Block(rows[:, 0], where, [{"length": np.full(len(rows), CIFAR_SIDE**2), "value": value}])

    return write_task(
        out, blocks(), form="vectors", title="LRA Image (CIFAR-10, grey)", n_channels=1, class_names=CIFAR,
        licence="not stated by its authors (Krizhevsky 2009)",
        provenance={"made_by": "import lra-image", "source": str(folder)}, overwrite=overwrite,
    )  # fmt: skip


def import_pathfinder(folder: str | Path, out: str | Path, *, seed: int = 0, overwrite: bool = False) -> xr.Dataset:
    """Read a folder such as pathfinder32/curv_contour_length_14: imgs, and lists of them in metadata.

    The benchmark shuffles before it splits 80/10/10; seed: of that. Raises InputError as `import_text`.
    """
    check_free(Path(out), overwrite)
    folder = Path(folder)
    lists = sorted((folder / "metadata").glob("*.npy"), key=lambda path: (len(path.stem), path.stem))
    if not lists:
        raise InputError(
            f"{folder / 'metadata'}: holds no list of pictures; name a folder such as curv_contour_length_14"
        )
    found = []
    for path in lists:
        for number, line in enumerate(read_text(path).splitlines(), 1):  # text, for all its name
            fields = line.split()
            if len(fields) < 4 or fields[3] not in ("0", "1"):
                raise InputError(f"{path}: line {number} is '{line[:60]}', expected folder, file, number and 0 or 1")
            found.append((folder / fields[0] / fields[1], int(fields[3])))
    order = np.random.default_rng(seed).permutation(len(found))
    first, second = len(found) * 8 // 10, len(found) * 9 // 10

    def blocks() -> Iterator[Block]:
        for at in range(0, len(order), PER_BLOCK):
            some = range(at, min(at + PER_BLOCK, len(order)))
            split = ["train" if each < first else "validation" if each < second else "test" for each in some]
            value = [_picture(found[order[each]][0]) for each in some]
            parts = {"length": np.array([len(each) for each in value]), "value": np.concatenate(value)}
            yield Block([found[order[each]][1] for each in some], split, [parts])

    return write_task(
        out, blocks(), form="vectors", title=f"LRA Pathfinder ({folder.name})", n_channels=1,
        class_names=pathfinder.CLASSES, licence="Apache-2.0 (Tay et al. 2021)",
        provenance={"made_by": "import lra-pathfinder", "source": str(folder), "seed": seed}, overwrite=overwrite,
    )  # fmt: skip


def _size(path: Path, record: int) -> int:
    """How many pictures a binary file of CIFAR-10 holds."""
    if not path.is_file():
        raise InputError(f"{path}: is not there; CIFAR-10's binary version (cifar-10-binary.tar.gz) has it")
    size = path.stat().st_size
    if not size or size % record:
        raise InputError(f"{path}: has {size} bytes, expected a multiple of {record}: CIFAR-10's binary version")
    return size // record


def _check_labels(path: Path, label: np.ndarray, n: int) -> None:
    wrong = np.flatnonzero(label >= n)
    if wrong.size:
        raise InputError(f"{path}: picture {wrong[0]} has label {label[wrong[0]]}, expected 0 to {n - 1}")


def _picture(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=["PNG"]) as image:
            return np.asarray(image.convert("L")).reshape(-1, 1)
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path}: cannot be read as PNG ({one_line(error)})") from error

"""SHD's files: HDF5 of spike times in seconds and channels, labels, speakers; read into a task, and written.

Source: Cramer, Stradmann, Schemmel & Zenke 2020, IEEE TNNLS 33:2744; CC BY 4.0.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from ...simulate.schema import InputError, writing_whole
from ...simulate.schema.input_error import one_line
from ..store import Block, check_free, write_task
from .cochlea import CHANNELS
from .voices import WORDS

FILES = {"train": "shd_train.h5", "test": "shd_test.h5"}
# Of the archives at zenkelab.org/datasets, as Tonic (tonic/datasets/hsd.py) checks them; of what is in them, unknown
PUBLISHED_MD5 = {
    "shd_train.h5.zip": "f3252aeb598ac776c1b526422d90eecb",
    "shd_test.h5.zip": "1503a5064faa34311c398fb0a1ed0a6f",
}
LICENCE = "CC BY 4.0 (Cramer et al. 2020)"
DURATION_S = 1.0  # to which clips are cut, Spieler et al. 2024
CLIPS_PER_BLOCK = 200
HASHED_BYTES = 1 << 20


class Clip(NamedTuple):
    """One clip as a file holds it. times_s: float; units: channels."""

    times_s: np.ndarray
    units: np.ndarray
    label: int
    speaker: int


def import_shd(folder: str | Path, out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Read shd_train.h5 and shd_test.h5, or the published .zip of each, into a task.

    Raises InputError where a file is absent, of another layout or damaged, and where h5py is absent.
    """
    check_h5py()
    check_free(Path(out), overwrite)
    folder, files, sources = Path(folder), {}, []
    with tempfile.TemporaryDirectory(prefix="apical-") as unpacked:
        for split, name in FILES.items():
            archive = folder / f"{name}.zip"
            if (folder / name).is_file():
                files[split] = folder / name
            elif archive.is_file():
                files[split] = _unpacked(archive, name, Path(unpacked))
            else:
                raise InputError(
                    f"{folder / name}: is not there, nor {archive.name}; both files of SHD are needed, "
                    "from https://zenkelab.org/datasets"
                )
            sources.append(_source(files[split] if (folder / name).is_file() else archive))
        return import_files(
            files, out, title="SHD", licence=LICENCE, provenance={"made_by": "import shd", "sources": sources},
            overwrite=overwrite,
        )  # fmt: skip


def import_files(
    files: dict[str, Path], out: str | Path, *, title: str, licence: str, provenance: dict[str, Any], overwrite: bool
) -> xr.Dataset:
    """Read files of SHD's layout, one for each split, into a task. Raises InputError as `import_shd`."""

    def blocks() -> Iterator[Block]:
        for split, path in files.items():
            for clips in _blocks(path):
                events = {
                    "length": np.array([len(clip.times_s) for clip in clips]),
                    "event_time_s": np.concatenate([clip.times_s for clip in clips]),
                    "event_channel": np.concatenate([clip.units for clip in clips]).astype("u2"),
                }
                yield Block([clip.label for clip in clips], [split] * len(clips), [events])

    return write_task(
        out, blocks(), form="events", title=title, n_channels=CHANNELS, class_names=WORDS, licence=licence,
        provenance=provenance, duration_s=DURATION_S, overwrite=overwrite,
    )  # fmt: skip


def write_file(path: Path, clips: Iterable[Clip], n: int, *, gender: Sequence[str], speakers: Sequence[str]) -> None:
    """Write `n` clips as SHD's files are, times in float16. gender, speakers: of each speaker, in their order.

    Raises InputError where it cannot be written.
    """
    import h5py

    with writing_whole(path) as growing, h5py.File(growing, "w") as file:
        spikes = file.create_group("spikes")
        times = spikes.create_dataset("times", (n,), h5py.vlen_dtype(np.dtype("f2")))
        units = spikes.create_dataset("units", (n,), h5py.vlen_dtype(np.dtype("u2")))
        labels, speaker = np.zeros(n, "u2"), np.zeros(n, "u2")
        for at, clip in enumerate(clips):
            times[at], units[at] = clip.times_s.astype("f2"), clip.units.astype("u2")
            labels[at], speaker[at] = clip.label, clip.speaker
        file["labels"] = labels
        extra = file.create_group("extra")
        extra["speaker"] = speaker
        extra.create_dataset("keys", data=list(WORDS), dtype=h5py.string_dtype())
        about = extra.create_group("meta_info")
        about.create_dataset("gender", data=list(gender), dtype=h5py.string_dtype())
        about.create_dataset("voice", data=list(speakers), dtype=h5py.string_dtype())


def check_h5py() -> None:
    """Raise InputError where h5py is absent."""
    if find_spec("h5py") is None:
        raise InputError("h5py is not installed: pip install 'apical[tasks]' brings it")


def _blocks(path: Path) -> Iterator[list[Clip]]:
    with _opened(path) as file:
        n = len(file["labels"])
        for at in range(0, n, CLIPS_PER_BLOCK):
            some = slice(at, at + CLIPS_PER_BLOCK)
            try:
                parts = [file[name][some] for name in ("spikes/times", "spikes/units", "labels")]
            except OSError as error:
                raise InputError(f"{path}: is damaged ({one_line(error)}); fetch it again") from error
            clips = [Clip(time, unit, int(label), 0) for time, unit, label in zip(*parts, strict=True)]
            for number, clip in enumerate(clips, at):
                _check(path, number, clip)
            yield clips


def _check(path: Path, number: int, clip: Clip) -> None:
    if not 0 <= clip.label < len(WORDS):
        raise InputError(f"{path}: labels[{number}] is {clip.label}, expected 0 to {len(WORDS) - 1}")
    if len(clip.times_s) != len(clip.units):
        told = f"spikes/times[{number}] has {len(clip.times_s)} events, spikes/units {len(clip.units)}"
        raise InputError(f"{path}: {told}; they must be equal")
    if len(clip.units) and not 0 <= clip.units.min() <= clip.units.max() < CHANNELS:
        wrong = clip.units.max() if clip.units.max() >= CHANNELS else clip.units.min()
        raise InputError(f"{path}: spikes/units[{number}] has {wrong}, expected 0 to {CHANNELS - 1}")
    if len(clip.times_s) and not (np.isfinite(clip.times_s).all() and clip.times_s.min() >= 0):
        raise InputError(f"{path}: spikes/times[{number}] has a time that is negative or no number")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An HDF5 file of SHD's layout. Raises InputError where it is none."""
    import h5py

    try:
        file = h5py.File(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read as HDF5 ({one_line(error)}); fetch it again") from error
    with file:
        for name, kinds in (("spikes/times", "f"), ("spikes/units", "iu"), ("labels", "iu")):
            found = file.get(name)
            told = f"{path}: is not of SHD's layout:"
            if not isinstance(found, h5py.Dataset):
                raise InputError(f"{told} it has no dataset '{name}'")
            inner = h5py.check_vlen_dtype(found.dtype) if name.startswith("spikes") else found.dtype
            if found.ndim != 1 or inner is None or np.dtype(inner).kind not in kinds:
                raise InputError(f"{told} '{name}' is {found.dtype} of {found.ndim} dims")
            if len(found) != len(file.get("labels", found)):
                raise InputError(f"{told} '{name}' has {len(found)} clips, 'labels' {len(file['labels'])}")
        yield file


def _unpacked(archive: Path, name: str, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(archive) as packed:
            inside = next((each for each in packed.namelist() if Path(each).name == name), None)
            if inside is None:
                raise InputError(f"{archive}: has no {name} in it; fetch it again")
            with packed.open(inside) as source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{archive}: cannot be unpacked ({one_line(error)}); fetch it again") from error
    return folder / name


def _source(path: Path) -> dict[str, Any]:
    """Name, checksums, and whether it is the published one; None where that is not known."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while some := file.read(HASHED_BYTES):
            md5.update(some)
            sha256.update(some)
    known = PUBLISHED_MD5.get(path.name)
    published = None if known is None else known == md5.hexdigest()
    return {"file": path.name, "sha256": sha256.hexdigest(), "md5": md5.hexdigest(), "published": published}

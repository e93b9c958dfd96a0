"""Spoken digits: SHD's words and cochlea, but synthetic voices. It is a set of its own, and no copy of SHD.

Every clip depends on the seed and its number only. They are kept one by one until all are there, so that the same
command goes on where it was stopped.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr

from ...simulate.cores import available_cores
from ...simulate.schema import making, unwritten
from ...surrogate.ahead import made_ahead
from ..blocks import Progress, begin, quiet
from ..store import check_free, check_sizes
from . import shd, voices
from .cochlea import Cochlea, check_installed

TITLE = "spoken digits (espeak-ng)"
LICENCE = "speech of espeak-ng (GPL-3.0-or-later, which does not cover what it says) through lauscher (LGPL-2.1)"
FILES = {"train": "spoken_digits_train.h5", "test": "spoken_digits_test.h5"}
SPEAKERS = (*voices.VOICES, *voices.TEST_VOICES)


def make_spoken_digits(
    out: str | Path,
    *,
    train: int = 2000,
    test: int = 500,
    seed: int = 0,
    threads: int | None = None,
    overwrite: bool = False,
    progress: Progress = quiet,
) -> xr.Dataset:
    """Speak digits, let a cochlea hear them, write both sets in SHD's layout and import them.

    The files, and the clips while they are made, are in a folder beside `out`, of its name with `_files` at the end.
    threads: clips at a time; None: a core each. Raises InputError where espeak-ng, lauscher, numba or h5py is absent,
    where the sets are too small to have each digit, and where clips of another seed or version are in that folder.
    """
    out = Path(out)
    check_free(out, overwrite)
    check_sizes(train, test, least=len(voices.WORDS))  # each digit in each language
    shd.check_h5py()
    check_installed()
    recipe = {
        "made_by": "make spoken-digits",
        "seed": seed,
        "espeak": voices.espeak_version(),
        "lauscher": version("lauscher"),
        "voices": voices.VOICES,
        "test_voices": voices.TEST_VOICES,
        "words_per_minute": voices.WORDS_PER_MINUTE,
        "pitch": voices.PITCH,
    }
    folder = out.with_name(f"{out.stem}_files")
    try:
        begin(folder, recipe)
        (folder / "clips").mkdir(exist_ok=True)
        files = {split: folder / name for split, name in FILES.items()}
        _make_clips(folder, {"train": train, "test": test}, seed, threads, progress)
        for split, n in (("train", train), ("test", test)):
            gender = ["female" if each[0] == "f" or each in ("Andrea", "Annie") else "male" for each in SPEAKERS]
            clips = (_read(folder, split, index, seed) for index in range(n))
            shd.write_file(files[split], clips, n, gender=gender, speakers=SPEAKERS)
    except OSError as error:
        raise unwritten(folder, error) from error
    made = shd.import_files(
        files, out, title=TITLE, licence=LICENCE, provenance=recipe | {"train": train, "test": test},
        overwrite=overwrite,
    )  # fmt: skip
    shutil.rmtree(folder / "clips", ignore_errors=True)
    return made


def _make_clips(folder: Path, sizes: dict[str, int], seed: int, threads: int | None, progress: Progress) -> None:
    """Make the clips that are not there yet."""
    cochlea = Cochlea(folder / "clips")
    wanted = [(split, index) for split, n in sizes.items() for index in range(n)]
    missing = [each for each in wanted if not _path(folder, *each).exists()]

    def make(number: int) -> None:
        split, index = missing[number]
        of = voices.spoken(seed, index, split == "test")
        samples_t, rate_hz = voices.sound(of)
        time_s, channel = cochlea.spikes(cochlea.lengthened(samples_t), rate_hz, of.seed)
        with making(_path(folder, split, index)) as growing, growing.open("wb") as file:
            np.savez(file, time_s=time_s.astype("f2"), channel=channel.astype("u2"))

    there = len(wanted) - len(missing)
    progress(there, len(wanted))
    threads = threads or available_cores()
    for done, _ in enumerate(made_ahead(make, range(len(missing)), threads), there + 1):
        progress(done, len(wanted))


def _path(folder: Path, split: str, index: int) -> Path:
    return folder / "clips" / f"{split}-{index:06}.npz"


def _read(folder: Path, split: str, index: int, seed: int) -> shd.Clip:
    of = voices.spoken(seed, index, split == "test")
    with np.load(_path(folder, split, index)) as kept:
        return shd.Clip(kept["time_s"], kept["channel"], of.label, SPEAKERS.index(of.voice))

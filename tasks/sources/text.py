"""Text to be gone on with, character by character: any files, or Enwik8's bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from ...simulate.schema import InputError
from ..store import Block, check_free, write_task
from .reading import read_bytes, read_text

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
LEAST_COUNT = 10  # of a character, below which it is unknown
ENWIK8_BYTES = 100_000_000
TRAIN, VALIDATION = 0.90, 0.95  # where training text ends, and text for validation
SPLITS = ("train", "validation", "test")


def make_characters(files: Sequence[str | Path], out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Write the characters of files (UTF-8, packed by gzip or not), one after another: 90, 5 and 5 %.

    Raises InputError where a file cannot be read or there is too little text.
    """
    check_free(Path(out), overwrite)
    if not files:
        raise InputError("FILE: name one file of text or more")
    text = "\n".join(read_text(Path(path)) for path in files)
    counts = Counter(text)
    vocabulary = [UNKNOWN, *sorted(each for each, n in counts.items() if n >= LEAST_COUNT and each != UNKNOWN)]
    code = np.frombuffer(text.encode("utf-32-le"), "<u4")
    place = np.zeros(0x110000, np.uint16)
    place[[ord(each) for each in vocabulary]] = np.arange(len(vocabulary))
    names = [str(path) for path in files]
    return _write(place[code], vocabulary, out, "characters", "see its files", "make characters", names, overwrite)


def import_enwik8(path: str | Path, out: str | Path, *, overwrite: bool = False) -> xr.Dataset:
    """Write the bytes of the file enwik8, split 90M/5M/5M; of another size in the same shares, which is said.

    Raises InputError where it cannot be read.
    """
    check_free(Path(out), overwrite)
    data = np.frombuffer(read_bytes(Path(path)), np.uint8)
    there = np.flatnonzero(np.bincount(data, minlength=256))
    place = np.zeros(256, np.uint8)
    place[there] = np.arange(len(there))
    title = "Enwik8" if len(data) == ENWIK8_BYTES else f"bytes of {Path(path).name}"
    names = [chr(each) if 32 <= each < 127 else f"\\x{each:02x}" for each in there]
    licence = "CC BY-SA (Wikipedia)" if len(data) == ENWIK8_BYTES else "see its file"
    return _write(place[data], names, out, title, licence, "import enwik8", [str(path)], overwrite)


def _write(
    token: np.ndarray,
    vocabulary: list[str],
    out: str | Path,
    title: str,
    licence: str,
    made_by: str,
    sources: list[str],
    overwrite: bool,
) -> xr.Dataset:
    ends = [0, int(len(token) * TRAIN), int(len(token) * VALIDATION), len(token)]
    if min(np.diff(ends)) < 2:
        raise InputError(f"{sources[0]}: has {len(token)} characters, too few for training, validation and test")

    def blocks() -> Iterator[Block]:
        for split, begin, end in zip(SPLITS, ends[:-1], ends[1:], strict=True):
            yield Block([], [split], [{"length": np.array([end - begin]), "token": token[begin:end]}])

    return write_task(
        out, blocks(), form="tokens", target="next", title=title, n_channels=len(vocabulary), vocabulary=vocabulary,
        licence=licence, provenance={"made_by": made_by, "sources": sources}, overwrite=overwrite,
    )  # fmt: skip

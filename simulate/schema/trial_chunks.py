"""A variable of a dataset on disk, chunk by chunk; each is a trial or a part of one.

They are packed and unpacked here, without the round through Zarr's event loop, which costs more than all of that.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import numpy as np

from .input_error import InputError, one_line

DAMAGED = (Exception,)  # what reading a chunk that is not whole can raise: each codec its own kinds
SHUFFLES = "noshuffle", "shuffle", "bitshuffle"  # as Blosc counts them


class TrialChunks:
    """The chunks of a Zarr array (trial, …)."""

    def __init__(self, array) -> None:
        self.array, self.name = array, array.basename
        self.path = Path(array.store_path.store.root)
        codecs = [type(codec).__name__ for codec in array.compressors]
        self._own = codecs == ["BloscCodec"] and array.chunks[0] == 1 and array.shards is None and not array.filters

    @classmethod
    def of(cls, path: str | Path, name: str) -> TrialChunks:
        """Of variable `name` in the Zarr store at `path`. Raises InputError where it holds none."""
        import zarr

        group = zarr.open_group(path, mode="r")
        if name not in group:
            raise InputError(f"{path}: has no variable '{name}'")
        return cls(group[name])

    def read(self, position: int) -> np.ndarray:
        """All of the trial at `position`. Raises InputError where it is damaged."""
        try:
            one = np.prod(self.array.cdata_shape[1:]) == 1
            return self.chunk(position, 0) if one else np.asarray(self.array[position])
        except DAMAGED as error:
            raise damaged(self.path, self.name, position, error) from error

    def chunk(self, position: int, at: int) -> np.ndarray:
        """Chunk number `at` of the trial at `position`. Raises one of DAMAGED where it cannot be read."""
        from numcodecs import Blosc

        if not self._own:  # a store that somebody encoded anew
            return np.asarray(self.array[position, at * self.array.chunks[1] : (at + 1) * self.array.chunks[1]])
        data = self._file(position, at).read_bytes()
        size = self.array.dtype.itemsize * int(np.prod(self.array.chunks))
        told = [int.from_bytes(data[at : at + 4], "little") for at in (4, 12)]
        if len(data) < 16 or told != [size, len(data)]:  # Blosc does not look, and reads on
            raise ValueError("truncated chunk")
        return np.frombuffer(Blosc().decode(data), self.array.dtype)

    def write(self, position: int, values: np.ndarray, at: int = 0) -> None:
        """Write chunk number `at` of the trial at `position`: all of it, or after a kill nothing. Raises OSError."""
        from numcodecs import Blosc

        if not self._own or np.size(values) != np.prod(self.array.chunks):
            self._write_by_zarr(position, values, at)
            return
        packing = self.array.compressors[0]
        shuffle = SHUFFLES.index(packing.shuffle.value)
        blosc = Blosc(packing.cname.value, packing.clevel, shuffle, packing.blocksize)
        file = self._file(position, at)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{file.name}.{uuid4().hex}.partial")  # as Zarr names them
        partial.write_bytes(blosc.encode(np.ascontiguousarray(values, self.array.dtype)))
        partial.replace(file)

    def _write_by_zarr(self, position: int, values: np.ndarray, at: int) -> None:
        array = self.array.with_config({"write_empty_chunks": True})  # a chunk that is not there is one that was lost
        if array.ndim == 1:
            array[position] = values
            return
        first = at * array.chunks[1]
        part = values[: array.shape[1] - first]  # the last chunk of a trial goes on past its end
        array[position, first : first + len(part)] = part

    def _file(self, position: int, at: int) -> Path:
        places = [position, at, *[0] * (self.array.ndim - 2)][: self.array.ndim]
        return Path(self.path, self.name, "c", *map(str, places))


def damaged(path: Path, name: str, position: int, error: Exception) -> InputError:
    """One line about a chunk that cannot be read."""
    return InputError(
        f"{path}: variable '{name}' is damaged at trial position {position} ({one_line(error)}); "
        "finish the store with --resume, or make it again"
    )

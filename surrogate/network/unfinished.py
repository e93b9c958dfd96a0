"""A run that is not finished: a folder beside its dataset, with what was done so far and the state to go on from.

Parts are put there whole, the state after the part that it follows. So after a kill at any moment the state says which
parts count; what lies beyond it is made again, to the same numbers.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from ...simulate.schema import InputError, unwritten, writing_whole
from ...simulate.schema.input_error import one_line
from ..population.population import Population

GO_ON = "go on with --resume"
PART = re.compile(r"\d+-\d+\.npz")  # and nothing that was not put there whole


class Part(NamedTuple):
    """What a population did in some bins: spikes, and the traces of recorded neurons."""

    neuron_k: np.ndarray
    time_ms_k: np.ndarray
    v_mv_wt: np.ndarray
    probability_wt: np.ndarray

    @classmethod
    def of(cls, runs: Sequence[xr.Dataset]) -> Part:
        """Of runs, one after another."""
        spikes = (np.concatenate([run[name].values for run in runs]) for name in ("spike_neuron", "spike_time_ms"))
        traces = (np.concatenate([run[name].values for run in runs], 1) for name in ("soma_v_mv", "spike_probability"))
        return cls(*spikes, *traces)


class Unfinished:
    """At NAME.partial. out: the dataset that it becomes."""

    def __init__(self, out: Path) -> None:
        self.folder = out.with_name(f"{out.name}.partial")
        self._about, self._state = self.folder / "about.json", self.folder / "state.safetensors"

    def exists(self) -> bool:
        return self.folder.exists()

    def begin(self, dataset_id: str) -> None:
        """Make the folder anew."""
        try:
            self.remove()
            self.folder.mkdir()
        except OSError as error:
            raise unwritten(self.folder, error) from error
        with writing_whole(self._about) as growing:
            growing.write_text(json.dumps({"dataset_id": dataset_id}))

    def is_of(self, dataset_id: str) -> bool:
        """Whether it was begun, and of this network. Raises InputError where it is of another one, or damaged."""
        if not self._about.exists():
            return False
        try:
            found = json.loads(self._about.read_text())["dataset_id"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self._about}: damaged; begin again with --overwrite") from error
        if found != dataset_id:
            raise InputError(
                f"{self.folder}: of another network, or another file or model in it; begin again with --overwrite"
            )
        return True

    def take_over(self, population: Population) -> None:
        """Set the population to where it was."""
        if self._state.exists():
            population.resume(self._state)
        for path in self._parts():
            if _times(path)[0] >= population.time_ms:
                path.unlink()

    def keep(self, runs: Sequence[xr.Dataset], population: Population) -> None:
        """Write what the population did last, as `Population.run` told it, and then its state."""
        part, start_ms = Part.of(runs), int(runs[0]["time_ms"][0])
        with writing_whole(self.folder / f"{start_ms}-{population.time_ms}.npz", GO_ON) as growing:
            np.savez(growing, **part._asdict())
        population.save(self._state)

    def parts(self) -> Iterator[Part]:
        """All of them, in order. Raises InputError where one is damaged or lacking."""
        reached = 0
        for path in self._parts():
            start, stop = _times(path)
            try:
                with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                    part = Part(*(file[name] for name in Part._fields))
            except Exception as error:  # an archive that is damaged fails in many ways
                raise InputError(f"{path}: damaged ({one_line(error)}); begin again with --overwrite") from error
            if start != reached:
                raise InputError(
                    f"{self.folder}: lacks what was done from {reached} ms on; begin again with --overwrite"
                )
            reached = stop
            yield part

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _parts(self) -> list[Path]:
        parts = [path for path in self.folder.iterdir() if PART.fullmatch(path.name)]
        return sorted(parts, key=lambda path: _times(path)[0])


def _times(path: Path) -> tuple[int, int]:
    start, stop = path.stem.split("-")
    return int(start), int(stop)

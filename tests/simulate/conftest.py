"""What tests of the simulate stage share: NeuronIO files of any size, written instruction by instruction as Python 2's
pickle module writes them, a neuron that takes no time, and a cluster in this process."""

from __future__ import annotations

import gc
import pickle
import struct
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest


class Python2Pickle:
    """Protocol 2, with byte strings in place of text; puts everything that Python 2's pickle.py puts."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.n_put, self.at = file, 0, {}
        file.write(b"\x80\x02")

    def write(self, opcodes: bytes, put: bool = True) -> None:
        self.file.write(opcodes)
        if put:
            n = self.n_put
            self.file.write(struct.pack("<sB", b"q", n) if n < 256 else struct.pack("<sI", b"r", n))
            self.n_put += 1

    def once(self, name: str, opcodes: bytes) -> None:
        """What comes again and again is written once, then fetched."""
        if name in self.at:
            self.write(struct.pack("<sI", b"j", self.at[name]), put=False)
            return
        self.at[name] = self.n_put
        self.write(opcodes)

    def text(self, text: str) -> None:
        self.once(text, struct.pack("<sB", b"U", len(text)) + text.encode())

    def plain(self, value) -> None:
        """Numbers, text, lists and dictionaries of them."""
        if isinstance(value, str):
            self.text(value)
        elif isinstance(value, (list, dict)):
            items = [part for pair in value.items() for part in pair] if isinstance(value, dict) else value
            self.write(b"]" if isinstance(value, list) else b"}")
            self.write(b"(", put=False)
            for item in items:
                self.plain(item)
            self.write(b"e" if isinstance(value, list) else b"u", put=False)
        else:
            self.write(pickle.dumps(value, protocol=2)[2:-1], put=False)

    def dtype(self, code: str) -> None:
        if code in self.at:
            self.once(code, b"")
            return
        self.once("numpy.dtype", b"cnumpy\ndtype\n")
        self.text(code)
        self.write(b"K\x00K\x01\x87")
        self.at[code] = self.n_put
        self.write(b"R")
        self.write(b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t", put=True)
        self.write(b"b", put=False)

    def array(self, values: np.ndarray) -> None:
        self.once("reconstruct", b"cnumpy.core.multiarray\n_reconstruct\n")
        self.once("ndarray", b"cnumpy\nndarray\n")
        self.write(b"K\x00\x85")
        self.text("b")
        self.write(b"\x87")
        self.write(b"R")
        self.write(b"(K\x01(" + b"".join(struct.pack("<sI", b"J", n) for n in values.shape) + b"t")
        self.dtype(values.dtype.str[1:])
        raw = values.tobytes()
        self.write(b"\x89" + struct.pack("<sI", b"T", len(raw)) + raw)
        self.write(b"t")
        self.write(b"b", put=False)

    def integer(self, value: int) -> None:
        self.once("scalar", b"cnumpy.core.multiarray\nscalar\n")
        self.dtype("i8")
        self.write(struct.pack("<sBq", b"U", 8, value))
        self.write(b"\x86")
        self.write(b"R")

    def integers(self, times: np.ndarray) -> None:
        """A list of NumPy integers: what nearly all of a NeuronIO file consists of."""
        self.write(b"]")
        head = struct.pack("<sIsI", b"j", self.at["scalar"], b"j", self.at["i8"]) + b"U\x08"
        row = np.dtype([("head", "S12"), ("time", "<i8")] + [(f, "S1" if f[0] == "o" else "<u4") for f in PUTS])
        rows = np.zeros(len(times), row)
        rows["head"], rows["time"] = head, times
        for field, opcode in (("o0", b"r"), ("o1", b"\x86"), ("o2", b"r"), ("o3", b"R"), ("o4", b"r")):
            rows[field] = opcode
        for offset, field in enumerate(("n0", "n1", "n2")):
            rows[field] = self.n_put + 3 * np.arange(len(times)) + offset
        self.n_put += 3 * len(times)
        self.write(b"(" + rows.tobytes() + b"e", put=False)


PUTS = ("o0", "n0", "o1", "o2", "n1", "o3", "o4", "n2")


@pytest.fixture(scope="session")
def write_neuronio():
    """A function that writes a NeuronIO file of made-up trials of 6 s and returns its path."""

    def write(path: Path, n_trials: int, n_segments=639, spikes=100, dendrites=False, seed=0) -> Path:
        """spikes: in each trial, of each synapse."""
        rng, basal = np.random.default_rng(seed), n_segments // 2
        params = {
            "totalSimDurationInSec": 6,
            "excitatorySynapseType": "NMDA",
            "inhibitorySynapseType": "GABA_A",
            "allSegmentsType": ["basal"] * basal + ["apical"] * (n_segments - basal),
            "allSegmentsLength": [20.0] * n_segments,
            "allSegments_DistFromSoma": [10.0] * n_segments,
            "allSegments_SectionDistFromSoma": [0.0] * n_segments,
            "allSegments_SectionInd": list(range(n_segments)),
        }
        with path.open("wb") as file:
            out = Python2Pickle(file)
            out.write(b"}")
            out.write(b"(", put=False)
            out.text("Params")
            out.plain(params)
            out.text("Results")
            out.write(b"}")
            out.write(b"(", put=False)
            out.text("listOfSingleSimulationDicts")
            out.write(b"]")
            out.write(b"(", put=False)
            for _ in range(n_trials):
                write_trial(out, rng, n_segments, spikes, dendrites)
            out.write(b"euu.", put=False)
        return path

    return write


def write_trial(out: Python2Pickle, rng: np.random.Generator, n_segments: int, spikes: int, dendrites: bool) -> None:
    fine_mv = rng.uniform(-80, -50, 48000)
    fine_mv[20000 + rng.integers(1000)] = 30
    fine_mv = fine_mv.astype("f2")
    arrays = {
        "recordingTimeHighRes": np.arange(48000, dtype="f4") / 8,
        "somaVoltageHighRes": fine_mv,
        "nexusVoltageHighRes": fine_mv,
        "recordingTimeLowRes": np.arange(6000, dtype="f4"),
        "somaVoltageLowRes": fine_mv[::8],
        "nexusVoltageLowRes": fine_mv[::8],
        "outputSpikeTimes": np.array([fine_mv.argmax() / 8], "f2"),
    }
    if dendrites:
        arrays["dendriticVoltagesLowRes"] = rng.uniform(-80, -50, (n_segments, 1)).repeat(6000, axis=1).astype("f2")
    out.write(b"}")
    out.write(b"(", put=False)
    for name, values in arrays.items():
        out.text(name)
        out.array(values)
    for name in ("exInputSpikeTimes", "inhInputSpikeTimes"):
        out.text(name)
        out.write(b"}")
        out.write(b"(", put=False)
        for segment in range(n_segments):
            out.integer(segment)
            out.integers(np.sort(rng.integers(6000, size=spikes)))
        out.write(b"u", put=False)
    out.write(b"u", put=False)


@pytest.fixture
def quick():
    """A neuron that takes no time: leaky integrate-and-fire."""
    from apical.simulate import presets

    return presets.preset("lif").model_copy(update={"seconds": 0.12, "seed": 5})


@contextmanager
def _in_this_process(threads: int, monkeypatch):
    """Address of a scheduler whose worker has so many threads. The cell that a worker keeps goes with it: one that is
    left refuses NEURON's variable step in tests to come."""
    from distributed import LocalCluster

    from apical.simulate.run import worker

    monkeypatch.setattr(worker, "_held", None)

    options = {"n_workers": 1, "threads_per_worker": threads, "processes": False, "memory_limit": 0, "protocol": "tcp"}
    with LocalCluster(**options, dashboard_address="127.0.0.1:0") as running:
        yield running.scheduler_address
    if worker._held is not None:  # Dask may keep an error that went through it, and with the error the cell
        worker._held[1].close()
        worker._held = None


@pytest.fixture
def here(monkeypatch):
    """Address of a scheduler with a worker in this process, so that a test can have things go wrong in it."""
    with _in_this_process(1, monkeypatch) as address:
        yield address


@pytest.fixture
def here_in_threads(monkeypatch):
    """The same, its worker with more threads than batches can be in hand."""
    with _in_this_process(5, monkeypatch) as address:
        yield address


@pytest.fixture(scope="module", autouse=True)
def no_cell_is_left_over():
    """The next file's cells are alone in NEURON, whose variable step weighs the error of all there are."""
    yield
    if (neuron := sys.modules.get("neuron")) is not None:
        gc.collect()
        left = [section.name() for section in neuron.h.allsec()]
        assert not left, f"{len(left)} sections are left over, among them {left[0]}"

"""The GPU's kernel against the CPU's step: with threads of this processor (threads.h), and on a GPU if there is one."""

from __future__ import annotations

import copy
import ctypes
import os
import pickle
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from apical.simulate import presets, schema
from apical.simulate.cell.synapses import Domain
from apical.simulate.engine.batched import devices, elimination, gpu, library, memory, pieces, step, trials
from apical.simulate.engine.batched.layout import Layout
from apical.simulate.engine.interface import Integration, Unstable
from apical.simulate.run import dataset
from apical.simulate.schema import InputError
from apical.simulate.trial.detailed import V_INIT_MV
from apical.simulate.trial.experiment import Experiment

HERE = Path(__file__).parent
GPU = HERE.parents[3] / "benchmarks" / "gpu"
# A soma with a dendrite that branches three times: chains on several levels, and branchings without membrane
BRANCHED = """\
1 1 0 0 0 8 -1
2 1 0 8 0 8 1
3 4 0 8 0 2 2
4 4 0 108 0 2 3
5 4 100 208 0 1 4
6 4 100 308 0 1 5
7 4 200 308 0 1 5
8 4 -60 208 0 1 4
9 4 -60 328 0 1 8
10 4 -260 208 0 1 8
"""
LANES = 2
LAYOUTS = {  # nothing divides what is shared
    "streamed": Layout(LANES, 3, blocks=1, on_chip=False),
    "on chip": Layout(LANES, 3, blocks=2, on_chip=True),
}
TRIALS, MS = 5, 30  # the third tile has a lane without a trial
RUNAWAY, UNDEFINED = 1, 4  # trials with an input spike at synapse 0, or 1, whose weights are absurd
# Several rounds of point processes at a node, not the same at all nodes
DENSE = {"synapses_per_segment": 3, "inhibitory": "GABA_AB", "without_nmda": Domain(from_um=200)}
FEW = 1  # nodes of a round of DENSE that one warp eliminates: those of the other specimen are all for one warp


class Threads:
    """A Device: the kernel as g++ compiles it, with a real thread for each of a GPU's."""

    at_once, threads = 5, 2

    def __init__(
        self, folder: Path, step_text: str, layout: Layout = LAYOUTS["streamed"], flags: str = "", together: bool = True
    ) -> None:
        self.launches, self.lanes = [], layout.lanes
        kernel = gpu.kernel_text(step_text, layout)
        if not together:
            kernel = kernel.replace("#define TOGETHER __syncthreads()", "#define TOGETHER")
            kernel = kernel.replace("#define TOGETHER_NARROW __sync", "#define TOGETHER_NARROW //")
        launch = 'extern "C" void launch(int blocks, void** arguments) {'
        launch += " launch_on_threads(run_tiles, blocks, LANES, WIDTH, NARROW * LANES, arguments); }"
        if layout.on_chip:
            launch += " real state[N_ROWS * LANES];"
        (folder / "kernel.cpp").write_text(f'#include "threads.h"\n{kernel}\n{launch}\n')
        self.library = folder / "kernel.so"
        command = [*library.compiler(), "-std=c++17", "-O1", "-pthread", "-fPIC", "-shared", *flags.split()]
        subprocess.run([*command, f"-I{HERE}", f"-I{GPU}", "-o", self.library, folder / "kernel.cpp"], check=True)

    def current(self):
        return nullcontext()

    def free_bytes(self):
        return 10**6

    def empty(self, n, dtype):
        return np.full(n, 77, dtype)  # what the memory happened to hold

    def put(self, values, copies=1):
        return np.tile(values, copies)

    def launch(self, tiles, *arguments):
        self.launches.append((tiles, arguments))
        given = [
            ctypes.c_int(each) if isinstance(each, int) else ctypes.c_void_p(each.ctypes.data) for each in arguments
        ]
        ctypes.CDLL(str(self.library)).launch(tiles, (ctypes.c_void_p * len(given))(*map(ctypes.addressof, given)))

    def fetch(self, array, n):
        found = array[:n].copy()
        return lambda: found


@pytest.fixture(scope="module")
def specimen(tmp_path_factory):
    """A function that builds the step of the branched cell, with its trials' input, the sites that are recorded, and
    what the CPU's step makes of them."""
    path = tmp_path_factory.mktemp("cell") / "branched.swc"
    path.write_text(BRANCHED)
    made: dict[tuple, SimpleNamespace] = {}
    experiments: list[Experiment] = []

    def build(precision: str = "float64", **changes) -> SimpleNamespace:
        key = (precision, *changes)
        if key in made:
            return made[key]
        integration = Integration(engine="batched", precision=precision)
        chosen = {"morphology": str(path), "integration": integration, **changes}
        experiments.append(Experiment(presets.preset("ball-and-stick").model_copy(update=chosen)))
        neuron = experiments[-1].neuron
        for synapse, weight in ((0, -1000.0), (1, np.nan)):
            neuron.synapses.connections[synapse][0].weight[0] = weight
        given = (neuron.cell, neuron.synapses, [], V_INIT_MV, 0.025, True, precision == "float32")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(elimination, "FEW", FEW if changes else elimination.FEW)
            generated, of_one_thread = (step.build(*given, shared=shared) for shared in (True, False))
        wide = int(generated.source.text.partition("WIDE = ")[2].partition(";")[0])
        assert (wide > 0) == bool(changes)
        segments = [segment.neuron for segment in neuron.cell.segments]
        made[key] = each = SimpleNamespace(
            step=generated,
            of_one_thread=of_one_thread,
            events_ms=[_input(neuron.synapses.sign, trial) for trial in range(TRIALS)],
            probes=[neuron.cell.soma(0.5), segments[-1]],
            coarse=segments[::7],
        )
        each.expected = run(each)
        return each

    yield build
    while experiments:
        experiments.pop().close()


def _input(sign: np.ndarray, trial: int) -> list[np.ndarray]:
    rng = np.random.default_rng(trial)
    events_ms = [np.flatnonzero(rng.random(MS) < rate).astype(float) for rate in np.where(sign > 0, 0.15, 0.02)]
    events_ms[0] = np.array([11.0] if trial == RUNAWAY else [])
    events_ms[1] = np.array([17.0] if trial == UNDEFINED else [])
    return events_ms


def run(each: SimpleNamespace, *devices) -> list:
    of = each.step if devices else each.of_one_thread
    return list(trials.run(of, each.events_ms, each.probes, each.coarse, MS, devices))


def agree(found: list, expected: list, within_mv: float) -> None:
    assert [type(each) for each in found] == [type(each) for each in expected]
    for ours, theirs in zip(found, expected, strict=True):
        if isinstance(ours, Unstable):
            assert ours.time_ms == pytest.approx(theirs.time_ms, abs=0.1)
            continue
        np.testing.assert_array_equal(ours.time_ms, theirs.time_ms)
        np.testing.assert_allclose(ours.v_mv, theirs.v_mv, rtol=0, atol=within_mv)
        np.testing.assert_allclose(ours.coarse_v_mv, theirs.coarse_v_mv, rtol=0, atol=within_mv + 1e-5)  # 32 bits


PRECISIONS = [("float64", 1e-9), ("float32", 0.05)]  # and how far from the CPU's, mV


@pytest.fixture(scope="module", params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]


@pytest.mark.parametrize(
    ("precision", "within_mv", "changes"), [*((*of, {}) for of in PRECISIONS), ("float64", 1e-9, DENSE)]
)
def test_threads_of_a_block_give_what_the_cpu_gives(specimen, tmp_path, layout, precision, within_mv, changes):
    each = specimen(precision, **changes)
    found = run(each, Threads(tmp_path, each.step.source.text, layout))
    agree(found, each.expected, within_mv)
    assert [trial for trial, one in enumerate(found) if isinstance(one, Unstable)] == [RUNAWAY, UNDEFINED]
    assert max(one.v_mv[0].max() for one in found if not isinstance(one, Unstable)) > 0  # it fires


@pytest.fixture(scope="module")
def device(specimen, tmp_path_factory, layout):
    return Threads(tmp_path_factory.mktemp("device"), specimen().step.source.text, layout)


@pytest.fixture(scope="module")
def as_it_is(specimen, device):
    return run(specimen(), device)


@pytest.mark.parametrize(("piece_ms", "lanes", "width"), [(7.0, 3, 1), (11.0, 16, 3)])  # of 48 threads some wait
def test_neither_pieces_nor_lanes_nor_threads_change_a_bit(
    specimen, as_it_is, layout, tmp_path, monkeypatch, piece_ms, lanes, width
):
    each = specimen()
    other = Threads(tmp_path, each.step.source.text, replace(layout, lanes=lanes, width=width))
    monkeypatch.setattr(pieces, "PIECE_MS", piece_ms)
    agree(run(each, other), as_it_is, 0)
    assert len(other.launches) == np.ceil(MS / piece_ms)


def test_several_devices_share_the_tiles(specimen, device, as_it_is):
    each, one = specimen(), device
    two, many = [copy.copy(one) for _ in range(2)], [copy.copy(one) for _ in range(5)]
    for of_two in two:
        of_two.launches = []
    agree(run(each, *two), as_it_is, 0)
    assert [of_two.launches[0][0] for of_two in two] == [1, 2]  # tiles
    agree(run(each, *many), as_it_is, 0)  # more than there are tiles


RACE = 66
LAUNCH = """
import ctypes, pickle, sys
with open(sys.argv[2], "rb") as file:
    tiles, arguments = pickle.load(file)
arrays = [ctypes.create_string_buffer(each, len(each)) for each in arguments if isinstance(each, bytes)]
rest = iter(arrays)
given = [ctypes.c_int(a) if isinstance(a, int) else ctypes.c_void_p(ctypes.addressof(next(rest))) for a in arguments]
ctypes.CDLL(sys.argv[1]).launch(tiles, (ctypes.c_void_p * len(given))(*map(ctypes.addressof, given)))
"""


@pytest.mark.parametrize("together", [True, False], ids=["as it is", "without barriers"])
def test_threads_do_not_race(specimen, layout, tmp_path, together):
    """GCC's thread sanitizer finds no race in 20 steps, and finds one where the barriers are taken out."""
    found = subprocess.run([*library.compiler(), "-print-file-name=libtsan.so"], capture_output=True, text=True)
    sanitizer = found.stdout.strip()
    if not Path(sanitizer).is_absolute():
        pytest.skip(f"{library.compiler()[0]} has no thread sanitizer")
    each = specimen(**DENSE)
    layout = replace(layout, width=20)  # more than a warp
    device = Threads(tmp_path, each.step.source.text, layout, flags="-g -fsanitize=thread", together=together)
    device.launch = lambda *launched: device.launches.append(launched)
    list(trials.run(each.step, each.events_ms[:LANES], each.probes, each.coarse, 0.5, [device]))
    ((tiles, *arguments),) = device.launches
    with (tmp_path / "arguments").open("wb") as file:
        pickle.dump((tiles, [a if isinstance(a, int) else a.tobytes() for a in arguments]), file)
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, str(device.library), str(tmp_path / "arguments")],
        env=os.environ | {"LD_PRELOAD": sanitizer, "TSAN_OPTIONS": f"exitcode={RACE} halt_on_error=1"},
        capture_output=True,
        text=True,
    )
    if "FATAL: ThreadSanitizer" in done.stderr:
        pytest.skip(f"the thread sanitizer does not run here: {done.stderr.strip().splitlines()[0]}")
    assert done.returncode == (0 if together else RACE), done.stderr
    assert ("data race" in done.stderr) == (not together)


def test_a_dataset_made_on_a_gpu_is_what_the_cpu_makes(quick_cell, here, tmp_path, monkeypatch):
    """From the command's function on, in two batches, with a step that no whole ms is a multiple of."""
    monkeypatch.setattr(gpu, "count", lambda: 1)
    monkeypatch.setattr(gpu, "gpus", lambda text, *sizes: [Threads(tmp_path, text)])
    monkeypatch.setattr(Threads, "at_once", 1)
    told: list[str] = []
    paths = [tmp_path / "cpu.zarr", tmp_path / "cuda.zarr"]
    for path in paths:
        dataset.simulate(quick_cell, path, 3, scheduler=here, device=path.stem, note=told.append)
    assert "cuda: 2 trials side by side" in told[1]
    assert "2 batches" in told[1]
    ours, theirs = (schema.open_dataset(path) for path in reversed(paths))
    assert theirs.data_vars.keys() == ours.data_vars.keys()
    assert {"nexus_v_mv", "dendrite_v_mv"} <= ours.data_vars.keys()
    for name in ours.data_vars:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-4)


@pytest.fixture
def quick_cell(lasting_swc):
    return presets.nmda().model_copy(
        update={
            "morphology": str(lasting_swc),
            "seconds": 0.03,
            "record_nexus": True,
            "record_dendrites": "all",
            "integration": Integration(engine="batched", precision="float64", dt_ms=0.03),
        }
    )


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc")
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_nvcc_compiles_the_kernel(specimen, tmp_path, layout, precision):
    (tmp_path / "kernel.cu").write_text(gpu.kernel_text(specimen(precision).step.source.text, layout))
    options = [*gpu.OPTIONS, "-ftz=true", "-arch=sm_80", "-cubin"]
    subprocess.run(["nvcc", *options, "-o", tmp_path / "kernel.cubin", tmp_path / "kernel.cu"], check=True)


def _a_gpu_is_there() -> bool:
    try:
        return gpu.count() > 0
    except InputError:
        return False


@pytest.mark.gpu
@pytest.mark.skipif(not _a_gpu_is_there(), reason="no CuPy, or no CUDA device")
@pytest.mark.parametrize(("precision", "within_mv"), PRECISIONS)
def test_a_gpu_gives_what_the_cpu_gives(specimen, precision, within_mv):
    each = specimen(precision)
    there = devices.named("cuda", each.step.source)
    copies = 14  # 70 trials: two tiles and a part of a third
    found = list(trials.run(each.step, each.events_ms * copies, each.probes, each.coarse, MS, there))
    agree(found, each.expected * copies, within_mv)
    need = memory.need(each.step, len(each.probes), len(each.coarse), MS)
    together = memory.trials_that_fit(need, there, memory.host_bytes())
    assert together > 0
    assert together % there[0].lanes == 0

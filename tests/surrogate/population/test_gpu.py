"""A population by the kernels for a GPU against the CPU's: on a GPU where there is one, else interpreted."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from apical.simulate.schema import InputError
from apical.surrogate.population import gpu, gpu_layout, population
from apical.surrogate.population.connections import Connections
from apical.surrogate.population.population import Population
from apical.surrogate.population.spikes_in_flight import SpikesInFlight

HAS_GPU = torch.cuda.is_available()
pytest.importorskip("triton", reason="triton is not installed: it comes with PyTorch's CUDA build, on Linux")

DEVICES = [
    pytest.param("cpu", id="cpu-interpreter", marks=pytest.mark.skipif(HAS_GPU, reason="the GPU runs these")),
    pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not HAS_GPU, reason="no CUDA device")]),
]
OF_RANGE, PROBABILITY = 1e-5, 1e-4  # as of the compiled path
ROUNDED = 2**-6  # of bfloat16, in which a number is right to 2^-9: of the range


@pytest.fixture(params=DEVICES)
def device(request, monkeypatch, poisoned):
    """Where the kernels run; what is not written there holds NaN, or the largest whole number."""
    if request.param == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
        monkeypatch.setattr(gpu_layout, "MOST_NEURONS", 16)  # several programs for few neurons
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return request.param


@pytest.fixture
def make_pair(make_surrogate, device):
    """The same population twice: by the kernels for a GPU, and by the CPU's."""

    def make(n, *given, models=({},), **options):
        sizes, made = (n, list) if isinstance(n, list) else ([n], lambda each: each[0])
        both = []
        for path, where in (("triton", device), ("compiled", "cpu")):
            surrogates = [make_surrogate(**model) for model in models]
            for each in surrogates:
                each.model.to(where)
            both.append(Population(made(surrogates), made(sizes), *given, path=path, **options))
        return both

    return make


def outside(n, duration_ms, rate=0.02, n_inputs=16, seed=0):
    """Input from outside, several spikes of a neuron in some bins."""
    random = np.random.default_rng(seed)
    time_ms, neuron, synapse = (random.random((duration_ms, n, n_inputs)) < rate).nonzero()
    return {"time_ms": time_ms, "neuron": neuron, "synapse": synapse, "weight": random.random(len(neuron)) * 2}


def assert_same(ours, truth):
    assert ours.spike_neuron.values.tolist() == truth.spike_neuron.values.tolist()
    assert ours.spike_time_ms.values.tolist() == truth.spike_time_ms.values.tolist()
    np.testing.assert_allclose(ours.soma_v_mv, truth.soma_v_mv, atol=OF_RANGE * np.ptp(truth.soma_v_mv.values))
    np.testing.assert_allclose(ours.spike_probability, truth.spike_probability, atol=PROBABILITY)
    assert ours.spike_neuron.size > 15 and np.ptp(truth.soma_v_mv.values) > 0.1


MODELS = [
    ({"size": 5}, None),
    ({"size": 7, "mlp_activation": "silu", "mlp_hidden_size": 11, "version": 2}, 0.4),
    ({"size": 4, "n_branches": None}, None),
    ({"size": "simplest"}, 0.4),
]


@pytest.mark.parametrize("options, threshold", MODELS)
def test_it_is_the_compiled_path(make_pair, make_table, device, options, threshold):
    """Two groups, of which the first is more than a program takes; delays, weights, input of every kind."""
    sizes, duration_ms = ([19, 5], 6) if device == "cpu" else ([1333, 90], 60)
    n = sum(sizes)
    rates = {"poisson_hz": [np.arange(16.0) * 9, None], "threshold": threshold, "seed": 2**40 + 1}
    ours, truth = make_pair(sizes, make_table(n, longest_ms=4), models=(options, {"size": 3, "seed": 2}), **rates)
    table = outside(n, duration_ms)
    told = [each.run(duration_ms, table, record=[0, n - 1, 7, 18, 19]) for each in (ours, truth)]
    assert_same(*told)
    for name, states in ours._flying.arrays().items():
        assert states.dtype == truth._flying.arrays()[name].dtype
        assert states.tolist() == truth._flying.arrays()[name].tolist()


def test_many_connections_of_one_neuron(make_pair):
    """Words and parts that neighbours share: 1,500 connections to neuron 1, none to neuron 2. Six spikes in flight."""
    n, random, sent = 64, np.random.default_rng(0), np.array([3, 17, 20, 41, 42, 63], np.int32)
    post = np.repeat([0, 1, 3], [40, 1500, 1])
    table = {
        "pre": random.integers(n, size=len(post)),
        "post": post,
        "synapse": random.integers(16, size=len(post)),
        "weight": random.random(len(post)) / 9,
        "delay_ms": random.integers(2, 5, size=len(post)),
    }
    told = []
    for each in make_pair(n, table, threshold=0.999):
        each.time_ms, wires = 9, each._wires
        each._flying = SpikesInFlight(len(sent), sent, np.full(len(sent), 8), wires.first_run_n[sent])
        assert wires.lead_on(each._flying, 9)
        told.append(each.run(4, record=range(4)))
        assert each._flying.count == 0 and not told[-1].spike_neuron.size  # all have come, none was sent
    ours, truth = (each.soma_v_mv.values for each in told)
    np.testing.assert_allclose(ours, truth, atol=OF_RANGE * np.ptp(truth))
    assert abs(truth[1] - truth[2]).max() > 1


def test_d_m_20_alone(make_pair):
    """Without connections, under Poisson input of a whole cell."""
    pair = make_pair(3, models=({"size": 20, "n_inputs": 1278},), poisson_hz=10.0, threshold=0.3)
    ours, truth = (each.run(3, record=[0, 1, 2]) for each in pair)
    np.testing.assert_allclose(ours.soma_v_mv, truth.soma_v_mv, atol=OF_RANGE * np.ptp(truth.soma_v_mv.values))
    assert np.ptp(truth.soma_v_mv.values) > 0.1


def test_it_goes_on_bit_for_bit(make_pair, make_table, tmp_path, monkeypatch):
    """In pieces of any length, from bins of either parity, after a state was saved."""
    n, options = 10, {"poisson_hz": 20.0, "seed": 9}
    whole, _ = make_pair(n, make_table(n), **options)
    first, then = whole.run(4), whole.run(3, record=[0, 9])
    monkeypatch.setattr(population, "AT_ONCE_MS", 3)
    monkeypatch.setattr(gpu, "AT_ONCE_MS", 2)
    part, _ = make_pair(n, make_table(n), **options)
    assert part.run(4).identical(first)
    part.save(tmp_path / "state.safetensors")
    assert part._flying.count > 3
    resumed, _ = make_pair(n, make_table(n), **options)
    resumed.resume(tmp_path / "state.safetensors")
    assert resumed.run(3, record=[0, 9]).identical(then)
    assert then.spike_neuron.size > 3


def test_step_by_step(make_pair, make_table):
    n, duration_ms = 20, 4
    table = outside(n, duration_ms, rate=0.05)
    ours, truth = make_pair(n, make_table(n))
    run = truth.run(duration_ms, table, record=np.arange(n))
    neurons = []
    for t in range(duration_ms):
        here = {name: values[table["time_ms"] == t] for name, values in table.items() if name != "time_ms"}
        told = ours.step(here)
        np.testing.assert_allclose(told.v_mv, run.soma_v_mv[:, t], atol=OF_RANGE * np.ptp(run.soma_v_mv.values))
        np.testing.assert_allclose(told.spike_probability, run.spike_probability[:, t], atol=PROBABILITY)
        neurons += told.spiking.tolist()
    assert neurons == run.spike_neuron.values.tolist() and len(neurons) > 3
    assert ours.step().v_mv.shape == (n,)


def test_a_call_that_has_no_room_left_is_followed_by_another(make_pair, make_table, monkeypatch):
    n = 10
    monkeypatch.setattr(gpu, "ROOM", 0)
    ours, truth = make_pair(n, make_table(n, longest_ms=1), threshold=1e-9)
    assert_same(*(each.run(6, record=[3]) for each in (ours, truth)))
    assert ours._engine._sizes[0] < n * 6


def test_neurons_that_send_to_none(make_pair):
    ours, truth = make_pair(5, {"pre": [1, 1], "post": [4, 0], "synapse": [2, 3], "delay_ms": [2, 4]}, threshold=1e-9)
    assert_same(*(each.run(6, record=[0, 4]) for each in (ours, truth)))


def test_products_in_bfloat16(make_pair, make_table):
    """Near to float32, and not the same."""
    n, options = 20, {"models": ({"size": 7},), "poisson_hz": 20.0}
    ours, truth = make_pair(n, **options)
    rounded = Population(ours._groups[0].surrogate, n, poisson_hz=20.0, path="triton", precision="bfloat16")
    told = [each.run(4, record=np.arange(n)) for each in (rounded, truth)]
    difference = abs(told[0].soma_v_mv - told[1].soma_v_mv).values
    assert 1e-6 < difference.max() / np.ptp(told[1].soma_v_mv.values) < ROUNDED
    assert '"precision": "bfloat16"' in told[0].config


def test_a_spike_that_is_not_a_number_is_none(make_pair):
    ours, truth = make_pair(3, poisson_hz=10.0)
    for each in (ours, truth):
        states = each._engine.arrays()
        each._engine.restore({name: np.full_like(state, np.nan) for name, state in states.items()})
    told = [each.run(2, record=[0]) for each in (ours, truth)]
    assert all(each.soma_v_mv.isnull().all() and not each.spike_neuron.size for each in told)


def test_places_by_hand():
    """To neuron 0 the oldest first, then by sender, then as given; to neuron 2 33, which are two words."""
    table = {
        "pre": [2, 0, 1, 1, *[0] * 33],
        "post": [0, 0, 0, 0, *[2] * 33],
        "synapse": [4, 3, 2, 1, *range(33)],
        "weight": [1, 2, 3, 4, *[5] * 33],
        "delay_ms": [4, 1, 4, 4, *[1] * 33],
    }
    incoming = Connections.of_table(table, np.full(3, 40), 1).incoming()
    assert incoming.first_word_n.tolist() == [0, 1, 1, 3]
    assert incoming.synapse_p[:5].tolist() == [2, 1, 4, 3, 0] and incoming.weight_p[:5].tolist() == [3, 4, 1, 2, 0]
    assert incoming.synapse_p[32:66].tolist() == [*range(33), 0] and len(incoming.weight_p) == 96
    wires = Connections.of_table(table, np.full(3, 40), 1)
    assert all(incoming.synapse_p[p] == s for p, s in zip(incoming.place_e, wires.synapse_e, strict=True))


def test_what_it_does_not_take(make_surrogate, monkeypatch):
    wide = make_surrogate(70)
    with pytest.raises(InputError, match="path 'triton': 140 hidden units by 70 memory units do not fit"):
        Population(wide, 2, path="triton")
    with pytest.raises(InputError, match="path 'triton': the MLP is not one hidden layer"):
        Population(make_surrogate(mlp_layers=2), 2, path="triton")
    with pytest.raises(InputError, match="precision is 'bfloat16' on path 'compiled', expected float32"):
        Population(make_surrogate(), 2, precision="bfloat16")
    with pytest.raises(InputError, match="precision is 'float16' on path 'triton'"):
        Population(make_surrogate(), 2, path="triton", precision="float16")
    monkeypatch.setattr("apical.surrogate.kernels.population_gpu_kernels.INTERPRETED", False)
    with pytest.raises(InputError, match="path 'triton': the surrogate lies on the CPU; load it with device='cuda'"):
        Population(make_surrogate(), 2, path="triton")
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.raises(InputError, match="path 'triton': triton is not installed; take path 'reference', or 'auto'"):
        Population(make_surrogate(), 2, path="triton")


COMPILE = """
import re, subprocess, sys
from pathlib import Path
import triton.backends.nvidia
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from apical.surrogate.kernels import population_gpu_kernels as kernels

dump = str(Path(triton.backends.nvidia.__path__[0], "bin", "cuobjdump"))
NAMES = {
    "*i64": "clock first_k since_k run_k first_run_n first_r first_a",
    "*i32": "pre_k delay_r place_e words parts first_word_n synapse_p post_a synapse_a other_s count_j watched_w",
    "*u32": "count_c accept_s",
    "*i8": "spiking_n",
    "i64": "seed",
    "i32": "stream first n_here n room n_inputs n_counts n_hidden n_memory n_tiles longest n_parts most_watched",
    "fp32": "kappa scale_mv offset_mv bias_logit bias_volt threshold",
}
KINDS = {name: kind for kind, names in NAMES.items() for name in names.split()}
of_step = {"WIRED": True, "POISSON": True, "DRAWN": True, "SILU": True, "TILE": 512}
for kernel, constants in (
    (kernels.mark, {"E": 128}),
    (kernels.step, of_step | {"N": 64, "H": 64, "M": 32, "PRECISION": "ieee"}),
    (kernels.step, of_step | {"N": 64, "H": 64, "M": 32, "PRECISION": "bf16"}),
    (kernels.collect, {"WIRED": True, "TILE": 512, "PARTS": 128}),
):
    kinds = {name: KINDS.get(name, "*fp32") for name in kernel.arg_names} | dict.fromkeys(constants, "constexpr")
    if constants.get("PRECISION") == "bf16":
        kinds["into_hm"] = kinds["out_hm"] = "*bf16"
    aligned = {(n,): [["tt.divisibility", 16]] for n, kind in enumerate(kinds.values()) if kind[0] == "*"}
    source = ASTSource(fn=kernel, signature=kinds, constexprs=constants, attrs=aligned)
    made = compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 8 if kernel is kernels.step else 4})
    print(made.metadata.shared <= 48 * 1024)  # what every GPU grants a program
    Path("made.cubin").write_bytes(made.asm["cubin"])
    used = subprocess.run([dump, "-res-usage", "made.cubin"], capture_output=True, text=True, check=True).stdout
    print(int(re.search(r"STACK:(\\d+)", used)[1]) <= 256)
"""


@pytest.mark.slow
def test_it_compiles_for_a_gpu_without_one(tmp_path, monkeypatch):
    """In a process of its own, since here it may be interpreted. What registers do not hold would go to the stack."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"] * 8


def test_nothing_else_needs_triton():
    absent = "import sys; sys.modules['triton'] = None; import apical.surrogate.population.gpu"
    done = subprocess.run([sys.executable, "-c", absent], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

"""What cannot be a population, and what cannot reach one: a line that names it."""

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from scipy.sparse import coo_array

from apical.simulate.schema import InputError
from apical.surrogate.population.population import Population

TABLE = {"pre": [0, 1], "post": [1, 0], "synapse": [3, 15], "weight": [1.0, 0.5], "delay_ms": [1, 2]}


def matrix(*entry, n=3):
    value, row, column = entry or (1.0, 0, 1)
    return coo_array(([value], ([row], [column])), shape=(n, n))


BAD_TABLES = [
    ({"pre": [0, 3]}, r"connectivity: 'pre' of connection 1 is 3, expected one of 3 neurons, from 0 on"),
    ({"post": [-1, 0]}, r"'post' of connection 0 is -1, expected one of 3 neurons"),
    ({"synapse": [3, 16]}, r"'synapse' of connection 1 is 16, expected one of 16 synapses, from 0 on"),
    ({"synapse": [3.5, 1]}, r"'synapse' holds float64, expected whole numbers"),
    ({"weight": [np.nan, 1]}, r"'weight' of connection 0 is nan, expected 0 or more: its synapse says its sign"),
    ({"weight": [1, -2]}, r"'weight' of connection 1 is -2.0, expected 0 or more"),
    ({"weight": [1, 1e300]}, r"'weight' of connection 1 is inf"),
    ({"weight": ["a", "b"]}, r"'weight' holds <U1, expected numbers"),
    ({"delay_ms": [1, -1]}, r"delay_ms of connection 1 is -1, expected whole ms from 1 to 65,535"),
    ({"delay_ms": [0, 1]}, r"delay_ms of connection 0 is 0, expected whole ms"),
    ({"delay_ms": [1.5, 1]}, r"delay_ms of connection 0 is 1.5, expected whole ms"),
    ({"delay_ms": [np.nan, 1]}, r"delay_ms of connection 0 is nan"),
    ({"synapse": [1]}, r"'synapse' has shape \(1,\), 'pre' \(2,\): one length for all"),
    ({"delay": [1, 1]}, r"has a column 'delay', expected pre, post, perhaps synapse, weight, delay_ms"),
]


@pytest.mark.parametrize("change, told", BAD_TABLES)
def test_connections(make_surrogate, change, told):
    Population(make_surrogate(), 3, TABLE)
    with pytest.raises(InputError, match=told):
        Population(make_surrogate(), 3, TABLE | change)


BAD = [
    ({"connectivity": {"pre": [0]}}, "connectivity: has no column 'post', expected pre, post, perhaps synapse"),
    ({"connectivity": {"pre": [0], "post": [1], "weight": [np.inf]}}, "'weight' of connection 0 is inf, expected fin"),
    ({"connectivity": [[0, 1, 2]]}, "connectivity: a list, expected columns by name or a sparse SciPy matrix"),
    ({"connectivity": matrix(n=4)}, r"a matrix of shape \(4, 4\), expected \(3, 3\) for 3 neurons"),
    ({"connectivity": matrix(np.inf, 0, 1)}, "'weight' of connection 0 is inf, expected finite numbers"),
    ({"connectivity": matrix(), "delay_ms": [1, 2]}, r"delay_ms: shape \(2,\), expected one number, or \(1,\)"),
    ({"connectivity": matrix(), "delay_ms": -3}, "delay_ms is -3, expected whole ms from 1"),
    ({"n": 0}, "n is 0, expected a whole number of neurons, 1 or more"),
    ({"n": 2.5}, "n is 2.5, expected a whole number"),
    ({"n": 2**31 - 1}, r"2,147,483,647 neurons with 0 connections take [\d,.]+ GiB, [\d,.]+ are free: take fewer"),
    ({"n": [2, 3]}, r"n is \[2, 3\], expected a whole number"),
    ({"seed": -1}, "seed is -1, expected a whole number from 0"),
    ({"threshold": 1.5}, "threshold is 1.5, expected a probability between 0 and 1, or None"),
    ({"threshold": float("nan")}, "threshold is nan"),
    ({"path": "gpu"}, "path is 'gpu', expected auto, compiled, triton or reference"),
    ({"poisson_hz": -1.0}, "poisson_hz: -1.0 at synapse 0, expected 0 to 10,000"),
    ({"poisson_hz": [1.0] * 15 + [np.nan]}, "poisson_hz: nan at synapse 15"),
    ({"poisson_hz": 1e12}, "poisson_hz: 1000000000000.0 at synapse 0"),
    ({"poisson_hz": [1.0, 2.0]}, r"poisson_hz: float64 of shape \(2,\), expected a number or one for each of 16"),
]


@pytest.mark.parametrize("change, told", BAD)
def test_arguments(make_surrogate, change, told):
    with pytest.raises(InputError, match=told):
        Population(**{"surrogate": make_surrogate(), "n": 3} | change)


def test_inhibition_of_a_cell_without_inhibitory_synapses(make_surrogate):
    excited = make_surrogate()
    excited.input_signs[:] = [(1, 16)]
    with pytest.raises(InputError, match="a weight of sign -1 for neurons without such synapses"):
        Population(excited, 3, matrix(-1.0, 0, 1))


@pytest.mark.parametrize("family, size", [("lstm", 5), ("lif", 1), ("tcn", "2x4")])
def test_another_model(make_surrogate, family, size):
    with pytest.raises(InputError, match=rf"{family}-{size} is of family {family}, expected a fitted ELM"):
        Population(make_surrogate(size, family), 3)


def test_no_model():
    with pytest.raises(InputError, match="got 'runs/elm-10', expected a fitted ELM"):
        Population("runs/elm-10", 3)


def test_several_groups_of_other_lengths(make_surrogate):
    with pytest.raises(InputError, match="n and poisson_hz are lists as long"):
        Population([make_surrogate(), make_surrogate()], [3])


def test_a_deep_model_on_the_compiled_path(make_surrogate):
    with pytest.raises(InputError, match="path 'compiled': the MLP is not one hidden layer of ReLU or SiLU"):
        Population(make_surrogate(mlp_layers=2), 3, path="compiled")


SPIKES = {"time_ms": [0.0, 9.9], "neuron": [0, 2], "synapse": [0, 15]}
BAD_SPIKES = [
    ({"time_ms": [0, 10]}, "'time_ms' of spike 1 is 10, expected a time in this run, 0 to 10 ms"),
    ({"time_ms": [-0.1, 1]}, "'time_ms' of spike 0 is -0.1"),
    ({"time_ms": [np.nan, 1]}, "'time_ms' of spike 0 is nan"),
    ({"neuron": [0, 3]}, "'neuron' of spike 1 is 3, expected one of 3 neurons"),
    ({"synapse": [-1, 0]}, "'synapse' of spike 0 is -1, expected a synapse of its neuron"),
    ({"synapse": [0]}, r"'synapse' has shape \(1,\), expected \(2,\) as time_ms"),
    ({"synapse": [0.0, 1.0]}, "'synapse' holds float64, expected whole numbers"),
    ({"weight": [np.nan, 1]}, "'weight' of spike 0 is nan, expected 0 or more"),
    ({"weight": [1, 1e300]}, "'weight' of spike 1 is 1e\\+300, expected 0 or more"),
    ({"spike": [0, 1]}, "spikes: column 'spike', expected time_ms, neuron, synapse"),
]


@pytest.mark.parametrize("change, told", BAD_SPIKES)
def test_spikes_from_outside(make_surrogate, change, told):
    Population(make_surrogate(), 3).run(10, SPIKES)
    with pytest.raises(InputError, match=told):
        Population(make_surrogate(), 3).run(10, SPIKES | change)


@pytest.mark.parametrize(
    "arguments, told",
    [
        ({"duration_ms": 0}, "duration_ms is 0, expected whole ms, 1 or more"),
        ({"duration_ms": 1.5}, "duration_ms is 1.5"),
        ({"duration_ms": 2**32}, "duration_ms is 4294967296"),
        ({"duration_ms": 10, "record": [3]}, "record: neuron 3 of 3, from 0 on"),
        ({"duration_ms": 10, "record": [-1]}, "record: neuron -1 of 3"),
        ({"duration_ms": 10, "record": [0.5]}, r"record: float64 of shape \(1,\)"),
        ({"duration_ms": 2**32 - 9, "record": [0]}, r"4,294,967,287 ms, with traces of 1 neurons, take [\d,.]+ GiB"),
    ],
)
def test_runs(make_surrogate, arguments, told):
    with pytest.raises(InputError, match=told):
        Population(make_surrogate(), 3).run(**arguments)


@pytest.mark.parametrize(
    "name, change",
    [
        ("flying.run_f", lambda a: a + 1000),
        ("flying.run_f", lambda a: a - 1000),
        ("flying.pre_f", lambda a: a + 3),
        ("flying.since_f", lambda a: a + 1000),
        ("flying.pre_f", lambda a: a[:-1]),
        ("0.m_bmn", lambda a: a[..., :-1]),
        ("0.share_na", lambda a: a.astype("f8")),
    ],
)
def test_a_state_that_would_lead_astray(make_surrogate, tmp_path, name, change):
    """The kernel goes where a state says."""
    net, path = Population(make_surrogate(), 3, TABLE, threshold=1e-9), tmp_path / "state.safetensors"
    net.run(3)
    net.save(path)
    net.resume(path)
    with safe_open(path, "np") as file:
        told, arrays = file.metadata(), {each: file.get_tensor(each) for each in file.keys()}  # noqa: SIM118
    save_file(arrays | {name: np.ascontiguousarray(change(arrays[name]))}, path, told)
    with pytest.raises(InputError, match="damaged; save it again"):
        net.resume(path)
    assert net.run(3).spike_neuron.size == 9  # as it was


def test_states(make_surrogate, tmp_path):
    population, path = Population(make_surrogate(), 3), tmp_path / "state.safetensors"
    with pytest.raises(InputError, match="no such file"):
        population.resume(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="damaged, or no state of a population"):
        population.resume(path)
    population.save(path)
    for other in (
        Population(make_surrogate(), 4),
        Population(make_surrogate(), 3, seed=1),
        Population(make_surrogate(), 3, TABLE),
        Population(make_surrogate(seed=3), 3),
        Population(make_surrogate(), 3, poisson_hz=1),
        Population(make_surrogate(), 3, path="reference"),
    ):
        with pytest.raises(InputError, match="of another population"):
            other.resume(path)
    with pytest.raises(InputError, match="cannot be written"):
        population.save(tmp_path / "nowhere" / "state.safetensors")

"""A population against one neuron's `step`, against neurons alone, and the kernel against the plain loop."""

import tracemalloc

import numpy as np
import pytest

from apical.surrogate import Population, Surrogate
from apical.surrogate.population import kernel, population

MODELS = [
    {"size": 5},
    {"size": 7, "mlp_activation": "silu", "mlp_hidden_size": 11, "version": 2},
    {"size": 4, "n_branches": None},
    {"size": "simplest"},
    {"size": 20, "n_inputs": 40},
]
OF_RANGE, PROBABILITY = 1e-5, 1e-4  # sums in another order; weights here are three times those of a new model


def noise(n, n_inputs, duration_ms, rate=0.1, seed=0):
    """Input from outside: (T, N, S) as counts, and as a table."""
    count_tns = (np.random.default_rng(seed).random((duration_ms, n, n_inputs)) < rate).astype(np.float32)
    time_ms, neuron, synapse = count_tns.nonzero()
    return count_tns, {"time_ms": time_ms, "neuron": neuron, "synapse": synapse}


def spikes_of(ds):
    return ds.spike_neuron.values.tolist(), ds.spike_time_ms.values.tolist()


def stepped(neuron, count_ts):
    """Probabilities and voltages (T,) of one neuron that `step` drives with so many spikes at each synapse."""
    state, told = neuron.start(), []
    for count_s in count_ts:
        *outputs, state = neuron.step(count_s * neuron.sign_s, state)
        told.append(outputs)
    return np.array(told, np.float32).T


@pytest.mark.parametrize("options", MODELS)
@pytest.mark.parametrize("path", ["reference", "compiled"])
def test_one_neuron_is_the_surrogate_to_the_bit(make_surrogate, options, path):
    neuron = make_surrogate(**options)
    neuron.model.path = path  # of what `step` takes
    count_tns, table = noise(1, neuron.model.n_inputs, 60)
    told = Population(neuron, 1, path=path).run(60, table, record=[0])
    probability_t, v_mv_t = stepped(neuron, count_tns[:, 0])
    assert np.array_equal(told.spike_probability[0], probability_t) and np.array_equal(told.soma_v_mv[0], v_mv_t)
    assert np.ptp(v_mv_t) > 0.1


@pytest.mark.parametrize("name", ["l5pc-nmda", "mc-nmda"])
def test_each_of_a_population_without_connections_is_a_shipped_surrogate_to_the_bit(name):
    neuron, n = Surrogate.load(name), 40
    count_tns, table = noise(n, len(neuron.sign_s), 60, rate=0.012)
    told = Population(neuron, n, threshold=0.01).run(60, table, record=np.arange(n))
    for i in (0, 33):
        probability_t, v_mv_t = stepped(neuron, count_tns[:, i])
        assert np.array_equal(told.spike_probability[i], probability_t) and np.array_equal(told.soma_v_mv[i], v_mv_t)
        fired_ms = told.spike_time_ms[told.spike_neuron == i]
        assert np.array_equal(fired_ms, np.flatnonzero(probability_t >= np.float32(0.01)))
    assert told.spike_neuron.size > 10


def test_spikes_from_outside_in_any_order_and_several_at_a_synapse(make_surrogate):
    """`step` takes their sum."""
    neuron, random = make_surrogate(), np.random.default_rng(0)
    time_ms, synapse, weight = random.random(900) * 30, random.integers(16, size=900), random.random(900)
    table = {"time_ms": time_ms, "neuron": np.zeros(900, int), "synapse": synapse, "weight": weight}
    told = Population(neuron, 1).run(30, table, record=[0])
    sum_ts = np.zeros((30, 16), np.float32)
    np.add.at(sum_ts, (time_ms.astype(int), synapse), weight.astype(np.float32))
    assert (np.bincount(time_ms.astype(int) * 16 + synapse) > 1).sum() > 100
    assert np.array_equal(told.soma_v_mv[0], stepped(neuron, sum_ts)[1])


def test_without_connections_each_is_as_it_is_alone(make_surrogate):
    neuron, n = make_surrogate(), 70
    _, table = noise(n, 16, 40)
    together = Population(neuron, n, threshold=0.5).run(40, table, record=np.arange(n))
    for i in (0, 1, 31, 32, 69):
        own = {name: values[table["neuron"] == i] for name, values in table.items()}
        alone = Population(neuron, 1, threshold=0.5).run(40, {**own, "neuron": 0 * own["neuron"]}, record=[0])
        assert np.array_equal(alone.soma_v_mv[0], together.soma_v_mv[i])
        assert np.array_equal(alone.spike_probability[0], together.spike_probability[i])
        assert np.array_equal(alone.spike_time_ms, together.spike_time_ms[together.spike_neuron == i])


@pytest.mark.parametrize("options", MODELS[:4])
@pytest.mark.parametrize("threshold", [None, 0.4])
def test_the_kernel_is_the_plain_loop(make_surrogate, make_table, options, threshold):
    """Two groups, delays, weights, input of every kind."""
    surrogates, sizes = [make_surrogate(**options), make_surrogate(3, seed=2)], [45, 33]
    n, duration_ms = sum(sizes), 80
    _, table = noise(n, 16, duration_ms, rate=0.02)
    table["weight"] = np.random.default_rng(1).random(len(table["neuron"])) * 2
    rates = [np.arange(16.0), None]
    both = [
        Population(
            surrogates, sizes, make_table(n), seed=2**40 + 1, poisson_hz=rates, threshold=threshold, path=path
        ).run(duration_ms, table, record=np.arange(n))
        for path in ("compiled", "reference")
    ]
    assert spikes_of(both[0]) == spikes_of(both[1])
    assert 20 < both[0].spike_neuron.size < n * duration_ms
    v_mv = [each.soma_v_mv.values for each in both]
    np.testing.assert_allclose(*v_mv, atol=OF_RANGE * np.ptp(v_mv))
    np.testing.assert_allclose(*(each.spike_probability for each in both), atol=PROBABILITY)


def test_any_number_of_threads(make_surrogate, make_table, threads):
    n, told = 150, []
    for count in (1, 2, 3, 8):
        threads(count)
        told.append(Population(make_surrogate(), n, make_table(n), poisson_hz=20).run(50, record=np.arange(n)))
    assert told[0].spike_neuron.size > 50
    assert all(each.identical(told[0]) for each in told[1:])


def test_a_spike_arrives_after_its_delay(make_surrogate):
    """Neuron 0 spikes in its first bin, whatever comes; neuron 1 hears of it 5 ms later."""
    neuron = make_surrogate()
    alone = Population(neuron, 2, threshold=1e-9).run(12, record=[1])
    table = {"pre": [0], "post": [1], "synapse": [2]}
    wired = Population(neuron, 2, table, 5, threshold=1e-9).run(12, record=[1])
    differs = (wired.soma_v_mv != alone.soma_v_mv).values[0]
    assert differs.tolist() == [False] * 5 + [True] * 7


@pytest.mark.parametrize("path", ["reference", "compiled"])
def test_it_goes_on_bit_for_bit(make_surrogate, make_table, tmp_path, path):
    n, options = 40, {"poisson_hz": 20.0, "seed": 9, "path": path}
    whole = Population(make_surrogate(), n, make_table(n), **options)
    first, then = whole.run(30), whole.run(30, record=[0, 39])
    part = Population(make_surrogate(), n, make_table(n), **options)
    assert part.run(30).identical(first)
    part.save(tmp_path / "state.safetensors")
    assert part._flying.count > 5  # spikes that are on their way
    resumed = Population(make_surrogate(), n, make_table(n), **options)
    resumed.resume(tmp_path / "state.safetensors")
    assert resumed.time_ms == 30
    assert resumed.run(30, record=[0, 39]).identical(then)
    assert then.time_ms.values.tolist() == list(range(30, 60)) and then.spike_neuron.size > 20


def test_step_by_step_is_a_run(make_surrogate, make_table):
    n = 40
    count_tns, table = noise(n, 16, 20, rate=0.05)
    run = Population(make_surrogate(), n, make_table(n)).run(20, table, record=np.arange(n))
    stepped, neurons, times = Population(make_surrogate(), n, make_table(n)), [], []
    for t in range(20):
        neuron, synapse = count_tns[t].nonzero()
        told = stepped.step({"neuron": neuron, "synapse": synapse})
        assert np.array_equal(told.v_mv, run.soma_v_mv[:, t])
        assert np.array_equal(told.spike_probability, run.spike_probability[:, t])
        neurons += told.spiking.tolist()
        times += [t] * len(told.spiking)
    assert (neurons, times) == spikes_of(run) and stepped.time_ms == 20
    assert stepped.step().v_mv.shape == (n,)


def test_a_call_that_has_no_room_left_is_followed_by_another(make_surrogate, make_table, monkeypatch):
    n = 40
    expected = Population(make_surrogate(), n, make_table(n), threshold=1e-9).run(60, record=[3])
    assert expected.spike_neuron.size == n * 60  # all of them, always
    monkeypatch.setattr(kernel, "ROOM", 0)
    monkeypatch.setattr(kernel, "NEURON_STEPS", 7 * n)
    assert Population(make_surrogate(), n, make_table(n), threshold=1e-9).run(60, record=[3]).identical(expected)


def test_spikes_come_with_their_probability(make_surrogate):
    told = Population(make_surrogate(), 100, poisson_hz=30).run(100, record=np.arange(100))
    expected = float(told.spike_probability.sum())
    variance = float((told.spike_probability * (1 - told.spike_probability)).sum())
    assert abs(told.spike_neuron.size - expected) < 4.5 * np.sqrt(variance)
    assert expected > 200


def test_a_neuron_takes_at_most_4_kb_beside_its_connections(make_surrogate):
    """What NumPy holds at most while it is made and runs, of the second 20,000 neurons. The largest that ships."""
    neuron = make_surrogate(size=20, n_inputs=1820)
    of_state = 4 * (2 * 20 + 20)

    def peak(n):
        tracemalloc.start()
        Population(neuron, n, poisson_hz=0.5).run(20)
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    assert of_state < (peak(40_000) - peak(20_000)) / 20_000 < 4096


def test_what_a_run_tells(make_surrogate, monkeypatch):
    monkeypatch.setattr(population, "AT_ONCE_MS", 10)
    reached = []
    ds = Population(make_surrogate(), 3).run(25, record=[2, 0], progress=reached.append)
    assert reached == [10, 20, 25]
    assert ds.sizes == {"spike": ds.spike_neuron.size, "neuron": 2, "time_ms": 25}
    assert ds.neuron.values.tolist() == [2, 0]
    assert {name: ds[name].attrs["units"] for name in ds.variables}["soma_v_mv"] == "mV"


def test_a_model_that_the_kernel_does_not_take_goes_the_plain_way(make_surrogate):
    deep = make_surrogate(mlp_layers=2)
    assert Population(deep, 2).path == "reference" and Population(make_surrogate(), 2).path == "compiled"
    assert Population(deep, 2, poisson_hz=30).run(5, record=[0]).soma_v_mv.std() > 0

"""A population on the GPU: neuron-steps a second, memory, and what its digits change in voltages and spikes.

    python benchmarks/gpu/population.py --device cuda

Rates: Branch-ELMs with new weights and 1,278 inputs that spike at 25 Hz, alone, under Poisson input at every synapse
(13 spikes a ms and neuron), and in a network (200 connections each, delays 1 to 5 ms: 5 spikes a ms and neuron, as
of 1,000 connections at 5 Hz). The time is that of `Population.run`, all included, the least of several. Products: ieee
is float32 throughout and the default, bf16 is precision 'bfloat16'; tf32x3, float32 in three products of TF32 on the
matrix units, is not offered yet. The baseline is the compiled kernel on this machine's cores, in the last column.

Differences: a fitted model, each neuron alone under the same Poisson input, so that a spike changes nothing: spikes
that only one of two ways has, and voltages. Goals on an H200: 1.5 billion neuron-steps a second at d_m 10, 0.8 at 20.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from apical.surrogate import Population, Surrogate
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.models.families import build
from apical.surrogate.population import gpu

N_INPUTS, RATE_HZ, POISSON_HZ, CONNECTIONS, LONGEST_MS = 1278, 25, 10.0, 200, 5
GOALS = {10: 1.5, 20: 0.8}  # billion neuron-steps a second
RUNS = 3


def neuron(d_m: int, device: str) -> Surrogate:
    """With new weights, and a readout that gives 25 Hz whatever comes."""
    model = build("elm", d_m, N_INPUTS, seed=0)
    with torch.no_grad():
        model.w_y.weight[0] *= 0.01
    model.set_spike_bias(float(np.log(RATE_HZ / 1000 / (1 - RATE_HZ / 1000))))
    half = N_INPUTS // 2
    origin = f"elm-{d_m}", "branch-elm", d_m, 0, "new weights", "nothing"
    return Surrogate(model.to(device).eval(), VoltageScaling(), *origin, {}, [(1, half), (-1, half)])


def network(n: int, connections: int) -> dict[str, np.ndarray]:
    random, n_all = np.random.default_rng(0), n * connections
    return {
        "pre": np.repeat(np.arange(n), connections),
        "post": random.integers(n, size=n_all),
        "synapse": random.integers(N_INPUTS, size=n_all, dtype=np.int32),
        "weight": np.full(n_all, 0.1, np.float32),
        "delay_ms": random.integers(1, LONGEST_MS + 1, size=n_all),
    }


def least_s(population: Population, bins: int) -> float:
    """Of a bin. The first run compiles the kernels and makes the graph."""
    took = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        population.run(bins)
        took.append(time.perf_counter() - began)
    return min(took[1:]) / bins


def rates(given: argparse.Namespace) -> list[str]:
    """Prints a row of each way; what the default reaches, told against the goals."""
    head = f"{'d_m':>5}{'input':>12}{'products':>10}{'us a bin':>12}{'10^9 neuron-steps/s':>21}{'bytes a neuron':>16}"
    print(f"{given.neurons:,} neurons, runs of {given.bins} bins\n{head}{'CPU, 10^9':>12}")
    reached = []
    for d_m in given.d_m:
        wired = network(given.neurons, CONNECTIONS)
        inputs = {"nothing": {}, "Poisson": {"poisson_hz": POISSON_HZ}, "network": {"connectivity": wired}}
        for what, options in inputs.items():
            fewer = {"connectivity": network(given.cpu_neurons, CONNECTIONS)} if what == "network" else options
            cpu = least_s(Population(neuron(d_m, "cpu"), given.cpu_neurons, **fewer), given.cpu_bins)
            for product in ("ieee", "tf32x3", "bf16") if what == "nothing" else ("ieee",):
                gpu.PRODUCTS = {"float32": product}
                if given.device == "cuda":
                    torch.cuda.empty_cache()
                    before = torch.cuda.memory_allocated()
                population = Population(neuron(d_m, given.device), given.neurons, **options, path="triton")
                n_bytes = torch.cuda.memory_allocated() - before if given.device == "cuda" else float("nan")
                took = least_s(population, given.bins)
                pace = given.neurons / took / 1e9
                row = f"{d_m:>5}{what:>12}{product:>10}{1e6 * took:>12.1f}{pace:>21.4f}"
                print(f"{row}{n_bytes / given.neurons:>16,.0f}{given.cpu_neurons / cpu / 1e9:>12.4f}", flush=True)
                if (what, product) == ("nothing", "ieee"):
                    goal = f" (goal {GOALS[d_m]})" if d_m in GOALS else ""
                    reached.append(f"d_m {d_m} {pace:.3g}{goal}")
    gpu.PRODUCTS = {"float32": "ieee", "bfloat16": "bf16"}
    return reached


def difference(one, other) -> tuple[int, int, float, float]:
    """Spikes of the other; spikes that only one of both has; largest and root mean square difference, in mV."""
    pairs = (zip(ds.spike_neuron.values.tolist(), ds.spike_time_ms.values.tolist(), strict=True) for ds in (one, other))
    spikes = [{*each} for each in pairs]
    off_mv = (one.soma_v_mv - other.soma_v_mv).values.astype(float)
    return len(spikes[1]), len(spikes[0] ^ spikes[1]), abs(off_mv).max(), float(np.sqrt((off_mv**2).mean()))


def differences(given: argparse.Namespace) -> None:
    """GPU against CPU, bfloat16 against float32, each neuron alone; then rates of a network in both precisions."""
    n, bins = given.compared, given.compared_bins

    def told(device: str, **options):
        surrogate = Surrogate.load(given.model, device=device)
        input_hz = np.where(surrogate.sign_s > 0, 18, 10)
        return Population(surrogate, n, poisson_hz=input_hz, seed=1, **options).run(bins, record=np.arange(n))

    cpu, float32 = told("cpu"), told(given.device, path="triton")
    bfloat16 = told(given.device, path="triton", precision="bfloat16")
    print(f"{given.model}, {n:,} neurons alone, {bins} bins")
    print(f"{'':<34}{'spikes':>9}{'of one alone':>14}{'max |dV|, mV':>14}{'rms, mV':>10}")
    pairs = {"GPU against CPU, float32": (float32, cpu), "bfloat16 against float32": (bfloat16, float32)}
    for name, pair in pairs.items():
        count, apart, most_mv, rms_mv = difference(*pair)
        print(f"{name:<34}{count:>9,}{apart:>14,}{most_mv:>14.2e}{rms_mv:>10.2e}", flush=True)
    random, per_neuron = np.random.default_rng(0), min(100, n)
    table = {name: random.integers(n, size=n * per_neuron) for name in ("pre", "post")}
    table["synapse"] = random.integers(Surrogate.load(given.model).model.n_inputs, size=n * per_neuron)
    for precision in ("float32", "bfloat16"):
        ds = told(given.device, connectivity=table, delay_ms=2, path="triton", precision=precision)
        rate_hz = np.bincount(ds.spike_neuron, minlength=n) / bins * 1000
        print(f"network, {precision}: {rate_hz.mean():.3f} Hz, standard deviation over neurons {rate_hz.std():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda", help="cpu: where Triton interprets")
    parser.add_argument("--d-m", type=int, nargs="+", default=[10, 20])
    parser.add_argument("--neurons", type=int, default=100_000)
    parser.add_argument("--bins", type=int, default=1000, help="of a run")
    parser.add_argument("--cpu-neurons", type=int, default=10_000)
    parser.add_argument("--cpu-bins", type=int, default=50)
    parser.add_argument("--model", default="l5pc-nmda")
    parser.add_argument("--compared", type=int, default=2000, metavar="NEURONS")
    parser.add_argument("--compared-bins", type=int, default=500)
    given = parser.parse_args()
    differences(given)
    reached = rates(given)
    print(f"10^9 neuron-steps/s, float32: {', '.join(reached)}")


if __name__ == "__main__":
    main()

"""The kernel of engine `batched` alone: seconds of each launch, by how many trials are side by side.

    python benchmarks/gpu/kernel.py --counts 2048 8192 20000
    python benchmarks/gpu/kernel.py --counts 2048 --ms 50      # two launches: for a profiler

A launch is 25 ms. Prints simulated seconds per second of the kernel's own time, the first launch left out, and beside
it with copies and the sorting of input (not drawing, not writing). Input is drawn for 64 trials, and repeated.
"""

from __future__ import annotations

import statistics
import time

import specimen


def main() -> None:
    parser = specimen.options(__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[2048, 8192, 20000])
    parser.add_argument("--ms", type=int, default=100)
    parser.add_argument("--precision", nargs="+", default=["float32"], choices=("float32", "float64"))
    given = parser.parse_args()
    print(
        f"{'precision':<11}{'trials':>8}{'ms a launch':>13}{'us a step':>11}{'kernel, s per s':>17}{'with copies':>13}"
    )
    for precision in given.precision:
        experiment = specimen.experiment(given, "cuda", precision)
        neuron = experiment.neuron
        print(f"{precision}: {neuron.side_by_side().trials} trials side by side at most", flush=True)
        for n in given.counts:
            events_ms = specimen.drawn(experiment, n, given.ms)
            with specimen.launches() as pairs:
                began = time.perf_counter()
                for _ in neuron.respond_to_events(events_ms, given.ms):
                    pass
                wall_s = time.perf_counter() - began
                took_s = specimen.kernel_s(pairs)
            launch_s = statistics.median(took_s[1:] or took_s)
            launch_ms = given.ms / len(took_s)
            pace, all_in = n * launch_ms / 1000 / launch_s, n * given.ms / 1000 / wall_s
            steps = launch_ms / neuron.integration.dt_ms
            times = f"{1000 * launch_s:>13.2f}{1e6 * launch_s / steps:>11.2f}"
            print(f"{precision:<11}{n:>8}{times}{pace:>17.1f}{all_in:>13.1f}", flush=True)
        experiment.close()


if __name__ == "__main__":
    main()

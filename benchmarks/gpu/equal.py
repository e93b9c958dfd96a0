"""Engine `batched` on the GPU against the CPU, in 32 and 64 bits: output spikes and voltages.

    python benchmarks/gpu/equal.py --trials 64 --ms 1000

The measure is what 32 bits change on the CPU, on the last line. A trial's |dV| is the largest at whole milliseconds; of
two traces with a spike at different steps it is tens of mV, so the median trial's is told too.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import specimen

from apical.simulate.trial.experiment import Trial

Found = list[tuple[np.ndarray, np.ndarray]]  # of each trial its output spikes in ms, and the soma at whole ms
WAYS = (("cuda", "float32"), ("cuda", "float64"), ("cpu", "float32"), ("cpu", "float64"))
PAIRS = ((0, 2), (1, 3), (0, 1), (2, 3))


def responses(given, device: str, precision: str) -> Found:
    experiment = specimen.experiment(given, device, precision)
    events_ms = specimen.drawn(experiment, given.trials, given.ms)
    found: Found = []
    for response in experiment.neuron.respond_to_events(events_ms, given.ms):
        if isinstance(response, RuntimeError):
            raise response
        trial = Trial(np.zeros((1, given.ms), bool), np.round(response.time_ms, 6), response.v_mv[0])
        found.append((trial.output_spike_times_ms(), trial.sampled_mv(1)))
    return found


def main() -> None:
    parser = specimen.options(__doc__)
    parser.add_argument("--trials", type=int, default=specimen.DRAWN)
    parser.add_argument("--ms", type=int, default=1000)
    given = parser.parse_args()
    found = []
    for device, precision in WAYS:  # NEURON's state is global: a process for each
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            found.append(pool.submit(responses, given, device, precision).result())
    print(f"{given.trials} trials of {given.ms} ms")
    print(f"{'':<34}{'spikes':>14}{'same count':>12}{'shift ms':>10}{'max |dV|':>10}{'median':>10}")
    for one, other in PAIRS:
        name = " against ".join(" ".join(WAYS[k]) for k in (one, other))
        pairs = list(zip(found[one], found[other], strict=True))
        same = [(a, b) for (a, _), (b, _) in pairs if len(a) == len(b)]
        shift_ms = max((float(np.abs(a - b).max(initial=0)) for a, b in same), default=float("nan"))
        off_mv = np.array([np.abs(a - b).max() for (_, a), (_, b) in pairs])
        spikes = " and ".join(str(sum(len(times) for times, _ in found[k])) for k in (one, other))
        counts = f"{len(same)} of {len(pairs)}"
        print(f"{name:<34}{spikes:>14}{counts:>12}{shift_ms:>10.3f}{off_mv.max():>10.3g}{np.median(off_mv):>10.3g}")


if __name__ == "__main__":
    main()

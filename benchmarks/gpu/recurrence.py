"""The ELM's two kernels alone, with each number of warps: what `WEIGHTS_PER_WARP` and `MOST_WARPS` should be.

    python benchmarks/gpu/recurrence.py --device cuda

Windows of 500 ms of random drive, batches of 8 and 256: ms of a launch forward and of one backward, the median of
several, and of both in a bin. The warps that training takes have a star. Difference: of the drive's gradient, from that
with one warp.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from apical.surrogate.kernels.recurrence import gpu


def arguments(n_windows: int, n_ms: int, d_m: int, device: str) -> list[torch.Tensor]:
    """Of `gpu.MemoryTrace`, but the activation."""
    random = torch.Generator().manual_seed(0)

    def draw(*shape: int, scale: float) -> torch.Tensor:
        return (scale * torch.randn(1, *shape, generator=random)).to(device).requires_grad_()

    hidden = 2 * d_m
    weights = draw(hidden, d_m, scale=0.5 * d_m**-0.5), draw(d_m, hidden, scale=0.5 * hidden**-0.5)
    leak, kappa = torch.tensor([0.8], device=device), torch.full((1, d_m), 0.9, device=device).requires_grad_()
    return [
        draw(n_windows, n_ms, hidden, scale=0.3),
        leak,
        draw(hidden, scale=0.1),
        *weights,
        draw(d_m, scale=0.1),
        kappa,
        kappa,
    ]


def measured(given: list[torch.Tensor], repeats: int) -> tuple[list[float], torch.Tensor]:
    """Median ms of a forward and of a backward launch, and the gradient of the drive."""
    took_ms: list[list[float]] = [[], []]
    launch = gpu._launch

    def stamped(*values) -> None:
        settle(given[0])
        began = time.perf_counter()
        launch(*values)
        settle(given[0])
        took_ms[values[0].__name__ == "memory_backward"].append(1000 * (time.perf_counter() - began))

    gpu._launch = stamped
    try:
        for _ in range(repeats + 1):  # the first compiles
            given[0].grad = None
            gpu.MemoryTrace.apply(*given, 0).sum().backward()
    finally:
        gpu._launch = launch
    return [statistics.median(each[1:]) for each in took_ms], given[0].grad


def settle(values: torch.Tensor) -> None:
    if values.is_cuda:
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--d-m", type=int, nargs="+", default=[20, 50, 100])
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 256])
    parser.add_argument("--window-ms", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    chosen = gpu.warps_of
    print(
        f"{'d_m':>5}{'batch':>7}{'warps':>7}{'forward, ms':>13}{'backward, ms':>14}{'us a bin':>10}{'difference':>12}"
    )
    for d_m in given.d_m:
        for batch in given.batches:
            values = arguments(batch, given.window_ms, d_m, given.device)
            height, width = gpu._blocks(2 * d_m, d_m)
            own = chosen(height * width)
            truth = None
            for warps in (1, 2, 4, 8, 16, 32):
                gpu.warps_of = lambda n_weights, warps=warps: warps
                times_ms, gradient = measured(values, given.repeats)
                truth = gradient if truth is None else truth
                off = float((gradient - truth).abs().max() / truth.abs().max())
                bin_us = 1000 * sum(times_ms) / given.window_ms
                row = f"{d_m:>5}{batch:>7}{f'{warps}*' if warps == own else warps:>7}"
                print(f"{row}{times_ms[0]:>13.3f}{times_ms[1]:>14.3f}{bin_us:>10.2f}{off:>12.0e}", flush=True)
    gpu.warps_of = chosen


if __name__ == "__main__":
    main()

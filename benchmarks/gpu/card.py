"""What there is: the GPU and what it reaches of memory and matrix work, the processor, the packages, the tools.

python benchmarks/gpu/card.py
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
from importlib.metadata import distributions

PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "zarr",
    "dask",
    "neuron",
    "torch",
    "triton",
    "cupy",
    "pytest",
    "pydantic",
)
TOOLS = ("nvcc", "g++", "make", "ncu", "compute-sanitizer", "nvidia-smi", "nrnivmodl")
QUERY = "name,driver_version,memory.total,memory.used,clocks.sm,clocks.mem,power.limit"


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores, {platform.platform()}")
    for each in sorted(distributions(), key=lambda each: each.name.lower()):
        if each.name.lower().startswith(PACKAGES):
            print(f"  {each.name} {each.version}")
    for tool in TOOLS:
        print(f"  {tool}: {shutil.which(tool) or 'not there'}")
    if shutil.which("nvidia-smi"):
        subprocess.run(["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv"])
    compiler = shutil.which("g++")
    if compiler:
        print(subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.splitlines()[0])
    import cupy
    import torch

    runtime = cupy.cuda.runtime
    print(f"CuPy: runtime {runtime.runtimeGetVersion()}, driver {runtime.driverGetVersion()}")
    print(f"PyTorch: CUDA {torch.version.cuda}, there: {torch.cuda.is_available()}")
    if torch.cuda.is_available():
        print(torch.cuda.get_device_properties(0))
        measured(torch)


def measured(torch) -> None:
    """Bytes and multiply-adds per second that this card gives, as a measure for all else."""
    from triton.testing import do_bench

    source = torch.randn(2**30, device="cuda")
    there = torch.empty_like(source)
    copy_ms = do_bench(lambda: there.copy_(source), return_mode="median")
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    product_ms = do_bench(lambda: a @ b, return_mode="median")
    terabytes, teraflops = 2 * source.nbytes / copy_ms / 1e9, 2 * 8192**3 / product_ms / 1e9
    print(f"copy: {terabytes:.2f} TB/s, 8192^3 in bf16: {teraflops:.0f} TFLOP/s")


if __name__ == "__main__":
    main()

"""What is run on the GPU, most important first: each check a command of its own, with a limit of its own."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MECHANISMS = """
from apical.simulate import preset
from apical.simulate.cell import biophysics
from apical.simulate.mechanisms import library
for name in {presets}:
    groups = biophysics.mechanism_groups(biophysics.load(preset(name).biophysics))
    print(name, library.compiled(groups))
"""
COUNTERS = ("SpeedOfLight", "MemoryWorkloadAnalysis", "Occupancy", "LaunchStats", "SchedulerStats", "WarpStateStats")


@dataclass(frozen=True)
class Check:
    """A command and its seconds.

    key: what to look for in its log, line by line; the last group found is its key figure. compiled: whether it needs
    the mechanisms. needs: a program without which it is left out.
    """

    name: str
    limit_s: int
    command: list[str]
    key: str = ""
    compiled: bool = True
    needs: str = ""

    def figure(self, log: str) -> str:
        """The key figure in its log, or ""."""
        found = re.findall(self.key, log, re.MULTILINE) if self.key else []
        return " ".join((found[-1] if isinstance(found[-1], str) else " ".join(found[-1])).split()) if found else ""


def checks(data: Path, morphology: str | None, dry: bool) -> list[Check]:
    """All of them. data: a dataset to fit to. morphology: in place of ttpc1. dry: tiny, on this processor."""
    cell = ["--preset", "ball-and-stick"] if dry else ["--preset", "nmda-ttpc1"]
    cell += ["--morphology", morphology or ("ball-and-stick" if dry else "ttpc1")]
    device, few = ("cpu" if dry else "cuda"), dry

    def size(real: int | float, tiny: int | float) -> str:
        return str(tiny if few else real)

    def ours(script: str, *given: str) -> list[str]:
        return [sys.executable, str(HERE / script), *given]

    def benchmark(script: str, *given: str) -> list[str]:
        return [sys.executable, str(HERE.parent / script), *given]

    def tests(*given: str) -> list[str]:
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *given]

    def elm(name: str, limit_s: int, *given: str) -> Check:
        small = ["--batch", "1", "--window-ms", "160", "--path", "triton", "--baseline-steps", "1"] if dry else []
        steps = ["--steps", size(200, 1), "--threads", size(4, 1)]
        command = benchmark("elm.py", str(data), "--device", device, *steps, *given, *small)
        return Check(name, limit_s, command, r"^((?:triton|compiled)(?: |, drawn).*)", compiled=False)

    def fit(name: str, limit_s: int, *given: str) -> Check:
        steps = ["--steps", size(2000, 12), "--profiled", size(400, 8), "--threads", size(4, 1)]
        key = r": (.* steps per s.*)"
        return Check(
            name, limit_s, ours("fit_pace.py", str(data), "--device", device, *steps, *given), key, compiled=False
        )

    def end_to_end(name: str, side_by_side: int, batches: int, seconds: float, limit_s: int, *given: str) -> Check:
        """Of several batches: of one alone nothing overlaps."""
        sizes = ["--side-by-side", size(side_by_side, 2), "--batches", size(batches, 2)]
        command = ours("stages.py", *cell, *sizes, "--seconds", size(seconds, 0.05), *given)
        return Check(name, limit_s, command, r": (.* simulated s per s, .*)")

    def counted(name: str, program: str, kernels: str, skip: int, what: list[str]) -> Check:
        sections = [word for section in COUNTERS for word in ("--section", section)]
        choice = ["-k", kernels, "--launch-skip", str(skip), "--launch-count", "2", *sections]
        ncu = shutil.which("ncu") or program
        return Check(name, 60, [ncu, "--clock-control", "none", *choice, *what], r"(Duration .*)", needs="ncu")

    presets = str(["ball-and-stick"] if dry else ["ball-and-stick", "nmda-ttpc1"])
    compiling = [sys.executable, "-c", MECHANISMS.format(presets=presets)]
    of_pytest, of_table = r"^(\d+ (?:passed|failed|skipped).*)", r"^(float32 .*)"
    fitted = ["-k", "windows"] if dry else ["-m", "gpu"]
    triton = ["-k", "silence"] if dry else ["-m", "gpu"]
    networks = ["-k", "readers"] if dry else ["-m", "gpu"]
    tiny = ["--batch", "1", "--steps", "2", "--channels", "8", "--repeats", "1", "--path", "triton"] if dry else []
    routed = ["-k", "send_to_none"] if dry else ["-m", "gpu"]
    few_neurons = (
        ["--neurons", "20", "--bins", "1", "--cpu-neurons", "20", "--cpu-bins", "1", "--d-m", "10"] if dry else []
    )
    few_neurons += ["--compared", "3", "--compared-bins", "2"] if dry else []
    side = ["--seconds", size(0.25, 0.02), "--device", "cuda", "--out", str(data.with_name("side_by_side.png"))]
    counts = ["--counts", *(["2", "3"] if dry else ["2048", "16384"])]
    kernel = ours("kernel.py", *cell)
    by_triton = [f"tests/surrogate/kernels/{name}.py" for name in ("test_triton", "test_network_triton")]
    alone = ["--d-m", "5", "--batches", "1", "--window-ms", "3", "--repeats", "1"] if dry else []
    return [
        Check("mechanisms", 300, compiling, r"^(.*mechanisms/.*)", compiled=False),
        Check("card", 60, ours("card.py"), r"^(copy: .*)", compiled=False),
        Check("tests-triton", 120, tests(*triton, by_triton[0]), of_pytest, compiled=False),
        Check("tests-network", 240, tests(*networks, by_triton[1]), of_pytest, compiled=False),
        Check("tests-fit", 120, tests(*fitted, "tests/surrogate/fitting/test_steps.py"), of_pytest, compiled=False),
        Check(
            "tests-population", 180, tests(*routed, "tests/surrogate/population/test_gpu.py"), of_pytest, compiled=False
        ),
        Check("tests-batched", 120, tests("-m", "gpu", "tests/simulate/engine/batched/test_cuda.py"), of_pytest),
        Check("equal", 120, ours("equal.py", *cell, "--trials", size(64, 2), "--ms", size(1000, 30)), r"^(cuda .*)"),
        Check(
            "kernel",
            90,
            [*kernel, "--counts", *(["2"] if dry else ["2048", "8192", "20000"]), "--ms", size(100, 50)],
            of_table,
        ),
        Check(
            "kernel-layouts",
            120,
            [
                *(*kernel, "--counts", size(2112, 2), "--ms", "50", "--layouts"),
                *(["streamed", "2x3x1"] if dry else ["streamed", "2x128x2", "1x256x4", "4x256x1", "4x128x1"]),
            ],
            of_table,
        ),
        elm("elm-20", 60, "--d-m", size(20, 5)),
        end_to_end("end-to-end-2112", 1056, 2, 1.0, 90),
        fit("fit-elm-20", 60, "--size", size(20, 5)),
        *(fit(f"fit-elm-20-{way}", 45, "--size", size(20, 5), "--way", way) for way in ("kernels", "host")),
        Check("recurrence", 60, ours("recurrence.py", "--device", device, *alone), r"^( .*\*.*)", compiled=False),
        Check(
            "elm-network",
            240,
            benchmark("elm_network.py", "--device", device, "--sizes", "2x2" if dry else "96x5,21x20", *tiny),
            r"^(ours .*)",
            compiled=False,
        ),
        Check(
            "population",
            240,
            ours("population.py", "--device", device, *few_neurons),
            r"^10\^9 neuron-steps/s, (.*)",
            compiled=False,
        ),
        Check("side-by-side", 90, benchmark("side_by_side.py", *cell, *counts, *side), r"^(batched, 32-bit .*)"),
        end_to_end("end-to-end-16896", 1056, 16, 1.0, 120),
        elm("elm-20-batch-256", 60, "--d-m", size(20, 5), "--batch", size(256, 1), "--baseline-steps", size(3, 1)),
        elm("elm-100", 60, "--d-m", size(100, 5)),
        fit("fit-two-at-a-time", 60, "--size", size(20, 5), "--processes", "2", "--profiled", "0"),
        end_to_end("simulate-two-at-a-time", 1056, 3, 1.0, 120, "--processes", "2"),
        *(
            Check(
                f"tcn-{precision}",
                60,
                benchmark(
                    *("tcn.py", str(data), "--device", device, "--precision", precision, "--rounds", size(7, 2)),
                    *(["--models", "tcn:1x4", "lstm:3", "gru:3"] if dry else []),
                ),
                r"^(tcn:7x128 .*|gru:3 .*)",
                compiled=False,
            )
            for precision in ("float32", "bfloat16")
        ),
        fit("fit-tcn", 60, "--model", "tcn", "--size", "1x4" if dry else "7x128"),
        fit(
            "fit-tcn-bfloat16", 60, *("--model", "tcn", "--size", "1x4" if dry else "7x128", "--precision", "bfloat16")
        ),
        Check(
            "kernel-64-bit",
            60,
            [*kernel, "--counts", size(2048, 2), "--ms", size(75, 25), "--precision", "float64"],
            r"^(float64 .*)",
        ),
        counted("counters-kernel", "ncu", "run_tiles", 1, [*kernel, "--counts", "2048", "--ms", "75"]),
        counted(
            "counters-elm",
            "ncu",
            "regex:memory_",
            4,
            benchmark("elm.py", str(data), "--device", device, "--steps", "2"),
        ),
        *(
            Check(
                f"live-{of}",
                540,
                ours(
                    *("live.py", *cell, "--size", size(of, 2), "--hours", size(50, 0.005), "--seconds", size(6, 2)),
                    *("--held-out", size(300, 6), "--device", device, "--out", str(data.with_name(f"live-{of}"))),
                ),
                r"^live: (.*)",
            )
            for of in (20, 35)
        ),
        elm("elm-20-compile", 120, "--d-m", size(20, 5), "--compile", "--baseline-steps", size(3, 1)),
    ]

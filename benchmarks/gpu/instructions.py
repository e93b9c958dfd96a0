"""How many instructions a step of engine `batched` is on a GPU, counted without one: nvcc's, as often as lines are run.

    python benchmarks/gpu/instructions.py

nvcc compiles the kernel for compute capability 9.0 with no loop unrolled, nvdisasm says of which line each instruction
is, and gcov how often that line is run, so a little too much for lines of loops. Needs nvcc, nvdisasm (of CUDA, or of
Triton) and gcov. Printed for a trial and a step in 32 bits: instructions of threads, how many of them are of what kind,
and how many simulated seconds per second a GPU could issue if all warps were full and nothing else took time.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

from sequential import MULTIPROCESSORS, Subject, compiled, options

from apical.simulate.engine.batched import gpu

STEPS = 20  # of which all but the first are alike
# What is counted: which operations, and of how many threads a multiprocessor of compute capability 9.0 does in a cycle
COUNTED = {
    "instructions": (r".*", 128),
    "special functions": (r"MUFU", 16),
    "its own memory": (r"LDS|STS", 32),
    "device's memory and L2": (r"LDG|STG", None),
}
COUNTS = 'extern "C" void __gcov_dump();\nextern "C" void write_counts() { __gcov_dump(); }\n'


def main() -> None:
    given = options(__doc__).parse_args()
    subject = Subject(given)
    text = gpu.kernel_text(subject.step.source.text, subject.layout)
    text = re.sub(r"^( *)(for \()", r'\1_Pragma("unroll 1") \2', text, flags=re.MULTILINE)
    with tempfile.TemporaryDirectory() as folder:
        lines = of_line(text, Path(folder))
        often = times(subject, text, Path(folder))
    per = subject.layout.lanes * (STEPS - 1)
    found = {kind: sum(n * often[line] for line, n in each.items()) / per for kind, each in lines.items()}
    print(f"{'of a trial and a step':<26}{'':>12}{'s per s at most':>18}")
    for kind, value in found.items():
        per_cycle = COUNTED[kind][1]
        per_s = per_cycle and MULTIPROCESSORS * per_cycle * given.clock_ghz * 1e9 * subject.step.dt_ms / 1000
        print(f"{kind:<26}{value:>12,.0f}" + (f"{per_s / value:>18,.0f}" if per_s and value else ""))


def of_line(text: str, folder: Path) -> dict[str, Counter[int]]:
    """How many instructions nvcc makes of each line, of those that are run in every step but the first."""
    (folder / "kernel.cu").write_text(text)
    source, made = folder / "kernel.cu", folder / "kernel.cubin"
    command = ["nvcc", *gpu.OPTIONS, "-ftz=true", "-arch=sm_90", "-cubin", "-w", "-lineinfo", "-o", made, source]
    subprocess.run(command, check=True)
    told = subprocess.run([nvdisasm(), "-gi", "-c", made], check=True, capture_output=True, text=True)
    of_text = text.splitlines()
    in_launch = next(number for number, line in enumerate(of_text, 1) if line.startswith('extern "C" __global__'))
    first_only = next(number for number, line in enumerate(of_text, 1) if "else currents<false>" in line)
    helper = helpers(of_text)
    found: dict[str, Counter[int]] = {kind: Counter() for kind in COUNTED}
    stack: list[int] = []
    after_instruction = False
    for line in told.stdout.splitlines():
        if at := re.search(r"## File .*?, line (\d+)", line):
            stack = ([] if after_instruction else stack) + [int(at[1])]
            after_instruction = False
        elif operation := re.search(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\d+ )?([A-Z0-9_]+)", line):
            after_instruction = True
            inner = next((each for each in stack if each not in helper), None)
            if inner is not None and inner < in_launch and first_only not in stack:
                for kind, (operations, _) in COUNTED.items():
                    found[kind][inner] += bool(re.fullmatch(operations, operation[1]))
    return found


def helpers(of_text: list[str]) -> set[int]:
    """Lines of functions that are called from many lines: arithmetic, and those of rounds.h that return a value."""
    arithmetic = next(number for number, line in enumerate(of_text, 1) if line.startswith("struct Tile {"))
    found = set(range(1, arithmetic))
    within = False
    for number, line in enumerate(of_text[arithmetic:], arithmetic + 1):
        within = within or bool(re.match(r"FUNCTION (?!void)", line))
        if within:
            found.add(number)
            within = not line.endswith("}")
    return found


def times(subject: Subject, text: str, folder: Path) -> Counter[int]:
    """How often each line is run by all threads of a block, in all steps."""
    kernel = compiled(folder, f"{text}\n{COUNTS}", "-O0 --coverage")
    subject.run(kernel, STEPS)
    kernel.write_counts()
    (counts,) = folder.glob("*.gcda")
    command = ["gcov", "--json-format", "--stdout", counts.name]
    told = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    often: Counter[int] = Counter()
    for file in json.loads(told.stdout)["files"]:
        if file["file"].endswith("kernel.cpp"):
            for line in file["lines"]:
                often[line["line_number"]] = max(often[line["line_number"]], line["count"])
    return often


def nvdisasm() -> str:
    if there := shutil.which("nvdisasm"):
        return there
    triton = find_spec("triton")
    assert triton is not None and triton.origin is not None, (
        "nvdisasm: not on PATH, and Triton, which brings it, neither"
    )
    return str(Path(triton.origin).parent / "backends" / "nvidia" / "bin" / "nvdisasm")


if __name__ == "__main__":
    main()

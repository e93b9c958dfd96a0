#!/usr/bin/env bash
# Guess: `tl.range(..., num_stages=3)` pipelines matrix products, and what does not fit a GPU's shared memory is refused when
#   the kernel is compiled for that GPU.
# What happens: Triton 3.7.1 pipelines any load of the loop through shared memory, here of a sum, and compiles for compute
#   capability 9.0 without a word, at 262,144 bytes; an H100 or H200 gives a block 232,448 at most, which the launch finds out.
# Why it matters here: the kernels of our recurrence keep weights in registers or load them step by step; with stages of
#   the loop those loads went through shared memory, so the kernel that loads them has none (surrogate/kernels/recurrence).
#   A test that compiles without a GPU has to compare `metadata.shared` with the limit itself.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check triton==3.7.1

cat >compile.py <<'END_OF_PYTHON'
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def total(tiles, result, n, stages: tl.constexpr):
    at = tl.arange(0, 256)[:, None] * 128 + tl.arange(0, 128)[None, :]
    added = tl.zeros((256, 128), tl.float32)
    for tile in tl.range(0, n, num_stages=stages):
        added += tl.load(tiles + tile * 256 * 128 + at)
    tl.store(result + at, added)


for stages in (1, 2, 3):
    signature = {"tiles": "*fp32", "result": "*fp32", "n": "i32", "stages": "constexpr"}
    source = ASTSource(fn=total, signature=signature, constexprs={"stages": stages})
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 8})
    print(f"stages {stages}: {made.metadata.shared} bytes")
END_OF_PYTHON

found=$(TRITON_CACHE_DIR=$room/cache venv/bin/python compile.py)
echo "$found"
expected=$'stages 1: 0 bytes\nstages 2: 131072 bytes\nstages 3: 262144 bytes'
[ "$found" = "$expected" ] || { echo "it was: $expected" && exit 1; }

"""The lanes' arithmetic is NumPy's in 64 bits, on every kind of processor, and its extremes are where they should be."""

from __future__ import annotations

import ctypes
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from apical.simulate.batched import library

LANES_H = Path(library.__file__).with_name("lanes.h")
ONE_ARGUMENT = ("exp2", "exp2m1", "exp", "expm1", "log", "fabs", "sqrt", "tanh", "atan", "floor")
TWO_ARGUMENTS = ("pow", "quotient")
HARNESS = """
{before}
typedef {real} real;
#include "{lanes_h}"
#ifdef ONE_LANE_PER_THREAD
#define LANES 1
typedef real Loose;
#endif
#define EACH for (int i = 0; i < n; i += LANES)
#define AT(array) (*(Loose*)(array + i))
#define ONE(name) extern "C" void name##of(real* x, real* out, int n) {{ EACH AT(out) = name((V)AT(x)); }}
#define TWO(name, function) \\
    extern "C" void name(real* x, real* y, real* out, int n) {{ EACH AT(out) = function((V)AT(x), (V)AT(y)); }}
{functions}
TWO(pow_of, pow_) TWO(quotient_of, quotient)
extern "C" void select_of(real* x, real* y, real* out, int n) {{
    EACH AT(out) = select((V)AT(x) < (V)AT(y), (V)AT(x), (real)7);
}}
extern "C" void numbers_of(real* x, real* out, int n) {{  // as events compute, one lane at a time
    for (int i = 0; i < n; ++i) out[i] = {scalar};
}}
"""
# The GPU's text on a CPU: one lane a thread, CUDA's own words defined away
AS_ON_A_GPU = """
#include <cmath>
using std::acos; using std::asin; using std::atan; using std::ceil; using std::cosh; using std::floor; using std::sinh;
using std::tan; using std::tanh; using std::sqrt; using std::sin; using std::cos; using std::log10;
#define ONE_LANE_PER_THREAD
#define __device__
#define __forceinline__ inline
#define __fdividef(a, b) ((a) / (b))
"""
WAYS = {"this processor": ("native", ""), "SSE2": ("x86-64", ""), "as on a GPU": ("native", AS_ON_A_GPU)}

"""The lanes' arithmetic is NumPy's in 64 bits, on every kind of processor, up to its extremes."""

from __future__ import annotations

import ctypes
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from apical.simulate.engine.batched import expression, library

LANES_H = Path(library.__file__).with_name("lanes.h")
IN_LANES = sorted(expression.FUNCTIONS)
OF_NUMBERS = sorted(expression.FUNCTIONS.keys() - {"exp", "expm1"})  # which become exp2 and exp2m1
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
#define LANES_OF(name) \\
    extern "C" void lanes_##name(real* x, real* out, int n) {{ EACH AT(out) = name##_((V)AT(x)); }}
#define REAL_OF(name) \\
    extern "C" void real_##name(real* x, real* out, int n) {{ for (int i = 0; i < n; ++i) out[i] = name##_(x[i]); }}
#define TWO(name, value) \\
    extern "C" void name(real* x, real* y, real* out, int n) {{ EACH AT(out) = value; }}
{functions}
TWO(pow_lanes, pow_((V)AT(x), (V)AT(y)))
TWO(pow_of_number, pow_((real)2.5, (V)AT(y)))
TWO(pow_to_number, pow_((V)AT(x), (real)-1.5))
TWO(fmod_lanes, fmod_((V)AT(x), (V)AT(y)))
TWO(quotient_lanes, quotient((V)AT(x), (V)AT(y)))
TWO(quotient_of_number, quotient((real)3, (V)AT(y)))
TWO(select_lanes, select((V)AT(x) < (V)AT(y), (V)AT(x), (real)7))
TWO(select_numbers, select((V)AT(x) >= (real)0 && (V)AT(y) < (real)2 || (V)AT(y) == (real)5, (real)1, (real)0))
TWO(select_by_bool, spread(select(x[0] < y[0], (V)AT(x), (V)AT(y))))
"""
# The GPU's text on this processor: its threads one after another, and CUDA's own words defined away
AS_ON_A_GPU = """
#include <math.h>
#define ONE_LANE_PER_THREAD
#define __device__
#define __forceinline__ inline
#define __fdividef(a, b) ((a) / (b))
"""
WAYS = {"this processor": ("native", ""), "SSE2": ("x86-64", ""), "as on a GPU": ("native", AS_ON_A_GPU)}
EPS = {"float": 2.0**-24, "double": 2.0**-53}  # half a unit in the last place, relative
RANGE = {"float": 126, "double": 1022}  # of the exponents of normal numbers


class Lanes:
    """Arrays through the functions of lanes.h. bits: of `real`."""

    def __init__(self, loaded: ctypes.CDLL, way: str, real: str) -> None:
        self.loaded, self.way, self.real = loaded, way, real
        self.dtype = {"float": np.float32, "double": np.float64}[real]
        self.eps, self.largest = EPS[real], RANGE[real]

    def __call__(self, name: str, *given) -> np.ndarray:
        """What a function makes of arrays of one length, in 64 bits."""
        n = len(given[0])
        arrays = [np.resize(np.asarray(each, self.dtype), n + 63) for each in given]
        out = np.zeros(n + 63, self.dtype)
        pointers = [ctypes.c_void_p(each.ctypes.data) for each in (*arrays, out)]
        getattr(self.loaded, name)(*pointers, n)
        return out[:n].astype(float)

    def rounded(self, values) -> np.ndarray:
        """Values as the lanes see them, in 64 bits."""
        return np.asarray(values, self.dtype).astype(float)


@pytest.fixture(scope="module", params=[(way, real) for way in WAYS for real in EPS], ids=" ".join)
def lanes(request, tmp_path_factory) -> Lanes:
    way, real = request.param
    march, before = WAYS[way]
    work = tmp_path_factory.mktemp("lanes")
    functions = "".join([*(f"LANES_OF({name})\n" for name in IN_LANES), *(f"REAL_OF({name})\n" for name in OF_NUMBERS)])
    source = HARNESS.format(before=before, real=real, lanes_h=LANES_H, functions=functions)
    (work / "lanes.cpp").write_text(source)
    flags = shlex.split(library.FLAGS.replace("-march=native", f"-march={march}"))
    for arguments in ([*flags, "-c", "lanes.cpp"], ["-shared", "-o", "lanes.so", "lanes.o"]):
        done = subprocess.run([*library.compiler(), *arguments], cwd=work, capture_output=True, text=True)
        if done.returncode and "bad value" in done.stderr:
            pytest.skip(f"no -march={march} for this processor")
        assert done.returncode == 0, done.stderr
    return Lanes(ctypes.CDLL(str(work / "lanes.so")), way, real)


def worst(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest relative error."""
    return float(np.max(np.abs(found / expected - 1)))


def log_uniform(low: float, high: float, n: int = 20000) -> np.ndarray:
    return 2.0 ** np.random.default_rng(0).uniform(low, high, n)


def test_exp2(lanes):
    x = lanes.rounded(np.random.default_rng(0).uniform(-lanes.largest, lanes.largest, 50000))
    assert worst(lanes("lanes_exp2", x), np.exp2(x)) < 3 * lanes.eps


def test_exp2m1_with_every_digit_of_a_small_argument(lanes):
    rng = np.random.default_rng(0)
    small = 10.0 ** rng.uniform(-30, 0, 20000) * rng.choice([-1, 1], 20000)
    x = lanes.rounded(np.concatenate([small, rng.uniform(-3, 3, 20000), rng.uniform(-1, 1, 20000) * lanes.largest]))
    exact = np.expm1(x.astype(np.longdouble) * np.log(np.longdouble(2))).astype(float)
    assert worst(lanes("lanes_exp2m1", x), exact) < 6 * lanes.eps


@pytest.mark.parametrize("name, exact", [("exp", np.exp), ("expm1", np.expm1)])
def test_natural_exponentials(lanes, name, exact):
    """Their argument is rounded once more than exp2's, so the error grows with it."""
    x = lanes.rounded(np.random.default_rng(0).uniform(-0.6, 0.6, 50000) * lanes.largest)
    error = np.abs(lanes(f"lanes_{name}", x) / exact(x) - 1)
    assert (error < 6 * lanes.eps * (1 + np.abs(x))).all()


def test_log(lanes):
    x = lanes.rounded(np.concatenate([log_uniform(-lanes.largest, lanes.largest), log_uniform(-1, 1)]))
    x = x[x != 1]
    assert worst(lanes("lanes_log", x), np.log(x)) < 6 * lanes.eps
    assert lanes("lanes_log", [1.0])[0] == 0


def test_pow(lanes):
    """The error of its logarithm grows with the exponent."""
    x, y = lanes.rounded(log_uniform(-5, 5)), lanes.rounded(np.random.default_rng(1).uniform(-8, 8, 20000))

    def check(name: str, base, exponent) -> None:
        error = np.abs(lanes(name, x, y) / np.power(base, exponent) - 1)
        assert (error < 4 * lanes.eps * (1 + np.abs(exponent * np.log2(base)))).all()

    check("pow_lanes", x, y)
    check("pow_of_number", 2.5, y)
    check("pow_to_number", x, -1.5)


def test_pow_at_0_and_below(lanes):
    x = [0, 0, -0.0, -2, -2, -2, -2, -0.5, 1, 3]
    y = [2, 0.5, 0, 3, 2, -1, 0, -3, 0, 0]
    np.testing.assert_allclose(lanes("pow_lanes", x, y), [0, 0, 1, -8, 4, -0.5, 1, -8, 1, 1], rtol=20 * lanes.eps)
    assert lanes("pow_lanes", [0.0], [-1.0])[0] == np.inf
    assert np.isnan(lanes("pow_lanes", [-2.0], [0.5])[0]) or lanes.way == "as on a GPU"


def test_quotient(lanes):
    x, y = np.random.default_rng(0).normal(size=20000), log_uniform(-lanes.largest + 3, lanes.largest - 3)
    x, y = lanes.rounded(x), lanes.rounded(y * np.where(x > 0.3, -1, 1))
    found, numbers = lanes("quotient_lanes", x, y), lanes("quotient_of_number", x, y)
    normal = np.abs(x / y) > 2.0**-lanes.largest
    assert worst(found[normal], (x / y)[normal]) < 4 * lanes.eps
    normal = np.abs(3 / y) > 2.0**-lanes.largest
    assert worst(numbers[normal], (3 / y)[normal]) < 4 * lanes.eps


def test_what_is_left_of_whole_numbers_is_exact(lanes):
    """49 times the rounded 1/49 is below 1, as is a quotient that is rounded: an index would be beyond its array."""
    by, times = np.meshgrid(np.arange(1, 200), np.arange(-20, 21))
    x, y = (by * times + by // 3).ravel(), by.ravel()
    np.testing.assert_array_equal(lanes("fmod_lanes", x, y), np.fmod(x, y))
    halves = np.array([7.5, -7.5, 7.5, 0.25])
    np.testing.assert_array_equal(lanes("fmod_lanes", halves, [2, 2, -2, 1]), [1.5, -1.5, 1.5, 0.25])


def test_select_and_fabs(lanes):
    x, y = np.array([-2.5, 0, 1, 3, -0.0, 4, 5, -6]), np.array([1, 0, -1, 5, 1, 2, 1.5, 5])
    np.testing.assert_array_equal(lanes("select_lanes", x, y), np.where(x < y, x, 7))
    np.testing.assert_array_equal(lanes("select_numbers", x, y), ((x >= 0) & (y < 2)) | (y == 5))
    np.testing.assert_array_equal(lanes("select_by_bool", x, y), x)
    np.testing.assert_array_equal(lanes("lanes_fabs", x), np.abs(x))
    np.testing.assert_array_equal(lanes("lanes_fabs", [-np.inf, np.inf]), [np.inf, np.inf])


OTHERS: dict[str, Callable] = {
    name: function for name, function in expression.FUNCTIONS.items() if "exp" not in name and name != "log"
}


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_the_compiler_brings(lanes, name):
    inside = 1 if name in ("asin", "acos") else 4
    x = lanes.rounded(np.random.default_rng(0).uniform(-inside, inside, 1000))
    x = np.abs(x) if name in ("sqrt", "log10") else x
    np.testing.assert_allclose(lanes(f"lanes_{name}", x), OTHERS[name](x), rtol=8 * lanes.eps, atol=8 * lanes.eps)


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_numbers_as_events_compute_with_them(lanes, name):
    x = lanes.rounded(np.linspace(0.01, 0.99, 99))
    found = lanes(f"real_{name}", x)
    np.testing.assert_allclose(found, expression.FUNCTIONS[name](x), rtol=8 * lanes.eps, atol=8 * lanes.eps)


EXTREME = [-np.inf, -1e30, -3000.0, -1022.5, -126.5, 126.5, 1022.5, 3000.0, 1e30, np.inf]


def test_exponentials_end_at_0_and_at_a_number_that_is_not_infinite(lanes):
    """So that 1 / (1 + exp(...)) goes to 0 and never to infinity times 0."""
    x = np.array(EXTREME)
    x = x[np.abs(x) > lanes.largest]
    low, high = x[x < 0], x[x > 0]
    found = lanes("lanes_exp2", high)
    assert (found == 2.0**lanes.largest).all()
    assert (np.abs(lanes("lanes_exp2", low)) <= 2.0**-lanes.largest).all()
    assert (lanes("lanes_exp2m1", high) == 2.0**lanes.largest).all()
    np.testing.assert_array_equal(lanes("lanes_exp2m1", low), -1)


def test_logarithm_of_what_has_none(lanes):
    found = lanes("lanes_log", [0.0, -0.0, 2.0 ** -(lanes.largest + 10), np.inf])
    np.testing.assert_array_equal(found, [-np.inf, -np.inf, -np.inf, np.inf])  # subnormal numbers count as 0
    assert np.isnan(lanes("lanes_log", [-1.0, -np.inf, np.nan])).all()


def test_what_is_undefined_stays_so(lanes):
    """On a GPU the smaller of a number and NaN is the number; a trial's voltage is NaN there all the same."""
    if lanes.way == "as on a GPU":
        pytest.skip("CUDA's fmin takes the number")
    for name in ("exp2", "exp2m1", "log", "fabs", "sqrt"):
        assert np.isnan(lanes(f"lanes_{name}", [np.nan])).all()
    assert np.isnan(lanes("pow_lanes", [np.nan, 2.0], [2.0, np.nan])).all()
    assert np.isnan(lanes("quotient_lanes", [np.nan, 2.0], [2.0, np.nan])).all()


def test_subnormal_arguments_are_as_good_as_0(lanes):
    x = 2.0 ** -(lanes.largest + 5) * np.array([-1, 1])
    np.testing.assert_allclose(lanes("lanes_exp2", x), 1)
    np.testing.assert_allclose(lanes("lanes_exp2m1", x), 0, atol=2.0**-lanes.largest)

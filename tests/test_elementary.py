"""exp, log1p, sigmoid and tanh against long double, and what loops make of them."""

import platform
import re
import runpy

import numba
import numpy as np
import pytest
from conftest import JIT, needs_jit

from benchmarks import accuracy
from fastreg import _jit, elementary
from fastreg._jit.compile import jit_options

NAMES = sorted(accuracy.FUNCTIONS)
COUNT = 1_000_000 if JIT else 4000
# Units in the last place. The largest of 4 million points each: 0.97, 1.38, 2.22, 2.50.
LIMITS = {"exp": 1.0, "log1p": 1.5, "sigmoid": 2.5, "tanh": 2.75}
LARGEST, SMALLEST = np.finfo(float).max, 5e-324

SPECIAL = {
    "exp": [
        (0.0, 1.0),
        (-0.0, 1.0),
        (np.inf, np.inf),
        (-np.inf, 0.0),
        (LARGEST, np.inf),
        (-LARGEST, 0.0),
        (709.7827128933841, np.inf),
        (-745.133, SMALLEST),
        (-745.134, 0.0),
        (SMALLEST, 1.0),
    ],
    "log1p": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (-1.0, -np.inf),
        (np.nextafter(-1.0, -2.0), np.nan),
        (-2.0, np.nan),
        (-np.inf, np.nan),
        (np.inf, np.inf),
        (LARGEST, 1024 * np.log(2.0)),
        (SMALLEST, SMALLEST),
        (-1e-310, -1e-310),
    ],
    "sigmoid": [
        (0.0, 0.5),
        (-0.0, 0.5),
        (np.inf, 1.0),
        (-np.inf, 0.0),
        (LARGEST, 1.0),
        (-LARGEST, 0.0),
        (40.0, 1.0),
        (-745.133, SMALLEST),
    ],
    "tanh": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (np.inf, 1.0),
        (-np.inf, -1.0),
        (LARGEST, 1.0),
        (19.2, 1.0),
        (SMALLEST, SMALLEST),
        (-1e-310, -1e-310),
    ],
}

needs_long_double = pytest.mark.skipif(
    not accuracy.WIDE_ENOUGH, reason="long double is no wider than float64"
)
needs_x86 = pytest.mark.skipif(
    platform.machine().lower() not in {"x86_64", "amd64"}, reason="reads x86 assembly"
)


def into(name):
    return getattr(elementary, f"{name}_into")


def applied(name, x):
    out = np.empty(len(x))
    into(name)(x, out)
    return out


def bits(x):
    return x.view(np.int64)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@needs_long_double
def test_error_is_within_the_limit(name):
    function = accuracy.FUNCTIONS[name]
    x = accuracy.points(function, COUNT, seed=1)
    error = accuracy.errors(function, x)
    worst = np.argmax(error)
    assert error[worst] <= LIMITS[name], f"{name} at {x[worst]!r}"


@needs_long_double
@pytest.mark.parametrize("place", [0.0, 1.0, 0.34657359, -0.5, 700.0])
def test_error_is_within_the_limit_on_neighbouring_floats(name, place):
    x = place + np.spacing(place) * np.arange(-500.0, 501.0)
    assert accuracy.errors(accuracy.FUNCTIONS[name], x[x > -1.0]).max() <= LIMITS[name]


@needs_long_double
def test_subnormal_results_are_rounded_once(rng):
    for name, limit in (("exp", 0.51), ("sigmoid", 0.51)):
        x = rng.uniform(-745.13, -720.0, 2000)
        assert 0.0 < applied(name, x).max() < 1e-308
        assert accuracy.errors(accuracy.FUNCTIONS[name], x).max() <= limit


@pytest.mark.parametrize("name", ["log1p", "tanh"])
def test_subnormals_are_their_own_image(name, rng):
    x = SMALLEST * rng.integers(-(2**52), 2**52, 1000)
    np.testing.assert_array_equal(applied(name, x), x)


def test_special_values(name):
    x, expected = np.array(SPECIAL[name]).T
    found = applied(name, x.copy())
    np.testing.assert_array_equal(found, expected)
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found)[number], np.signbit(expected)[number])


def test_nan_stays_nan(name):
    payload = np.array([-1, 0x7FF0000000000001, 0x7FF8000000000000, -(2**51)]).view(float)
    assert np.isnan(applied(name, payload)).all()


def test_no_step_goes_down_by_more_than_a_unit(name, rng):
    function = accuracy.FUNCTIONS[name]
    low, high = max(function.lowest, -800.0), min(function.highest, 709.0)
    n = COUNT // 10
    x = np.sort(rng.uniform(low, high, n))
    assert (np.diff(applied(name, x)) >= 0.0).all()
    for centre in (-0.6, -0.34657359, 0.25, 1.0, 2.5):
        y = applied(name, centre + np.spacing(np.abs(centre)) * np.arange(n // 10))
        assert (np.diff(y) >= -np.spacing(np.abs(y[1:]))).all()


def test_sigmoids_of_opposites_add_up_to_one(rng):
    x = np.r_[rng.uniform(-40.0, 40.0, 1000), rng.uniform(-1e-3, 1e-3, 1000)]
    total = applied("sigmoid", x) + applied("sigmoid", -x)
    np.testing.assert_allclose(total, 1.0, rtol=0.0, atol=2.0**-52)


def test_tanh_is_odd_to_the_last_bit():
    x = accuracy.points(accuracy.FUNCTIONS["tanh"], 4000)
    np.testing.assert_array_equal(bits(applied("tanh", -x)), bits(-applied("tanh", x)))


def test_results_stay_in_the_range_of_the_function():
    x = accuracy.points(accuracy.FUNCTIONS["tanh"], 4000)
    assert np.abs(applied("tanh", x)).max() == 1.0
    s = applied("sigmoid", 30.0 * x)
    assert 0.0 < s.min() <= s.max() == 1.0


def test_bits_do_not_depend_on_layout(name):
    x = accuracy.points(accuracy.FUNCTIONS[name], 2000)[:1001]
    expected = applied(name, x)
    spread = np.repeat(x, 3)[::3]
    np.testing.assert_array_equal(bits(applied(name, spread)), bits(expected))
    np.testing.assert_array_equal(bits(applied(name, x[5:])), bits(expected[5:]))
    into(name)(x, x)
    np.testing.assert_array_equal(bits(x), bits(expected))


@needs_jit
def test_bits_do_not_depend_on_the_compiler(name, monkeypatch):
    x = accuracy.points(accuracy.FUNCTIONS[name], 3000)
    out = np.empty(len(x))
    monkeypatch.setattr(_jit, "jit", lambda function, exact: function)
    plain = runpy.run_path(elementary.__file__)
    with np.errstate(all="ignore"):
        plain[f"{name}_into"](x, out)
    np.testing.assert_array_equal(bits(out), bits(applied(name, x)))


def test_bits_do_not_depend_on_the_flags_of_the_caller(name):
    function = getattr(elementary, name)

    @_jit.jit  # may reorder and contract
    def caller(x, out):
        for i in range(x.shape[0]):
            out[i] = function(x[i])

    x = accuracy.points(accuracy.FUNCTIONS[name], 2000)
    out = np.empty(len(x))
    caller(x, out)
    np.testing.assert_array_equal(bits(out), bits(applied(name, x)))


def test_functions_take_scalars(name):
    x = 0.3
    assert getattr(elementary, name)(x) == applied(name, np.array([x]))[0]


@needs_jit
@needs_x86
def test_loop_is_vectorised(name):
    # Compiled anew: machine code from the disk cache has no assembly to read.
    loop = numba.njit(nogil=True, **jit_options(exact=True))(into(name).py_func)
    loop(np.ones(8), np.empty(8))
    (assembly,) = loop.inspect_asm().values()
    assert len(re.findall(r"\bv?mulpd\b", assembly)) >= 10


@needs_long_double
def test_table_of_errors_has_a_row_for_each_function(capsys):
    accuracy.main(4000)
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {each}" for each in accuracy.FUNCTIONS]

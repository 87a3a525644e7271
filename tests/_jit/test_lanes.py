"""Lanes of eight: jitted, in plain Python, for every layout, and never beyond an array."""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import needs_jit

from fastreg._jit import (
    chosen,
    entry,
    fma,
    gather,
    greater,
    groups,
    lanes,
    lesser,
    level,
    prefetch,
    prefetch_half,
    read,
    set_entry,
    total,
    totals,
    turned,
    write,
    zero,
)
from fastreg._jit.compile import JIT_ENABLED

if JIT_ENABLED:
    import numba

    compiled = numba.njit
else:
    compiled = lambda function: function  # noqa: E731

BASE = np.random.default_rng(0).standard_normal((6, 40))
LAYOUTS = {
    "C": BASE,
    "float32": BASE.astype(np.float32),
    "strided": np.repeat(BASE, 3, axis=1)[:, ::3],
    "reversed": BASE[::-1, ::-1],
    "columns": np.asfortranarray(BASE),
    "frozen": np.frombuffer(BASE.tobytes()).reshape(6, 40),
}


@compiled
def copy_row(array, i, out):
    n = array.shape[1]
    for j in range(0, n // 8 * 8, 8):
        prefetch(array, (i, j))
        prefetch_half(array, (i, j), 0)
        write(out, j, read(array, (i, j)))
    write(out, n // 8 * 8, read(array, (i, n // 8 * 8), n % 8))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n", [1, 7, 8, 23, 40])
def test_reading_and_writing_copies(layout, n):
    array, out = LAYOUTS[layout][:, :n], np.full(48, np.nan)
    copy_row(array, 3, out)
    np.testing.assert_array_equal(out[:n], array[3])
    assert not out[n : n // 8 * 8 + 8].any()  # lanes beyond the count are zero


@compiled
def arithmetic(a, b, out):
    x, y = read(a, 0), read(b, 0)
    write(out[0], 0, x + y)
    write(out[1], 0, x - 2)
    write(out[2], 0, 0.5 * x * y)
    write(out[3], 0, fma(x, y, lanes(1.0)))
    write(out[4], 0, fma(2.0, x, y))
    write(out[5], 0, totals(x, y, x, y, x, y, x, y))
    write(out[6], 0, 1.0 / (2.0 + x * x))
    return total(x), fma(2.0, 3.0, 4.0), total(read(None, 0))


def test_arithmetic():
    a, b = BASE[0, :8].copy(), BASE[1, :8].copy()
    out = np.empty((7, 8))
    sums = arithmetic(a, b, out)
    expected = [a + b, a - 2, a * b / 2, a * b + 1, 2 * a + b, [a.sum(), b.sum()] * 4]
    expected.append(1 / (2 + a * a))
    np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(sums, (a.sum(), 10.0, 0.0), atol=1e-14)


@compiled
def transpose(a, out):
    rows = turned(
        read(a, (0, 0)), read(a, (1, 0)), read(a, (2, 0)), read(a, (3, 0)),
        read(a, (4, 0)), read(a, (5, 0)), read(a, (6, 0)), read(a, (7, 0)),
    )  # fmt: skip
    for i in range(8):
        write(out, (i, 0), rows[i])


def test_turning():
    a, out = np.arange(64.0).reshape(8, 8), np.empty((8, 8))
    transpose(a, out)
    np.testing.assert_array_equal(out, a.T)


def test_comparing():
    a, b, w = BASE[0, :8].copy(), BASE[1, :8].copy(), np.array([0.0, 1.0] * 4)
    a[2], b[5] = np.nan, np.nan

    @compiled
    def run(a, b, w, out):
        x, y = read(a, 0), read(b, 0)
        write(out[0], 0, lesser(x, y))
        write(out[1], 0, greater(x, y))
        write(out[2], 0, chosen(read(w, 0), x, y))

    out = np.empty((3, 8))
    run(a, b, w, out)
    expected = [np.where(a < b, a, b), np.where(a > b, a, b), np.where(w > 0, a, b)]
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("count", [0, 1, 5, 8])
def test_gather(index, count):
    places = np.array([9, 3, 3, 0, 39, 1, 2, 7, 5], index)
    out = np.empty(8)

    @compiled
    def run(array, places, p, count, out):
        write(out, 0, gather(array, places, p, count))

    run(BASE[2], places, 1, count, out)
    np.testing.assert_array_equal(out[:count], BASE[2][places[1 : 1 + count]])
    assert not out[count:].any()


def test_one_loop_serves_a_vector_and_a_matrix():
    @compiled
    def scale(array, factor, out):
        for t in range(0, groups(array), 8):
            sums = zero(array)
            for j in range(array.shape[0]):
                sums = sums + entry(array, j, t)
                set_entry(out, j, t, entry(array, j, t) * level(factor, t))
            set_entry(out, 0, t, sums)

    for array, factor in ((BASE[0].copy(), 2.0), (BASE.T[:, :0].copy(), np.zeros(0))):
        out = np.empty_like(array)
        scale(array, factor, out)
        np.testing.assert_allclose(out[1:], array[1:] * factor)
    matrix, factor = BASE[:, :16].copy(), np.arange(16.0)
    out = np.empty_like(matrix)
    scale(matrix, factor, out)
    np.testing.assert_allclose(out[1:], matrix[1:] * factor)
    np.testing.assert_allclose(out[0], matrix.sum(axis=0))


@needs_jit
@pytest.mark.parametrize("call", ["read(a, 5)", "read(a, 8, 3)", "gather(a, p, 0, 2)"])
def test_bounds_checks_see_every_lane(call):
    code = f"""
import numba, numpy as np
from fastreg._jit import gather, read, total
a, p = np.ones(10), np.array([0, 10])
@numba.njit
def inside(a, p): return total(read(a, 2)) + total(read(a, 8, 2)) + total(read(a, 10, 0))
@numba.njit
def beyond(a, p): return total({call})
assert inside(a, p) == 10
try:
    beyond(a, p)
except IndexError:
    print("seen")
"""
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "seen", result.stderr


GUARDED = """
import ctypes, mmap, sys
import numpy as np, scipy.sparse as sp
from fastreg import kernels
from fastreg.design import as_design

PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

def guarded(values):
    "A copy that ends where memory may not be read: one step too far kills the process."
    size = -(-values.nbytes // PAGE) * PAGE
    region = mmap.mmap(-1, size + 2 * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    for edge in (start, start + PAGE + size):
        assert libc.mprotect(edge, PAGE, 0) == 0
    flat = np.frombuffer(region, values.dtype, values.size, PAGE + size - values.nbytes)
    flat = flat.reshape(values.shape)
    flat[...] = values
    return flat

rng = np.random.default_rng(0)
for m, n in ((1, 1), (9, 7), (67, 13), (130, 40)):
    for dtype in (np.float64, np.float32):
        A = rng.standard_normal((m, n)).astype(dtype)
        S = sp.csr_array(np.where(rng.random((m, n)) < 0.4, A, 0))
        for name, X in {
            "C": guarded(A),
            "F": guarded(A.T).T,
            "csr": type(S)((guarded(S.data), guarded(S.indices), S.indptr), shape=S.shape),
        }.items():
            X = as_design(X).storage
            y, theta, out = (guarded(rng.standard_normal(k)) for k in (m, n, n))
            kernels.gradient(X, y, theta, out=out)
            kernels.predict(X, theta, out=y)
            kernels.project(X, y, out=out)
            kernels.moments(X, y[:, None])
            if name == "csr":
                continue
            two = guarded(rng.standard_normal((n, 2)))
            kernels.gradient(X, y, two, out=two)
if len(sys.argv) > 1:
    guarded(np.ones(8)).base
    ctypes.string_at(guarded(np.ones(512)).ctypes.data + 4096, 1)
print("alive")
"""


@needs_jit
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect as Linux has it")
@pytest.mark.thorough
def test_no_kernel_reads_beyond_an_array():
    command = [sys.executable, "-c", GUARDED]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "alive", result.stderr
    caught = subprocess.run([*command, "too far"], capture_output=True, text=True, check=False)
    assert caught.returncode < 0 and not caught.stdout  # the guard guards

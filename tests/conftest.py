"""One list of storages and one of penalties for every test."""

from __future__ import annotations

import itertools
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from fastreg import penalties

JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("0", "")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NIST = DATA.parent / "nist"

needs_jit = pytest.mark.skipif(not JIT, reason="too slow, or pointless, without the compiler")


def matrix(m: int = 37, n: int = 6, seed: int = 0) -> np.ndarray:
    """(m, n) with an empty column, zero rows, an offset; every entry exact in float32."""
    A = np.random.default_rng(seed).integers(-40, 40, (m, n)) / 8.0
    A[np.random.default_rng(seed + 1).random((m, n)) < 0.3] = 0.0
    A[:, n // 2] = 0.0
    A[m // 3 : m // 3 + 2] = 0.0
    if n > 1:
        A[:, 0] += 4.0
    return A


def unaligned(A: np.ndarray) -> np.ndarray:
    buffer = np.zeros(A.nbytes + 1, np.uint8)
    view = np.frombuffer(buffer.data, A.dtype, A.size, offset=1).reshape(A.shape)
    view[...] = A
    return view


def repeated(A: np.ndarray, make: type) -> object:
    """Unsorted, with every entry split in two halves that add up, and explicit zeros."""
    S = make(A)
    starts = S.indptr
    order = np.concatenate(
        [np.arange(a, b)[::-1] for a, b in itertools.pairwise(starts)] or [[]]
    ).astype(int)
    data = np.repeat(S.data[order] / 2, 2)
    return make((data, np.repeat(S.indices[order], 2), 2 * starts), shape=A.shape)


def wide(S: object) -> object:
    S.indices, S.indptr = S.indices.astype(np.int64), S.indptr.astype(np.int64)
    return S


def mixed(S: object) -> object:
    S.indptr = S.indptr.astype(np.int64)
    return S


def frozen(A: np.ndarray) -> np.ndarray:
    A = A.copy()
    A.flags.writeable = False
    return A


STORAGES = {
    "C": lambda A: A.copy(),
    "F": np.asfortranarray,
    "strided": lambda A: np.repeat(np.repeat(A, 2, axis=0), 3, axis=1)[::2, ::3],
    "strided-F": lambda A: np.asfortranarray(np.repeat(np.repeat(A, 2, axis=0), 3, axis=1))[
        ::2, ::3
    ],
    "negative": lambda A: A[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": frozen,
    "unaligned": unaligned,
    "float32": lambda A: A.astype(np.float32),
    "float32-F": lambda A: np.asfortranarray(A, dtype=np.float32),
    "csr": sp.csr_array,
    "csr-int64": lambda A: wide(sp.csr_matrix(A)),
    "csr-mixed": lambda A: mixed(sp.csr_matrix(A)),
    "csr-float32": lambda A: sp.csr_array(A.astype(np.float32)),
    "csr-repeated": lambda A: repeated(A, sp.csr_array),
    "csc": sp.csc_array,
    "csc-int64": lambda A: wide(sp.csc_matrix(A)),
    "csc-repeated": lambda A: repeated(A, sp.csc_array),
    "coo": sp.coo_array,
}
PENALTIES = {
    "none": penalties.L1(0.0),
    "l1": penalties.L1(0.3),
    "l1-each": penalties.L1(np.array([0.1, 0.2, 0.0, 0.4, 0.5, 0.6])),
    "non-negative": penalties.non_negative(0.2),
    "bounded": penalties.Bounded(0.2, -1.5, 2.5),
}


# Types of an array for which kernels are compiled anew; a kernel takes one to three seconds.
ODD = ["strided", "strided-F", "negative", "unaligned", "float32-F"]
ODD += ["csr-int64", "csr-float32", "csc-int64"]
EACH_STORAGE = [
    pytest.param(name, marks=pytest.mark.thorough) if name in ODD else name
    for name in sorted(STORAGES)
]


@pytest.fixture(params=EACH_STORAGE)
def store(request):
    """A function that puts an array into one of the storages."""
    return STORAGES[request.param]


@pytest.fixture(params=sorted(PENALTIES))
def penalty(request):
    return PENALTIES[request.param]


@pytest.fixture
def rng():
    return np.random.default_rng(12345)


KERNELS = Path(__file__).resolve().parent / "kernels"


def pytest_collection_modifyitems(items):
    """A case that differs from the first of its test in more than one argument is thorough: every
    day meets each penalty, each option and each storage but the odd ones, not each with each."""
    first = {}
    for item in items:
        if KERNELS not in item.path.parents or not hasattr(item, "callspec"):
            continue
        own = _arguments(item)
        base = first.setdefault((item.path, item.cls, item.originalname), own)
        if sum(own[name] != base[name] for name in own) > 1:
            item.add_marker(pytest.mark.thorough)


def _arguments(item):
    """The values of a case, as text; those given together are one."""
    values = {name: repr(value) for name, value in item.callspec.params.items()}
    for mark in item.iter_markers("parametrize"):
        names = mark.args[0]
        together = names.split(",") if isinstance(names, str) else names
        for other in together[1:]:
            values.pop(other.strip(), None)
    return values


@pytest.fixture(autouse=True)
def _what_is_timed_runs_alone(request, tmp_path_factory):
    """With several workers (`pytest -n 2`), a test marked `timed` waits until those of the others
    have ended, and they wait for it: it holds a lock for itself, the rest share it. Everybody comes
    to it through a gate, where nobody overtakes."""
    if "PYTEST_XDIST_WORKER" not in os.environ or os.name == "nt":  # which has no such locks
        yield
        return
    import fcntl

    alone = request.node.get_closest_marker("timed") is not None
    shared = tmp_path_factory.getbasetemp().parent  # that of all workers
    with open(shared / "gate", "w") as gate, open(shared / "lock", "w") as lock:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield  # closing the file gives the lock back


@pytest.fixture(autouse=True)
def _python_arithmetic_warns_where_kernels_do_not():
    """Without the compiler, scalar arithmetic in kernels warns of overflow and NaN."""
    with warnings.catch_warnings():
        if not JIT:
            warnings.filterwarnings("ignore", "(overflow|invalid value|divide by zero)")
        yield

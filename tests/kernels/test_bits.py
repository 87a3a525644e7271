"""SHA-256 of what every kernel returns: neither threads nor addresses show."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit

from fastreg import elementary, kernels, penalties, set_num_threads
from fastreg.design import as_design
from fastreg.kernels.active_set import Quadratic

STORED = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "float32": lambda A: A.astype(np.float32),
    "csr": sp.csr_array,
    "csc": sp.csc_array,
}


def shifted(array: np.ndarray, offset: int) -> np.ndarray:
    """A copy that starts `offset` entries after the start of a line, or of a page."""
    buffer = np.empty(array.size + 1024 + offset)
    start = (-buffer.ctypes.data // 8) % 512 + offset
    view = buffer[start : start + array.size].reshape(array.shape)
    view[...] = array
    return view


def digests(offset: int = 0) -> dict[str, str]:
    """One digest for each kernel and storage, on data large enough for several blocks."""
    rng = np.random.default_rng(0)
    m, n, k = 9000, 130, 3
    A = rng.standard_normal((m, n))
    A[rng.random((m, n)) < 0.3] = 0.0
    y, theta, w = rng.standard_normal(m), rng.standard_normal(n), rng.random(m)
    Y, Theta = rng.standard_normal((m, k)), rng.standard_normal((n, k))
    folds, columns = rng.integers(0, 5, m), np.arange(n)
    y, theta, w, Y, Theta = (shifted(each, offset) for each in (y, theta, w, Y, Theta))
    found = {}

    def keep(name, *parts):
        flat = [np.ascontiguousarray(part, dtype=float).tobytes() for part in parts]
        found[name] = hashlib.sha256(b"".join(flat)).hexdigest()

    for name, store in STORED.items():
        X = as_design(store(A)).storage
        out, outs, fitted = shifted(theta, offset), np.empty((n, k)), shifted(y, offset)
        keep(f"gradient {name}", kernels.gradient(X, y, theta, weights=w, out=out), out)
        keep(f"gradients {name}", *kernels.gradient(X, Y, Theta, out=outs), outs)
        kernels.predict(X, theta, out=fitted)
        kernels.project(X, y, out=out)
        keep(f"products {name}", fitted, out)
        keep(f"gram {name}", kernels.cross_gram(X, columns, columns, weights=w))
        keep(f"moments {name}", kernels.moments(X, Y, folds=folds, n_folds=5))
        keep(f"survey {name}", *kernels.survey(X, y, weights=w)[:5])
    dense = as_design(A).storage
    keep("row gram", kernels.row_gram(as_design(A[:300]).storage))
    exact = np.empty((2, n + 1))
    kernels.compensated_gradient(as_design(A[:500]).storage, y[:500], theta, out=exact)
    keep("compensated", exact)
    point, previous = shifted(theta, offset), shifted(theta, offset)
    measured = kernels.update(point, out, 0.1, 0.2, penalties.L1(0.1), 0.5, previous)
    keep("update", measured, point, previous)
    history, start = np.zeros((20, 2)), np.zeros(n)
    kernels.descent_steps(
        dense, y, start, np.zeros(1), eta=0.01, loss=kernels.rows.losses.Squared(), l2=0.1,
        penalty=penalties.L1(0.0), fit_intercept=True, history=history, first=0, last=20,
        scratch=np.empty(n),
    )  # fmt: skip
    keep("descent", history, start)
    # 130 columns take lanes of eight up to 136.
    gram, slope, coef = (
        shifted(np.zeros((n, 136)), offset),
        shifted(np.zeros(136), offset),
        theta * 0,
    )
    gram[:, :n] = kernels.cross_gram(dense, columns, columns)
    kernels.project(dense, -y, out=slope[:n])
    factor, l1 = kernels.factor(n, n), penalties.L1(50.0)
    form = Quadratic(gram, slope, coef, np.zeros(136))
    steps = kernels.minimise(form, l1, factor, 1e-9, 100)
    keep("active set", steps, coef, slope[:n], np.triu(factor.upper[:n, :n]))
    for into in (elementary.exp_into, elementary.tanh_into):
        into(theta, values := shifted(theta, offset))
        keep(into.__name__, values)
    return found


@needs_jit
def test_bits_depend_on_neither_threads_nor_addresses(monkeypatch):
    from fastreg.design import storages

    monkeypatch.setattr(storages, "BLOCK_ENTRIES", 1 << 14)
    results = []
    for threads, offset in ((1, 0), (2, 0), (2, 1), (5, 3)):
        set_num_threads(threads)
        results.append(digests(offset))
    set_num_threads(None)
    for other in results[1:]:
        assert other == results[0]


@needs_jit
@pytest.mark.parametrize("layer", ["omp", "workqueue"])
@pytest.mark.thorough
def test_bits_do_not_depend_on_the_threading_layer(layer):
    code = "from test_bits import digests; print(sorted(digests().items()))"
    results = set()
    for threads in ("1", "2"):
        environment = {
            **os.environ,
            "NUMBA_THREADING_LAYER": layer,
            "FASTREG_NUM_THREADS": threads,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        command = [sys.executable, "-c", code]
        run = subprocess.run(
            command,
            env=environment,
            cwd=os.path.dirname(__file__),
            capture_output=True,
            text=True,
            check=True,
        )
        results.add(run.stdout)
    assert len(results) == 1

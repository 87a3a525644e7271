"""Ridge and least squares by factorisation, refined by passes over X.

| form | when | factor |
|---|---|---|
| Gram | n ≤ m | Cholesky of X'ᵀWX'/M + diag(l2), (n, n) |
| orthogonal | the same, ill-conditioned or small and unpenalised | R of X' = QR, block by block |
| kernel | m < n | (K + λI)⁺ with K = X' D X'ᵀ, (m, m); without a ridge the least-norm solution |

A factor is a preconditioner: residuals read off X give corrections until these stop
shrinking. The orthogonal form takes residuals in twice the working precision, as the Gram
matrix squares the condition number (Björck, Numerical Methods for Least Squares, 1996).
"""

from __future__ import annotations

import contextlib

import numpy as np
import scipy.linalg

from fastreg import kernels
from fastreg._jit import single_threaded_blas
from fastreg.solvers.problem import Problem

Array = np.ndarray
Result = tuple[Array, Array | None, int, str]  # β (n, k), intercepts or None, steps, method
_EPS = float(np.finfo(np.float64).eps)
_MAX_REFINEMENTS = 20
_ILL = 1e10  # condition of the scaled Gram matrix from which it is not trusted
_SMALL = 1 << 20  # entries up to which full accuracy costs milliseconds


def solve(problem: Problem, form: str = "auto") -> Result:
    """Minimise for every target; `form` is "auto", "gram", "orthogonal" or "kernel"."""
    m, n = problem.X.shape
    if form == "auto":
        form = "gram" if n <= m else "kernel"
        if n <= m and m * n <= _SMALL and not problem.l2.any():
            form = "orthogonal"
    if form == "kernel":
        return _by_kernel(problem)
    result = _by_gram(problem) if form == "gram" else None
    return result or _by_orthogonal_factor(problem)


def _shrinking(correction: Array, solution: Array, last: float) -> tuple[bool, float]:
    """Whether to apply a correction and go on, and its size relative to the solution."""
    top = float(np.abs(solution).max(initial=0.0))
    size = float(np.abs(correction).max(initial=0.0))
    size = size / top if top > 0 else size and np.inf
    return size < 0.5 * last or last == np.inf, size


def _by_gram(problem: Problem) -> tuple[Array, int, str] | None:
    """Cholesky; None where the matrix is too close to singular."""
    n = problem.X.shape[1]
    columns = np.arange(n)
    G = problem.gram(columns, columns)
    beta = np.zeros((n, problem.n_targets))
    factor, factored, steps = None, None, 0
    for t in range(problem.n_targets):
        l2 = problem.l2[:, t]
        if factored is None or not np.array_equal(factored, l2):
            factor, factored = _cholesky(G, l2), l2
        if factor is None:
            return None
        L, inverse = factor
        last = np.inf
        for step in range(1, _MAX_REFINEMENTS + 1):
            downhill = problem.correlation(beta[:, t], t)[0] - l2 * beta[:, t]
            with single_threaded_blas:
                correction = inverse * scipy.linalg.cho_solve((L, True), inverse * downhill)
            go_on, last = _shrinking(correction, beta[:, t], last)
            if not go_on:
                break
            beta[:, t] += correction
            if last <= _EPS:
                break
        steps = max(steps, step)
    return beta, None, steps, "Cholesky factorisation of the Gram matrix"


def _cholesky(G: Array, l2: Array) -> tuple[Array, Array] | None:
    """(L, d) with L Lᵀ = d(G + l2)d of unit diagonal, or None beyond condition 1e10."""
    root = np.sqrt(np.diag(G) + l2)
    if not root.all():
        return None
    inverse = 1.0 / root
    A = G * inverse
    A *= inverse[:, None]
    A[np.diag_indices_from(A)] = 1.0
    with single_threaded_blas:
        norm = np.abs(A).sum(axis=0).max()
        L, fault = scipy.linalg.lapack.dpotrf(A, lower=1, clean=0, overwrite_a=1)
        if fault:
            return None
        reciprocal, _ = scipy.linalg.lapack.dpocon(L, norm, uplo="L")
    return (L, inverse) if reciprocal * _ILL >= 1.0 else None


def _by_orthogonal_factor(problem: Problem) -> Result:
    """R of X = QR, its SVD as preconditioner, compensated residuals, the intercept refined
    as an unknown of its own: obtained from the means it would inherit their cancellation."""
    n, k = problem.X.shape[1], problem.n_targets
    R = _triangular_factor(problem)
    beta, intercept, steps = np.zeros((n, k)), problem.mean / problem.unit, 0
    shift = np.zeros(n) if problem.shift is None else problem.shift * problem.scale
    for t in range(k):
        half = _inverse_root(R, problem.l2[:, t], max(problem.X.shape))
        last = np.inf
        for step in range(1, _MAX_REFINEMENTS + 1):
            downhill, level = _exact_residuals(problem, t, beta[:, t], intercept[t])
            correction = half @ (half.T @ downhill)
            go_on, last = _shrinking(correction, beta[:, t], last)
            if not go_on:
                break
            beta[:, t] += correction
            if problem.shift is not None:
                intercept[t] += level - shift @ correction
            if last <= _EPS:
                break
        steps = max(steps, step)
    return beta, intercept * problem.unit, steps, "QR factorisation, compensated refinement"


def _inverse_root(R: Array, l2: Array, size: int) -> Array:
    """H with H Hᵀ = (RᵀR + diag l2)⁺, columns scaled to length 1 before ranks are judged."""
    stacked = np.vstack([R, np.diag(np.sqrt(l2))]) if l2.any() else R
    lengths = np.sqrt((stacked * stacked).sum(axis=0))
    inverse = np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    with single_threaded_blas:
        _, sigma, Vt = np.linalg.svd(stacked * inverse, full_matrices=False)
    keep = sigma > size * _EPS * sigma[0]
    root: Array = (inverse[:, None] * Vt[keep].T) / sigma[keep]
    return root


def _triangular_factor(problem: Problem) -> Array:
    """R with RᵀR = X'ᵀWX'/M, from one pass over X."""
    m, n = problem.X.shape
    rows = max(4 * n, 256)
    R = np.zeros((0, n))
    columns = np.arange(n)
    factors = None if problem.weights is None else np.sqrt(problem.weights)
    for start in range(0, m, rows):
        stop = min(start + rows, m)
        block = np.empty((stop - start, n))
        kernels.fill(
            problem.X.storage,
            start,
            stop,
            columns=columns,
            shift=problem.shift,
            scale=problem.scale,
            weights=factors,
            out=block,
        )
        with single_threaded_blas:
            R = np.linalg.qr(np.vstack([R, block]), mode="r")
    problem.passes += 1
    R /= np.sqrt(problem.total)
    return R


def _exact_residuals(problem: Problem, t: int, beta: Array, intercept: float) -> tuple:
    """(−gradient at the best intercept, weighted mean residual), of about 32 digits."""
    problem.passes += 1
    out = np.empty((2, len(beta) + 1))
    kernels.compensated_gradient(
        problem.X.storage,
        problem.target[:, t] / problem.unit[t],  # exact: a power of two
        beta * problem.scale,
        offset=float(intercept),
        weights=problem.weights,
        out=out,
    )
    (high, low), level = out[:, :-1], out[0, -1] + out[1, -1]
    if problem.shift is not None:
        # g_j − shift_j·Σr: the large parts cancel before anything is rounded.
        p, e = kernels.two_product(problem.shift, out[0, -1])
        high, f = kernels.two_sum(high, -p)
        low = low + f - e - problem.shift * out[1, -1]
    gradient = (high + low) * problem.scale / problem.total
    return -gradient - problem.l2[:, t] * beta, -level / problem.total


def _by_kernel(problem: Problem) -> Result:
    """β = root ∘ Zᵀ(f∘α), (f K f + Mλ)α = f∘y with Z = X' diag(root), K = Z Zᵀ, f = √w.

    root² is the inverse of the ridge strengths, in the limit of none that of the units:
    then the pseudo-inverse gives the solution of least norm in the user's units.
    """
    m, n = problem.X.shape
    beta = np.zeros((n, problem.n_targets))
    f = np.ones(m) if problem.weights is None else np.sqrt(problem.weights)
    factored, solver, steps = None, None, 0
    for t in range(problem.n_targets):
        l2 = problem.l2[:, t]
        if factored is None or not np.array_equal(factored, l2):
            root = 1.0 / (np.sqrt(l2) if l2.all() else problem.scale)
            root /= root.max()
            ridge = problem.total * (l2[0] * root[0] ** 2)
            K = kernels.row_gram(problem.X.storage, shift=problem.shift, scale=problem.scale * root)
            problem.passes += 1
            K *= f
            K *= f[:, None]
            solver, factored = _kernel_solver(K, ridge), l2
        alpha, last = np.zeros(m), np.inf
        for step in range(1, _MAX_REFINEMENTS + 1):
            residual = f * problem.residual(beta[:, t], t) - ridge * alpha
            correction = solver(residual)
            go_on, last = _shrinking(correction, alpha, last)
            if not go_on:
                break
            alpha += correction
            beta[:, t] = root**2 * problem.project(f * alpha)
            if last <= _EPS:
                break
        steps = max(steps, step)
    return beta, None, steps, "factorisation of the kernel matrix"


def _kernel_solver(K: Array, ridge: float):
    """v ↦ (K + ridge I)⁺ v: Cholesky, or eigenvectors where that is singular."""
    with single_threaded_blas:
        if ridge > len(K) * _EPS * np.trace(K):
            shifted = K.copy()
            shifted[np.diag_indices_from(K)] += ridge
            with contextlib.suppress(np.linalg.LinAlgError):
                factor = scipy.linalg.cho_factor(shifted, lower=True, overwrite_a=True)
                return lambda v: scipy.linalg.cho_solve(factor, v)
        values, vectors = np.linalg.eigh(K)
    keep = values > len(K) * _EPS * values[-1]
    values, vectors = values[keep] + ridge, vectors[:, keep]
    return lambda v: vectors @ ((vectors.T @ v) / values)

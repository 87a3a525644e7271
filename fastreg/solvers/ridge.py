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
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.linalg

from fastreg import kernels
from fastreg.solvers.problem import Problem
from fastreg.solvers.standard import column

Array = np.ndarray
Result = tuple[Array, Array | None, int, str]  # β (n, k), intercepts or None, steps, method
_EPS = float(np.finfo(np.float64).eps)
_TINY = float(np.finfo(np.float64).tiny)
_MAX_REFINEMENTS = 20
_ILL = 1e10  # condition of the scaled Gram matrix from which it is not trusted
_EXPANDED = 2000  # features up to which an (n, n) orthogonal form stands in for the kernel
_SMALL = 1 << 20  # entries up to which full accuracy costs milliseconds


def solve(problem: Problem, form: str = "auto") -> Result:
    """Minimise for every target; `form` is "auto", "gram", "orthogonal" or "kernel"."""
    m, n = problem.X.shape
    ridges = problem.terms.ridges()
    if form == "auto":
        form = "gram" if n <= m else "kernel"
        if n <= m and m * n <= _SMALL and not ridges.any():
            form = "orthogonal"
    mixed = ridges.any() and not ridges.all()  # the kernel form cannot say "no ridge"
    if form in ("kernel", "orthogonal") and m < n and not mixed:
        result = _by_kernel(problem)
        # Columns of very different units do not fit into one kernel matrix.
        return result if n > _EXPANDED or _is_solved(problem, result) else _by_orthogonal(problem)
    return (_by_gram(problem) if form == "gram" else None) or _by_orthogonal(problem)


def _is_solved(problem: Problem, result: Result) -> bool:
    """Whether the gradient has fallen to 1e-8 of its start, for every target."""
    beta = result[0]
    for t in range(problem.n_points):
        start = problem.project(_weighted(problem, problem.y(t))) / problem.total
        gradient = problem.ridge(t) * beta[:, t] - problem.correlation(beta[:, t], t)[0]
        if np.abs(gradient).max() > 1e-8 * np.abs(start).max():
            return False
    return True


def _weighted(problem: Problem, v: Array) -> Array:
    return v if problem.weights is None else problem.weights * v


def _refine(solution: Array, correct: Callable[[], Array], apply: Callable[[Array], None]) -> int:
    """Apply corrections while each is at most half the last one; the number of them.

    `correct()` is the correction at the current `solution`, which `apply` changes in place.
    """
    last = np.inf
    for step in range(_MAX_REFINEMENTS):
        correction = correct()
        top, size = np.abs(solution).max(), np.abs(correction).max()
        relative = size / top if top > 0 else (np.inf if size > 0 else 0.0)
        if step and not relative < 0.5 * last:
            return step
        apply(correction)
        # Each is about as much smaller than the one before as that was: the next is not needed.
        shrinkage, last = relative / min(last, 1.0), relative
        if last <= _EPS or (step and last * shrinkage <= _EPS):
            break
    return step + 1


def _by_gram(problem: Problem) -> Result | None:
    """Cholesky; None where the matrix is too close to singular."""
    columns = np.arange(problem.n_features)
    G = problem.gram(columns, columns)
    beta, steps = np.zeros((len(columns), problem.n_points)), 0
    for t, factor in _for_each_strength(problem, lambda l2: cholesky(G, l2)):
        if factor is None:
            return None
        steps = max(steps, _refine_by_gram(problem, t, beta[:, t], *factor))
    return beta, None, steps, "Cholesky factorisation of the Gram matrix"


def _refine_by_gram(problem: Problem, t: int, b: Array, L: Array, inverse: Array) -> int:
    def correct() -> Array:
        downhill = problem.correlation(b, t)[0] - problem.ridge(t) * b
        return inverse * scipy.linalg.cho_solve((L, True), inverse * downhill)

    def apply(correction: Array) -> None:
        b[:] += correction

    return _refine(b, correct, apply)


def _for_each_strength(
    problem: Problem, factorise: Callable[[Array], Any]
) -> Iterator[tuple[int, Any]]:
    """(t, factorise(l2 of target t)), made again only where the strengths change."""
    last = None
    for t in range(problem.n_points):
        l2 = problem.ridge(t)
        if last is None or not np.array_equal(l2, last):
            factor, last = factorise(l2), l2
        yield t, factor


def cholesky(G: Array, l2: Array) -> tuple[Array, Array] | None:
    """(L, d) with L Lᵀ = d(G + l2)d of unit diagonal, or None beyond condition 1e10."""
    diagonal = np.diag(G) + l2
    inverse = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))  # a zero column stays zero
    A = G * inverse
    A *= inverse[:, None]
    A[np.diag_indices_from(A)] = 1.0
    norm = np.abs(A).sum(axis=0).max()
    L, fault = scipy.linalg.lapack.dpotrf(A, lower=1, clean=0, overwrite_a=1)
    if fault:
        return None
    reciprocal, _ = scipy.linalg.lapack.dpocon(L, norm, uplo="L")
    return (L, inverse) if reciprocal * _ILL >= 1.0 else None


def inverse(G: Array, l2: Array) -> Array | None:
    """(G + diag l2)⁻¹, or None beyond condition 1e10."""
    if not len(G):
        return G
    found = cholesky(G, l2)
    if found is None:
        return None
    L, scale = found
    return scipy.linalg.cho_solve((L, True), np.eye(len(G))) * np.outer(scale, scale)


def _by_orthogonal(problem: Problem) -> Result:
    """R of X = QR, its SVD as preconditioner, compensated residuals, the intercept refined
    as an unknown of its own: obtained from the means it would inherit their cancellation."""
    R, size = _triangular_factor(problem), max(problem.X.shape)
    beta = np.zeros((problem.n_features, problem.n_points))
    intercept, steps = problem.mean / problem.unit, 0
    for t, half in _for_each_strength(problem, lambda l2: _inverse_root(R, l2, size)):
        steps = max(steps, _refine_exactly(problem, t, beta[:, t], intercept, half))
    return beta, intercept * problem.unit, steps, "QR factorisation, compensated refinement"


def _refine_exactly(problem: Problem, t: int, b: Array, intercept: Array, half: Array) -> int:
    level = 0.0

    def correct() -> Array:
        nonlocal level
        downhill, level = _exact_residuals(problem, t, b, intercept[t])
        return half @ (half.T @ downhill)

    def apply(correction: Array) -> None:
        b[:] += correction
        if problem.shift is not None:
            intercept[t] += level - (problem.shift * problem.scale) @ correction

    return _refine(b, correct, apply)


def _inverse_root(R: Array, l2: Array, size: int) -> Array:
    """H with H Hᵀ = (RᵀR + diag l2)⁺, columns scaled to length 1 before ranks are judged."""
    stacked = np.vstack([R, np.diag(np.sqrt(l2))]) if l2.any() else R
    lengths = np.sqrt((stacked * stacked).sum(axis=0))
    inverse = np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
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
        R = np.linalg.qr(np.vstack([R, block]), mode="r")  # type: ignore[assignment]
    problem.passes += 1
    R /= np.sqrt(problem.total)
    return R


def _exact_residuals(
    problem: Problem, t: int, beta: Array, intercept: float
) -> tuple[Array, float]:
    """(−gradient at the best intercept, weighted mean residual), of about 32 digits."""
    problem.passes += 1
    out = np.empty((2, len(beta) + 1))
    kernels.compensated_gradient(
        problem.X.storage,
        column(problem.target, t) / problem.unit[t],  # exact: a power of two
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
    return -gradient - problem.ridge(t) * beta, -level / problem.total


def _by_kernel(problem: Problem) -> Result:
    """β = root ∘ Zᵀ(f∘α), (f K f + Mλ)α = f∘y with Z = X' diag(root), K = Z Zᵀ, f = √w.

    root² is the inverse of the ridge strengths, in the limit of none that of the units:
    then the pseudo-inverse gives the solution of least norm in the user's units.
    """
    m, n = problem.X.shape
    f = np.ones(m) if problem.weights is None else np.sqrt(problem.weights)

    def factorise(l2: Array) -> tuple[Array, float, Callable[[Array], Array]]:
        live = ~problem.constant
        root = np.zeros(n)
        root[live] = 1.0 / (np.sqrt(l2) if l2.all() else problem.scale)[live]
        root /= root.max(initial=_TINY)
        ridge = problem.total * float((l2 * root**2).max())
        return root**2, ridge, _kernel_solver(kernel_matrix(problem, root, f), ridge)

    beta, steps = np.zeros((n, problem.n_points)), 0
    for t, factor in _for_each_strength(problem, factorise):
        steps = max(steps, _refine_by_kernel(problem, t, beta[:, t], f, *factor))
    return beta, None, steps, "factorisation of the kernel matrix"


def _refine_by_kernel(
    problem: Problem,
    t: int,
    b: Array,
    f: Array,
    square: Array,
    ridge: float,
    solve_kernel: Callable[[Array], Array],
) -> int:
    alpha = np.zeros(len(f))

    def correct() -> Array:
        return solve_kernel(f * problem.residual(b, t) - ridge * alpha)

    def apply(correction: Array) -> None:
        alpha[:] += correction
        b[:] = square * problem.project(f * alpha)

    return _refine(alpha, correct, apply)


def kernel_matrix(problem: Problem, root: Array, f: Array) -> Array:
    """f Z Zᵀ f with Z = X' diag(root): one pass over X."""
    problem.passes += 1
    scale = problem.scale * root
    K = kernels.row_gram(problem.X.storage, shift=problem.shift, scale=scale, by_blocks=problem.far)
    K *= f
    K *= f[:, None]
    return K


def _kernel_solver(K: Array, ridge: float) -> Callable[[Array], Array]:
    """v ↦ (K + ridge I)⁺ v: Cholesky, or eigenvectors where that is singular."""
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

"""Ridge and least squares by factorisation, refined by passes over X.

| form | when | factor |
|---|---|---|
| Gram | n ≤ m | Cholesky of X'ᵀWX'/M + diag(l2), (n, n) |
| orthogonal | the same, ill-conditioned or small and unpenalised | R of X' = QR, block by block |
| kernel | m < n | (K + λI)⁺ with K = X' D X'ᵀ, (m, m): `fastreg.solvers.kernel` |

A factor is a preconditioner: residuals read off X give corrections until these stop
shrinking. The orthogonal form takes residuals in twice the working precision, as the Gram
matrix squares the condition number (Björck, Numerical Methods for Least Squares, 1996).
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from fastreg import _factor, kernels
from fastreg.problems.in_memory import InMemoryProblem
from fastreg.problems.quadratic import column
from fastreg.solvers import kernel
from fastreg.solvers.refinement import Result, for_each_strength, inverse_root, refine

Array = np.ndarray
_ILL = 1e10  # condition of the scaled Gram matrix from which it is not trusted
_EXPANDED = 2000  # features up to which an (n, n) orthogonal form stands in for the kernel
_SLOPE = 1e-8  # of the slope at zero: what is solved without a ridge
_OF_VALUE, _OF_NULL = 1e-9, 1e-14  # of the objective, of the null objective: with one
_ROUNDING = 1e-13  # of ‖x_j‖‖y‖: what a slope may be and nobody knows
_SMALL = 1 << 20  # entries up to which full accuracy costs milliseconds


def solve(problem: InMemoryProblem, form: str = "auto") -> Result:
    """Minimise for every target; `form` is "auto", "gram", "orthogonal" or "kernel"."""
    m, n = problem.n_rows, problem.n_features
    ridges = problem.objective.ridges()
    if form == "auto":
        form = "gram" if n <= m else "kernel"
        if n <= m and m * n <= _SMALL and not ridges.any():
            form = "orthogonal"
    mixed = ridges.any() and not ridges.all()  # the kernel form cannot say "no ridge"
    if form in ("kernel", "orthogonal") and m < n and not mixed:
        result = kernel.solve(problem)
        # Columns of very different units do not fit into one kernel matrix.
        return result if n > _EXPANDED or _is_solved(problem, result) else _by_orthogonal(problem)
    return (_by_gram(problem) if form == "gram" else None) or _by_orthogonal(problem)


def _is_solved(problem: InMemoryProblem, result: Result) -> bool:
    """Whether every target is as near its minimum as a factorisation can be: the slope g is as
    small as rounding lets it be, or with a ridge the gap Σ g²/(2 l2) is."""
    return all(_is_near(problem, result[0][:, t], t) for t in range(problem.n_points))


def _is_near(problem: InMemoryProblem, b: Array, t: int) -> bool:
    c, rho2 = problem.correlation(b, t)
    l2, live = problem.ridge(t), ~problem.constant
    slope = np.abs(c - l2 * b)[live]
    if not l2.any():
        start, _ = problem.at_zero(t)
        return bool(slope.max(initial=0.0) <= _SLOPE * np.abs(start).max())
    value, null = 0.5 * (rho2 + float(l2 * b @ b)), problem.null(t)
    known = _ROUNDING * np.sqrt(2.0 * null * problem.curvatures[live])
    excess = np.maximum(slope - known, 0.0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        gap = float(np.where(excess > 0.0, excess**2 / (2.0 * l2[live]), 0.0).sum())
    return gap <= max(_OF_VALUE * value, _OF_NULL * null)


def _by_gram(problem: InMemoryProblem) -> Result | None:
    """Cholesky; None where the matrix is too close to singular."""
    columns = np.arange(problem.n_features)
    G = problem.gram(columns, columns)
    beta, steps = np.zeros((len(columns), problem.n_points)), 0
    for t, factor in for_each_strength(problem, lambda l2: cholesky(G, l2)):
        if factor is None:
            return None
        steps = max(steps, _refine_by_gram(problem, t, beta[:, t], *factor))
    return beta, None, steps, "Cholesky factorisation of the Gram matrix"


def _refine_by_gram(problem: InMemoryProblem, t: int, b: Array, L: Array, inverse: Array) -> int:
    def correct() -> Array:
        downhill = problem.correlation(b, t)[0] - problem.ridge(t) * b
        return inverse * scipy.linalg.cho_solve((L, True), inverse * downhill)

    def apply(correction: Array) -> None:
        b[:] += correction

    return refine(b, correct, apply)


def cholesky(G: Array, l2: Array) -> tuple[Array, Array] | None:
    """(L, d) with L Lᵀ = d(G + l2)d of unit diagonal, or None beyond condition 1e10."""
    diagonal = np.diag(G) + l2
    inverse = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))  # a zero column stays zero
    A = G * inverse
    A *= inverse[:, None]
    A[np.diag_indices_from(A)] = 1.0
    norm = np.abs(A).sum(axis=0).max()
    L = _factor.cholesky(A)
    if L is None:
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
    return _factor.solve_cholesky(L, np.eye(len(G))) * np.outer(scale, scale)


def _by_orthogonal(problem: InMemoryProblem) -> Result:
    """R of X = QR, its SVD as preconditioner, compensated residuals, the intercept refined
    as an unknown of its own: obtained from the means it would inherit their cancellation."""
    R, size = triangular_factor(problem), max(problem.X.shape)
    beta = np.zeros((problem.n_features, problem.n_points))
    intercept, steps = problem.mean / problem.unit, 0
    for t, half in for_each_strength(problem, lambda l2: inverse_root(R, l2, size)):
        steps = max(steps, _refine_exactly(problem, t, beta[:, t], intercept, half))
    return beta, intercept * problem.unit, steps, "QR factorisation, compensated refinement"


def _refine_exactly(
    problem: InMemoryProblem, t: int, b: Array, intercept: Array, half: Array
) -> int:
    level = 0.0

    def correct() -> Array:
        nonlocal level
        downhill, level = _exact_residuals(problem, t, b, intercept[t])
        return half @ (half.T @ downhill)

    def apply(correction: Array) -> None:
        b[:] += correction
        if problem.shift is not None:
            intercept[t] += level - (problem.shift * problem.scale) @ correction

    return refine(b, correct, apply)


def triangular_factor(problem: InMemoryProblem, drift: Array | None = None) -> Array:
    """R with RᵀR = X'ᵀWX'/M, from one pass over X; of X' less a drift (n,) of its means, which
    their rounding has left."""
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
        if drift is not None:
            block -= drift if factors is None else np.outer(factors[start:stop], drift)
        R = _factor.triangular_factor(np.vstack([R, block]))
    problem.passes += 1
    R /= np.sqrt(problem.total)
    return R


def _exact_residuals(
    problem: InMemoryProblem, t: int, beta: Array, intercept: float
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

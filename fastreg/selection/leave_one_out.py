"""Leave-one-out errors of ridge at many strengths, from one eigendecomposition.

With H the hat matrix of a strength, intercept included, the error of a row that the fit has not
seen is e_i = (y_i − ŷ_i)/(1 − H_ii) (Golub, Heath & Wahba, Technometrics 21, 1979). In the
standard form of `fastreg.solvers`, with T = X'·half, half and Λ from `spectrum.eigen_gram`,

    n ≤ m    ŷ'(s) = T (Λ + s)⁻¹ halfᵀc,     H_ii = (w_i/M) (Σ_k T_ik²/(Λ_k + s) + 1)
    m < n    √w∘(y' − ŷ') = U sM(Λ + sM)⁻¹ Uᵀ(√w∘y'),
             1 − H_ii = Σ_k U_ik² sM/(Λ_k + sM) − w_i/M

(the 1 and w_i/M only with an intercept). The first reads X once more, for all strengths; the
second not at all. Generalised cross-validation has the mean tr H/m in place of each H_ii.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import kernels
from fastreg._jit import run_blocks, single_threaded_blas
from fastreg.certificate import Terms
from fastreg.design import Design
from fastreg.penalties import L1
from fastreg.solvers import spectrum
from fastreg.solvers.problem import Problem, standardise
from fastreg.solvers.ridge import kernel_matrix
from fastreg.solvers.standard import column

Array = np.ndarray
_ROWS = 512  # of a block, whose products stay in a second-level cache
_LEAST = 1e-12  # of 1 − H_ii: with less, the row alone decides its own prediction


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """Of K strengths and k targets.

    mse : (K, k) Σ w e²/m; gcv : (K, k) the same with the mean leverage
    dof : (K,) tr H
    errors : (m, k, K) e of every row, if asked for
    problem : the standard form; solve : (s, t) ↦ β (n,) of target t at strength s = alpha/Σw
    """

    mse: Array
    gcv: Array
    dof: Array
    errors: Array | None
    problem: Problem
    solve: Callable[[float, int], Array]


def leave_one_out(
    X: Design,
    Y: Array,
    weights: Array | None,
    alphas: Array,
    *,
    centred: bool,
    keep: bool = False,
) -> LeaveOneOut:
    """Errors of ridges ‖y − Xw − b‖² + alpha·‖w‖², alphas (K,) > 0.

    Parameters
    ----------
    X : Design, (m, n)
    Y : (m, k)
    weights : (m,) or None
    centred : whether there is an intercept
    keep : whether to keep the errors of every row
    """
    with single_threaded_blas:
        terms = Terms(np.ones((1, Y.shape[1])), L1(0.0), weights, centred)
        problem = standardise(X, Y, terms)
        factors = alphas / _total(weights, len(Y))
        base = np.where(problem.constant, 0.0, problem.scale**2)
        wide = X.shape[0] < X.shape[1]
        return (_by_kernel if wide else _by_gram)(problem, base, factors, keep)


def _total(weights: Array | None, m: int) -> float:
    return float(m) if weights is None else float(weights.sum())


def _by_gram(problem: Problem, base: Array, factors: Array, keep: bool) -> LeaveOneOut:
    m, n = problem.X.shape
    k, K = problem.n_targets, len(factors)
    values, half = spectrum.eigen_gram(problem, base)
    shrunk = 1.0 / (values[:, None] + factors)  # (n, K)
    turned = half.T @ np.stack([problem.at_zero(t)[0] for t in range(k)], axis=1)  # (n, k)
    fits = (turned[:, :, None] * shrunk[:, None, :]).reshape(n, k * K)
    w = np.ones(m) if problem.weights is None else problem.weights
    centred = problem.shift is not None
    sums = np.zeros((-(-m // _ROWS), 3, k, K))
    errors = np.empty((m, k, K)) if keep else None
    columns = np.arange(n)

    def work(first: int, last: int) -> Iterator[None]:
        for b in range(first, last):
            start, stop = b * _ROWS, min((b + 1) * _ROWS, m)
            block = np.empty((stop - start, n))
            options: Any = {"columns": columns, "shift": problem.shift, "scale": problem.scale}
            kernels.fill(problem.X.storage, start, stop, out=block, **options)
            T = block @ half
            fitted = (T @ fits).reshape(-1, k, K)
            leverage = (T * T) @ shrunk + centred
            leverage *= (w[start:stop] / problem.total)[:, None]
            left = np.maximum(1.0 - leverage, _LEAST)[:, None, :]
            residual = _rows(problem.Y, start, stop)[:, :, None] - fitted
            e = residual / left
            sums[b, 0] = np.einsum("i,ikK->kK", w[start:stop], e * e)
            sums[b, 1] = np.einsum("i,ikK->kK", w[start:stop], residual * residual)
            sums[b, 2] = leverage.sum(axis=0)
            if errors is not None:
                errors[start:stop] = e
            yield

    run_blocks(work, len(sums), step=max(1, len(sums) // 32))
    problem.passes += 1
    loo, plain, dof = np.add.reduce(sums, axis=0)

    def solve(s: float, t: int) -> Array:
        return half @ (turned[:, t] / (values + s))

    return _result(problem, loo, plain, dof[0], errors, solve)


def _by_kernel(problem: Problem, base: Array, factors: Array, keep: bool) -> LeaveOneOut:
    m = problem.X.shape[0]
    w = np.ones(m) if problem.weights is None else problem.weights
    f = np.sqrt(w)
    root = np.divide(1.0, np.sqrt(base), out=np.zeros(len(base)), where=base > 0)
    values, vectors = np.linalg.eigh(kernel_matrix(problem, root, f))
    values = np.maximum(values, 0.0)
    ridges = factors * problem.total
    share = ridges / (values[:, None] + ridges)  # (m, K)
    turned = vectors.T @ (f[:, None] * problem.Y)  # (m, k)
    left = (vectors * vectors) @ share
    if problem.shift is not None:
        # As the eigenvectors have it, √w being one of them: it cancels to the last digit.
        left -= f[:, None] * (vectors @ ((vectors.T @ f)[:, None] * share)) / problem.total
    residual = np.einsum("ij,jk,jK->ikK", vectors, turned, share, optimize=True)
    e = residual / np.maximum(left, _LEAST * share.min(axis=0))[:, None, :]
    loo = np.einsum("ikK,ikK->kK", e, e)
    plain = np.einsum("ikK,ikK->kK", residual, residual)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(f[:, None, None] > 0, e / f[:, None, None], 0.0) if keep else None

    def solve(s: float, t: int) -> Array:
        alpha = vectors @ (turned[:, t] * problem.total / (values + s * problem.total))
        return root * root * problem.screen((f * alpha)[:, None])[:, 0]

    return _result(problem, loo, plain, (1.0 - left).sum(axis=0), errors, solve)


def _result(
    problem: Problem, loo: Array, plain: Array, dof: Array, errors: Array | None, solve: Any
) -> LeaveOneOut:
    """In the user's units: weights less their common factor, y by its unit."""
    m = problem.X.shape[0]
    counted = m if problem.weights is None else int(np.count_nonzero(problem.weights))
    top = 1.0 if problem.weights is None else _common_factor(problem)
    unit = problem.unit[: problem.n_targets, None]
    scale = top * unit**2 / m
    mse = (loo * scale).T
    gcv = (plain * scale / np.maximum(1.0 - dof / counted, _LEAST) ** 2).T
    if errors is not None:
        errors = errors * unit
    return LeaveOneOut(mse, gcv, dof, errors, problem, solve)


def _common_factor(problem: Problem) -> float:
    """The power of two that the weights were divided by."""
    weights = problem.terms.weights
    assert weights is not None and problem.weights is not None
    heaviest = int(np.argmax(weights))
    return float(weights[heaviest] / problem.weights[heaviest])


def _rows(Y: Array, start: int, stop: int) -> Array:
    return np.stack([column(Y, t)[start:stop] for t in range(Y.shape[1])], axis=1)

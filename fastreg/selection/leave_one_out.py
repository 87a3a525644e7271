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

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import kernels
from fastreg._jit import run_blocks, single_threaded_blas
from fastreg.certificate import Terms
from fastreg.design import Design
from fastreg.moments import Moments
from fastreg.penalties import L1
from fastreg.solvers import spectrum
from fastreg.solvers.problem import Problem, standardise
from fastreg.solvers.kernel import kernel_matrix
from fastreg.solvers.standard import Standard, column
from fastreg.solvers.summary import summarise
from fastreg.sources.blocks import Source
from fastreg.sources.rows import Block, Layout

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
    problem: Standard
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
    m, k, K = problem.X.shape[0], problem.n_targets, len(factors)
    values, half = spectrum.eigen_gram(problem, base)
    turned = half.T @ np.stack([problem.at_zero(t)[0] for t in range(k)], axis=1)  # (n, k)
    hats = _Hats.of(values, half, turned, factors, problem.shift is not None)
    w = np.ones(m) if problem.weights is None else problem.weights
    sums = np.zeros((-(-m // _ROWS), 3, k, K))
    errors = np.empty((m, k, K)) if keep else None

    def work(first: int, last: int) -> Iterator[None]:
        for b in range(first, last):
            start, stop = b * _ROWS, min((b + 1) * _ROWS, m)
            block = _standard_rows(problem.X, start, stop, problem.shift, problem.scale)
            Y = _rows(problem.Y, start, stop)
            sums[b], e = hats.of_rows(block, Y, w[start:stop], problem.total)
            if errors is not None:
                errors[start:stop] = e
            yield

    run_blocks(work, len(sums), step=max(1, len(sums) // 32))
    problem.passes += 1
    loo, plain, dof = np.add.reduce(sums, axis=0)

    return _result(problem, loo, plain, dof[0], errors, _solver(values, half, turned))


def _solver(values: Array, half: Array, turned: Array) -> Callable[[float, int], Array]:
    """(s, t) ↦ β of target t at strength s."""
    return lambda s, t: half @ (turned[:, t] / (values + s))


def _standard_rows(X: Design, start: int, stop: int, shift: Array | None, scale: Array) -> Array:
    """Rows of X'."""
    out = np.empty((stop - start, X.shape[1]))
    columns = np.arange(X.shape[1])
    kernels.fill(X.storage, start, stop, columns=columns, shift=shift, scale=scale, out=out)
    return out


@dataclass(frozen=True, eq=False)
class _Hats:
    """What the first formula of the module needs beside rows, for k targets and K strengths."""

    half: Array  # (n, n)
    fits: Array  # (n, k, K): (Λ + s)⁻¹ halfᵀc
    shrunk: Array  # (n, K): (Λ + s)⁻¹
    centred: bool

    @classmethod
    def of(cls, values: Array, half: Array, turned: Array, factors: Array, centred: bool) -> _Hats:
        shrunk = 1.0 / (values[:, None] + factors)
        return cls(half, turned[:, :, None] * shrunk[:, None, :], shrunk, centred)

    def of_rows(self, X: Array, Y: Array, w: Array, total: float) -> tuple[Array, Array]:
        """((3, k, K): Σ w e², Σ w (y − ŷ)² and Σ H_ii of rows, (b, k, K): their e)."""
        n, k, K = self.fits.shape
        T = X @ self.half
        fitted = (T @ self.fits.reshape(n, k * K)).reshape(-1, k, K)
        leverage = (T * T) @ self.shrunk + self.centred
        leverage *= (w / total)[:, None]
        residual = Y[:, :, None] - fitted
        e = residual / np.maximum(1.0 - leverage, _LEAST)[:, None, :]
        squares = [np.einsum("i,ikK->kK", w, each * each) for each in (e, residual)]
        return np.stack([*squares, np.broadcast_to(leverage.sum(axis=0), (k, K))]), e


def leave_one_out_of(
    source: Source, parts: Moments, alphas: Array, *, centred: bool
) -> LeaveOneOut:
    """`leave_one_out` of rows that are read once more, block by block, beside their moments."""
    T = source.n_targets
    with single_threaded_blas:
        terms = Terms(np.ones((1, 1)), L1(0.0), None, centred)
        problems = [summarise(parts, terms, t, T) for t in range(T)]
        problem = problems[0]
        factors = alphas / problem.total
        values, half = spectrum.eigen_gram(
            problem, np.where(problem.constant, 0.0, problem.scale**2)
        )
        turned = half.T @ np.stack([each.start for each in problems], axis=1)
        units = np.array([each.unit[0] for each in problems])
        mean = np.array([each.mean[0] for each in problems])
        hats = _Hats.of(values, half, turned, factors, centred)
        work = _Rows(source.layout, hats, problem.shift, problem.scale, mean, units, problem.total)
        loo, plain, dof, rows = source.reduce(work, operator.add)
    scale = units[:, None] ** 2 / rows
    gcv = plain * scale / np.maximum(1.0 - dof[0] / parts.count, _LEAST) ** 2

    solve = _solver(values, half, turned)
    return LeaveOneOut((loo * scale).T, gcv.T, dof[0], None, problem, solve)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The sums of a block."""

    layout: Layout
    hats: _Hats
    shift: Array | None
    scale: Array
    mean: Array
    units: Array
    total: float

    def __call__(self, block: Block, row: int) -> Array:
        X, Y, weights = self.layout.check(block)
        w = np.ones(len(Y)) if weights is None else weights
        sums = np.zeros((4, *self.hats.fits.shape[1:]))
        sums[3] = len(Y)
        for start in range(0, len(Y), _ROWS):
            rows = slice(start, min(start + _ROWS, len(Y)))
            some = _standard_rows(X, start, rows.stop, self.shift, self.scale)
            y = (Y[rows] - self.mean) / self.units
            sums[:3] += self.hats.of_rows(some, y, w[rows], self.total)[0]
        return sums


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

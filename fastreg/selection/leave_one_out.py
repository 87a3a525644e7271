"""Leave-one-out errors of ridge at many strengths, from one decomposition, each with a bound.

With H the hat matrix of a strength, intercept included, the error of a row that the fit has not
seen is e_i = (y_i − ŷ_i)/(1 − H_ii) (Golub, Heath & Wahba, Technometrics 21, 1979). In the
standard form of `fastreg.solvers`, with T = X'·half, half and Λ from `spectrum.eigen_gram`,

    rows > columns + 1    ŷ'(s) = T (Λ + s)⁻¹ halfᵀc,  H_ii = (w_i/M) (Σ_k T_ik²/(Λ_k + s) + 1)
    else                  `loo_kernel`

(the 1 only with an intercept). The first reads X once more, for all strengths. That read looks at
what it is given: TᵀWT should be Λ, and TᵀWr should be s times the coefficients in that basis. By
how much they are not, on random combinations, bounds the error of every leverage, by η H_ii, and of
every residual, by √H_ii ε. Where that is too much, Λ comes from singular values of X in place of
its Gram matrix; rows with 1 − H_ii near 0 are left to `loo_apart`.

Generalised cross-validation has the mean tr H/m in place of each H_ii.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg._jit import run_blocks, single_threaded_blas
from fastreg.certificate import Terms, reads
from fastreg.certificate.training import CERTAIN
from fastreg.design import Design
from fastreg.moments import Moments
from fastreg.penalties import L1
from fastreg.selection.choice import ChoiceCertificate
from fastreg.selection.loo_apart import errors_apart, orthogonal_spectrum
from fastreg.selection.loo_kernel import Kernel
from fastreg.solvers import spectrum
from fastreg.solvers.problem import Problem, standard_rows, standardise
from fastreg.solvers.standard import Standard, column
from fastreg.solvers.summary import summarise
from fastreg.sources.blocks import Source
from fastreg.sources.rows import Block, Layout

Array = np.ndarray
_ROWS = 512  # of a block, whose products stay in a second-level cache
_CHUNKS = 32  # of blocks, whose sums are kept apart: the same bits for any number of threads
_LEAST = 1e-300  # of what is divided by
_CLOSE = 1e-3  # 1 − leverage of a row that nearly decides its own prediction
_FAR = 1e3  # spreads from which rounding of a mean is looked at
_DOUBT = 100.0  # a row of an error over its product with a random vector
_MOST = 2000  # rows that are taken apart
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """Of K strengths and k targets.

    mse : (K, k) Σ w e²/m over the m rows that count; gcv : (K, k) the same with the mean leverage
    bound : (K, k) by how much of itself each may be wrong
    dof : (K,) tr H
    errors : (m, k, K) e of every row, if asked for
    problem : the standard form; solve : (s, t) ↦ β (n,) of target t at strength s = alpha/Σw
    """

    mse: Array
    gcv: Array
    bound: Array
    dof: Array
    errors: Array | None
    problem: Standard
    solve: Callable[[float, int], Array]

    def certificate(self, tol: float) -> ChoiceCertificate:
        """Of the errors."""
        return ChoiceCertificate(self.bound, None, tol, self.bound <= CERTAIN)


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
        if _count(weights, len(Y)) <= np.count_nonzero(base) + centred:
            return _by_kernel(problem, base, factors, keep)
        return _Tall(problem, base, factors, keep).result()


def _total(weights: Array | None, m: int) -> float:
    return float(m) if weights is None else float(weights.sum())


def _count(weights: Array | None, m: int) -> int:
    return m if weights is None else int(np.count_nonzero(weights))


class Sums(NamedTuple):
    """Of rows, for k targets and K strengths: Σ w e², Σ w r² and Σ w r (k, K), Σ H_ii and the least
    1 − H_ii (K,), TᵀWTz (n,), TᵀWRu (n,), and how many rows there are."""

    loo: Array
    plain: Array
    level: Array
    dof: Array
    least: Array
    products: Array
    slopes: Array
    count: int

    def __add__(self, other: Sums) -> Sums:  # type: ignore[override]
        """Of both sets of rows."""
        both = [a + b for a, b in zip(self, other, strict=True)]
        return Sums(*both)._replace(least=np.minimum(self.least, other.least))


@dataclass(frozen=True, eq=False)
class _Hats:
    """What the first formula of the module needs beside rows, for k targets and K strengths."""

    values: Array  # (n,): Λ
    half: Array  # (n, n)
    factors: Array  # (K,): s
    fits: Array  # (n, k, K): (Λ + s)⁻¹ halfᵀc
    drift: Array | None  # (n,): means of T, which rounding of far means of X leaves
    z: Array  # (n,)
    u: Array  # (k, K)
    centred: bool

    @classmethod
    def of(
        cls,
        values: Array,
        half: Array,
        c: Array,
        factors: Array,
        drift: Array | None,
        centred: bool,
    ) -> _Hats:
        """c : (n, k), of β = 0; drift : (n,), means of X'."""
        random = np.random.default_rng(0)
        shrunk = 1.0 / (values[:, None] + factors)
        fits = (half.T @ c)[:, :, None] * shrunk[:, None, :]
        z, u = random.standard_normal(len(values)), random.standard_normal(fits.shape[1:])
        drift = None if drift is None else drift @ half
        return cls(values, half, factors, fits, drift, z, u, centred)

    def of_rows(
        self, X: Array, Y: Array, w: Array, total: float, apart: Array | None = None
    ) -> tuple[Sums, Array, Array]:
        """(sums, e (b, k, K), largest leverage (b,)) of rows of X' and of y'; those `apart` (b,)
        are left out of Σ w e² and of the least 1 − H_ii."""
        n, k, K = self.fits.shape
        T = X @ self.half
        if self.drift is not None:
            T -= self.drift
        fitted = (T @ self.fits.reshape(n, k * K)).reshape(-1, k, K)
        leverage = (T * T) @ (1.0 / (self.values[:, None] + self.factors)) + self.centred
        leverage *= (w / total)[:, None]
        residual = Y[:, :, None] - fitted
        e = residual / np.maximum(1.0 - leverage, _LEAST)[:, None, :]
        kept = w if apart is None else np.where(apart, 0.0, w)
        loo, plain = (
            np.einsum("i,ikK->kK", own, each * each) for own, each in ((kept, e), (w, residual))
        )
        side = np.stack([T @ self.z, residual.reshape(len(T), -1) @ self.u.ravel()], axis=1)
        products = T.T @ (w[:, None] * side)
        least = 1.0 - leverage[kept > 0].max(axis=0, initial=0.0)
        level = np.einsum("i,ikK->kK", w, residual) if self.centred else np.zeros((k, K))
        count = int(np.count_nonzero(w))
        sums = Sums(loo, plain, level, leverage.sum(axis=0), least, *products.T, count)
        return sums, e, leverage.max(axis=1)

    def uncertain(self, sums: Sums, total: float, square: Array) -> Array:
        """(K, k): bounds of ‖δ(√w e)‖/‖√w e‖, `square` (k,) being Σ w y'²/M."""
        E = _DOUBT * np.abs(sums.products / total - self.values * self.z)
        slopes = self.u[None] * self.fits * self.factors
        g = _DOUBT * np.abs(sums.slopes / total - slopes.sum(axis=(1, 2)))
        inverse = 1.0 / (self.values[:, None] + self.factors)  # (n, K)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            eta = np.sqrt((E**2) @ inverse * inverse.max(axis=0))
            eta = np.where(eta < 0.5, eta / (1.0 - np.minimum(eta, 0.5)), np.inf) + 8 * _EPS
            epsilon = np.sqrt((g**2) @ inverse)  # (K,)
            size = np.sqrt(sums.loo.T / total)  # (K, k)
            noise = epsilon[:, None] * np.sqrt(np.maximum(sums.dof, 0.0))[:, None]
            noise = noise + 4 * _EPS * np.sqrt(square) + np.abs(sums.level.T) / total
            worst = 1.0 / np.maximum(sums.least, _LEAST)[:, None]
            relative = np.divide(noise, size, out=np.full(size.shape, np.inf), where=size > 0)
            relative = np.where((size == 0) & (square == 0), 0.0, relative)
            return worst * (relative + eta[:, None])


class _Tall:
    """Rows more than columns and one, in memory."""

    def __init__(self, problem: Problem, base: Array, factors: Array, keep: bool) -> None:
        self.problem, self.base, self.factors, self.keep = problem, base, factors, keep
        self.w = np.ones(len(problem.Y)) if problem.weights is None else problem.weights
        self.square = self.w @ problem.Y**2 / problem.total
        self.c, self.drift = _start(problem, self.w)

    def result(self) -> LeaveOneOut:
        values, half = spectrum.eigen_gram(self.problem, self.base)
        from_gram = _EPS * values[-1] <= 1e-9 * (values[0] + self.factors.min())
        if not from_gram:
            values, half = orthogonal_spectrum(self.problem, self.base)
        sums, uncertain = self._read(values, half)
        if from_gram and (uncertain > CERTAIN).any() and not _is_close(sums):
            values, half = orthogonal_spectrum(self.problem, self.base)
            sums, uncertain = self._read(values, half)
        S = np.flatnonzero((1.0 - self.leverage < _CLOSE) & (self.w > 0))
        rest = np.count_nonzero(self.w) - len(S)
        if (uncertain > CERTAIN).any() and 0 < len(S) <= _MOST and rest > 1:
            sums, uncertain = self._with_rows_apart(values, half, S)
        solve = _solver(values, half, half.T @ self.c)
        return _result(self.problem, sums.loo, sums.plain, sums.dof, uncertain, self.e, solve)

    def _read(self, values: Array, half: Array, apart: Array | None = None) -> tuple[Sums, Array]:
        """One read of X: sums of the rows that are not apart, and their bounds."""
        problem, m = self.problem, len(self.w)
        centred = problem.shift is not None
        hats = _Hats.of(values, half, self.c, self.factors, self.drift, centred)
        self.leverage = np.zeros(m)
        self.e = np.empty((m, problem.n_targets, len(self.factors))) if self.keep else None
        count = -(-m // _ROWS)
        step = max(1, count // _CHUNKS)
        parts: list[Any] = [None] * -(-count // step)

        def work(first: int, last: int) -> Iterator[None]:
            for b in range(first, last):
                found = self._of_block(hats, slice(b * _ROWS, min((b + 1) * _ROWS, m)), apart)
                part = parts[first // step]
                parts[first // step] = found if part is None else part + found
                yield

        run_blocks(work, count, step=step)
        problem.passes += 1
        sums = functools.reduce(operator.add, parts)
        return sums, hats.uncertain(sums, problem.total, self.square)

    def _of_block(self, hats: _Hats, rows: slice, apart: Array | None) -> Sums:
        problem = self.problem
        block = standard_rows(problem.X, rows, problem.shift, problem.scale)
        Y = np.stack([column(problem.Y, t)[rows] for t in range(problem.Y.shape[1])], axis=1)
        apart = None if apart is None else apart[rows]
        sums, e, self.leverage[rows] = hats.of_rows(block, Y, self.w[rows], problem.total, apart)
        if self.e is not None:
            self.e[rows] = e
        return sums

    def _with_rows_apart(self, values: Array, half: Array, S: Array) -> tuple[Sums, Array]:
        """Sums and bounds with the rows S by their own formula."""
        e, bounds = errors_apart(self.problem, self.base, self.factors * self.problem.total, S)
        apart = np.zeros(len(self.w), bool)
        apart[S] = True
        sums, others = self._read(values, half, apart)
        own = np.einsum("skK,skK->kK", e, e)
        size, rest, whole = (np.sqrt(each.T) for each in (own, sums.loo, own + sums.loo))
        with np.errstate(invalid="ignore"):
            lost = np.where(size > 0, bounds * size, 0.0) + np.where(rest > 0, others * rest, 0.0)
            uncertain = np.divide(lost, whole, out=np.zeros(whole.shape), where=whole > 0)
        if self.e is not None:
            self.e[S] = e / np.sqrt(self.w[S])[:, None, None]
        return sums._replace(loo=sums.loo + own), uncertain


def _start(problem: Problem, w: Array) -> tuple[Array, Array | None]:
    """(c (n, k) at β = 0, means of X' (n,) or None for zero); where means dwarf the spread, what
    their rounding leaves, and products of entries that are centred one by one."""
    k = problem.n_targets
    if problem.shift is None or not np.any(np.abs(problem.shift) * problem.scale > _FAR):
        return np.stack([problem.at_zero(t)[0] for t in range(k)], axis=1), None
    data = reads.plain(problem.X, w, problem.shift, problem.scale)
    right = np.column_stack([problem.Y[:, :k], np.ones(len(w))])
    found = reads.correlations_on(data, np.arange(problem.n_features), right) / problem.total
    return found[:, :k], found[:, k]


def _is_close(sums: Sums) -> bool:
    """Whether some row nearly decides its own prediction."""
    return bool(sums.least.min() < _CLOSE)


def _solver(values: Array, half: Array, turned: Array) -> Callable[[float, int], Array]:
    """(s, t) ↦ β of target t at strength s."""
    return lambda s, t: half @ (turned[:, t] / (values + s))


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
        base = np.where(problem.constant, 0.0, problem.scale**2)
        values, half = spectrum.eigen_gram(problem, base)
        c = np.stack([each.start for each in problems], axis=1)
        units = np.array([each.unit[0] for each in problems])
        mean = np.array([each.mean[0] for each in problems])
        hats = _Hats.of(values, half, c, factors, problem.drift, centred)
        work = _Rows(source.layout, hats, problem.shift, problem.scale, mean, units, problem.total)
        sums: Sums = source.reduce(work, operator.add)
    uncertain = hats.uncertain(sums, problem.total, np.array([each.square for each in problems]))
    solve = _solver(values, half, half.T @ c)
    return LeaveOneOut(
        *_means(sums.loo, sums.plain, sums.dof, units[:, None] ** 2, sums.count),
        _of_squares(uncertain), sums.dof, None, problem, solve,
    )  # fmt: skip


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

    def __call__(self, block: Block, row: int) -> Sums:
        X, Y, weights = self.layout.check(block)
        w = np.ones(len(Y)) if weights is None else weights
        found = []
        for start in range(0, len(Y), _ROWS):
            rows = slice(start, min(start + _ROWS, len(Y)))
            some = standard_rows(X, rows, self.shift, self.scale)
            y = (Y[rows] - self.mean) / self.units
            found.append(self.hats.of_rows(some, y, w[rows], self.total)[0])
        return functools.reduce(operator.add, found)


def _by_kernel(problem: Problem, base: Array, factors: Array, keep: bool) -> LeaveOneOut:
    kernel, ridges = Kernel(problem, base), factors * problem.total
    found = kernel.improved(kernel.rows(ridges), ridges)
    loo, plain = (np.einsum("ikK,ikK->kK", each, each) for each in (found.e, found.residual))
    errors = kernel.every_error(found, factors) if keep else None
    dof = found.dof + (problem.shift is not None)
    return _result(problem, loo, plain, dof, found.uncertain, errors, kernel.solver())


def _result(
    problem: Problem, loo: Array, plain: Array, dof: Array, uncertain: Array,
    errors: Array | None, solve: Any,
) -> LeaveOneOut:  # fmt: skip
    """In the user's units: weights less their common factor, y by its unit."""
    weights = problem.terms.weights
    counted = _count(weights, problem.X.shape[0])
    top = 1.0 if weights is None else _common_factor(problem)
    unit = problem.unit[: problem.n_targets, None]
    means = _means(loo, plain, dof, top * unit**2, counted)
    if errors is not None:
        errors = errors * unit
    return LeaveOneOut(*means, _of_squares(uncertain), dof, errors, problem, solve)


def _means(loo: Array, plain: Array, dof: Array, unit: Array, counted: int) -> tuple[Array, Array]:
    """(mse, gcv), (K, k) each, over the rows that count."""
    scale = unit / counted
    share = np.maximum(1.0 - dof / counted, 1e-12)
    return (loo * scale).T, (plain * scale / share**2).T


def _of_squares(uncertain: Array) -> Array:
    """The bound of Σ e², relative, from that of its root."""
    with np.errstate(over="ignore"):
        out: Array = 2.0 * uncertain + uncertain**2
    return out


def _common_factor(problem: Problem) -> float:
    """The power of two that the weights were divided by."""
    weights = problem.terms.weights
    assert weights is not None and problem.weights is not None
    heaviest = int(np.argmax(weights))
    return float(weights[heaviest] / problem.weights[heaviest])

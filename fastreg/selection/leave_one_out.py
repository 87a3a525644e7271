"""Leave-one-out errors of ridge at many strengths, from one decomposition, each with a bound.

With H the hat matrix of a strength, intercept included, the error of a row that the fit has not
seen is e_i = (y_i − ŷ_i)/(1 − H_ii) (Golub, Heath & Wahba, Technometrics 21, 1979). In the
standard form of `fastreg.solvers`, with T = X'·half, half and Λ from `spectrum.eigen_gram`,

    rows > columns + 1    ŷ'(s) = T (Λ + s)⁻¹ halfᵀc,  H_ii = (w_i/M) (Σ_k T_ik²/(Λ_k + s) + 1)
    else                  `loo_kernel`

(the 1 only with an intercept). The first reads X once more, for all strengths. That read looks at
what it is given: TᵀWT should be Λ, and TᵀWr should be s times the coefficients in that basis. By
how much they are not, on random combinations, bounds the error of every leverage, by η H_ii, and of
every residual, by √H_ii ε. Where that is too much, strengths are taken one by one, from orthogonal
factors of X in place of its Gram matrix; rows with 1 − H_ii near 0 are left to `loo_apart`.

Generalised cross-validation has the mean tr H/m in place of each H_ii.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg import kernels
from fastreg._jit import run_blocks, single_threaded_blas
from fastreg.certificate import reads
from fastreg.certificate.training import CERTAIN
from fastreg.design import Design
from fastreg.moments import Moments
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.problems.from_moments import summarise
from fastreg.problems.in_memory import InMemoryProblem, standard_rows, standardise
from fastreg.problems.quadratic import QuadraticProblem, column
from fastreg.selection.choice import ChoiceCertificate
from fastreg.selection.fold_fits import certain
from fastreg.selection.loo_apart import errors_apart
from fastreg.selection.loo_kernel import Kernel
from fastreg.solvers import spectrum
from fastreg.solvers.refinement import inverse_root
from fastreg.solvers.ridge import triangular_factor
from fastreg.sources.blocks import Source
from fastreg.sources.rows import Block, Layout

Array = np.ndarray
_ROWS = 512  # of a block, whose products stay in a second-level cache
_PRODUCT = 3e9  # multiplications of one, during which no signal is seen: 0.3 s
_CHUNKS = 32  # of blocks, whose sums are kept apart: the same bits for any number of threads
_LARGE = 1e50
_CLOSE = 1e-2  # 1 − leverage of a row that nearly decides its own prediction
_FAR = 1e3  # spreads from which rounding of a mean is looked at
_DOUBT = 100.0  # a row of an error over its product with a random vector
_MOST = 2000  # rows that are taken apart
_ENOUGH = 0.4 * CERTAIN  # of a root: a square is as uncertain twice
_WORK = 1e11  # multiplications of strengths one by one
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """Of K strengths and k targets.

    mse : (K, k) Σ w e²/m over the m rows that count; gcv : (K, k) the same with the mean leverage
    bound : (K, k) by how much of itself each may be wrong
    mean_square : (k,) Σ w (y − ȳ)²/m
    dof : (K,) tr H
    errors : (m, k, K) e of every row, if asked for
    problem : the standard form; solve : (s, t) ↦ β (n,) of target t at strength s = alpha/Σw
    """

    mse: Array
    gcv: Array
    bound: Array
    mean_square: Array
    dof: Array
    errors: Array | None
    problem: QuadraticProblem
    solve: Callable[[float, int], Array]

    def certificate(self, tol: float) -> ChoiceCertificate:
        """Of the errors."""
        with np.errstate(invalid="ignore"):
            met = self.bound * self.mse <= certain(self.mse, self.mean_square)
        return ChoiceCertificate(self.bound, None, tol, met | (self.bound <= CERTAIN))


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
        factors = alphas / _total(weights, len(Y))
        # The least strength: columns are to be as large as they are wherever they count.
        objective = Objective(np.full((1, Y.shape[1]), factors.min()), L1(0.0), weights, centred)
        problem = standardise(X, Y, objective)
        base = np.where(problem.constant, 0.0, problem.scale**2)
        if _count(weights, len(Y)) <= centred:
            return _of_one_row(problem, factors)
        if _count(weights, len(Y)) <= np.count_nonzero(base) + centred:
            return _by_kernel(problem, base, factors, keep)
        return _Tall(problem, base, factors, keep).result()


def _widened(array: Array) -> Array:
    """With zeros at the end of the last axis, to a multiple of eight."""
    room = [(0, 0)] * (array.ndim - 1) + [(0, -array.shape[-1] % 8)]
    return np.pad(array, room)


def _total(weights: Array | None, m: int) -> float:
    return float(m) if weights is None else float(weights.sum())


def _count(weights: Array | None, m: int) -> int:
    return m if weights is None else int(np.count_nonzero(weights))


class Sums(NamedTuple):
    """Of rows, for k targets and K strengths: Σ w e², Σ w r² and Σ w r (k, K), Σ H_ii,
    Σ H_ii/(1 − H_ii)² and the least 1 − H_ii (K,) of rows that are not apart, TᵀWTz and TᵀWRu
    (p, r), and the count."""

    loo: Array
    plain: Array
    level: Array
    dof: Array
    spread: Array
    least: Array
    products: Array
    slopes: Array
    rows: int

    def __add__(self, other: Sums) -> Sums:  # type: ignore[override]
        """Of both sets of rows."""
        both: list[Any] = [a + b for a, b in zip(self, other, strict=True)]  # type: ignore[operator]
        return Sums(*both)._replace(least=np.minimum(self.least, other.least))


@dataclass(frozen=True, eq=False)
class _Hats:
    """What the first formula of the module needs beside rows, for k targets and K strengths; and
    what the sums of a read should be."""

    half: Array  # (n, p)
    inverse: Array  # (p, K): M⁻¹ = half diag(inverse) halfᵀ at each strength
    fits: Array  # (p, k, K): inverse halfᵀc
    drift: Array | None  # (p,): means of T, which rounding of far means of X leaves
    z: Array  # (p, r)
    u: Array  # (k, K, r)
    products: Array  # (p, r): TᵀWTz/M
    slopes: Array  # (p, r): TᵀWRu/M
    doubt: float  # a row of the error of TᵀWT over that of its products with z
    centred: bool

    @classmethod
    def of_spectrum(cls, values: Array, half: Array, start: _Start, factors: Array) -> _Hats:
        """At strengths s (K,): halfᵀ(X'ᵀWX'/M) half = diag(values), halfᵀD half = 1."""
        inverse = 1.0 / (values[:, None] + factors)
        fits = (half.T @ start.c)[:, :, None] * inverse[:, None, :]
        random = np.random.default_rng(0)
        z, u = (random.standard_normal((*s, 1)) for s in (values.shape, fits.shape[1:]))
        slopes = np.einsum("pkK,kKr->pr", fits * factors, u)
        drift, products = start.drift_in(half), values[:, None] * z
        return cls(half, inverse, fits, drift, z, u, products, slopes, _DOUBT, start.centred)

    @classmethod
    def of_half(cls, half: Array, start: _Start, l2: Array) -> _Hats:
        """At one strength: M⁻¹ = half halfᵀ, with l2 (n,) of it; all products are looked at."""
        own = half.T @ start.c  # (p, k)
        ridge = half.T * l2 @ half
        z, u = np.eye(len(own)), np.eye(own.shape[1])[:, None, :]
        one, drift = np.ones((len(own), 1)), start.drift_in(half)
        return cls(
            half, one, own[:, :, None], drift, z, u, z - ridge, ridge @ own, 2.0, start.centred
        )

    @functools.cached_property
    def over(self) -> Array:
        """`inverse` with zeros beside, to a multiple of eight strengths."""
        return _widened(self.inverse)

    @functools.cached_property
    def right(self) -> Array:
        """(p, kK + r): `fits`, likewise, beside z."""
        wide = _widened(self.fits)
        return np.hstack([wide.reshape(len(wide), -1), self.z])

    @functools.cached_property
    def mixed(self) -> Array:
        """(kK, r): u, likewise."""
        wide = _widened(np.moveaxis(self.u, 2, 0))
        return wide.reshape(len(wide), -1).T

    def of_entries(self, shift: Array | None, scale: Array) -> _Hats:
        """For rows of X in place of X' = (X − 1 shiftᵀ) diag(scale), which need not be made."""
        half = scale[:, None] * self.half
        drift = self.drift
        if shift is not None:
            drift = shift @ half + (0.0 if drift is None else drift)
        return dataclasses.replace(self, half=half, drift=drift)

    def refined(self, sums: Sums, total: float) -> _Hats:
        """With coefficients corrected by the slopes of a read, at one strength."""
        left = sums.slopes / total - self.slopes  # of the objective, where M⁻¹ = half halfᵀ
        fits = self.fits + left[:, :, None]
        ridge = np.eye(len(self.products)) - self.products
        return dataclasses.replace(self, fits=fits, slopes=ridge @ fits[:, :, 0])

    def of_rows(
        self, X: Array, Y: Array, w: Array, total: float, apart: Array | None = None
    ) -> tuple[Sums, Array, Array]:
        """(sums, e (b, k, K), leverages (b, K)) of rows of X' and of y'; those `apart` (b,) are
        left out of Σ w e² and of the least 1 − H_ii."""
        T = X @ self.half
        if self.drift is not None:
            T -= self.drift
        products, leverages = T @ self.right, (T * T) @ self.over
        k, (b, K) = self.fits.shape[1], leverages.shape
        e, own = np.empty((b, k * K)), w if apart is None else np.where(apart, 0.0, w)
        found = kernels.left_out(products, leverages, Y, w, own, total, float(self.centred), e)
        residuals, along = products[:, : k * K], products[:, k * K :]
        side = np.hstack([along, residuals @ self.mixed])
        seen = T.T @ (w[:, None] * side)
        r, size = along.shape[1], self.fits.shape[2]
        found = found[:, :size]
        if not self.centred:
            found[2 * k : 3 * k] = 0.0  # need not be
        loo, plain, level = (found[t * k : (t + 1) * k] for t in range(3))
        dof, spread, least = found[3 * k :]
        count = int(np.count_nonzero(w))
        sums = Sums(loo, plain, level, dof, spread, least, seen[:, :r], seen[:, r:], count)
        return sums, e.reshape(b, k, K)[:, :, :size], leverages

    def uncertain(self, sums: Sums, total: float, square: Array) -> Array:
        """(K, k): bounds of ‖δ(√w e)‖/‖√w e‖, `square` (k,) being Σ w y'²/M."""
        E, g = (
            self.doubt * np.sqrt(((seen / total - known) ** 2).sum(axis=1))
            for seen, known in ((sums.products, self.products), (sums.slopes, self.slopes))
        )
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            eta = np.sqrt((E**2) @ self.inverse * self.inverse.max(axis=0))
            eta = np.where(eta < 0.5, eta / (1.0 - np.minimum(eta, 0.5)), np.inf) + 8 * _EPS
            epsilon = np.sqrt((g**2) @ self.inverse)  # (K,)
            size = np.sqrt(sums.loo.T / total)  # (K, k)
            blur = 4 * _EPS * np.sqrt(square) + np.abs(sums.level.T) / total
            worst = 1.0 / sums.least[:, None]
            noise = (epsilon * np.sqrt(sums.spread))[:, None] + blur * worst
            relative = np.divide(noise, size, out=np.full(size.shape, np.inf), where=size > 0)
            relative = np.where((size == 0) & (square == 0), 0.0, relative)
            return relative + worst * eta[:, None]


@dataclass(frozen=True, eq=False)
class _Start:
    """c (n, k) at β = 0, the means of X' that rounding leaves (n,) or None for zero, and whether
    there is an intercept."""

    c: Array
    drift: Array | None
    centred: bool

    @classmethod
    def of(cls, problem: InMemoryProblem, w: Array) -> _Start:
        """Where means dwarf the spread, products are of entries that are centred one by one."""
        k, centred = problem.n_targets, problem.shift is not None
        if problem.shift is None or not np.any(np.abs(problem.shift) * problem.scale > _FAR):
            return cls(np.stack([problem.at_zero(t)[0] for t in range(k)], axis=1), None, centred)
        data = reads.plain(problem.X, w, problem.shift, problem.scale)
        right = np.column_stack([problem.Y[:, :k], np.ones(len(w))])
        found = reads.correlations_on(data, np.arange(problem.n_features), right) / problem.total
        return cls(found[:, :k], found[:, k], centred)

    def drift_in(self, half: Array) -> Array | None:
        return None if self.drift is None else self.drift @ half


class _Tall:
    """Rows more than columns and one, in memory."""

    def __init__(self, problem: InMemoryProblem, base: Array, factors: Array, keep: bool) -> None:
        self.problem, self.base, self.factors = problem, base, factors
        self.w = np.ones(len(problem.Y)) if problem.weights is None else problem.weights
        self.square = self.w @ problem.Y**2 / problem.total
        self.start = _Start.of(problem, self.w)
        m, K = len(self.w), len(factors)
        self.e = np.empty((m, problem.n_targets, K)) if keep else None

    def result(self) -> LeaveOneOut:
        values, half = spectrum.eigen_gram(self.problem, self.base)
        hats = _Hats.of_spectrum(values, half, self.start, self.factors)
        sums, uncertain = self._read(hats, slice(None))
        missed = np.flatnonzero((uncertain > _ENOUGH).any(axis=1))
        (m, n), solve = self.problem.X.shape, _solver(values, half, half.T @ self.start.c)
        if 2.0 * len(missed) * m * n * n <= _WORK and len(missed):
            R = triangular_factor(self.problem, self.start.drift)
            for q in missed:
                self._anew(R, int(q), sums, uncertain)
        return _result(self.problem, sums.loo, sums.plain, sums.dof, uncertain, self.e, solve)

    def _anew(self, R: Array, q: int, sums: Sums, uncertain: Array) -> None:
        """At one strength, from an orthogonal factorisation of the rows, whose columns may have
        any units; and then of rows apart."""
        l2 = self.factors[q] * self.base
        hats = _Hats.of_half(inverse_root(R, l2, max(self.problem.X.shape)), self.start, l2)
        kept = None if self.e is None else self.e[:, :, q].copy()
        found, bound = self._read(hats, slice(q, q + 1))
        if (bound > _ENOUGH).any():
            hats = hats.refined(found, self.problem.total)
            found, bound = self._read(hats, slice(q, q + 1))
        S = np.flatnonzero((1.0 - self.leverage < _CLOSE) & (self.w > 0))
        if (bound > _ENOUGH).any() and 0 < len(S) <= min(_MOST, int(np.count_nonzero(self.w)) - 1):
            found, bound = self._with_rows_apart(hats, q, S)
        if bound.max() < uncertain[q].max():
            uncertain[q] = bound[0]
            for into, each in ((sums.loo, found.loo), (sums.plain, found.plain)):
                into[:, q] = each[:, 0]
            sums.dof[q] = found.dof[0]
        elif kept is not None and self.e is not None:
            self.e[:, :, q] = kept

    def _read(self, hats: _Hats, some: slice, apart: Array | None = None) -> tuple[Sums, Array]:
        """One read of X at some strengths: sums of rows that are not apart, and their bounds."""
        problem, m = self.problem, len(self.w)
        self.leverage = np.zeros(m)
        plain = _is_plain(problem.X, problem.shift, problem.scale)
        used = hats.of_entries(problem.shift, problem.scale) if plain else hats
        height = _height(problem.n_features)
        count = -(-m // height)
        step = max(1, count // _CHUNKS)
        parts: list[Any] = [None] * -(-count // step)

        def work(first: int, last: int) -> Iterator[None]:
            for b in range(first, last):
                rows = slice(b * height, min((b + 1) * height, m))
                found = self._of_block(used, rows, some, apart, plain)
                part = parts[first // step]
                parts[first // step] = found if part is None else part + found
                yield

        run_blocks(work, count, step=step)
        problem.passes += 1
        sums = functools.reduce(operator.add, parts)
        return sums, hats.uncertain(sums, problem.total, self.square)

    def _of_block(
        self, hats: _Hats, rows: slice, some: slice, apart: Array | None, plain: bool
    ) -> Sums:
        problem = self.problem
        block = _rows_of(problem.X, rows, problem.shift, problem.scale, plain)
        Y = np.stack([column(problem.Y, t)[rows] for t in range(problem.Y.shape[1])], axis=1)
        apart = None if apart is None else apart[rows]
        sums, e, leverage = hats.of_rows(block, Y, self.w[rows], problem.total, apart)
        if some != slice(None):  # at one strength
            self.leverage[rows] = leverage[:, 0]
        if self.e is not None:
            self.e[rows, :, some] = e
        return sums

    def _with_rows_apart(self, hats: _Hats, q: int, S: Array) -> tuple[Sums, Array]:
        """Sums and bounds at one strength with the rows S by their own formula."""
        e, bounds = errors_apart(self.problem, self.factors[q] * self.base, S)
        apart = np.zeros(len(self.w), bool)
        apart[S] = True
        sums, others = self._read(hats, slice(q, q + 1), apart)
        own = np.einsum("sk,sk->k", e, e)[:, None]
        size, rest, whole = (np.sqrt(each.T) for each in (own, sums.loo, own + sums.loo))
        with np.errstate(invalid="ignore"):
            lost = np.where(size > 0, bounds * size, 0.0) + np.where(rest > 0, others * rest, 0.0)
            uncertain = np.divide(lost, whole, out=np.zeros(whole.shape), where=whole > 0)
        if self.e is not None:
            self.e[S, :, q] = e / np.sqrt(self.w[S])[:, None]
        return sums._replace(loo=sums.loo + own), uncertain


def _is_plain(X: Design, shift: Array | None, scale: Array) -> bool:
    """Whether products of entries of X as they are lose nothing: making those of X' takes a fifth
    of the time of a read."""
    near = shift is None or bool((np.abs(shift) * scale <= reads.NEAR).all())
    return not X.is_sparse and near and scale.max() < _LARGE and scale.min() > 1.0 / _LARGE


def _rows_of(X: Design, rows: slice, shift: Array | None, scale: Array, plain: bool) -> Array:
    """(b, n): some rows of X if `plain`, else of X'."""
    if not plain:
        return standard_rows(X, rows, shift, scale)
    out: Array = X.matrix[rows].astype(np.float64, copy=False)
    return out


def _solver(values: Array, half: Array, turned: Array) -> Callable[[float, int], Array]:
    """(s, t) ↦ β of target t at strength s."""
    return lambda s, t: half @ (turned[:, t] / (values + s))


def leave_one_out_of(
    source: Source, parts: Moments, alphas: Array, *, centred: bool
) -> LeaveOneOut:
    """`leave_one_out` of rows that are read once more, block by block, beside their moments."""
    T = source.n_targets
    with single_threaded_blas:
        weight = float(alphas.min()) / parts.weight
        objective = Objective(np.full((1, 1), weight), L1(0.0), None, centred)
        problems = [summarise(parts, objective, t, T) for t in range(T)]
        problem = problems[0]
        factors = alphas / problem.total
        base = np.where(problem.constant, 0.0, problem.scale**2)
        values, half = spectrum.eigen_gram(problem, base)
        c = np.stack([each.start for each in problems], axis=1)
        units = np.array([each.unit[0] for each in problems])
        mean = np.array([each.mean[0] for each in problems])
        hats = _Hats.of_spectrum(values, half, _Start(c, problem.drift, centred), factors)
        work = _Rows(source.layout, hats, problem.shift, problem.scale, mean, units, problem.total)
        sums: Sums = source.reduce(work, operator.add)
    uncertain = hats.uncertain(sums, problem.total, np.array([each.square for each in problems]))
    solve = _solver(values, half, half.T @ c)
    squares = np.array([each.square for each in problems]) * problem.total * units**2
    return LeaveOneOut(
        *_means(sums.loo, sums.plain, sums.dof, units[:, None] ** 2, sums.rows),
        _of_squares(uncertain), squares / sums.rows, sums.dof, None, problem, solve,
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
        X, Y, weights, _ = self.layout.check(block)
        w = np.ones(len(Y)) if weights is None else weights
        plain = _is_plain(X, self.shift, self.scale)
        hats = self.hats.of_entries(self.shift, self.scale) if plain else self.hats
        found, height = [], _height(len(self.scale))
        for start in range(0, len(Y), height):
            rows = slice(start, min(start + height, len(Y)))
            some = _rows_of(X, rows, self.shift, self.scale, plain)
            y = (Y[rows] - self.mean) / self.units
            found.append(hats.of_rows(some, y, w[rows], self.total)[0])
        return functools.reduce(operator.add, found)


def _of_one_row(problem: InMemoryProblem, factors: Array) -> LeaveOneOut:
    """An intercept without the only row that counts is anything: no error is a number."""
    m, k, K = problem.X.shape[0], problem.n_targets, len(factors)
    nothing, none = np.full((K, k), np.nan), np.zeros((K, k))
    errors, zero = np.full((m, k, K), np.nan), np.zeros(problem.n_features)
    return LeaveOneOut(
        nothing, nothing, none, np.zeros(k), np.ones(K), errors, problem, lambda s, t: zero
    )


def _by_kernel(problem: InMemoryProblem, base: Array, factors: Array, keep: bool) -> LeaveOneOut:
    kernel, ridges = Kernel(problem, base), factors * problem.total
    found = kernel.improved(kernel.rows(ridges), ridges)
    loo, plain = (np.einsum("ikK,ikK->kK", each, each) for each in (found.e, found.residual))
    errors = kernel.every_error(found, factors) if keep else None
    dof = found.dof + (problem.shift is not None)
    return _result(problem, loo, plain, dof, found.uncertain, errors, kernel.solver())


def _result(
    problem: InMemoryProblem, loo: Array, plain: Array, dof: Array, uncertain: Array,
    errors: Array | None, solve: Any,
) -> LeaveOneOut:  # fmt: skip
    """In the user's units: weights less their common factor, y by its unit."""
    weights = problem.objective.weights
    counted = _count(weights, problem.X.shape[0])
    top = 1.0 if weights is None else _common_factor(problem)
    unit = problem.unit[: problem.n_targets, None]
    means = _means(loo, plain, dof, top * unit**2, counted)
    if errors is not None:
        errors = errors * unit
    w = np.ones(len(problem.Y)) if problem.weights is None else problem.weights
    square = (w @ problem.Y**2) * top * unit[:, 0] ** 2 / counted
    return LeaveOneOut(*means, _of_squares(uncertain), square, dof, errors, problem, solve)


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


def _height(n: int) -> int:
    """Rows of a block of n columns."""
    return int(np.clip(_PRODUCT / max(n, 1) ** 2, 16, _ROWS))


def _common_factor(problem: InMemoryProblem) -> float:
    """The power of two that the weights were divided by."""
    weights = problem.objective.weights
    assert weights is not None and problem.weights is not None
    heaviest = int(np.argmax(weights))
    return float(weights[heaviest] / problem.weights[heaviest])

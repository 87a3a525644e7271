"""How good an answer is: a duality gap, computed by code that shares nothing with a solver.

The problem, with weights w of sum M, and the intercept free or absent:

    P(θ, b) = 1/(2M) Σ_i w_i (y_i − x_iᵀθ − b)² + ½ Σ_j l2_j θ_j² + p(θ)

Any dual point bounds the minimum from below. With r the residual at the best intercept,
c = Xᵀ(w∘r)/M and ρ² = Σ w r²/M, the points s·r for 0 ≤ s ≤ 1 give (Fenchel; for the lasso
El Ghaoui et al. 2012, for the elastic net by the rows √l2 that turn it into a lasso)

    conjugate:  s = 1 and h = ½ l2 θ² + p; with k_j the point next to c_j in the domain of p_j*,
                gap = Σ_j [ h_j(θ_j) + h_j*(c_j) − c_j θ_j ]
                    = Σ_j [ (l2_j θ_j − (c_j − k_j))²/(2 l2_j) + p_j(θ_j) − k_j θ_j ]
    rescaled:   c̃ = c − l2∘θ,  s the largest in [0, 1] with s·c̃ in the domain of p*
                gap = ½(1 − s)²(ρ² + Σ l2 θ²) + Σ_j [ p_j(θ_j) − s c̃_j θ_j ]

Every bracket is ≥ 0: no large numbers cancel. The smaller one is reported, in units of P and
relative to the null objective ‖y − ȳ‖²_w/2M, together with a KKT residual, which alone
says something where nothing is penalised and no finite bound exists.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg import penalties
from fastreg._jit import run_blocks
from fastreg.design import Design
from fastreg.penalties import L1, NonNegative

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_ROOM = 1 << 22  # entries of residuals and correlations of a group of points: 32 MB
_PARTS = 4  # sums over blocks of X
KKT = 1e-7  # residual that is asked for where no gap can be shown, if `tol` is no smaller


@dataclass(frozen=True, eq=False)
class Certificate:
    """What an answer is worth, one entry a target.

    Attributes
    ----------
    gap : (k,) bound on P(θ, b) − min P, in units of P
    relative_gap : (k,) gap divided by the null objective; what `tol` asks for
    kkt : (k,) largest violation of the optimality conditions, each column scaled to unit
        length, relative to that of the null model
    objective : (k,) P(θ, b)
    null : (k,) the null objective ‖y − ȳ‖²_w/2M
    tol : what was asked
    converged : whether every target reached `tol`
    by_kkt : whether `converged` asks for kkt ≤ min(tol, 1e-7) instead of the gap: some feature
        is not penalised, or by less than rounding can show, and then neither can a gap
    method : how the answer was found
    passes : times X was read to find it, this check included
    """

    gap: Array
    relative_gap: Array
    kkt: Array
    objective: Array = field(repr=False)
    null: Array = field(repr=False)
    tol: float
    converged: bool
    by_kkt: bool
    method: str
    passes: int

    def __str__(self) -> str:
        if self.by_kkt:
            worth = f"KKT residual {self.kkt.max():.1e} (without a penalty no gap is known)"
        else:
            worth = f"relative duality gap {self.relative_gap.max():.1e}"
        verdict = "reached" if self.converged else "NOT reached"
        wanted = min(self.tol, KKT) if self.by_kkt else self.tol
        asked = f"asked {wanted:.0e}, {verdict}" if self.tol > 0 else "as small as it goes"
        return f"{worth}; {asked}; {self.method}; X read {self.passes} times"


@dataclass(frozen=True, eq=False)
class Terms:
    """What is added to the squared loss, in the user's units, for each of k points: targets,
    or strengths on a path.

    Attributes
    ----------
    l2 : 2-D array that broadcasts to (n, k): ridge strength of each feature and point
    penalty : tuple of `fastreg.penalties`, shared by all points
    weights : (m,) or None for ones
    fit_intercept : whether a free, unpenalised intercept is part of the model
    strength : (k,) ≥ 0, what multiplies l2 and penalty at each point; None for ones
    """

    l2: Array
    penalty: Any
    weights: Array | None = None
    fit_intercept: bool = True
    strength: Array | None = None

    def at(self, t: int) -> tuple[Array, Any]:
        """(l2, penalty) of point t, l2 of shape (n,) or (1,)."""
        l2 = self.l2[:, t if self.l2.shape[1] > 1 else 0]
        if self.strength is None:
            return l2, self.penalty
        return l2 * self.strength[t], penalties.times(self.penalty, self.strength[t])

    def ridges(self) -> Array:
        """The ridge strengths of all points, an array that broadcasts to (n, k)."""
        return self.l2 if self.strength is None else self.l2 * self.strength


def certify(
    X: Design,
    Y: Array,
    coef: Array,
    intercept: Array,
    terms: Terms,
    *,
    tol: float,
    method: str,
    passes: int,
    shift: Array | None = None,
    scale: Array | None = None,
    constant: Array | None = None,
) -> Certificate:
    """Certify (coef, intercept) from X itself, block by block in NumPy: two reads of X, or two
    for each group of points whose residuals and correlations fit into 1/25 of the memory of X.

    Parameters
    ----------
    X : Design, (m, n)
    Y : (m, k), or (m, 1) for k points of one target
    coef : (n, k)
    intercept : (k,)
    terms : the rest of the objective
    tol, method, passes : what to report
    shift : (n,) or None, about the means of the columns
    scale : (n,) or None, about the inverse sizes of the columns, powers of two
        Any `shift` and `scale` give a valid certificate; good ones keep rounding small.
    constant : (n,) bool or None, columns that an intercept makes zero
    """
    (m, n), k = X.shape, coef.shape[1]
    w = np.ones(m) if terms.weights is None else terms.weights / terms.weights.max()
    w = w / w.sum()
    shift = np.zeros(n) if shift is None else shift
    scale = np.ones(n) if scale is None else scale
    mean, unit, Y = _normalise(Y, w, terms.fit_intercept)
    data = _Data(X, Y, w, shift, scale, constant, terms, coef, intercept, mean, unit)
    step = max(1, min(k, max(_ROOM, X.nnz // 25) // (m + n)))
    verdicts: list[tuple[float, ...]] = []
    target = None
    for first in range(0, k, step):
        points = range(first, min(first + step, k))
        residuals, off = _residuals(data, points)
        fresh = Y.shape[1] > 1 or target is None
        own = Y[:, points.start : points.stop] if Y.shape[1] > 1 else Y
        C, norms = _transposed_products(
            data, np.hstack([residuals, own]) if fresh else residuals, terms.fit_intercept
        )
        for q, t in enumerate(points):
            if fresh and (q == 0 or Y.shape[1] > 1):
                target = _Target(data, t, C[:, len(points) + q], norms)
            verdicts.append(target.judge(t, C[:, q], residuals[:, q], off[q]))  # type: ignore[union-attr]
        passes += 2
    gap, objective, null, kkt, free = np.array(verdicts).T
    relative = relative_to(gap, null)
    proven = (free > 0) & (kkt <= min(tol, KKT)) & (objective <= null * (1 + 1e-9))
    with np.errstate(over="ignore"):
        return Certificate(
            gap=gap * unit * unit,
            relative_gap=relative,
            kkt=kkt,
            objective=objective * unit * unit,
            null=null * unit * unit,
            tol=tol,
            converged=bool(np.all((relative <= tol) | proven)),
            by_kkt=bool(np.any((free > 0) & (relative > tol))),
            method=method,
            passes=passes,
        )


@dataclass(frozen=True, eq=False)
class _Data:
    """What is to be certified; y with mean and unit of its own, Y (m, k) or (m, 1)."""

    X: Design
    Y: Array
    w: Array
    shift: Array
    scale: Array
    constant: Array | None
    terms: Terms
    coef: Array
    intercept: Array
    mean: Array
    unit: Array

    def of(self, array: Array, t: int) -> Any:
        """The entry, or column, of point t, or of all points."""
        return array[..., t if array.shape[-1] > 1 else 0]


def _residuals(data: _Data, points: range) -> tuple[Array, Array]:
    """((m, g), (g,)): residuals at the best intercepts, and how far those are off."""
    coef = data.coef[:, points.start : points.stop]
    unit = np.array([data.of(data.unit, t) for t in points])
    level = np.empty(len(points))
    for q, t in enumerate(points):
        used = np.flatnonzero(coef[:, q])
        start = data.intercept[t] - data.of(data.mean, t)
        level[q] = exact_sum(start, data.shift[used], coef[used, q])
    own = data.Y[:, points.start : points.stop] if data.Y.shape[1] > 1 else data.Y
    residuals = own - level / unit - _products(data, coef / unit)
    off = data.w @ residuals if data.terms.fit_intercept else np.zeros(len(points))
    return residuals - off, off


class _Target:
    """A target, and what does not change from one point of its path to the next."""

    def __init__(self, data: _Data, t: int, c0: Array, norms: Array) -> None:
        self._data = data
        self._unit, self._mean = data.of(data.unit, t), data.of(data.mean, t)
        self._l2 = (
            data.terms.l2[:, t if data.terms.l2.shape[1] > 1 else 0] * data.scale * data.scale
        )
        if data.constant is not None:
            norms = np.where(data.constant, 0.0, norms)
        self._norms = norms
        self._length = np.where(norms > 0, norms, np.inf)
        self._most = float(np.max(np.abs(c0) / self._length))
        self._lightest = self._least_penalty()
        self._null = 0.5 * float(data.w @ data.of(data.Y, t) ** 2)

    def judge(self, t: int, c: Array, residual: Array, off: float) -> tuple[float, ...]:
        """(gap, objective, null, KKT residual, whether a feature is free) at point t."""
        data, unit = self._data, self._unit
        strength = 1.0 if data.terms.strength is None else float(data.terms.strength[t])
        penalty = data.terms.at(t)[1]
        project = _projection_in_units(penalty, data.scale, unit)
        coef = data.coef[:, t]
        # Where θ = 0 and c is in the domain of p* every term below is zero.
        part = np.flatnonzero((coef != 0) | (project(c) != c))
        some = _some(penalty, part)
        point = _Point(
            c=c[part],
            beta=coef[part] / data.scale[part] / unit,
            rho2=float(data.w @ residual**2),
            l2=self._l2[part] * strength,
            value=penalty_value(some, coef[part] / unit) / unit,
            project=_projection_in_units(some, data.scale[part], unit),
        )
        gap, objective = _gap(point)
        gap, objective = gap + 0.5 * off**2, objective + 0.5 * off**2
        if self._null == 0.0 and gap <= (4 * _EPS * abs(self._mean) / unit) ** 2:
            gap = 0.0  # a constant target, met as closely as its mean can be rounded
        kkt = _kkt(point, self._length[part], self._most)
        return gap, objective, self._null, kkt, float(self._lightest * strength < 1.0)

    def _least_penalty(self) -> float:
        """Below 1 where a feature is penalised so little that rounding of c hides it.

        With c known to ε‖x‖‖y‖ the gap cannot be shown to be below ε²/l1² or ε²/l2 of the null
        objective; below 1e-12 and 1e-24 that is no proof of four digits.
        """
        live = self._norms > 0
        length = self._norms[live]
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
            l1 = penalty_value(self._data.terms.penalty, self._data.scale)[live] / self._unit
            l2 = np.broadcast_to(self._l2, live.shape)[live]
            by_l1 = np.where(l1 > 0, l1 / (1e-12 * self._most * length), 0.0)
            by_l2 = l2 / (1e-24 * length**2)
        return float(np.min(np.maximum(by_l1, by_l2), initial=np.inf))


def _some(penalty: Any, part: Array) -> Any:
    """The penalty of some of the features."""
    return type(penalty)(*(each[part] if np.ndim(each) else each for each in penalty))


def exact_sum(start: float, a: Array, b: Array) -> float:
    """start + Σ a_j b_j, rounded once: products split without error (Dekker 1971).

    An intercept far from zero is the difference of such sums; what their rounding would
    hide is real error of the answer.
    """
    p = a * b
    split_a, split_b = (x * 134217729.0 for x in (a, b))
    ah, bh = split_a - (split_a - a), split_b - (split_b - b)
    al, bl = a - ah, b - bh
    return math.fsum([start, *p, *(al * bl - (((p - ah * bh) - al * bh) - ah * bl))])


def _normalise(Y: Array, w: Array, centred: bool) -> tuple[Array, Array, Array]:
    """(mean, unit, (Y − mean)/unit): spread near 1, zero where the rest is rounding."""
    unit = _power_of_two(np.abs(Y).max(axis=0))
    mean = (w @ (Y / unit)) * unit if centred else np.zeros(Y.shape[1])
    deviation = Y - mean
    spread = np.abs(deviation).max(axis=0)
    constant = spread <= 4 * _EPS * np.abs(mean)
    deviation[:, constant] = 0.0
    unit = _power_of_two(np.where(constant, np.abs(mean), spread))
    return mean, unit, deviation / unit


def relative_to(gap: Any, null: Any) -> Array:
    """gap/null, with 0/0 = 0."""
    gap, null = np.asarray(gap, float), np.asarray(null, float)
    return np.divide(gap, null, out=np.where(gap > 0, np.inf, 0.0), where=null > 0)


@dataclass(frozen=True, eq=False)
class _Point:
    """One point in units near 1: what the formulas of the module need, (p,) each."""

    c: Array
    beta: Array
    rho2: float
    l2: Array
    value: Array  # p_j(θ_j)
    project: Callable[[Array], Array]  # onto the domain of p*


def duality_gap(
    correlation: Array, theta: Array, rho2: float, l2: Array, penalty: Any
) -> tuple[float, float]:
    """(gap, P(θ)) from c = Xᵀ(w∘r)/M, θ and ρ² = Σ w r²/M: the stopping rule of solvers."""
    value = penalty_value(penalty, theta)
    project = functools.partial(dual_projection, penalty)
    return _gap(_Point(correlation, theta, rho2, l2, value, project))


def _gap(data: _Point) -> tuple[float, float]:
    """(gap, objective); the formulas stand at the head of the module."""
    l2, theta, value = data.l2, data.beta, data.value
    ridge = l2 * theta
    square = data.rho2 + float(ridge @ theta)
    shifted = data.c - ridge
    s = _largest_scale(data.project, shifted)
    rescaled = 0.5 * (1 - s) ** 2 * square + float((value - s * shifted * theta).sum())
    inside = data.project(data.c)
    excess = data.c - inside
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mismatch = np.where(l2 > 0, (ridge - excess) ** 2 / (2 * l2), np.where(excess, np.inf, 0))
    conjugated = float((mismatch + value - inside * theta).sum())
    return max(min(rescaled, conjugated), 0.0), 0.5 * square + float(value.sum())


def _projection_in_units(penalty: Any, scale: Array, unit: float) -> Callable[[Array], Array]:
    """`dual_projection` of the user's penalty for u of the scaled problem.

    Its own arithmetic, not the solver's `rescale`: an error there must not certify itself.
    """
    exponent = np.frexp(scale)[1] - np.frexp(unit)[1]

    def project(u: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            own = np.ldexp(u, -exponent)
            inside = dual_projection(penalty, own)
            return np.where(inside == own, u, np.ldexp(inside, exponent))

    return project


@functools.singledispatch
def penalty_value(penalty: Any, theta: Array) -> Array:
    """p_j(θ_j), which must be positively homogeneous: p(tθ) = t·p(θ) for t > 0."""
    raise TypeError(f"no certificate is known for the penalty {type(penalty).__name__}")


@functools.singledispatch
def dual_projection(penalty: Any, u: Array) -> Array:
    """The point nearest to u_j in the domain of p_j*, on which p_j* = 0 (p is homogeneous)."""
    raise TypeError(f"no certificate is known for the penalty {type(penalty).__name__}")


@penalty_value.register
def _(penalty: L1, theta: Array) -> Array:
    return penalty.l1 * np.abs(theta)


@penalty_value.register
def _(penalty: NonNegative, theta: Array) -> Array:
    return np.where(theta >= 0, penalty.l1 * theta, np.inf)


@dual_projection.register
def _(penalty: L1, u: Array) -> Array:
    return np.clip(u, -penalty.l1, penalty.l1)


@dual_projection.register
def _(penalty: NonNegative, u: Array) -> Array:
    return np.minimum(u, penalty.l1)


def _largest_scale(project: Callable[[Array], Array], u: Array) -> float:
    """The largest s ≤ 1 with s·u in the domain of p*."""
    inside = project(u)
    outside = inside != u
    return float(np.min(inside[outside] / u[outside])) if outside.any() else 1.0


def _kkt(data: _Point, length: Array, most: float) -> float:
    """max_j dist(c_j − l2_j θ_j, ∂p_j(θ_j))/‖x_j‖, over max_j │c⁰_j│/‖x_j‖ of the null model."""
    u = data.c - data.l2 * data.beta
    moved = data.beta != 0
    slope = np.divide(data.value, data.beta, out=np.zeros(len(u)), where=moved)  # p homogeneous
    distance = np.abs(u - np.where(moved, slope, data.project(u)))
    return float(np.max(distance / length, initial=0.0)) / most if most > 0 else 0.0


def _power_of_two(size: Array) -> Array:
    """The power of two next above each size, 1 for 0."""
    return np.ldexp(1.0, np.frexp(np.where(size > 0, size, 1.0))[1])


def _values(data: _Data, block: Any, rows: slice, columns: slice) -> Any:
    """block − shift in float64, zero in rows of weight zero: what stands there may be huge."""
    block = block.astype(np.float64, copy=False)
    values = block if data.X.is_sparse else block - data.shift[columns]
    w = data.w[rows]
    if w.all():
        return values
    alive = (w > 0).astype(float)
    if data.X.is_sparse:
        return values.multiply(alive[:, None]).tocsr()
    values[alive == 0.0] = 0.0
    return values


def _accumulate(data: _Data, shape: tuple[int, int], add: Callable[..., None]) -> Array:
    """Σ over the blocks of X of what `add(out, rows, columns, block)` adds to its `out`.

    Four sums, whatever the number of threads, and added in order: the same bits for any.
    """
    pieces = data.X.pieces()
    parts = min(_PARTS, len(pieces))
    cuts = [len(pieces) * p // parts for p in range(parts + 1)]
    sums = np.zeros((parts, *shape))

    def work(first: int, last: int) -> None:
        for p in range(first, last):
            for rows, columns in pieces[cuts[p] : cuts[p + 1]]:
                add(sums[p], rows, columns, data.X.block(rows, columns))

    run_blocks(work, parts, step=1)
    return np.add.reduce(sums, axis=0)


def _products(data: _Data, theta: Array) -> Array:
    """(X − 1 shiftᵀ) θ, shape (m, g)."""
    used = np.flatnonzero(theta.any(axis=1))
    few = not data.X.is_sparse and 4 * len(used) <= len(theta)
    out = np.zeros((data.X.shape[0], theta.shape[1]))

    def add(sums: Array, rows: slice, columns: slice, block: Any) -> None:
        if few:
            inside = used[
                np.searchsorted(used, columns.start) : np.searchsorted(used, columns.stop)
            ]
            some = block[:, inside - columns.start].astype(np.float64, copy=False)
            some = some - data.shift[inside]
            some[data.w[rows] == 0.0] = 0.0
            sums[rows] += some @ theta[inside]
        else:
            sums[rows] += _values(data, block, rows, columns) @ theta[columns]

    out = _accumulate(data, out.shape, add)
    return out - data.shift @ theta if data.X.is_sparse else out


def _transposed_products(data: _Data, Z: Array, centred: bool) -> tuple[Array, Array]:
    """Vᵀ(w∘Z), shape (n, g), and the lengths √(Σ w v²) of the columns of
    V = (X − 1 shiftᵀ) diag(scale), about their means where `centred`."""
    X, shift, scale, w = data.X, data.shift, data.scale, data.w
    W = w[:, None] * np.hstack([Z, np.ones((len(Z), 1))])

    def add(sums: Array, rows: slice, columns: slice, block: Any) -> None:
        values = _values(data, block, rows, columns)
        sums[columns, :-1] += values.T @ W[rows]
        if X.is_sparse:
            sums[columns, -1] += values.multiply(scale[columns]).power(2).T @ w[rows]
        else:
            sums[columns, -1] += w[rows] @ (values * scale[columns]) ** 2

    out = _accumulate(data, (X.shape[1], W.shape[1] + 1), add)
    out, squares = out[:, :-1], out[:, -1]
    if X.is_sparse:  # rank-one corrections, of out and of Σ w v² (Σ w = 1)
        squares += (shift * scale) ** 2 - 2 * (shift * scale) * (out[:, -1] * scale)
        out -= np.outer(shift, W.sum(axis=0))
    out *= scale[:, None]
    if centred:
        squares = squares - out[:, -1] ** 2
    if data.constant is not None:
        out[data.constant] = 0.0
    return out[:, :-1], np.sqrt(np.maximum(squares, 0.0))

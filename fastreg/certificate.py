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

import dataclasses
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from fastreg import penalties
from fastreg._jit import run_blocks
from fastreg.design import Design
from fastreg.penalties import L1, NonNegative

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_ROOM = 1 << 22  # entries of residuals and correlations of a group of points: 32 MB
_NEAR = 8.0  # spreads that a shift may be long before entries are centred one by one
_PROBES = 4  # random combinations of points at which a claimed Gram matrix is checked
_DOUBT = 100.0  # by how much its error may exceed the largest seen
_THIN = 16  # columns up to which BLAS is faster four at a time: 0.19 against 0.48 ms a megabyte
_LARGE = 1e50
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
    gram: Array | None = None,
) -> Certificate:
    """Certify (coef, intercept) from X itself, block by block in NumPy: one or two reads of X,
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
    gram : (n, n) or None
        The products Vᵀ(w∘V) of V = (X − 1 shiftᵀ) diag(scale), as somebody claims. They spare
        many points of one target a read of X each: see `_judge_by_gram`.
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
    if gram is not None and k > _PROBES and Y.shape[1] == 1:
        verdicts, passes, step = _judge_by_gram(data, gram), passes + 1, k
    for first in range(len(verdicts), k, step):
        points = range(first, min(first + step, k))
        found = _correlate(data, points, with_y=target is None or Y.shape[1] > 1)
        for q, t in enumerate(points):
            if len(found.c0) > q:
                target = _Target(data, t, found.c0[q], found.norms)
            verdicts.append(target.judge(t, found.c[q], found.rho2[q], found.off[q]))  # type: ignore[union-attr]
        passes += found.passes
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


@dataclass(eq=False)
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

    @functools.cached_property
    def centred_late(self) -> bool:
        """Whether the shift is subtracted from products instead of entries: faster, and as good
        where it does not dwarf the spread. A sparse X has no choice."""
        return self.X.is_sparse or bool(np.all(np.abs(self.shift) * self.scale <= _NEAR))

    def of(self, array: Array, t: int) -> Any:
        """The entry, or column, of point t, or of all points."""
        return array[..., t if array.shape[-1] > 1 else 0]

    def of_points(self, array: Array, points: range) -> Array:
        """The entries, or columns, of some points, or the one of all."""
        return array[..., points.start : points.stop] if array.shape[-1] > 1 else array


class _Correlations(NamedTuple):
    """Of g points with V = (X − 1 shiftᵀ) diag(scale) and residuals r at the best intercepts."""

    c: Array  # (g, n) Vᵀ(w∘r)
    c0: Array  # (0, 1 or g, n) Vᵀ(w∘y), where asked for
    norms: Array  # (n,) √(Σ w v²), about the means where there is an intercept
    off: Array  # (g,) how far the intercepts are from the best
    rho2: Array  # (g,) Σ w r²
    passes: int


def _correlate(
    data: _Data, points: range, *, with_y: bool, norms: Array | None = None
) -> _Correlations:
    """One read of X where its blocks hold whole rows, else two."""
    by_rows = data.X.pieces()[0][1] == slice(0, data.X.shape[1])
    theta = data.coef[:, points.start : points.stop] / data.of_points(data.unit, points)
    own = data.of_points(data.Y, points)
    level, w = _levels(data, points), data.w
    extra = w[:, None] * np.hstack([own if with_y else own[:, :0], np.ones((len(w), 1))])
    R = None if by_rows else own - level - _products(data, theta)

    def residuals(rows: slice, values: Any) -> Array:
        return own[rows] - level - _product(data, values, theta)

    return _transposed(data, R, residuals, extra, len(points), norms)


def _transposed(
    data: _Data,
    R: Array | None,
    residuals: Callable[[slice, Any], Array],
    extra: Array,
    g: int,
    norms: Array | None,
) -> _Correlations:
    """Correlations of g residuals, R or from each block of rows; and of w∘(y, 1) in `extra`."""
    n, w, centred = data.X.shape[1], data.w, data.terms.fit_intercept
    off = np.zeros(g)
    if R is not None and centred:
        off = w @ R
        R -= off
    weighted = None if R is None else w[:, None] * R
    more, right = extra.shape[1], None if weighted is None else np.hstack([weighted, extra])
    # Rows of the sums: g correlations, those of `extra`, Σ w v²; in the last two columns Σ w r
    # and Σ w r² of each residual.
    height = g + more

    def add(sums: Array, rows: slice, columns: slice, block: Any) -> None:
        values = _values(data, block, rows, columns)
        side = right
        if side is None:
            r = residuals(rows, values)
            side = np.hstack([w[rows, None] * r, extra[rows]])
            sums[:g, -2] += side[:, :g].sum(axis=0)
            sums[:g, -1] += np.einsum("id,id->d", side[:, :g], r)
            sums[:height, :n] += _turned(side, values)
        else:
            sums[:height, columns] = _turned(side, values)
        if norms is None:
            sums[height, columns] += _squares(data, values, columns, w[rows])

    sums = _accumulate(data, (height + 1, n + 2), add, disjoint=R is not None)
    out, squares, total = sums[:height, :n], sums[height, :n], sums[:g, -2]
    by_rows = R is None or weighted is None
    rho2 = sums[:g, -1] if by_rows else np.einsum("id,id->d", weighted, R)  # type: ignore[arg-type]
    sides = np.concatenate([total, extra.sum(axis=0)])
    shift, scale = data.shift, data.scale
    if data.centred_late:  # rank-one corrections, of out and of Σ w v² (Σ w = 1)
        squares = squares + (shift * scale) ** 2 - 2 * (shift * scale) * (out[-1] * scale)
        for row, each in zip(out, sides, strict=True):
            if each:
                row -= each * shift
    out *= scale
    if centred:
        squares = squares - out[-1] ** 2
        if R is None:  # of residuals less their mean
            out[:g] -= np.outer(total, out[-1])
            off, rho2 = total, rho2 - total**2
    if data.constant is not None:
        out[:, data.constant], squares[data.constant] = 0.0, 0.0
    norms = np.sqrt(np.maximum(squares, 0.0)) if norms is None else norms
    return _Correlations(
        c=out[:g],
        c0=out[g:-1],
        norms=norms,
        off=off,
        rho2=np.maximum(rho2, 0.0),
        passes=1 if R is None else 2,
    )


def _turned(side: Array, values: Any) -> Array:
    """sideᵀ values; a few columns at a time where they are few, which BLAS does faster."""
    if not isinstance(values, np.ndarray):
        return (values.T @ side).T
    if side.shape[1] > _THIN:
        return side.T @ values
    return np.vstack([side[:, a : a + 4].T @ values for a in range(0, side.shape[1], 4)])


def _judge_by_gram(data: _Data, gram: Array) -> list[tuple[float, ...]]:
    """Judge all points by c = Vᵀ(w∘y) − Gθ, with G on probation.

    Freivalds' check (1977): for random signs s, X gives c at Σ_t s_t θ_t, a few times in one
    read, and G gives it too. Their difference is Σ_t s_t e_t, e_t the error of c at point t,
    of which ‖e_t‖ is unlikely to be many times the largest seen: with four probes more than a
    hundred times about once in 10⁸. c is then taken to be wrong by that much everywhere.
    """
    k = data.coef.shape[1]
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (k, _PROBES)) / math.sqrt(k)
    probe = dataclasses.replace(data, coef=data.coef @ signs, intercept=data.intercept @ signs)
    # Offsets of the probes from the mean of y are of no interest: c is about the mean anyway.
    norms = np.sqrt(np.diag(gram))
    seen = _correlate(probe, range(_PROBES), with_y=True, norms=norms)
    c0, unit = seen.c0[0], float(data.unit[0])
    scaled = np.divide(data.coef, data.scale[:, None]) / unit
    if data.constant is not None:
        scaled[data.constant] = 0.0
    products = gram @ scaled
    C = (c0[:, None] - products).T
    errors = seen.c - (c0 - (products @ signs).T)
    doubt = _DOUBT * float(np.sqrt((errors**2).sum(axis=1)).max())
    target = _Target(data, 0, c0, seen.norms)
    off = -_levels(data, range(k)) if data.terms.fit_intercept else np.zeros(k)
    rho2 = 2.0 * target.null - np.einsum("jt,tj->t", scaled, c0 + C)
    return [target.judge(t, C[t], max(float(rho2[t]), 0.0), float(off[t]), doubt) for t in range(k)]


def _levels(data: _Data, points: range) -> Array:
    """(g,): intercept − mean of y + shift·θ of each point, in units of y."""
    out = np.empty(len(points))
    for q, t in enumerate(points):
        theta = data.coef[:, t]
        used = np.flatnonzero(theta)
        start = data.intercept[t] - data.of(data.mean, t)
        out[q] = exact_sum(start, data.shift[used], theta[used]) / data.of(data.unit, t)
    return out


class _Target:
    """A target, and what does not change from one point of its path to the next."""

    def __init__(self, data: _Data, t: int, c0: Array, norms: Array) -> None:
        self._data = data
        self._unit, self._mean = data.of(data.unit, t), data.of(data.mean, t)
        self._l2 = (
            data.terms.l2[:, t if data.terms.l2.shape[1] > 1 else 0] * data.scale * data.scale
        )
        self._norms = norms
        self._length = np.where(norms > 0, norms, np.inf)
        self._most = float(np.max(np.abs(c0) / self._length))
        self._lightest = self._least_penalty()
        exponent = np.frexp(self._unit)[1] - np.frexp(data.scale)[1]
        self._down = np.ldexp(1.0, np.clip(exponent, -1000, 1000))  # a filter only
        self.null = 0.5 * float(data.w @ data.of(data.Y, t) ** 2)

    def judge(
        self, t: int, c: Array, rho2: float, off: float, doubt: float = 0.0
    ) -> tuple[float, ...]:
        """(gap, objective, null, KKT residual, whether a feature is free) at point t; every
        entry of c may be wrong by `doubt`."""
        c = c + np.copysign(doubt, c) if doubt else c
        data, unit = self._data, self._unit
        strength = 1.0 if data.terms.strength is None else float(data.terms.strength[t])
        penalty = data.terms.at(t)[1]
        coef = data.coef[:, t]
        own = c * self._down
        # Where θ = 0 and c is in the domain of p* every term below is zero.
        part = np.flatnonzero((coef != 0) | (dual_projection(penalty, own) != own))
        some = _some(penalty, part)
        point = _Point(
            c=c[part],
            beta=coef[part] / data.scale[part] / unit,
            rho2=float(rho2),
            l2=self._l2[part] * strength,
            value=penalty_value(some, coef[part] / unit) / unit,
            project=_projection_in_units(some, data.scale[part], unit),
        )
        gap, objective = _gap(point)
        moved = 0.5 * off**2 + 2.0 * doubt * float(np.abs(point.beta).sum())
        gap, objective = gap + moved, objective + 0.5 * off**2
        if self.null == 0.0 and gap <= (4 * _EPS * abs(self._mean) / unit) ** 2:
            gap = 0.0  # a constant target, met as closely as its mean can be rounded
        kkt = _kkt(point, self._length[part], self._most)
        return gap, objective, self.null, kkt, float(self._lightest * strength < 1.0)

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
    values = block if data.centred_late else block - data.shift[columns]
    w = data.w[rows]
    if w.all():
        return values
    alive = (w > 0).astype(float)
    if data.X.is_sparse:
        return values.multiply(alive[:, None]).tocsr()
    return np.where(alive[:, None] > 0, values, 0.0)


def _accumulate(
    data: _Data, shape: tuple[int, int], add: Callable[..., None], *, disjoint: bool = False
) -> Array:
    """Σ over the blocks of X of what `add(out, rows, columns, block)` adds to its `out`.

    Four sums, whatever the number of threads, and added in order: the same bits for any. One
    is enough where blocks add to entries of their own.
    """
    pieces = data.X.pieces()
    parts = min(_PARTS, len(pieces))
    cuts = [len(pieces) * p // parts for p in range(parts + 1)]
    sums = np.zeros((1 if disjoint else parts, *shape))

    def work(first: int, last: int) -> None:
        for p in range(first, last):
            for rows, columns in pieces[cuts[p] : cuts[p + 1]]:
                add(sums[p % len(sums)], rows, columns, data.X.block(rows, columns))

    run_blocks(work, parts, step=1)
    return sums[0] if disjoint else np.add.reduce(sums, axis=0)


def _products(data: _Data, theta: Array) -> Array:
    """(X − 1 shiftᵀ) θ, shape (m, g), where blocks hold whole columns."""

    def add(sums: Array, rows: slice, columns: slice, block: Any) -> None:
        used = np.any(theta[columns], axis=1)
        if data.X.is_sparse or 4 * np.count_nonzero(used) > len(used):
            sums += _values(data, block, rows, columns) @ theta[columns]
        elif used.any():
            inside = columns.start + np.flatnonzero(used)
            some = block[:, used].astype(np.float64, copy=False)
            some = some if data.centred_late else some - data.shift[inside]
            some = some if data.w.all() else np.where(data.w[:, None] > 0, some, 0.0)
            sums += some @ theta[inside]

    out = _accumulate(data, (data.X.shape[0], theta.shape[1]), add)
    return out - data.shift @ theta if data.centred_late else out


def _product(data: _Data, values: Any, theta: Array) -> Array:
    """The same of whole rows."""
    out = values @ theta
    return out - data.shift @ theta if data.centred_late else out


def _squares(data: _Data, values: Any, columns: slice, w: Array) -> Array:
    """Σ w v² of some columns."""
    scale = data.scale[columns]
    if data.X.is_sparse:
        return values.multiply(scale).power(2).T @ w
    if scale.max() < _LARGE and scale.min() > 1.0 / _LARGE:  # else the squares may overflow
        return (w @ np.square(values)) * scale * scale
    return w @ (values * scale) ** 2

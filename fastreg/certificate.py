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

from fastreg.design import Design
from fastreg.penalties import L1, NonNegative

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
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
    """What is added to the squared loss, in the user's units.

    Attributes
    ----------
    l2 : 2-D array that broadcasts to (n, k): ridge strength of each feature and target
    penalty : tuple of `fastreg.penalties`, shared by all targets
    weights : (m,) or None for ones
    fit_intercept : whether a free, unpenalised intercept is part of the model
    """

    l2: Array
    penalty: Any
    weights: Array | None = None
    fit_intercept: bool = True


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
    """Certify (coef, intercept) from X itself, block by block in NumPy: two reads of X.

    Parameters
    ----------
    X : Design, (m, n)
    Y : (m, k)
    coef : (n, k)
    intercept : (k,)
    terms : the rest of the objective
    tol, method, passes : what to report
    shift : (n,) or None, about the means of the columns
    scale : (n,) or None, about the inverse sizes of the columns, powers of two
        Any `shift` and `scale` give a valid certificate; good ones keep rounding small.
    constant : (n,) bool or None, columns that an intercept makes zero
    """
    (m, k), n = Y.shape, X.shape[1]
    w = np.ones(m) if terms.weights is None else terms.weights / terms.weights.max()
    w = w / w.sum()
    shift = np.zeros(n) if shift is None else shift
    scale = np.ones(n) if scale is None else scale
    mean, unit, Y = _normalise(Y, w, terms.fit_intercept)

    level = np.array([exact_sum(intercept[t] - mean[t], shift, coef[:, t]) for t in range(k)])
    residual = Y - level / unit - _products(X, shift, w, coef / unit)
    off = w @ residual if terms.fit_intercept else np.zeros(k)
    residual -= off
    Z = np.hstack([residual, Y])
    C, norms = _transposed_products(X, shift, scale, w, Z, terms.fit_intercept)
    if constant is not None:
        C[constant] = norms[constant] = 0.0
    results = []
    for t in range(k):
        data = _Data(
            c=C[:, t],
            c0=C[:, k + t],
            beta=coef[:, t] / scale / unit[t],
            rho2=float(w @ residual[:, t] ** 2),
            l2=np.broadcast_to(terms.l2, coef.shape)[:, t] * scale * scale,
            value=penalty_value(terms.penalty, coef[:, t] / unit[t]) / unit[t],
            project=_projection_in_units(terms.penalty, scale, unit[t]),
        )
        gap, objective = _gap(data)
        gap, objective = gap + 0.5 * off[t] ** 2, objective + 0.5 * off[t] ** 2
        null = 0.5 * float(w @ Y[:, t] ** 2)
        if null == 0.0 and gap <= (4 * _EPS * abs(mean[t]) / unit[t]) ** 2:
            gap = 0.0  # a constant target, met as closely as its mean can be rounded
        free = _has_free_feature(data, norms, unit[t], scale, terms.penalty)
        results.append((gap, objective, null, _kkt(data, norms), free))
    gap, objective, null, kkt, free = np.array(results).T
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
            passes=passes + 2,
        )


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
class _Data:
    """One target in units near 1: what the formulas of the module need, (n,) each."""

    c: Array
    c0: Array  # c of the null model
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
    return _gap(_Data(correlation, correlation, theta, rho2, l2, value, project))


def _gap(data: _Data) -> tuple[float, float]:
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


def _kkt(data: _Data, norms: Array) -> float:
    """max_j dist(c_j − l2_j θ_j, ∂p_j(θ_j))/‖x_j‖, over max_j │c⁰_j│/‖x_j‖ of the null model."""
    u = data.c - data.l2 * data.beta
    moved = data.beta != 0
    slope = np.divide(data.value, data.beta, out=np.zeros(len(u)), where=moved)  # p homogeneous
    distance = np.abs(u - np.where(moved, slope, data.project(u)))
    length = np.where(norms > 0, norms, np.inf)
    most = float(np.max(np.abs(data.c0) / length))
    return float(np.max(distance / length)) / most if most > 0 else 0.0


def _has_free_feature(data: _Data, norms: Array, unit: float, scale: Array, penalty: Any) -> bool:
    """Whether a feature is penalised so little that rounding of c hides it.

    With c known to ε‖x‖‖y‖ the gap cannot be shown to be below ε²/l1² or ε²/l2 of the null
    objective; below 1e-12 and 1e-24 that is no proof of four digits.
    """
    live = norms > 0
    length, c0, l2 = norms[live], data.c0[live], data.l2[live]
    most = np.max(np.abs(c0) / length, initial=0.0)
    with np.errstate(over="ignore", under="ignore"):
        l1 = (penalty_value(penalty, scale) / unit)[live]
    return bool(np.any((l1 < 1e-12 * most * length) & (l2 < 1e-24 * length**2)))


def _power_of_two(size: Array) -> Array:
    """The power of two next above each size, 1 for 0."""
    return np.ldexp(1.0, np.frexp(np.where(size > 0, size, 1.0))[1])


def _values(X: Design, block: Any, shift: Array, w: Array) -> Any:
    """block − shift in float64, zero in rows of weight zero: what stands there may be huge."""
    block = block.astype(np.float64, copy=False)
    values = block if X.is_sparse else block - shift
    if w.all():
        return values
    alive = (w > 0).astype(float)
    if X.is_sparse:
        return values.multiply(alive[:, None]).tocsr()
    values[alive == 0.0] = 0.0
    return values


def _products(X: Design, shift: Array, w: Array, theta: Array) -> Array:
    """(X − 1 shiftᵀ) θ, shape (m, k)."""
    out = np.zeros((X.shape[0], theta.shape[1]))
    for rows, columns, block in X.blocks():
        out[rows] += _values(X, block, shift[columns], w[rows]) @ theta[columns]
    return out - shift @ theta if X.is_sparse else out


def _transposed_products(
    X: Design, shift: Array, scale: Array, w: Array, Z: Array, centred: bool
) -> tuple[Array, Array]:
    """Vᵀ(w∘Z), shape (n, k), and the lengths √(Σ w v²) of the columns of
    V = (X − 1 shiftᵀ) diag(scale), about their means where `centred`."""
    W = w[:, None] * np.hstack([Z, np.ones((len(Z), 1))])
    out, squares = np.zeros((X.shape[1], W.shape[1])), np.zeros(X.shape[1])
    for rows, columns, block in X.blocks():
        values = _values(X, block, shift[columns], w[rows])
        out[columns] += values.T @ W[rows]
        if X.is_sparse:
            squares[columns] += values.multiply(scale[columns]).power(2).T @ w[rows]
        else:
            squares[columns] += w[rows] @ (values * scale[columns]) ** 2
    if X.is_sparse:  # rank-one corrections, of out and of Σ w v² (Σ w = 1)
        squares += (shift * scale) ** 2 - 2 * (shift * scale) * (out[:, -1] * scale)
        out -= np.outer(shift, W.sum(axis=0))
    out *= scale[:, None]
    if centred:
        squares -= out[:, -1] ** 2
    return out[:, :-1], np.sqrt(np.maximum(squares, 0.0))

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
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg import penalties
from fastreg.design import Design
from fastreg.penalties import L1, NonNegative

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)


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
    by_kkt : whether `converged` asks for kkt ≤ √tol (the gap grows with the square of the
        gradient): some feature is not penalised, or by less than rounding can show
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
        asked = f"asked {self.tol:.0e}, {verdict}" if self.tol > 0 else "as small as it goes"
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
    shift: Array | None,
    scale: Array,
    tol: float,
    method: str,
    passes: int,
) -> Certificate:
    """Certify (coef, intercept) from X itself, block by block in NumPy: two reads of X.

    Parameters
    ----------
    X : Design, (m, n)
    Y : (m, k)
    coef : (n, k)
    intercept : (k,)
    terms : the rest of the objective
    shift : (n,) or None, about the means of the columns
    scale : (n,), about the inverse sizes of the columns, powers of two
        Any `shift` and `scale` give a valid certificate; good ones keep rounding small.
    tol, method, passes : what to report
    """
    m, k = Y.shape
    w = np.ones(m) if terms.weights is None else terms.weights / terms.weights.max()
    w = w / w.sum()
    shift = np.zeros(X.shape[1]) if shift is None else shift
    mean, unit, Y = _normalise(Y, w, terms.fit_intercept)

    level = (intercept + shift @ coef - mean) / unit
    residual = Y - level - _products(X, shift, coef / unit)
    off = w @ residual if terms.fit_intercept else np.zeros(k)
    residual -= off
    Z = np.hstack([residual, Y])
    C, norms = _transposed_products(X, shift, scale, w, Z, terms.fit_intercept)
    beta = coef / scale[:, None] / unit
    results = []
    for t in range(k):
        l2 = np.broadcast_to(terms.l2, coef.shape)[:, t] * scale * scale
        penalty = penalties.rescale(terms.penalty, scale, unit[t])
        gap, objective = duality_gap(C[:, t], beta[:, t], w @ residual[:, t] ** 2, l2, penalty)
        kkt = _kkt(C[:, t], C[:, k + t], beta[:, t], norms, l2, penalty)
        free = _has_free_feature(C[:, k + t], norms, l2, penalty)
        # The price of an intercept that is not the best one, beyond its own rounding.
        level = 4 * _EPS * abs(mean[t]) / unit[t]
        extra = 0.5 * max(abs(off[t]) - level, 0.0) ** 2
        null = 0.5 * (w @ Y[:, t] ** 2)
        gap = 0.0 if null == 0.0 and gap <= level * level else gap
        results.append((gap + extra, objective + extra, null, kkt, free))
    gap, objective, null, kkt, free = np.array(results).T
    relative = relative_to(gap, null)
    reached = (relative <= tol) | ((free > 0) & (kkt <= math.sqrt(tol)))
    with np.errstate(over="ignore"):
        return Certificate(
            gap=gap * unit * unit,
            relative_gap=relative,
            kkt=kkt,
            objective=objective * unit * unit,
            null=null * unit * unit,
            tol=tol,
            converged=bool(np.all(reached)),
            by_kkt=bool(np.any((free > 0) & (relative > tol))),
            method=method,
            passes=passes + 2,
        )


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


def duality_gap(
    correlation: Array, theta: Array, rho2: float, l2: Array | float, penalty: Any
) -> tuple[float, float]:
    """(gap, P(θ)) from c = Xᵀ(w∘r)/M, θ and ρ² = Σ w r²/M; see the module's formulas."""
    l2 = np.broadcast_to(l2, theta.shape)
    ridge = l2 * theta
    value = penalty_value(penalty, theta)
    square = rho2 + float(ridge @ theta)
    objective = 0.5 * square + float(value.sum())
    shifted = correlation - ridge
    s = _largest_scale(penalty, shifted)
    rescaled = 0.5 * (1 - s) ** 2 * square + float((value - s * shifted * theta).sum())
    inside = dual_projection(penalty, correlation)
    excess = correlation - inside
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mismatch = np.where(l2 > 0, (ridge - excess) ** 2 / (2 * l2), np.where(excess, np.inf, 0))
    conjugated = float((mismatch + value - inside * theta).sum())
    return max(min(rescaled, conjugated), 0.0), objective


@functools.singledispatch
def penalty_value(penalty: Any, theta: Array) -> Array:
    """p_j(θ_j)."""
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


def _largest_scale(penalty: Any, u: Array) -> float:
    """The largest s ≤ 1 with s·u in the domain of p*."""
    inside = dual_projection(penalty, u)
    outside = inside != u
    return float(np.min(inside[outside] / u[outside])) if outside.any() else 1.0


def _kkt(c: Array, c0: Array, theta: Array, norms: Array, l2: Array, penalty: Any) -> float:
    """max_j dist(c_j − l2_j θ_j, ∂p_j(θ_j))/‖x_j‖, over max_j │c⁰_j│/‖x_j‖ of the null model."""
    u = c - l2 * theta
    slope = penalty_value(penalty, np.sign(theta))  # │p_j′│ at θ_j ≠ 0
    distance = np.where(
        theta != 0, np.abs(u - np.sign(theta) * slope), np.abs(u - dual_projection(penalty, u))
    )
    length = np.where(norms > 0, norms, np.inf)
    most = float(np.max(np.abs(c0) / length))
    return float(np.max(distance / length)) / most if most > 0 else 0.0


def _has_free_feature(c0: Array, norms: Array, l2: Array, penalty: Any) -> bool:
    """Whether a feature is penalised so little that rounding of c hides it.

    With c known to ε‖x‖‖y‖ the gap cannot be shown to be below ε²/l1² or ε²/l2 of the null
    objective; below 1e-12 and 1e-24 that is no proof of four digits.
    """
    length = np.where(norms > 0, norms, np.inf)
    most = np.max(np.abs(c0) / length)
    l1 = penalty_value(penalty, np.ones(len(norms)))
    return bool(np.any((l1 / length < 1e-12 * most) & (l2 / length**2 < 1e-24) & (norms > 0)))


def _power_of_two(size: Array) -> Array:
    """The power of two next above each size, 1 for 0."""
    return np.ldexp(1.0, np.frexp(np.where(size > 0, size, 1.0))[1])


def _values(X: Design, block: Any, shift: Array) -> Any:
    block = block.astype(np.float64, copy=False)
    return block if X.is_sparse else block - shift


def _products(X: Design, shift: Array, theta: Array) -> Array:
    """(X − 1 shiftᵀ) θ, shape (m, k)."""
    out = np.zeros((X.shape[0], theta.shape[1]))
    for rows, columns, block in X.blocks():
        out[rows] += _values(X, block, shift[columns]) @ theta[columns]
    return out - shift @ theta if X.is_sparse else out


def _transposed_products(
    X: Design, shift: Array, scale: Array, w: Array, Z: Array, centred: bool
) -> tuple[Array, Array]:
    """Vᵀ(w∘Z), shape (n, k), and the lengths √(Σ w v²) of the columns of
    V = (X − 1 shiftᵀ) diag(scale), about their means where `centred`."""
    W = w[:, None] * np.hstack([Z, np.ones((len(Z), 1))])
    out, squares = np.zeros((X.shape[1], W.shape[1])), np.zeros(X.shape[1])
    for rows, columns, block in X.blocks():
        values = _values(X, block, shift[columns])
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

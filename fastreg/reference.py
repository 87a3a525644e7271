"""Plain NumPy versions of all kernels, for tests and benchmarks.

They have the names, signatures and meaning of `fastreg.kernels`, whose docstrings state the shapes.
The code follows the formulas and ignores speed. It imports only NumPy and the tuple types, so that
it cannot share a mistake with the kernels.
"""

from __future__ import annotations

from fractions import Fraction
from functools import singledispatch
from typing import Any

import numpy as np

from fastreg.design.storages import CSC, CSR, DenseColumns, DenseRows
from fastreg.losses import (
    Gamma,
    Logistic,
    NegativeBinomial,
    Poisson,
    Squared,
    SquaredHinge,
    Tweedie,
)
from fastreg.penalties import L1, Bounded

Array = np.ndarray
_EPS = np.finfo(float).eps

# ---------------------------------------------------------------- storages as products


@singledispatch
def _matrix(X: Any) -> Array:
    """The dense (m, n) values of a storage."""
    return X.values


@_matrix.register
def _(X: CSR) -> Array:
    out = np.zeros((len(X.indptr) - 1, X.n_columns))
    rows = np.repeat(np.arange(len(out)), np.diff(X.indptr))
    np.add.at(out, (rows, X.indices[: X.indptr[-1]]), X.data[: X.indptr[-1]])
    return out


@_matrix.register
def _(X: CSC) -> Array:
    return _matrix(CSR(X.data, X.indices, X.indptr, X.n_rows)).T


def _shifted(X: Any, shift: Array | None, scale: Array | None = None) -> Array:
    """(X − 1 shiftᵀ) diag(scale) as float64; X itself where there is nothing to do."""
    values = _matrix(X)
    if shift is not None:
        values = values - shift
    return values if scale is None else values * scale


# ---------------------------------------------------------------- losses and penalties


@singledispatch
def _loss(loss: Any, z: Array, y: Array) -> tuple[Array, Array, Array]:
    """(ℓ(z, y), ∂ℓ/∂z, ∂²ℓ/∂z²)."""
    raise TypeError(type(loss).__name__)


@_loss.register
def _(loss: Squared, z: Array, y: Array) -> tuple[Array, Array, Array]:
    return (z - y) ** 2 / 2, z - y, np.ones_like(z)


@_loss.register
def _(loss: Logistic, z: Array, y: Array) -> tuple[Array, Array, Array]:
    up, down = 1.0 / (1.0 + np.exp(-z)), 1.0 / (1.0 + np.exp(z))
    return np.logaddexp(0.0, z) - y * z, up - y, up * down


@_loss.register
def _(loss: Poisson, z: Array, y: Array) -> tuple[Array, Array, Array]:
    mean = np.exp(z)
    return mean - y * z, mean - y, mean


@_loss.register
def _(loss: Gamma, z: Array, y: Array) -> tuple[Array, Array, Array]:
    ratio = y * np.exp(-z)
    return z + ratio, 1.0 - ratio, ratio


@_loss.register
def _(loss: Tweedie, z: Array, y: Array) -> tuple[Array, Array, Array]:
    delta, epsilon = 2.0 - loss.power, loss.power - 1.0
    up, down = np.exp(delta * z), y * np.exp(-epsilon * z)
    first, second = (
        (np.expm1(s * z) if abs(s) < 0.25 else np.exp(s * z)) / s for s in (delta, -epsilon)
    )
    value = first - y * second
    return value, up - down, np.maximum(delta * up + epsilon * down, 0.02 * up)


@_loss.register
def _(loss: NegativeBinomial, z: Array, y: Array) -> tuple[Array, Array, Array]:
    t, total = z - np.log(loss.theta), y + loss.theta
    up, down = 1.0 / (1.0 + np.exp(-t)), 1.0 / (1.0 + np.exp(t))
    return total * np.logaddexp(0.0, t) - y * t, total * up - y, total * up * down


@_loss.register
def _(loss: SquaredHinge, z: Array, y: Array) -> tuple[Array, Array, Array]:
    above, below = np.maximum(1.0 - z, 0.0), np.maximum(1.0 + z, 0.0)
    value = (y * above**2 + (1.0 - y) * below**2) / 2
    return value, (1.0 - y) * below - y * above, y * (z < 1.0) + (1.0 - y) * (z > -1.0)


@singledispatch
def _penalty(penalty: Any, w: Array) -> Array:
    """p_j(w_j)."""
    raise TypeError(type(penalty).__name__)


@singledispatch
def _prox(penalty: Any, z: Array, step: Any) -> Array:
    """argmin_w p(w) + ‖w − z‖²/(2·step)."""
    raise TypeError(type(penalty).__name__)


@singledispatch
def _subgradients(penalty: Any, w: Array) -> tuple[Array, Array]:
    """The ends of the interval ∂p_j(w_j)."""
    raise TypeError(type(penalty).__name__)


@_penalty.register
def _(penalty: L1, w: Array) -> Array:
    return penalty.l1 * np.abs(w)


@_prox.register
def _(penalty: L1, z: Array, step: Any) -> Array:
    return np.sign(z) * np.maximum(np.abs(z) - step * penalty.l1, 0.0)


@_subgradients.register
def _(penalty: L1, w: Array) -> tuple[Array, Array]:
    return penalty.l1 * np.where(w > 0, 1.0, -1.0), penalty.l1 * np.where(w < 0, -1.0, 1.0)


@_penalty.register
def _(penalty: Bounded, w: Array) -> Array:
    inside = (penalty.low <= w) & (w <= penalty.high)
    return np.where(inside, penalty.l1 * np.abs(w), np.inf)


@_prox.register
def _(penalty: Bounded, z: Array, step: Any) -> Array:
    return np.clip(_prox(L1(penalty.l1), z, step), penalty.low, penalty.high)


@_subgradients.register
def _(penalty: Bounded, w: Array) -> tuple[Array, Array]:
    least, most = _subgradients(L1(penalty.l1), w)
    return np.where(w > penalty.low, least, -np.inf), np.where(w < penalty.high, most, np.inf)


def _entry(penalty: Any, columns: Any) -> Any:
    """The penalty of some of the columns."""
    return type(penalty)(*(each[columns] if np.ndim(each) else each for each in penalty))


# ---------------------------------------------------------------- passes over X


def gradient(
    X,
    y,
    theta,
    *,
    offset=0.0,
    shift=None,
    weights=None,
    base=None,
    loss=Squared(),
    scale=1.0,
    l2=0.0,
    penalty=L1(0.0),
    out,
    workspace=None,
):
    """F = scale·Σ w ℓ(z, y) + ½ Σ l2 θ² + p(θ), z = base + offset + (X − 1 shiftᵀ)θ, and slopes."""
    if theta.ndim == 2:
        return _gradients(X, y, theta, offset, shift, weights, base, loss, scale, l2, penalty, out)
    Z = _shifted(X, shift)
    z = Z @ theta + offset
    value, residual, _ = _loss(loss, z if base is None else z + base, y)
    if weights is not None:
        value, residual = weights * value, weights * residual
    out[:] = scale * (Z.T @ residual) + l2 * theta
    total = scale * value.sum() + 0.5 * np.sum(l2 * theta**2) + _penalty(penalty, theta).sum()
    return float(total), float(scale * residual.sum())


def _gradients(X, y, theta, offset, shift, weights, base, loss, scale, l2, penalty, out):
    """One right-hand side after the other."""

    def side(value: Any, t: int, dimensions: int) -> Any:
        return value[..., t] if np.ndim(value) == dimensions else value

    results = []
    for t in range(theta.shape[1]):
        g = np.empty(len(theta))
        options = {
            "offset": side(offset, t, 1),
            "shift": shift,
            "weights": side(weights, t, 2),
            "base": base,
            "loss": loss,
            "scale": side(scale, t, 1),
            "l2": side(l2, t, 2),
            "penalty": penalty,
        }
        results.append(gradient(X, side(y, t, 2), theta[:, t], out=g, **options))
        out[:, t] = g
    values, slopes = np.array(results).T
    return values, slopes


def predict(X, theta, *, offset=0.0, shift=None, out, workspace=None):
    """out = offset + (X − 1 shiftᵀ)θ."""
    out[:] = offset + _shifted(X, shift) @ theta


def project(X, residual, *, shift=None, out, workspace=None):
    """out = (X − 1 shiftᵀ)ᵀ residual."""
    out[:] = _shifted(X, shift).T @ residual


def project_then_predict(X, residual, base, factor, *, shift=None, out, image, workspace=None):
    """out = base − factor ∘ (X − 1 shiftᵀ)ᵀ residual, image = (X − 1 shiftᵀ) out."""
    columns = _shifted(X, shift)
    out[:] = base - factor * (columns.T @ residual)
    image[:] = columns @ out


def slopes(loss, z, y):
    return np.stack(_loss(loss, z, y))


def softmax(Z: Array, Y: Array, weights: Array | None, offset: Array | None) -> Array:
    """Z ← w∘(p − y), and (d,) of Σ_i w_i ℓ, for d points of K predictions of each row."""
    (m, width), K = Z.shape, Y.shape[1]
    z = Z.reshape(m, width // K, K) + (0.0 if offset is None else offset[:, None, :])
    w = np.ones(m) if weights is None else weights
    z[w == 0.0] = 0.0
    top = z.max(axis=2, keepdims=True)
    total = np.exp(z - top).sum(axis=2, keepdims=True)
    loss = (top + np.log(total))[:, :, 0] - np.einsum("ik,itk->it", Y, z)
    slopes = w[:, None, None] * (np.exp(z - top) / total - Y[:, None, :])
    Z[:] = np.where((w > 0.0)[:, None, None], slopes, 0.0).reshape(m, width)
    out: Array = w @ loss
    return out


def bends(slopes: Array, Y: Array, weights: Array | None) -> Array:
    """Σ_i w_i (diag(p) − ppᵀ) of each point, (d, K, K), from slopes w∘(p − y), (m, d·K)."""
    (m, width), K = slopes.shape, Y.shape[1]
    w = np.ones(m) if weights is None else weights
    P = slopes.reshape(m, width // K, K) / w[:, None, None] + Y[:, None, :]
    means = np.einsum("i,itk->tk", w, P)
    out: Array = means[:, :, None] * np.eye(K) - np.einsum("i,itk,itj->tkj", w, P, P)
    return out


def weighted_slopes(loss, Z, y, weights, sums):
    w = np.ones((len(y), 1)) if weights is None else weights[:, None]
    value, slope, bend = _loss(loss, Z, y[:, None])
    sums += [np.where(w > 0.0, w * each, 0.0).sum(axis=0) for each in (value, bend)]
    Z[:] = np.where(w > 0.0, w * slope, 0.0)


def left_out(fits, leverages, Y, w, kept, total, level, e):
    """Sums of errors of rows left out, see the kernel; fits, leverages and e are overwritten."""
    (b, K), k = leverages.shape, Y.shape[1]
    leverages[:] = (leverages + level) * (w / total)[:, None]
    left = np.maximum(1.0 - leverages, 2e-16)
    r = Y[:, :, None] - fits[:, : k * K].reshape(b, k, K)
    found = r / left[:, None, :]
    fits[:, : k * K], e[:] = r.reshape(b, -1), found.reshape(b, -1)
    squares = (np.einsum("i,ikK->kK", own, x**2) for own, x in ((kept, found), (w, r)))
    some = kept > 0
    rest = (
        leverages.sum(axis=0),
        (leverages[some] / left[some] ** 2).sum(axis=0),
        left[some].min(axis=0, initial=1.0),
    )
    return np.vstack([*squares, np.einsum("i,ikK->kK", w, r), *rest])


def survey(X, residual=None, *, weights=None, origin=None):
    """(low, high, Σ w z, Σ w r z, Σ w z², finite): least and greatest stored entry of each column
    over rows of positive weight, sums with z = x − origin, whether all entries are finite."""
    m, n = X.values.shape if isinstance(X, DenseRows | DenseColumns) else _sparse_shape(X)
    w = np.ones(m) if weights is None else weights
    sides = np.stack([w, np.zeros(m) if residual is None else w * residual])
    if isinstance(X, DenseRows | DenseColumns):
        V = X.values[w > 0].astype(float)
        z = V if origin is None else V - origin
        sums = (*(sides[:, w > 0] @ z), w[w > 0] @ z**2)
        return V.min(axis=0), V.max(axis=0), *sums, bool(np.isfinite(X.values).all())
    stored = slice(0, X.indptr[-1])
    data, inner = X.data[stored].astype(float), X.indices[stored]
    outer = np.repeat(np.arange(len(X.indptr) - 1), np.diff(X.indptr))
    rows, columns = (outer, inner) if isinstance(X, CSR) else (inner, outer)
    counts = w[rows] > 0
    low, high, sums = np.full(n, np.inf), np.full(n, -np.inf), np.zeros((3, n))
    np.minimum.at(low, columns[counts], data[counts])
    np.maximum.at(high, columns[counts], data[counts])
    terms = (*(side[rows] * data for side in sides), w[rows] * data**2)
    for term, out in zip(terms, sums, strict=True):
        np.add.at(out, columns[counts], term[counts])
    return low, high, *sums, bool(np.isfinite(data).all())


def _sparse_shape(X):
    m, n = len(X.indptr) - 1, X.n_columns if isinstance(X, CSR) else X.n_rows
    return (m, n) if isinstance(X, CSR) else (n, m)


# ---------------------------------------------------------------- products and descent


def fill(X, start, stop, *, columns, shift=None, scale=None, weights=None, out):
    """out = w_i (x_ij − shift_j) scale_j."""
    block = _shifted(X, shift, scale)[start:stop, columns]
    out[:] = block if weights is None else weights[start:stop, None] * block


def cross_gram(X, left, right, *, shift=None, scale=None, weights=None, by_blocks=False):
    """Z_leftᵀ W Z_right, Z = (X − 1 shiftᵀ) diag(scale)."""
    Z = _shifted(X, shift, scale).astype(np.float64, copy=False)
    right = Z[:, right] if weights is None else weights[:, None] * Z[:, right]
    return Z[:, left].T @ right


def moments(X, Y, *, folds=None, n_folds=1, shift=None, scale=None, weights=None):
    """Σ w_i a_i a_iᵀ over the rows of each fold, a = (z, y, 1), Z = (X − 1 shiftᵀ) diag(scale)."""
    A = np.column_stack([_shifted(X, shift, scale), Y, np.ones(len(Y))])
    w = np.ones(len(A)) if weights is None else weights
    folds = np.zeros(len(A), int) if folds is None else folds
    parts = [(A[folds == f], w[folds == f]) for f in range(n_folds)]
    return np.stack([part.T @ (weight[:, None] * part) for part, weight in parts])


def row_gram(X, *, shift=None, scale=None, by_blocks=False):
    """Z Zᵀ, Z = (X − 1 shiftᵀ) diag(scale)."""
    Z = _shifted(X, shift, scale).astype(np.float64, copy=False)
    return Z @ Z.T


def factor(capacity, n):
    """Nothing: `minimise` here has no factor."""


def enlarged(old, capacity, n):
    """Nothing: the reference factorises afresh."""


def clear(factor):
    """Nothing, likewise."""


def minimise(form, penalty, factor, slack, max_steps):
    """b_j ← argmin over b_j, cyclically, of ½bᵀGb − cᵀb + ½ Σ l2 b² + p(b), g = Gb − c + l2∘b.

    Ends where a cycle moves nothing by more than rounding, whatever `slack`; a cycle is a step.
    """
    gram, gradient, coef, l2 = form
    n = len(coef)
    for steps in range(1, max_steps + 1):
        before = coef.copy()
        for j in range(n):
            curvature = gram[j, j] + l2[j]
            if curvature < 1e-280:
                continue
            z = coef[j] - gradient[j] / curvature
            change = _prox(_entry(penalty, j), z, 1 / curvature) - coef[j]
            coef[j] += change
            gradient += change * gram[j, : len(gradient)]
            gradient[j] += change * l2[j]
        if np.all(np.abs(coef - before) <= _EPS * np.max(np.abs(coef))):
            return steps
    return max_steps


def update(theta, gradient, eta, l2, penalty, momentum=0.0, previous=None):
    """x⁺ = prox_{ηp}(θ − η(g + l2 θ)); θ ← x⁺ + μ(x⁺ − x), x ← x⁺, and what is measured."""
    g = gradient + l2 * theta
    value = 0.5 * np.sum(l2 * theta**2) + _penalty(penalty, theta).sum()
    square = np.sum(distances(penalty, theta, g) ** 2)
    new = _prox(penalty, theta - eta * g, eta)
    change = new - (theta if previous is None else previous)
    measured = (value, square, change @ change, (theta - new) @ change)
    theta[:] = new + momentum * change
    if previous is not None:
        previous[:] = new
    return tuple(map(float, measured))


def distances(penalty, theta, gradient):
    """Distance of −gradient to the interval ∂p."""
    least, most = _subgradients(penalty, theta)
    return np.maximum(np.maximum(least + gradient, -gradient - most), 0.0)


def critical_strength(penalty, correlations, factors):
    """max_q │c_jq│/(f_q·e), e the end of ∂p_j(0) on the side of c_jq; 0 where that is 0."""
    C = correlations.T / factors[:, None]
    least, most = _subgradients(penalty, np.zeros(C.shape[1]))
    ends = np.where(C > 0, most, -least)
    multiples = np.divide(np.abs(C), ends, where=ends > 0, out=np.zeros(C.shape))
    return multiples.max(axis=0, initial=0.0)


def descent_steps(
    X,
    y,
    theta,
    intercept,
    *,
    eta,
    loss,
    l2,
    penalty,
    fit_intercept,
    history,
    first,
    last,
    scratch,
    workspace=None,
):
    """θ ← prox(θ − η∇), b ← b − η ∂F/∂b; F and ‖∇F‖ recorded before each step."""
    for k in range(first, last):
        value, slope = gradient(
            X, y, theta, offset=intercept[0], loss=loss, scale=1 / len(y), out=scratch
        )
        added, square, *_ = update(theta, scratch, eta, l2, penalty)
        if fit_intercept:
            intercept[0] -= eta * slope
            square += slope**2
        history[k] = value + added, np.sqrt(square)
        before = history[k - 1, 0]
        rose = k > 0 and history[k, 0] > before + 1e-10 * abs(before)
        if rose or not np.isfinite(history[k, 0]):
            return k
    return -1


# ---------------------------------------------------------------- exact arithmetic


def compensated_gradient(X, y, theta, *, offset=0.0, weights=None, out):
    """Xᵀ(w ∘ (offset + Xθ − y)) and the sum of w ∘ (…) in rationals, as (rounded, rest)."""
    exact = np.vectorize(Fraction, otypes=[object])
    Z, w = exact(_matrix(X).astype(float)), exact(np.ones(len(y)) if weights is None else weights)
    residual = w * (Fraction(float(offset)) + Z @ exact(theta) - exact(y))
    sums = np.append(Z.T @ residual, residual.sum())
    out[0] = sums.astype(float)
    out[1] = (sums - exact(out[0])).astype(float)


def two_sum(a, b):
    """(s, e): the rounded sum and its rounding error, s + e = a + b."""
    return a + b, float(Fraction(a) + Fraction(b) - Fraction(a + b))


def two_product(a, b):
    """(p, e): the rounded product and its rounding error, p + e = a·b."""
    return a * b, float(Fraction(a) * Fraction(b) - Fraction(a * b))

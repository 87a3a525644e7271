"""How far an answer is from the minimum, in plain NumPy; shares nothing with fastreg.

Lasso, without an intercept; with one, y and the columns are centred in thought: its best value
leaves residuals r = y − Xw that sum to zero.

    P(w)  = ‖r‖²/2m + α‖w‖₁
    D(s)  = (‖y‖² − ‖y − s·r‖²)/2m      a bound P* ≥ D(s) if |s|·‖Xᵀr‖_∞ ≤ α·m
    gap   = min_s P(w) − D(s)  ≥  P(w) − P*

relative to P(0) = ‖y‖²/2m. Every answer gets the best multiple s of its own residuals.

Ridge: excess = (J(w) − F)/F with J(w) = ‖r‖²/2 + α‖w‖²/2 and F ≤ min J from any dual point u,

    F(u) = yᵀu − ‖u‖²/2 − ‖Xᵀu‖²/2α;

u comes from a Cholesky factorisation. F is second order in its error: exact to rounding.

Other losses ℓ (`gap_losses`), with weights v and V = Σ v, z = Xw + b with the best b, u = ℓ′(z):

    P(w) = Σ v·ℓ(z)/V + p(w)     p = α‖w‖₁, or α‖w‖²/2 for a ridge
    gap  = Σ v·[ℓ(z) + ℓ*(ũ) − ũ·z]/V + Σ_j [p(w_j) + p*(c_j) − c_j·w_j],  c = −Xᵀ(v∘ũ)/V

relative to P_null − P_saturated, the first sum at ũ = 0 and z = b. The dual point ũ = s·u sums to
zero: what rounding left of Σ v·u is taken off a class or a mean as a share of it, which stays in
the domain of ℓ*. s ≤ 1 is the largest with ‖c‖_∞ ≤ α, 1 for a ridge. The brackets are divergences,

    Σ_k μ_k·φ(δ_k/μ_k),   φ(r) = (1 + r)·log(1 + r) − r,

of masses μ: σ(z) and 1 − σ(z) with δ = ±(ũ − u), e^z with δ = ũ − u of Poisson, y·e^−z with
δ = u − ũ of gamma. Those of Tweedie losses have a root that Newton's method finds. No two large
numbers are subtracted, so a gap of 1e-15 is one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from benchmarks.versus.gap_losses import LOSSES

Array = np.ndarray
BLOCK = 4096  # columns of X at a time: all α at once, and no copy of X
FAR = 700.0  # of z: exp is finite and not zero up to here


def lasso_gaps(X: Any, y: Array, alphas: Array, coefs: Array, *, intercept: bool) -> Array:
    """Relative gaps (K,) of coefs (n, K) at alphas (K,); ∞ where an answer is missing or NaN."""
    alphas = np.asarray(alphas)
    if coefs.shape != (X.shape[1], len(alphas)):
        return np.full(len(alphas), np.inf)
    m = len(y)
    y = y - y.mean() if intercept else y
    R = y[:, None] - _product(X, coefs)
    R -= R.mean(axis=0) if intercept else 0.0
    steepest = _steepest(X, R)
    squares, along = np.einsum("ik,ik->k", R, R), y @ R
    longest = np.divide(alphas * m, steepest, out=np.full(len(alphas), np.inf), where=steepest > 0)
    best = np.divide(along, squares, out=np.zeros(len(alphas)), where=squares > 0)
    s = np.clip(best, -longest, longest)
    primal = squares / 2 + alphas * m * np.abs(coefs).sum(axis=0)
    dual = s * along - s**2 * squares / 2
    gaps = (primal - dual) / (y @ y / 2)
    return np.where(np.isfinite(gaps), np.maximum(gaps, 0.0), np.inf)


def _product(X: Any, coefs: Array) -> Array:
    """X @ coefs (m, K)."""
    out = np.zeros((X.shape[0], coefs.shape[1]))
    for start in range(0, X.shape[1], BLOCK):
        block = coefs[start : start + BLOCK]
        if block.any():
            out += X[:, start : start + BLOCK] @ block
    return out


def _steepest(X: Any, R: Array) -> Array:
    """‖Xᵀr‖_∞ (K,) of every column r of R."""
    out = np.zeros(R.shape[1])
    for start in range(0, X.shape[1], BLOCK):
        block = X[:, start : start + BLOCK].T @ R
        np.maximum(out, np.abs(block).max(axis=0), out=out)
    return out


# ---------------------------------------------------------------- ridge


def ridge_floor(X: Array, y: Array, alpha: float) -> float:
    """F, the largest known bound from below on J, with an intercept."""
    m, n = X.shape
    y, means = y - y.mean(), X.mean(axis=0)
    if n > m:
        K = X @ X.T
        K -= K.mean(axis=0)
        K -= K.mean(axis=1)[:, None]
        K[np.diag_indices(m)] += alpha
        u = alpha * _solve(K, y)
    else:
        G = X.T @ X - m * np.outer(means, means)
        G[np.diag_indices(n)] += alpha
        w = _solve(G, X.T @ y)
        u = y - (X @ w - means @ w)
    u -= u.mean()
    v = X.T @ u
    return float(y @ u - u @ u / 2 - v @ v / (2 * alpha))


def ridge_excess(X: Array, y: Array, alpha: float, coef: Array, floor: float) -> float:
    """(J(w) − F)/F of coef (n,), with the best intercept; ∞ if it is missing or NaN."""
    if coef.shape != (X.shape[1],):
        return np.inf
    r = y - X @ coef
    r -= r.mean()
    excess = ((r @ r + alpha * (coef @ coef)) / 2 - floor) / floor
    return float(max(excess, 0.0)) if np.isfinite(excess) else np.inf


def _solve(A: Array, b: Array) -> Array:
    """A⁻¹b of a positive definite A, which is overwritten."""
    factor = scipy.linalg.cho_factor(A, overwrite_a=True, check_finite=False)
    return scipy.linalg.cho_solve(factor, b, check_finite=False)


# ---------------------------------------------------------------- other losses


def family_gaps(
    family: str,
    X: Any,
    y: Array,
    alphas: Array,
    coefs: Array,
    *,
    weights: Array | None = None,
    ridge: bool = False,
) -> Array:
    """Relative gaps (K,) of coefs (n, K) with the best intercepts; ∞ if missing, NaN or beyond.

    family : "logistic" with y in [0, 1], "poisson" or "tweedie" with y ≥ 0, "gamma" with y > 0
    """
    alphas = np.asarray(alphas, dtype=float)
    if coefs.shape != (X.shape[1], len(alphas)) or not np.isfinite(coefs).all():
        return np.full(len(alphas), np.inf)
    v = np.ones(len(y)) if weights is None else weights
    v = v / v.sum()
    kind = LOSSES[family]
    with np.errstate(all="ignore"):  # an answer may be far out: its gap is ∞ then
        Z = np.ascontiguousarray(_product(X, coefs).T)
        U = np.empty_like(Z)  # v∘ũ at s = 1
        for z, u in zip(Z, U, strict=True):
            z += kind.intercept(z, y, v)
            u[:] = v * kind.centred(kind.masses(z, y), y, v)
        if ridge:
            scale, penalty = np.ones(len(alphas)), _ridge_brackets(X, U, alphas, coefs)
        else:
            scale, penalty = _lasso_brackets(X, U, alphas, coefs)
        losses = [_loss_bracket(kind, z, s, y, v) for z, s in zip(Z, scale, strict=True)]
        gaps = (np.array(losses) + penalty) / _null(kind, y, v)
    return np.where(np.isfinite(gaps), gaps, np.inf)


def _loss_bracket(kind: Any, z: Array, s: float, y: Array, v: Array) -> float:
    """Σ v·[ℓ(z) + ℓ*(s·ũ) − s·ũ·z]; ∞ where e^z or e^−z has no room."""
    if not np.abs(z).max() <= FAR:
        return np.inf
    masses = kind.masses(z, y)
    delta = s * kind.centred(masses, y, v) - kind.slope(masses, y)
    return float(v @ kind.divergence(masses, delta))


def _null(kind: Any, y: Array, v: Array) -> float:
    """P_null − P_saturated: the bracket at ũ = 0."""
    z = np.zeros(len(y))
    masses = kind.masses(z + kind.intercept(z, y, v), y)
    return float(v @ kind.divergence(masses, -kind.slope(masses, y)))


def _lasso_brackets(X: Any, U: Array, alphas: Array, coefs: Array) -> tuple[Array, Array]:
    """s (K,), and Σ_j α|w_j| − s·c_j·w_j (K,)."""
    steepest, along = np.zeros(len(alphas)), np.zeros(len(alphas))
    for columns in _column_blocks(X):
        c = -(X[:, columns].T @ U.T)
        np.maximum(steepest, np.abs(c).max(axis=0), out=steepest)
        along += np.einsum("jk,jk->k", c, coefs[columns])
    s = np.divide(alphas, steepest, out=np.ones(len(alphas)), where=steepest > alphas)
    return s, np.maximum(alphas * np.abs(coefs).sum(axis=0) - s * along, 0.0)


def _ridge_brackets(X: Any, U: Array, alphas: Array, coefs: Array) -> Array:
    """Σ_j (α·w_j − c_j)²/2α (K,)."""
    out = np.zeros(len(alphas))
    for columns in _column_blocks(X):
        rest = alphas * coefs[columns] + X[:, columns].T @ U.T
        out += np.einsum("jk,jk->k", rest, rest)
    return out / (2 * alphas)


def _column_blocks(X: Any) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, X.shape[1], BLOCK)]

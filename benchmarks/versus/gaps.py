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
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

Array = np.ndarray
BLOCK = 4096  # columns of X at a time: all α at once, and no copy of X


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

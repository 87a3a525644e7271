"""Information criteria along a path, with the degrees of freedom of penalised fits.

    df = [intercept] + tr G_S (G_S + diag l2_S)⁻¹,   S the coefficients that are not zero

(Zou, Hastie & Tibshirani, Ann. Statist. 35, 2007, for the lasso, where it is the size of S; for
the ridge the trace of the hat matrix.) With rss = Σ w r² and m rows, the error variance unknown:

| name | value | source |
|---|---|---|
| aic | m log(rss/m) + 2 df | Akaike 1974 |
| aicc | aic + 2 df (df + 1)/(m − df − 1) | Hurvich & Tsai 1989 |
| bic | m log(rss/m) + df log m | Schwarz 1978 |
| ebic | bic + 2 log C(n, df less the intercept) | Chen & Chen 2008, γ = 1 |
| cp | rss/σ² − m + 2 df, σ² from the least penalised fit: Stein's unbiased risk | Mallows 1973 |
| gcv | (rss/m)/(1 − df/m)² | Craven & Wahba 1979 |
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln

from fastreg import _factor

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
BY_LIKELIHOOD = ("aic", "aicc", "bic", "ebic")
CRITERIA = (*BY_LIKELIHOOD, "cp", "gcv")


def degrees_of_freedom(
    coefs: Array, l2: Array, strengths: Array, gram: Callable[[Array], Array], intercept: bool
) -> Array:
    """(K,).

    Parameters
    ----------
    coefs : (n, K)
    l2 : (n,) ridge of each feature before the strengths (K,)
    gram : columns (p,) ↦ Σ w (x − x̄)(x − x̄)ᵀ/Σ w of these columns, (p, p)
    """
    sizes = np.count_nonzero(coefs, axis=0).astype(float)
    if not l2.any():
        return sizes + intercept
    used = np.flatnonzero(coefs.any(axis=1))
    if not len(used):
        return np.full(len(strengths), float(intercept))
    G = gram(used)
    out = np.empty(len(strengths))
    for k, strength in enumerate(strengths):
        inside = np.flatnonzero(coefs[used, k])
        if not len(inside):
            out[k] = 0.0
            continue
        part = G[np.ix_(inside, inside)]
        ridge = np.sqrt(l2[used[inside]] * strength)
        out[k] = trace(part, ridge)
    return out + intercept


def trace(G: Array, ridge: Array) -> float:
    """tr G (G + diag ridge²)⁻¹ by the eigenvalues of ridge⁻¹ G ridge⁻¹, where all are penalised."""
    if ridge.all():
        values = _factor.eigvalsh(G / np.outer(ridge, ridge))
        values = np.maximum(values, 0.0)
        return float((values / (values + 1.0)).sum())
    return float(np.trace(_factor.least_norm(G + np.diag(ridge**2), G, len(G) * _EPS)))


def values(name: str, rss: Array, dof: Array, m: int, n: int, intercept: bool = True) -> Array:
    """(K,) of a criterion, the smaller the better; ∞ where it has none.

    Raises
    ------
    ValueError
        There is no such criterion; or σ² of "cp" is zero or unknown, as the least penalised fit
        leaves no degree of freedom.
    """
    if name not in CRITERIA:
        raise ValueError(f"criterion must be one of {', '.join(CRITERIA)}, got {name!r}")
    if name == "cp" and not (dof[-1] < m and rss[-1] > 0.0):
        raise ValueError("cp has no σ² from a saturated fit: let the path end earlier")
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = m * np.log(np.maximum(rss, np.finfo(float).tiny) / m)
        left = m - dof
        if name == "gcv":
            out = rss / m / (1.0 - dof / m) ** 2
        elif name == "cp":
            out = rss / (rss[-1] / left[-1]) - m + 2.0 * dof
        elif name == "aic":
            out = fit + 2.0 * dof
        elif name == "aicc":
            out = fit + 2.0 * dof + 2.0 * dof * (dof + 1.0) / (left - 1.0)
            left = left - 1.0
        else:
            out = fit + dof * np.log(m)
            if name == "ebic":
                out += log_choices(n, dof - intercept)
    return np.where((left > 0) & ~np.isnan(out), out, np.inf)


def log_choices(n: int, size: Array) -> Array:
    """2 log C(n, size), sizes between the integers too."""
    size = np.clip(size, 0.0, n)
    out: Array = 2.0 * (gammaln(n + 1) - gammaln(size + 1) - gammaln(n - size + 1))
    return out


def unit(name: str, squares: bool) -> str:
    """What the values of a criterion are."""
    if name in BY_LIKELIHOOD:
        return "m log(rss/m) + penalty" if squares else "−2 log-likelihood + penalty"
    if name == "cp":
        return "risk over σ²"
    return "mean squared error" if squares else "mean deviance"

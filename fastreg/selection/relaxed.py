"""The relaxed path: least squares on the support of each point, or part of the way there.

    w_γ = γ w_lasso + (1 − γ) w_S,    w_S = argmin ‖y − Xw − b‖² over w that is zero outside S

(Meinshausen, Comput. Stat. Data Anal. 52, 2007, in the form of Hastie, Tibshirani & Tibshirani,
Stat. Sci. 35, 2020.) In the standard form of `fastreg.solvers` w_S solves G_SS β = c_S: one Gram
matrix of all columns in use serves every point.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg

from fastreg import _factor
from fastreg.problems.quadratic import QuadraticProblem
from fastreg.solvers.ridge import cholesky

Array = np.ndarray


class Refit(NamedTuple):
    """coefs (n, K), intercepts (K,), deviance (K,) Σ w r²/Σ w, and the largest slope that least
    squares leaves, over the largest at zero, (K,)."""

    coefs: Array
    intercepts: Array
    deviance: Array
    kkt: Array


def relax(problem: QuadraticProblem, coefs: Array, gamma: float) -> Refit:
    """The relaxed coefficients of fitted ones (n, K), of one target."""
    n, K = coefs.shape
    used = np.flatnonzero(coefs.any(axis=1))
    whole, square = problem.at_zero(0)
    unit, c = float(problem.unit[0]), whole[used]
    G = problem.gram(used, used)
    size = problem.scale[used] * unit
    betas, kkt = np.zeros((len(used), K)), np.zeros(K)
    most = float(np.abs(whole).max(initial=0.0)) or 1.0
    for k in range(K):
        S = np.flatnonzero(coefs[used, k])
        own = G[np.ix_(S, S)]
        free = _solution(own, c[S])
        betas[S, k] = (1.0 - gamma) * free + gamma * coefs[used[S], k] / size[S]
        kkt[k] = np.abs(c[S] - own @ free).max(initial=0.0) / most
    out = np.zeros((n, K))
    out[used] = betas * size[:, None]
    shift = 0.0 if problem.shift is None else problem.shift[used] @ out[used]
    rss = square - 2.0 * c @ betas + np.einsum("jk,jk->k", betas, G @ betas)
    return Refit(out, problem.mean[0] - shift, np.maximum(rss, 0.0) * unit**2, kkt)


def _solution(G: Array, c: Array) -> Array:
    """G⁻¹c, or of least norm where columns depend on one another."""
    if not len(c):
        return c
    factor = cholesky(G, np.zeros(len(c)))
    if factor is None:
        return _factor.least_norm(G, c, 1e-12)
    L, scale = factor
    beta = np.zeros(len(c))
    for _ in range(2):  # the second time a refinement
        beta = beta + scale * scipy.linalg.cho_solve((L, True), scale * (c - G @ beta))
    return beta

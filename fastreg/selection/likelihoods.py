"""Criteria along a path whose loss is no square: by the likelihood, or by the deviance.

    D = 2 Σ w [ℓ(z) − min ℓ],   log L = Σ c(y, w) − Σ w ℓ(z)

with c of `certificate.losses.log_constant`: D and log L are those of R's glm. A loss whose variance
has a scale φ takes φ = D/Σ w, log L = Σ c(y, w, φ) − Σ w ℓ(z)/φ, and one degree of freedom for it.
Those of the coefficients are

    df = [intercept] + tr G_S (G_S + M diag l2_S)⁻¹,   G = Σ v (x − x̄)(x − x̄)ᵀ,   v = w ℓ″(z)

v with the mean of ℓ″ over y where the loss is not convex,
S the coefficients that are not zero, M = Σ w: without a ridge the size of S (Park & Hastie, JRSS B
69, 2007), with one the trace of the hat matrix of the last step of Newton's method (le Cessie &
van Houwelingen, Appl. Stat. 41, 1992). With m rows of positive weight, as R counts them,

| name | value |
|---|---|
| aic | −2 log L + 2 df |
| aicc | aic + 2 df (df + 1)/(m − df − 1) |
| bic | −2 log L + df log m |
| ebic | bic + 2 log C(n, df less the intercept) |
| gcv | (D/m)/(1 − df/m)², with the deviance for the squares (Wood, Generalized Additive Models) |

There is no cp: its σ² is no part of such a model, and with σ² known cp is aic but for a constant.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from fastreg.design import Design
from fastreg.objectives import Objective
from fastreg.problems.in_memory import InMemoryProblem, standardise
from fastreg.selection import criteria
from fastreg.selection.curvatures import Rows, gram

Array = np.ndarray


def degrees_of_freedom(
    X: Design, y: Array, objective: Objective, coefs: Array, intercepts: Array, strengths: Array
) -> Array:
    """(K,) of fits, coefs (n, K) and intercepts (K,); without a ridge X is not read,
    with one three times for each point."""
    l2 = np.broadcast_to(objective.l2[:, 0], len(coefs))
    out = np.count_nonzero(coefs, axis=0).astype(float)
    problem = None
    for k, strength in enumerate(strengths):
        S = np.flatnonzero(coefs[:, k])
        if not (l2[S] * strength).any():
            continue
        problem = problem or standardise(X, y[:, None], dataclasses.replace(objective, offset=None))
        part = _Part(S, coefs[S, k], float(intercepts[k]), l2[S] * strength)
        out[k] = _trace(problem, y, objective, part)
    return out + float(objective.fit_intercept)


class _Part(NamedTuple):
    """Columns in use, their coefficients, the intercept, and ridges beside the mean loss."""

    columns: Array
    coef: Array
    intercept: float
    ridge: Array


def _trace(problem: InMemoryProblem, y: Array, objective: Objective, part: _Part) -> float:
    """tr G (G + M diag l2)⁻¹, from the smaller of two matrices."""
    S, coef, intercept, l2 = part
    w = np.ones(len(y)) if objective.weights is None else objective.weights
    ridge = l2 * w.sum()
    if np.count_nonzero(w) < len(S) and l2.all():
        rows = Rows(problem.X, y, objective, S)
        kernel = rows.kernel(coef, intercept, 1.0 / np.sqrt(ridge))
        return criteria.trace(kernel, np.ones(len(kernel)))
    G = gram(problem, y, objective, S, coef, intercept)
    size = np.sqrt(np.maximum(np.diag(G), 0.0))
    size = np.where(size > 0.0, size, 1.0)
    return criteria.trace(G / np.outer(size, size), np.sqrt(ridge) * problem.scale[S] / size)


def values(
    name: str, deviance: Array, minus2: Array | None, dof: Array, m: int, n: int, intercept: float
) -> Array:
    """(K,) of a criterion, the smaller the better; ∞ where it has none.

    Parameters
    ----------
    deviance, minus2, dof : (K,), `minus2` −2 log L, which gcv does not ask for
    m, n : rows and features
    intercept : degrees of freedom that are no feature's

    Raises
    ------
    ValueError
        There is no such criterion, or none for such a loss.
    """
    if name not in criteria.CRITERIA:
        known = ", ".join(criteria.CRITERIA)
        raise ValueError(f"criterion must be one of {known}, got {name!r}")
    if name == "cp":
        raise ValueError(
            "criterion 'cp' is for family='gaussian': no σ² is part of another; take 'aic', which "
            "is the same where σ² is known, or 'gcv'"
        )
    left = m - dof
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "gcv":
            out = deviance / m / (1.0 - dof / m) ** 2
            return np.where(left > 0, out, np.inf)
        assert minus2 is not None
        out = minus2 + (np.log(m) if name in ("bic", "ebic") else 2.0) * dof
        if name == "aicc":
            out = out + 2.0 * dof * (dof + 1.0) / (left - 1.0)
            left = left - 1.0
        elif name == "ebic":
            out = out + criteria.log_choices(n, dof - intercept)
    return np.where((left > 0) & ~np.isnan(out), out, np.inf)

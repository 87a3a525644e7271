"""Judge the answers of the demo by the same certificate for all libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastreg
from fastreg.certificate import Certificate, certify
from fastreg.cli.console import table
from fastreg.design import Design
from fastreg.objectives import Objective
from fastreg.penalties import L1

Array = np.ndarray
TOL = 1e-6
ROUNDING = 1e-15  # relative; smaller values are not shown as numbers


def objective(model: Any, m: int) -> Objective:
    """Return the objective per row of an estimator of fastreg or scikit-learn."""
    kind = type(model).__name__
    ratio = {"Ridge": 0.0, "Lasso": 1.0}.get(kind, getattr(model, "l1_ratio", 0.0))
    strength = model.alpha / m if kind == "Ridge" else model.alpha
    l2 = np.full((1, 1), strength * (1.0 - ratio))
    return Objective(l2, L1(strength * ratio), None, model.fit_intercept)


def certified(X: Design, y: Array, model: Any) -> Certificate:
    """Certify a fitted estimator, by the same code for fastreg and others."""
    return certify(
        X,
        y[:, None],
        np.array(model.coef_, dtype=np.float64)[:, None],
        np.atleast_1d(np.asarray(model.intercept_, np.float64)),
        objective(model, len(y)),
        tol=TOL,
        method="",
        passes=0,
    )


def judge(X: Design, y: Array, model: Any, ours: Any) -> tuple[str, str, str, str]:
    """Return passes over X, relative gap, and distances of coefficients and objective from ours."""
    if model is ours:
        return str(ours.certificate_.passes), small(ours.certificate_.relative_gap[0]), "", ""
    theirs = certified(X, y, model)
    relative = theirs.objective[0] / ours.certificate_.objective[0] - 1.0
    apart = np.max(np.abs(np.ravel(model.coef_) - ours.coef_))
    return "", small(theirs.relative_gap[0]), f"{apart:.0e}", small(relative)


def small(value: float) -> str:
    """Format a relative value. A value below rounding error becomes a bound."""
    return f"{value:.0e}" if abs(value) >= ROUNDING else f"< {ROUNDING:.0e}"


def excess(run: fastreg.Descent) -> Array:
    excess: Array = run.objectives - run.optimum.objective
    return excess


def excess_text(run: fastreg.Descent, k: int) -> str:
    over = excess(run)[k]
    return f"{over:.1e}" if over > ROUNDING * run.objectives[k] else "rounding"


def optimum(run: fastreg.Descent) -> str:
    gap = small(run.optimum.certificate.relative_gap[0])
    return f"J* = {run.optimum.objective:.12g}; certified, relative gap {gap}."


def descent_table(run: fastreg.Descent, steps: list[int]) -> None:
    rows = [
        (k, f"{run.objectives[k]:.12g}", excess_text(run, k), f"{run.gradient_norms[k]:.1e}")
        for k in steps
    ]
    table(["step k", "J(θ_k)", "J(θ_k) − J*", "‖∇J(θ_k)‖"], rows)

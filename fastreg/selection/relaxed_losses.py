"""The relaxed path of a loss that is no square: fits without a penalty on the supports of points.

    w_γ = γ w_path + (1 − γ) w_S,   b alike,   w_S, b_S = argmin Σ w ℓ(o + b + Xw) over supp w ⊆ S

as glmnet has it: predictions before the link are mixed. Points with the same support share a fit.

Data that a support separates leaves no minimum. Such a point stays as the path has it, and so does
every point whose support contains that one: what separates with some features separates with more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastreg.certificate.intercept import null_model
from fastreg.design import Design, as_design
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.selection import separation
from fastreg.selection.curvatures import lost
from fastreg.solvers import solve

Array = np.ndarray
_TOL = 1e-8  # of a fit's largest slope, over that at zero


class Refit(NamedTuple):
    """coefs (n, K), intercepts (K,), deviances over Σ w (K,), the largest slope that a fit leaves
    over the largest at zero (K,), NaN where the path's point was kept; and why the first was."""

    coefs: Array
    intercepts: Array
    deviance: Array
    kkt: Array
    complaint: str


class _Free(NamedTuple):
    """A fit to some columns, or why there is none."""

    coef: Array
    intercept: float
    kkt: float
    complaint: str = ""


def relax(
    X: Design, y: Array, objective: Objective, coefs: Array, intercepts: Array, gamma: float,
    max_iter: int, names: Any = None,
) -> Refit:  # fmt: skip
    """The relaxed coefficients of fitted ones (n, K).

    Parameters
    ----------
    objective : of the path; its penalty is not used
    names : (n,) of the features, or None
    """
    fits = _Fits(X, y, objective, max_iter, names)
    out, levels = coefs.copy(), intercepts.copy()
    kkt = np.full(len(levels), np.nan)
    for k in range(len(levels)):
        S = np.flatnonzero(coefs[:, k])
        free = fits.on(S, coefs[S, k])
        if not free.complaint:
            out[S, k] = gamma * coefs[S, k] + (1.0 - gamma) * free.coef
            levels[k] = gamma * intercepts[k] + (1.0 - gamma) * free.intercept
            kkt[k] = free.kkt
    weight = X.shape[0] if objective.weights is None else objective.weights.sum()
    deviance = 2.0 * lost(X, y, objective, out, levels) / weight
    return Refit(out, levels, deviance, kkt, fits.complaint)


class _Fits:
    """Fits without a penalty, one a support."""

    def __init__(
        self, X: Design, y: Array, objective: Objective, max_iter: int, names: Any
    ) -> None:
        self._X, self._y, self._max_iter, self._names = X, y, max_iter, names
        self._free = Objective(
            np.zeros((1, 1)), L1(0.0), objective.weights, objective.fit_intercept,
            loss=objective.loss, offset=objective.offset,
        )  # fmt: skip
        self._known: dict[bytes, _Free] = {}
        self._separable: list[Array] = []
        self.complaint = ""

    def on(self, S: Array, start: Array) -> _Free:
        """The fit to columns S (p,), from `start` on."""
        key = S.tobytes()
        if key not in self._known:
            self._known[key] = self._fit(S, start)
            self.complaint = self.complaint or self._known[key].complaint
        return self._known[key]

    def _fit(self, S: Array, start: Array) -> _Free:
        if any(np.isin(inner, S).all() for inner in self._separable):
            return _Free(start, 0.0, np.nan, self.complaint)
        if not len(S):
            return _Free(start, self._level(), 0.0)
        part = as_design(self._X.matrix[:, S])
        found = solve(
            part, self._y[:, None], self._free, tol=_TOL, max_iter=self._max_iter,
            start=start[:, None],
        )  # fmt: skip
        coef, intercept = found.coef[:, 0], float(found.intercept[0])
        z = part.matrix @ coef + intercept
        z = z if self._free.offset is None else z + self._free.offset
        names = [f"x{j}" if self._names is None else str(self._names[j]) for j in S]
        complaint = separation.complaint(part, self._y, z, self._free, found.exhausted, names)
        kkt = float(found.certificate.kkt[0])
        if complaint:
            self._separable.append(S)
        elif not (found.certificate.converged or kkt <= np.sqrt(_TOL)):
            complaint = f"a fit without a penalty left a KKT residual of {kkt:.1e}"
        return _Free(coef, intercept, kkt, complaint)

    def _level(self) -> float:
        """The intercept of the model without features."""
        free = self._free
        y = self._y[:, None]
        return null_model(free.loss, y, free.weights, free.offset, free.fit_intercept)[0]

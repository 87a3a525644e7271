"""Standard errors of ridge, least squares included.

In the standard form of `fastreg.solvers`, G = X'ᵀWX'/M, A = G + diag l2, H = X'A⁻¹X'ᵀW/M, r the
residuals, c = 1 with an intercept and 0 without:

| method | cov β | σ² |
|---|---|---|
| classical | σ²/M · A⁻¹GA⁻¹ | Σwr²/(m − tr(2H − H²) − c) |
| sandwich | A⁻¹ (Σ w²r² x'x'ᵀ/M²) A⁻¹ · m/(m − tr H − c) | as above |
| bayesian | σ²/M · A⁻¹ | Σwr²/(m − tr H − c) |

Classical: Hoerl & Kennard, Technometrics 12, 1970, for least squares the table of any textbook.
Sandwich: Huber 1967, White 1980, with MacKinnon & White's (1985) first correction. Both describe
how β̂ scatters about its mean, which ridge has moved towards zero: with alpha = 0 that is the truth.
Bayesian: the posterior under w ~ N(0, σ²/alpha), b flat; it covers w on average over that prior
(Wahba, JRSS B 45, 1983).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from fastreg import kernels
from fastreg._jit import single_threaded_blas
from fastreg.design import Design
from fastreg.inference.table import Inference, caveat, named
from fastreg.objectives import Objective
from fastreg.problems.in_memory import InMemoryProblem, standardise
from fastreg.solvers.ridge import inverse as invert

Array = np.ndarray
_ASSUMES = {
    "classical": "Rows independent, their variances the same at equal weight. Intervals cover the "
    "mean of the estimate: the truth where alpha = 0, else what ridge has made of it.",
    "sandwich": "Rows independent, of any variances; many rows. Intervals cover the mean of the "
    "estimate: the truth where alpha = 0, else what ridge has made of it.",
    "bayesian": "Rows independent and normal, coefficients drawn from N(0, σ²/alpha), alpha "
    "beside the sum of squares. Intervals cover the coefficients on average over that prior.",
}
RIDGE_METHODS = tuple(_ASSUMES)


def ridge_inference(
    X: Design,
    y: Array,
    objective: Objective,
    coef: Array,
    intercept: float,
    *,
    method: str = "classical",
    level: float = 0.95,
    names: Sequence[str] | None = None,
    chosen: bool = False,
) -> Inference:
    """Inference of a ridge fit.

    Parameters
    ----------
    X : Design, (m, n); its Gram matrix is kept
    y : (m,)
    objective : of the fit, without a penalty but the ridge
    coef, intercept : (n,) and float
    method : one of RIDGE_METHODS
    level : of the intervals
    names : (n,) of the features, or None
    chosen : whether alpha was chosen with these data

    Raises
    ------
    ValueError
        There is no such method; columns depend on one another without a ridge; or no degree of
        freedom is left.
    """
    if method not in RIDGE_METHODS:
        raise ValueError(f"method must be one of {', '.join(RIDGE_METHODS)}, got {method!r}")
    with single_threaded_blas:
        fit = _Fit.of(X, y, objective, coef)
        table = getattr(fit, method)()
    place = np.flatnonzero(~fit.problem.constant)
    error = np.zeros(X.shape[1])
    size = fit.problem.scale[place] * float(fit.problem.unit[0])
    error[place] = np.sqrt(np.maximum(np.diag(table.covariance), 0.0)) * size
    features, estimate = np.arange(X.shape[1]), coef
    if objective.fit_intercept:
        at_mean = fit.means * fit.problem.scale[place]
        of_level = table.level - 2.0 * at_mean @ table.mixed + at_mean @ table.covariance @ at_mean
        unit = float(fit.problem.unit[0])
        features = np.append(-1, features)
        estimate = np.append(intercept, coef)
        error = np.append(np.sqrt(max(of_level, 0.0)) * unit, error)
    assumes = caveat(_ASSUMES[method], chosen)
    return _inference(fit, table, features, estimate, error, method, level, names, assumes)


class _Table(NamedTuple):
    """Covariance of β (p, p), variance of the level at the means, covariance of both (p,), σ²,
    residual degrees of freedom."""

    covariance: Array
    level: float
    mixed: Array
    noise2: float
    dof: float


@dataclass(frozen=True, eq=False)
class _Fit:
    """A, G of the live columns, residuals in units of y', and traces of H and H²."""

    problem: InMemoryProblem
    columns: Array
    means: Array
    inverse: Array
    gram: Array
    residual: Array
    w: Array
    count: int  # rows of positive weight
    trace: float
    trace2: float

    @classmethod
    def of(cls, X: Design, y: Array, objective: Objective, coef: Array) -> _Fit:
        problem = standardise(X, y[:, None], objective)
        live = np.flatnonzero(~problem.constant)
        gram = problem.gram(live, live)
        inverse = invert(gram, problem.ridge(0, live))
        if inverse is None:
            raise ValueError(
                "columns of X depend on one another, or nearly: their coefficients have no "
                "standard errors without a stronger ridge (alpha)"
            )
        residual = problem.residual(problem.scaled(coef[:, None])[:, 0], 0)
        w = np.ones(len(y)) if problem.weights is None else problem.weights
        hat = inverse @ gram
        means = np.zeros(len(live)) if problem.shift is None else problem.shift[live]
        count = int(np.count_nonzero(w))
        trace, trace2 = float(np.trace(hat)), float(np.sum(hat * hat.T))
        return cls(problem, live, means, inverse, gram, residual, w, count, trace, trace2)

    @property
    def centred(self) -> int:
        return int(self.problem.shift is not None)

    def _noise2(self, used: float) -> tuple[float, float]:
        """(σ² in units of y', residual degrees of freedom) of a fit that uses so many."""
        dof = self.count - used - self.centred
        if dof <= 1e-6 * self.count:  # what a fit of every row leaves is rounding
            raise ValueError(
                f"{self.count} rows leave no degree of freedom to a fit that uses "
                f"{used + self.centred:.1f}: σ cannot be estimated"
            )
        return float(self.w @ self.residual**2) / dof, dof

    def classical(self) -> _Table:
        noise2, dof = self._noise2(2.0 * self.trace - self.trace2)
        share = noise2 / self.problem.total
        covariance = share * (self.inverse @ self.gram @ self.inverse)
        return _Table(covariance, share, np.zeros(len(covariance)), noise2, dof)

    def bayesian(self) -> _Table:
        noise2, dof = self._noise2(self.trace)
        share = noise2 / self.problem.total
        return _Table(share * self.inverse, share, np.zeros(len(self.inverse)), noise2, dof)

    def sandwich(self) -> _Table:
        noise2, dof = self._noise2(2.0 * self.trace - self.trace2)
        problem, live = self.problem, self.columns
        influence = (self.w * self.residual / problem.total) ** 2
        correction = self.count / (self.count - self.trace - self.centred)
        options: dict[str, Any] = {"shift": problem.shift, "scale": problem.scale}
        storage = problem.X.storage
        options["by_blocks"] = problem.far
        meat = kernels.cross_gram(storage, live, live, weights=influence, **options)
        mixed = np.empty(problem.n_features)
        kernels.project(storage, influence, shift=problem.shift, out=mixed)
        mixed = (mixed * problem.scale)[live]
        return _Table(
            correction * (self.inverse @ meat @ self.inverse),
            correction * float(influence.sum()),
            correction * (self.inverse @ mixed),
            noise2,
            dof,
        )


def _inference(
    fit: _Fit,
    table: _Table,
    features: Array,
    coef: Array,
    error: Array,
    method: str,
    level: float,
    names: Sequence[str] | None,
    assumes: str,
) -> Inference:
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(error > 0.0, coef / error, np.nan)
    reach = float(stdtrit(table.dof, 0.5 * (1.0 + level))) * error
    y2 = 2.0 * fit.problem.null(0) * fit.problem.total
    rss = float(fit.w @ fit.residual**2)
    top = 1.0
    if fit.problem.objective.weights is not None:
        top = float(fit.problem.objective.weights.max() / fit.w.max())
    return Inference(
        names=named(features, names),
        features=features,
        coef=coef,
        standard_error=error,
        statistic=statistic,
        p_value=2.0 * stdtr(table.dof, -np.abs(statistic)),
        lower=coef - reach,
        upper=coef + reach,
        level=level,
        method=f"{method} standard errors",
        assumes=assumes,
        noise=float(np.sqrt(table.noise2 * top)) * float(fit.problem.unit[0]),
        n_samples=fit.count,
        residual_dof=table.dof,
        r2=1.0 - rss / y2 if y2 > 0 else np.nan,
    )

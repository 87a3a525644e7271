"""θ of negative binomial counts, given or estimated: what one alpha and a choice of it share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fastreg._warnings import warn_of_convergence
from fastreg.certificate import losses as certified
from fastreg.certificate.intercept import null_model
from fastreg.design import Design
from fastreg.linear_model.regressors import GeneralizedRegressor
from fastreg.losses import NegativeBinomial, Poisson
from fastreg.objectives import Objective
from fastreg.selection.thetas import Theta, most_likely
from fastreg.solvers import Solution, solve

Array = np.ndarray
_TURNS = 100
_SETTLED = 1e-10  # of θ: a change that is the last


class WithTheta(GeneralizedRegressor):
    """An estimator of counts with a θ."""

    _ratio = "rate ratio"
    theta: Any
    theta_: float
    theta_se_: float

    @property
    def _loss(self) -> Any:
        given = 1.0 if self.theta is None else self.theta
        return NegativeBinomial(float(getattr(self, "theta_", given)))

    @property
    def _estimated(self) -> int:  # type: ignore[override]
        return int(np.isfinite(self.theta_se_))

    @property
    def _name(self) -> str:
        return "NegativeBinomial"

    def _prepare(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None
    ) -> None:
        ratio, strength = self._fitted_strength(weights, len(y))
        self._set_theta(self._theta_at(design, y, weights, offset, ratio, strength))

    def _source(self, X: Any, offset: Any) -> Any:
        if self.theta is None:
            raise ValueError(
                "theta=None needs rows in memory, for its estimate: give theta, or read the rows"
            )
        self._set_theta(Theta(float(self.theta), np.nan, found=True))
        return super()._source(X, offset)

    def _set_theta(self, theta: Theta) -> None:
        self.theta_, self.theta_se_ = theta.value, theta.error
        if self.theta is None and not theta.found:
            side = "less" if theta.value > 1.0 else "more"
            other = ": take PoissonRegressor" if side == "less" else ""
            warn_of_convergence(
                f"{type(self).__name__}: no theta is the most likely, as y varies {side} than any "
                f"theta allows; theta_ is the end of the range, {theta.value:.3g}{other}."
            )

    def _theta_alone(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None
    ) -> Theta:
        """θ beside the intercept and the offset alone."""
        if self.theta is not None:
            return Theta(float(self.theta), np.nan, found=True)
        own, loss = None if weights is None else weights / weights.sum(), Poisson()
        _, z = null_model(loss, y[:, None], own, offset, bool(self.fit_intercept))
        return most_likely(y, certified.mean(loss, z)[:, 0], weights)

    def _theta_at(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None, ratio: float,
        strength: float,
    ) -> Theta:  # fmt: skip
        """θ at a strength: the one given, or coefficients and θ in turns from the means of Poisson.

        Information of coefficients and θ has no part in common, so that turns end soon: their rest
        falls by the share that is chance.
        """
        if self.theta is not None:
            return Theta(float(self.theta), np.nan, found=True)
        make = self._maker(design.shape[1], ratio, offset)
        base = make(weights, np.array([strength]))
        found, theta = self._solved(design, y, base, Poisson(), None), Theta(np.inf, np.nan, True)
        for _ in range(_TURNS):
            before = theta.value
            theta = most_likely(y, self._means(design, found, offset), weights)
            if not theta.found or abs(theta.value - before) <= _SETTLED * theta.value:
                break
            found = self._solved(design, y, base, NegativeBinomial(theta.value), found)
        return theta

    def _solved(
        self, design: Design, y: Array, objective: Objective, loss: Any, before: Solution | None
    ) -> Solution:
        """The fit of a loss, to more digits than asked: θ hears of its error."""
        start = None if before is None else before.coef
        own = replace(objective, loss=loss)
        tol = min(1e-3 * self.tol, 1e-9)
        return solve(design, y[:, None], own, tol=tol, max_iter=self.max_iter, start=start)

    def _means(self, design: Design, found: Solution, offset: Array | None) -> Array:
        z = design.matrix @ found.coef[:, 0] + found.intercept[0]
        return certified.mean(Poisson(), z if offset is None else z + offset)

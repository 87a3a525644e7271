"""`AdaptiveLasso`: the lasso, reweighted by its own coefficients."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from fastreg.linear_model.base import ChoosingRegressor
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.routing import routed, splits_of
from fastreg.linear_model.state import atomic
from fastreg.objectives import Objective
from fastreg.paths import path
from fastreg.penalties import L1
from fastreg.selection.criteria import CRITERIA
from fastreg.solvers import solve

Array = np.ndarray


class AdaptiveLasso(ChoosingRegressor):
    """Lasso with a factor on each |w_j|, the smaller the larger w_j was the time before.

        ‖y − Xw − b‖²/(2m) + alpha Σ_j f_j |w_j|
        f_j = ((|w_j|/u + epsilon)/(1 + epsilon))^(−gamma)

    with w of the fit before, u its largest entry, f = 1 at first. Large coefficients are shrunk
    less and small ones more: where the lasso keeps too many, this finds the true ones under weaker
    conditions (Zou, JASA 101, 2006; several rounds: Bühlmann & Meier, Ann. Statist. 36, 2008;
    Candès, Wakin & Boyd 2008). Coefficients are compared as they are: features should have
    comparable units.

    Parameters
    ----------
    alpha : float ≥ 0, or how each round chooses one from a path: "aic", "aicc", "bic", "ebic",
        "gcv", "cv" or "1se"; see `fastreg.Path.select`
        Cross-validation is kind to the factors of later rounds, which have seen the rows held out.
    gamma : float in (0, 10]
    epsilon : float in [1e-9, 1], of the largest coefficient: what keeps the factor of zero finite
    n_reweightings : int ≥ 0, fits after the first
    cv : int (None is 5), splitter, or iterable of (training rows, test rows), for "cv" and "1se"
    fit_intercept : bool
    tol : float ≥ 0, certified relative gap of every fit
    max_iter : int

    Attributes
    ----------
    alpha_ : float, of the last round
    penalty_factor_ : (n,), of the last round
    n_selected_ : (n_reweightings + 1,), coefficients that each round keeps
    coef_, intercept_, dual_gap_, certificate_, n_iter_, n_features_in_, feature_names_in_
        Of the last round, as in `Lasso`.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 50))
    >>> y = 3.0 * X[:, 0] - 3.0 * X[:, 1] + rng.standard_normal(100)
    >>> model = fastreg.AdaptiveLasso("aicc").fit(X, y)
    >>> bool(model.n_selected_[0] > model.n_selected_[-1] >= 2), model.coef_[:2].round(1)
    (True, array([ 2.9, -2.9]))
    """

    alpha_: float
    penalty_factor_: Array
    n_selected_: Array

    _parameter_constraints = {
        "alpha": [
            Interval(Real, 0, None, closed="left"),
            StrOptions({"cv", "1se", *CRITERIA} - {"cp"}),
        ],
        "gamma": [Interval(Real, 0, 10, closed="right")],
        "epsilon": [Interval(Real, 1e-9, 1, closed="both")],
        "n_reweightings": [Interval(Integral, 0, None, closed="left")],
        "cv": ["cv_object"],
        "fit_intercept": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        alpha="ebic",
        *,
        gamma=1.0,
        epsilon=1e-3,
        n_reweightings=2,
        cv=None,
        fit_intercept=True,
        tol=1e-6,
        max_iter=1000,
    ) -> None:
        self.alpha = alpha
        self.gamma = gamma
        self.epsilon = epsilon
        self.n_reweightings = n_reweightings
        self.cv = cv
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter

    @atomic()
    @opens_sources
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> Self:
        """Fit to X (m, n), y (m,), and weights (m,) ≥ 0 or None; `params` as in `LassoCV.fit`.

        Raises and warns as `Lasso.fit`.
        """
        design, target, weights = self._read(X, y, sample_weight)
        asked, _ = routed(self, sample_weight, params)
        by_folds = self.alpha in ("cv", "1se")
        splits = splits_of(self.cv, X, target, asked) if by_folds else None
        factor, kept = np.ones(design.shape[1]), []
        for left in range(self.n_reweightings, -1, -1):
            alpha = self._strength(design, target, weights, factor, splits)
            objective = Objective(np.zeros((1, 1)), L1(alpha * factor), weights, self.fit_intercept)
            solution = solve(
                design, target[:, None], objective, tol=self.tol, max_iter=self.max_iter
            )
            kept.append(np.count_nonzero(solution.coef))
            used, factor = factor, self._factors(solution.coef[:, 0]) if left else factor
        self._finish(X, solution)
        self.alpha_, self.penalty_factor_, self.n_selected_ = alpha, used, np.array(kept)
        return self

    def _strength(
        self, X: Any, y: Array, weights: Array | None, factor: Array, splits: Any
    ) -> float:
        if not isinstance(self.alpha, str):
            return float(self.alpha)
        found = path(
            X, y, tol=self.tol, fit_intercept=self.fit_intercept, sample_weight=weights,
            penalty_factor=factor, max_iter=self.max_iter,
        )  # fmt: skip
        return found.select(self.alpha, cv=splits).alpha

    def _factors(self, coef: Array) -> Array:
        size = np.abs(coef)
        most = size.max(initial=0.0)
        if most == 0.0:
            return np.ones(len(coef))
        share = (size / most + self.epsilon) / (1.0 + self.epsilon)
        return share**-self.gamma

    def _fitted_objective(self, weights, m):
        penalty = L1(self.alpha_ * self.penalty_factor_)
        return Objective(np.zeros((1, 1)), penalty, weights, self.fit_intercept)

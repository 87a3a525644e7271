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
    """Fit the lasso with factors that shrink large coefficients less.

    Each round takes its factors from the coefficients of the round before. The lasso keeps too many
    features in many problems; the adaptive lasso finds the true ones under weaker conditions [1]_.
    The features should have comparable units.

    Parameters
    ----------
    alpha : float or str, default="ebic"
        Strength of the penalty, at least 0, or how each round chooses it: "aic", "aicc", "bic",
        "ebic", "gcv", "cv" or "1se", see `fastreg.Path.select`. Cross-validation favours later
        rounds, whose factors have seen the held-out rows.
    gamma : float, default=1.0
        Power of the factors, above 0 and at most 10.
    epsilon : float, default=1e-3
        What keeps the factor of a zero coefficient finite, from 1e-9 to 1. It is a share of the
        largest coefficient.
    n_reweightings : int, default=2
        Number of rounds after the first, at least 0.
    cv : int, splitter, iterable or None, default=None
        Folds for "cv" and "1se". An iterable yields pairs (training rows, test rows). None means 5
        folds.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    tol : float, default=1e-6
        Relative duality gap that every fit must reach, at least 0.
    max_iter : int, default=1000
        Largest number of steps at each strength.

    Attributes
    ----------
    alpha_ : float
        Alpha of the last round.
    penalty_factor_ : ndarray of shape (n_features,)
        Factors of the last round.
    n_selected_ : ndarray of shape (n_reweightings + 1,)
        Number of coefficients that each round keeps.
    coef_ : ndarray of shape (n_features,)
        Coefficients w.
    intercept_ : float
        Intercept b; 0.0 with ``fit_intercept=False``.
    dual_gap_ : float
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : int
        Number of steps.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    Lasso : Fit with equal factors.

    Notes
    -----
    Each round minimises::

        ‖y − Xw − b‖²/(2m) + alpha Σ_j f_j |w_j|
        f_j = ((|v_j|/u + epsilon)/(1 + epsilon))^(−gamma)

    v are the coefficients of the round before, and u is their largest absolute value. The first
    round has f = 1. For several rounds see [2]_ and [3]_.

    References
    ----------
    .. [1] Zou H., "The adaptive lasso and its oracle properties", JASA 101, 2006.
    .. [2] Bühlmann P., Meier L., discussion of Zou and Li, Ann. Statist. 36, 2008.
    .. [3] Candès E., Wakin M., Boyd S., "Enhancing sparsity by reweighted l1 minimization", J.
       Fourier Anal. Appl. 14, 2008.

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
        """Fit the model to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,), default=None
            Target. None where X is a source, which has it.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        **params : dict
            Arguments of the splitter, such as `groups`. With scikit-learn's metadata routing,
            whatever the splitter requests.

        Returns
        -------
        AdaptiveLasso
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.

        Warns
        -----
        ConvergenceWarning
            The fit did not reach `tol`. The message states both gaps.
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

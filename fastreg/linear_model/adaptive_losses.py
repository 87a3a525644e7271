"""`AdaptiveLogisticRegression` and `AdaptivePoissonRegressor`: strengths that follow the
gradient of the held-out deviance."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils._param_validation import Interval

from fastreg.design import Design
from fastreg.grids import LEAST_RATIO, Grid
from fastreg.linear_model.adaptive import AdaptiveRidge, Searching
from fastreg.linear_model.generalized import MakeObjective
from fastreg.linear_model.generalized_cv import check_training_sets, class_splits
from fastreg.linear_model.logistic import LogOdds
from fastreg.linear_model.odds import as_odds
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.regressors import GeneralizedRegressor
from fastreg.linear_model.routing import routed, router, splits_of
from fastreg.linear_model.state import atomic
from fastreg.losses import Poisson
from fastreg.objectives import Objective, offset_of
from fastreg.penalties import L1
from fastreg.problems.in_memory import standardise
from fastreg.selection.adaptive import adapt
from fastreg.selection.adaptive_losses import HeldOutDeviance, LossFold
from fastreg.selection.folds import Split, check_weights
from fastreg.selection.loss_fits import LossFits
from fastreg.selection.row_fits import weights_of
from fastreg.solvers import solve

Array = np.ndarray


class _AdaptiveLoss(Searching):
    """What both share: the search, and objectives with a strength for each feature."""

    group_alphas_: Array
    alpha_: Array

    _parameter_constraints = {
        name: AdaptiveRidge._parameter_constraints[name]
        for name in ("groups", "cv", "alpha_bounds", "fit_intercept", "tol", "max_features")
    } | {
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }
    _streams, _chosen = False, True
    _loss: Any

    def __init__(
        self,
        groups=None,
        *,
        l1_ratio=0.0,
        cv=None,
        alpha_bounds=(1e-6, 1e3),
        fit_intercept=True,
        max_iter=1000,
        tol=1e-8,
        max_features=3000,
    ) -> None:
        self.groups = groups
        self.l1_ratio = l1_ratio
        self.cv = cv
        self.alpha_bounds = alpha_bounds
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.max_features = max_features

    def _searched(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None,
        splits: Sequence[Split],
    ) -> Objective:  # fmt: skip
        """The objective of all rows at the strengths that are found; sets what the search says."""
        m, n = design.shape
        self._check_width(n)
        check_weights(weights, splits)
        labels, groups = self._groups(n)
        bounds = self._bounds(self.alpha_bounds, "alpha_bounds")

        def make(alpha: Array, own: Array | None) -> Objective:
            return self._objective(alpha, own, offset)

        problem = standardise(design, np.zeros((m, 1)), self._objective(np.ones(n), None, None))
        parts = [weights_of(split, m, weights) for split in splits]
        folds = [LossFold(design, y, *part, problem, make, self.max_iter) for part in parts]
        unit = self._unit(design, y, make(np.ones(n), weights))
        held_out = HeldOutDeviance(folds, groups, unit, has_kinks=self.l1_ratio > 0.0)
        found = adapt(held_out, bounds, self.tol)
        self.group_alphas_ = found.alphas * unit
        self.alpha_ = self.group_alphas_[groups]
        at_end = self._maker(n, self.l1_ratio, offset)
        fits = [LossFits(design, y, *part, at_end, 0.0, self.max_iter) for part in parts]
        self._certify(fits, found.error)
        self._report(found, labels)
        return at_end(weights, None)

    def _objective(self, alpha: Array, weights: Array | None, offset: Array | None) -> Objective:
        ratio, free = float(self.l1_ratio), bool(self.fit_intercept)
        l2 = (alpha * (1.0 - ratio))[:, None]
        return Objective(l2, L1(alpha * ratio), weights, free, None, self._loss, offset)

    def _unit(self, design: Design, y: Array, objective: Objective) -> float:
        """The least common strength that holds all coefficients at zero, of an l1_ratio of
        `LEAST_RATIO` where it is less; 1 where nothing has to be held."""
        ratio = max(float(self.l1_ratio), LEAST_RATIO)
        gauge = L1(np.full(design.shape[1], ratio))
        limit, grid = self.max_iter, Grid(1, 1.0, gauge)
        found = solve(design, y[:, None], objective, tol=1e-6, max_iter=limit, grid=grid)
        return float(found.strength[0]) or 1.0

    def _maker(self, n: int, ratio: float, offset: Array | None) -> MakeObjective:
        """At the strengths that were found, which stand in for factors."""

        def make(weights: Array | None, strengths: Array | None) -> Objective:
            return dataclasses.replace(
                self._objective(self.alpha_, weights, offset), strength=strengths
            )

        return make

    def _fitted_strength(self, weights: Array | None, m: int) -> tuple[float, float]:
        return float(self.l1_ratio), 1.0

    def get_metadata_routing(self) -> Any:
        """Return what `fit` passes to the splitter and the scorer.

        See scikit-learn's guide to metadata routing.

        Returns
        -------
        MetadataRouter
            The requests of `fit`.
        """
        return router(self, splitter=self.cv)


class AdaptivePoissonRegressor(_AdaptiveLoss, GeneralizedRegressor):
    """Fit Poisson regression with one alpha for each group of features.

    The search starts from the best common alpha and follows the exact gradient of the mean held-out
    deviance. The result is never worse on held-out rows than that start. It helps if groups differ;
    for one alpha `PoissonRegressorCV` is as good.

    Parameters
    ----------
    groups : array-like of shape (n_features,) or None, default=None
        Label of the group of each feature. None puts all features into one group.
    l1_ratio : float, default=0.0
        Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). None
        means 5 folds.
    alpha_bounds : tuple of (least, largest), default=(1e-6, 1e3)
        Range of every alpha. The unit is the least common alpha that holds all coefficients at
        zero. For an l1_ratio below 1e-3, it is the one for 1e-3.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    max_iter : int, default=1000
        Largest number of Newton steps of a fit.
    tol : float, default=1e-8
        Relative change of the held-out deviance at which the search ends, above 0. It is also the
        relative duality gap that the last fit must reach.
    max_features : int, default=3000
        Largest n_features for which the search may keep matrices of shape (n_features, n_features).

    Attributes
    ----------
    alpha_ : ndarray of shape (n_features,)
        Alpha of each feature.
    groups_ : ndarray of shape (n_groups,)
        Labels of the groups, sorted.
    group_alphas_ : ndarray of shape (n_groups,)
        Alpha of each group, in the order of `groups_`.
    error_ : float
        Held-out mean deviance.
    equal_error_ : float
        Held-out mean deviance of the best common alpha.
    error_gradient_ : ndarray of shape (n_groups,)
        Derivatives of `error_` by log alpha.
    history_ : list
        Held-out deviances along the search.
    cv_certificate_ : ChoiceCertificate
        How wrong the deviance of each fold may be.
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
    PoissonRegressorCV : Choose one alpha for all features.

    Notes
    -----
    The fit minimises::

        P(w, b) = (1/S) Σ_i s_i (exp z_i − y_i z_i)
                  + Σ_g alpha_g Σ_{j in g} (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    S is the sum of the sample weights s, and o are the offsets. With an L1 part the deviance has a
    kink where a feature enters or leaves the fit. The search may end at a kink, where the slope is
    not zero. For gradients of a held-out loss see [1]_.

    References
    ----------
    .. [1] Foo C.-S., Do C., Ng A., "Efficient multiple hyperparameter learning for log-linear
       models", NIPS 2007.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((150, 30))
    >>> y = rng.poisson(np.exp(0.5 * X[:, 0] - 0.5 * X[:, 1]))
    >>> groups = np.repeat(["signal", "noise"], [2, 28])
    >>> model = fastreg.AdaptivePoissonRegressor(groups=groups).fit(X, y)
    >>> alphas = dict(zip(model.groups_, model.group_alphas_))
    >>> bool(alphas["noise"] > 10 * alphas["signal"]), bool(model.error_ < model.equal_error_)
    (True, True)
    """

    _loss = Poisson()
    _ratio = "rate ratio"

    @atomic()
    @opens_sources
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, **params: Any
    ) -> Self:
        """Choose the alphas, then fit to all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,), default=None
            Counts, at least 0. None where X is a source, which has them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like of shape (n_samples,), int or None, default=None
            Known part of the log mean, such as the log of the exposure. None means zeros. If X is a
            source of two targets, the number 0 or 1 of the one that is the offset.
        **params : dict
            Arguments of the splitter, such as `groups`. With scikit-learn's metadata routing,
            whatever the splitter requests.

        Returns
        -------
        AdaptivePoissonRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.

        Warns
        -----
        ConvergenceWarning
            The search or the last fit did not reach `tol`, or the deviance of a fold is uncertain.
        """
        design = self._opened(X, y)
        target, weights = self._targets(y, sample_weight, design.shape[0])
        splits = splits_of(self.cv, X, target, routed(self, sample_weight, params)[0])
        check_training_sets(self, target, weights, splits, lambda end: "counts of zero alone")
        shift = offset_of(offset, design.shape[0])
        objective = self._searched(design, target, weights, shift, splits)
        self._finish(X, design, target, objective)
        return self


class AdaptiveLogisticRegression(_AdaptiveLoss, LogOdds):
    """Fit logistic regression with one strength for each group of features.

    The search starts from the best common alpha and follows the exact gradient of the mean held-out
    deviance. The result is never worse on held-out rows than that start. It helps if groups differ;
    for one alpha `LogisticRegressionCV` is as good. Each fold has the same share of either class.

    Parameters
    ----------
    groups : array-like of shape (n_features,) or None, default=None
        Label of the group of each feature. None puts all features into one group.
    l1_ratio : float, default=0.0
        Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). None
        means 5 folds.
    alpha_bounds : tuple of (least, largest), default=(1e-6, 1e3)
        Range of every alpha. The unit is the least common alpha that holds all coefficients at
        zero. For an l1_ratio below 1e-3, it is the one for 1e-3.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class; it multiplies `sample_weight`. "balanced" gives all classes the same
        total weight.
    max_iter : int, default=1000
        Largest number of Newton steps of a fit.
    tol : float, default=1e-8
        Relative change of the held-out deviance at which the search ends, above 0. It is also the
        relative duality gap that the last fit must reach.
    max_features : int, default=3000
        Largest n_features for which the search may keep matrices of shape (n_features, n_features).
    target : {"labels", "proportions", "counts"}, default="labels"
        What y holds. "labels": one label for each row. "proportions": shares of successes in [0,
        1]; `sample_weight` then holds the trials. "counts": two columns, successes and failures.
        For the last two, `classes_` is [0, 1], and 1 means success.

    Attributes
    ----------
    alpha_ : ndarray of shape (n_features,)
        Alpha of each feature.
    groups_ : ndarray of shape (n_groups,)
        Labels of the groups, sorted.
    group_alphas_ : ndarray of shape (n_groups,)
        Alpha of each group, in the order of `groups_`.
    error_ : float
        Held-out mean deviance.
    equal_error_ : float
        Held-out mean deviance of the best common alpha.
    error_gradient_ : ndarray of shape (n_groups,)
        Derivatives of `error_` by log alpha.
    history_ : list
        Held-out deviances along the search.
    cv_certificate_ : ChoiceCertificate
        How wrong the deviance of each fold may be.
    classes_ : ndarray of shape (2,)
        Labels of the classes, sorted. Probabilities and odds are those of the second.
    coef_ : ndarray of shape (1, n_features)
        Coefficients w.
    intercept_ : ndarray of shape (1,)
        Intercept b; 0.0 with ``fit_intercept=False``.
    dual_gap_ : float
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : ndarray of shape (1,)
        Number of steps.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    LogisticRegressionCV : Choose one strength for all features.

    Notes
    -----
    The fit minimises::

        P(w, b) = (1/S) Σ_i s_i log(1 + exp(−y_i z_i))
                  + Σ_g alpha_g Σ_{j in g} (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    y_i is 1 or −1, S is the sum of the sample weights s, and o are the offsets. An alpha
    corresponds to 1/(C·S) in `LogisticRegression`. With an L1 part the deviance has a kink where a
    feature enters or leaves the fit. The search may end at a kink, where the slope is not zero. For
    gradients of a held-out loss see [1]_.

    References
    ----------
    .. [1] Foo C.-S., Do C., Ng A., "Efficient multiple hyperparameter learning for log-linear
       models", NIPS 2007.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 30))
    >>> y = np.where(2 * X[:, 0] - 2 * X[:, 1] + rng.logistic(size=200) > 0, "yes", "no")
    >>> groups = np.repeat(["signal", "noise"], [2, 28])
    >>> model = fastreg.AdaptiveLogisticRegression(groups=groups).fit(X, y)
    >>> alphas = dict(zip(model.groups_, model.group_alphas_))
    >>> bool(alphas["noise"] > 10 * alphas["signal"]), bool(model.error_ < model.equal_error_)
    (True, True)
    """

    _parameter_constraints = _AdaptiveLoss._parameter_constraints | {
        name: LogOdds._parameter_constraints[name] for name in ("class_weight", "target")
    }

    def __init__(
        self,
        groups=None,
        *,
        l1_ratio=0.0,
        cv=None,
        alpha_bounds=(1e-6, 1e3),
        fit_intercept=True,
        class_weight=None,
        max_iter=1000,
        tol=1e-8,
        max_features=3000,
        target="labels",
    ) -> None:
        super().__init__(
            groups, l1_ratio=l1_ratio, cv=cv, alpha_bounds=alpha_bounds, max_iter=max_iter,
            fit_intercept=fit_intercept, tol=tol, max_features=max_features,
        )  # fmt: skip
        self.class_weight = class_weight
        self.target = target

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    @atomic()
    @opens_sources
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, **params: Any
    ) -> Self:
        """Choose the alphas, then fit to all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Labels, shares or counts, as `target` states. None where X is a source, which has them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like of shape (n_samples,), int or None, default=None
            Known part of the prediction, added to Xw + b. None means zeros. If X is a source of two
            targets, the number 0 or 1 of the one that is the offset.
        **params : dict
            Arguments of the splitter, such as `groups`. With scikit-learn's metadata routing,
            whatever the splitter requests.

        Returns
        -------
        AdaptiveLogisticRegression
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong, y does not have two classes, or a training set
            has only one of them. The message states which.

        Warns
        -----
        ConvergenceWarning
            The search or the last fit did not reach `tol`, or the deviance of a fold is uncertain.
        """
        design = self._opened(X, y)
        m = design.shape[0]
        odds = as_odds(self, y, sample_weight, m).weighted(self.class_weight)
        odds.check_both(self)
        splits = class_splits(self, X, odds, routed(self, sample_weight, params)[0])
        self.classes_ = odds.classes
        shift = offset_of(offset, m)
        objective = self._searched(design, odds.share, odds.weights, shift, splits)
        self._finish(X, design, odds.share, objective)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute the share of rows, or of trials, whose class is predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Labels, shares or counts, as `target` states.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like of shape (n_samples,) or None, default=None
            Known part of the prediction, added to Xw + b. None means zeros.

        Returns
        -------
        float
            The share, weighted by `sample_weight`.

        Raises
        ------
        ValueError
            X has other features than the fit, a value is NaN or infinite, or y is not what `target`
            states.
        """
        return self._accuracy(X, y, sample_weight, offset)

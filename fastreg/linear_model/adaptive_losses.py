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
from fastreg.linear_model.logistic import Classifier
from fastreg.linear_model.odds import as_odds
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.poisson import Counting
from fastreg.linear_model.routing import routed, router, splits_of
from fastreg.linear_model.state import atomic
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
        """Who asks for what of the parameters of `fit`: see scikit-learn's guide to routing."""
        return router(self, splitter=self.cv)


class AdaptivePoissonRegressor(_AdaptiveLoss, Counting):
    """Poisson regression with one strength a group of features, found by gradient.

        P(w, b) = (1/S) Σ_i s_i (exp z_i − y_i z_i)
                  + Σ_g alpha_g Σ_{j in g} (l1_ratio·│w_j│ + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    The mean deviance over folds is followed along its exact gradient by log alpha_g, from the best
    common alpha on: the held-out deviance is never worse than there (Foo, Do & Ng, NIPS 2007; see
    `fastreg.selection.adaptive_losses`). With L1 it has kinks, where a feature enters or leaves,
    and the search may end at one. It earns its place where groups differ; for a single alpha
    `PoissonRegressorCV` is as good.

    Parameters
    ----------
    groups : (n,) labels, or None for a single group
    l1_ratio : float in [0, 1], share of L1
    cv : int (None is 5), splitter, or iterable of (training rows, test rows)
    alpha_bounds : (least, largest)
        Between which every alpha_g stays, in units of the least common alpha that holds all
        coefficients at zero; of an l1_ratio below 1e-3 that of 1e-3.
    fit_intercept : bool, whether b is free; it is never penalised
    max_iter : int, Newton steps of each fit
    tol : float > 0
        Relative change of the deviance at which the search ends, and certified relative gap of the
        last fit.
    max_features : int, up to which an (n, n) matrix is kept

    Attributes
    ----------
    group_alphas_ : (G,), in the order of `groups_`, the labels
    alpha_ : (n,), that of each feature
    error_, equal_error_ : held-out mean deviance, and that of the best common alpha
    error_gradient_ : (G,), of error_ by log alpha_g
    history_ : deviances on the way
    cv_certificate_ : `fastreg.ChoiceCertificate` of the deviance of each fold
    coef_, intercept_, dual_gap_, certificate_, n_iter_, n_features_in_, feature_names_in_
        As in `PoissonRegressor`.

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

    @atomic()
    @opens_sources
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, **params: Any
    ) -> Self:
        """Find the strengths, then fit to all rows of X (m, n), y (m,) ≥ 0, with weights (m,) ≥ 0
        or None and an offset (m,) of the log means or None; `params` go to the splitter, as in
        `PoissonRegressorCV.fit`.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable; the message names it.

        Warns
        -----
        ConvergenceWarning
            The search or the last fit did not reach `tol`, or the deviance of a fold is uncertain.
        """
        design = self._opened(X, y)
        target, weights = self._counts(y, sample_weight, design.shape[0])
        splits = splits_of(self.cv, X, target, routed(self, sample_weight, params)[0])
        check_training_sets(self, target, weights, splits, lambda end: "counts of zero alone")
        shift = offset_of(offset, design.shape[0])
        objective = self._searched(design, target, weights, shift, splits)
        self._finish(X, design, target, objective)
        return self


class AdaptiveLogisticRegression(_AdaptiveLoss, Classifier):
    """Logistic regression of two classes with one strength a group of features, found by gradient.

        P(w, b) = (1/S) Σ_i s_i log(1 + exp(−y_i z_i))
                  + Σ_g alpha_g Σ_{j in g} (l1_ratio·│w_j│ + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    As `AdaptivePoissonRegressor`, by the mean deviance of folds that have as much of either class.
    alpha is 1/(C·S) in terms of `LogisticRegression`.

    Parameters
    ----------
    class_weight : dict of class and weight, "balanced" or None, as in `LogisticRegression`
    target : "labels", "proportions" or "counts", what y is, as in `LogisticRegression`
    groups, l1_ratio, cv, alpha_bounds, fit_intercept, max_iter, tol, max_features
        As in `AdaptivePoissonRegressor`.

    Attributes
    ----------
    group_alphas_, alpha_, groups_, error_, equal_error_, error_gradient_, history_, cv_certificate_
        As in `AdaptivePoissonRegressor`.
    classes_, coef_, intercept_, dual_gap_, certificate_, n_iter_, n_features_in_, feature_names_in_
        As in `LogisticRegression`.

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
        name: Classifier._parameter_constraints[name] for name in ("class_weight", "target")
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

    @atomic()
    @opens_sources
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, **params: Any
    ) -> Self:
        """Find the strengths, then fit to all rows of X (m, n), y as `target` says, with weights
        (m,) ≥ 0 or None and an offset (m,) of the log odds or None; `params` go to the splitter, as
        in `LogisticRegressionCV.fit`.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable, y has other than two classes, or a
            training set has one of them alone; the message says which.

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
        """The share of rows, or of trials, whose class is predicted; parameters as in `fit`, errors
        as in `LogisticRegression.score`."""
        return self._accuracy(X, y, sample_weight, offset)

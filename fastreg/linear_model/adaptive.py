"""`AdaptiveRidge`: strengths of groups of features that follow the gradient of a held-out error."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from fastreg.design import as_design, as_weights
from fastreg.linear_model.base import LinearRegressor, ridge_terms, single_target
from fastreg.selection.adaptive import Adapted, HeldOut, adapt, evidence, folds_of
from fastreg.selection.cross_validation import Validation
from fastreg.selection.folds import as_splits
from fastreg.solvers import solve

Array = np.ndarray


class AdaptiveRidge(LinearRegressor):
    """Ridge regression with one strength a group of features, found by gradient.

        ‖y − Xw − b‖² + Σ_g alpha_g ‖w_g‖²

    `method="cv"` minimises the mean squared error over folds by its exact gradient with respect to
    log alpha_g, from the best common alpha on: the held-out error is never worse than there. X is
    read once for it. It earns its place where groups differ; for a single alpha `RidgeCV` is as
    good. `method="evidence"` is MacKay's fixed point, for a single alpha.

    Parameters
    ----------
    groups : (n,) labels, or None for a single group
    method : "cv" or "evidence"
    cv : int (None is 5), splitter, or iterable of (training rows, test rows), whose test rows are
        all that a split leaves out, each row in one
    alpha_bounds : (least, largest), between which every alpha_g stays
    fit_intercept : bool
    tol : float > 0, relative change of the error at which the search ends
    max_features : int, up to which an (n, n) matrix for each fold is kept

    Attributes
    ----------
    group_alphas_ : (G,), in the order of `groups_`, the labels
    alpha_ : (n,), that of each feature
    error_, equal_error_ : held-out mean squared error, and that of the best common alpha; for
        "evidence" the noise variance
    error_gradient_ : (G,), of error_ by log alpha_g: zero but at the bounds
    history_ : errors on the way ("evidence": alphas)
    coef_, intercept_, dual_gap_, certificate_, n_iter_, n_features_in_, feature_names_in_

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 60))
    >>> y = X[:, :10] @ rng.standard_normal(10) + rng.standard_normal(200)
    >>> groups = np.repeat(["signal", "noise"], [10, 50])
    >>> model = fastreg.AdaptiveRidge(groups=groups).fit(X, y)
    >>> alphas = dict(zip(model.groups_, model.group_alphas_))
    >>> bool(alphas["noise"] > 10 * alphas["signal"]), bool(model.error_ < model.equal_error_)
    (True, True)
    """

    _parameter_constraints = {
        "groups": ["array-like", None],
        "method": [StrOptions({"cv", "evidence"})],
        "cv": ["cv_object"],
        "alpha_bounds": ["array-like"],
        "fit_intercept": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_features": [Interval(Integral, 1, None, closed="left")],
    }
    positive, warm_start, max_iter = False, False, None

    def __init__(
        self,
        groups=None,
        *,
        method="cv",
        cv=None,
        alpha_bounds=(1e-6, 1e9),
        fit_intercept=True,
        tol=1e-9,
        max_features=3000,
    ):
        self.groups = groups
        self.method = method
        self.cv = cv
        self.alpha_bounds = alpha_bounds
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_features = max_features

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags

    def fit(self, X, y, sample_weight=None):
        """Find the strengths, then fit to all rows of X (m, n), y (m,), with weights or None.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable; the message names it.

        Warns
        -----
        ConvergenceWarning
            The search ended before it had converged.
        """
        self._validate_params()
        design = as_design(X)
        m, n = design.shape
        target = single_target(y, m)
        weights = as_weights(sample_weight, m)
        labels, groups = self._groups(n)
        if n > self.max_features:
            raise ValueError(f"X has {n} features, more than max_features={self.max_features}")
        if self.method == "evidence":
            if len(labels) > 1:
                raise ValueError("method='evidence' knows a single group of features")
            found = evidence(design, target, weights, self.fit_intercept, self.tol)
        else:
            found = self._adapted(design, target, weights, groups)
        alpha = found.alphas[groups]
        terms = ridge_terms(alpha, weights, m, self.fit_intercept)
        solution = solve(design, target[:, None], terms, tol=1e-10)
        self._check_names(X)
        self._set(solution, flat=True)
        self.groups_, self.group_alphas_, self.alpha_ = labels, found.alphas, alpha
        self.error_, self.equal_error_ = found.error, found.equal_error
        self.error_gradient_, self.history_ = found.gradient, found.history
        if not found.converged:
            slope = np.abs(found.gradient).max() / max(found.error, 1e-300)
            warnings.warn(
                f"AdaptiveRidge stopped after {len(found.history)} errors with a relative slope of "
                f"{slope:.1e} by log alpha; raise tol, now {self.tol:g}.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _fitted_terms(self, weights, m):
        return ridge_terms(self.alpha_, weights, m, self.fit_intercept)

    def _groups(self, n: int) -> tuple[Array, Array]:
        if self.groups is None:
            return np.zeros(1, int), np.zeros(n, int)
        groups = np.asarray(self.groups)
        if groups.shape != (n,):
            raise ValueError(f"groups must have shape ({n},), got {groups.shape}")
        labels, inverse = np.unique(groups, return_inverse=True)
        return labels, inverse

    def _adapted(self, design: Any, y: Array, weights: Array | None, groups: Array) -> Adapted:
        from sklearn.model_selection import check_cv  # slow to import

        bounds = np.asarray(self.alpha_bounds, float)
        if bounds.shape != (2,) or not 0.0 < bounds[0] < bounds[1] < np.inf:
            raise ValueError(f"alpha_bounds must be 0 < least < largest, got {self.alpha_bounds!r}")
        if not self.fit_intercept:
            raise ValueError("fit_intercept=False is not provided for by method='cv'")
        splits = check_cv(self.cv).split(np.zeros((len(y), 1)), y)
        validation = Validation(
            design, y, weights, as_splits(splits, len(y)), True, widest=self.max_features
        )
        cells = validation.cells
        if (
            cells is None
            or any(
                len(own) != cells.count - len(held)
                for own, held in zip(cells.training, cells.test, strict=True)
            )
            or validation.n_splits != cells.count
        ):
            raise ValueError("cv must leave each row out once, and train on all others")
        if validation.whole is None:
            raise ValueError(
                "X is too large to be squared, or sparse with means that dwarf their spread: "
                "change its units or offsets"
            )
        folds, unit = folds_of(validation.parts)
        return adapt(HeldOut(folds, unit, groups), (bounds[0], bounds[1]), self.tol)

"""`AdaptiveRidge`, `AdaptiveElasticNet`: strengths that follow the gradient of a held-out error."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from fastreg import kernels
from fastreg._jit import single_threaded_blas
from fastreg._warnings import warn_of_convergence
from fastreg.certificate import relative_to
from fastreg.certificate.training import CERTAIN
from fastreg.design import Design, as_design
from fastreg.linear_model.base import ChoosingRegressor, ridge_objective, warn_of_choice
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.routing import routed, splits_of
from fastreg.linear_model.state import atomic
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.problems.in_memory import with_zeros
from fastreg.selection.adaptive import Adapted, HeldOut, HeldOutNet, adapt, evidence, folds_of
from fastreg.selection.choice import ChoiceCertificate
from fastreg.selection.cross_validation import MakeObjective, Validation
from fastreg.selection.folds import Split, check_weights
from fastreg.selection.group_kernels import HeldOutByKernels
from fastreg.selection.loss_fits import LossFits
from fastreg.selection.row_fits import RowFits, weights_of
from fastreg.solvers import solve

Array = np.ndarray
_FINAL = 1e-10  # relative gap of the fit to all rows
MOST = 1000  # steps of fits to the training sets of folds


class Searching:
    """What all searches by gradient share: groups, bounds, what their errors are worth, the
    report."""

    groups: Any
    tol: float
    max_features: int
    groups_: Array
    error_: float
    equal_error_: float
    error_gradient_: Array
    history_: Any
    cv_certificate_: ChoiceCertificate

    def _groups(self, n: int) -> tuple[Array, Array]:
        if self.groups is None:
            return np.zeros(1, int), np.zeros(n, int)
        groups = np.asarray(self.groups)
        if groups.shape != (n,):
            raise ValueError(f"groups must have shape ({n},), got {groups.shape}")
        labels, inverse = np.unique(groups, return_inverse=True)
        return labels, inverse

    def _bounds(self, bounds: Any, name: str) -> tuple[float, float]:
        pair = np.asarray(bounds, float)
        if pair.shape != (2,) or not 0.0 < pair[0] < pair[1] < np.inf:
            raise ValueError(f"{name} must be 0 < least < largest, got {bounds!r}")
        return float(pair[0]), float(pair[1])

    def _check_width(self, n: int) -> None:
        if n > self.max_features:
            raise ValueError(
                f"max_features={self.max_features} is less than the {n} features of X: raise it"
            )

    def _certify(self, fits: Sequence[RowFits | LossFits], error: float) -> None:
        """Errors of folds at the strengths that were found, by fits to their rows; where their mean
        is not what the search has seen, that is as uncertain."""
        with single_threaded_blas:
            found = [fit.verdict(np.ones(1), None) for fit in fits]
        each, bound, gap, met = (np.stack(part, axis=1) for part in zip(*found, strict=True))
        apart = abs(error - float(each.mean()))
        met &= apart <= CERTAIN * max(error, 1e-300)
        relative = relative_to(bound + apart, each)
        self.cv_certificate_ = ChoiceCertificate(relative, gap, 0.0, met)
        warn_of_choice(self, self.cv_certificate_)

    def _report(self, found: Adapted, labels: Array) -> None:
        self.groups_, self.history_ = labels, found.history
        self.error_, self.equal_error_ = found.error, found.equal_error
        self.error_gradient_ = found.gradient
        if not found.converged:
            slope = np.abs(found.gradient).max() / max(found.error, 1e-300)
            warn_of_convergence(
                f"{type(self).__name__} stopped after {len(found.history)} errors with a relative "
                f"slope of {slope:.1e} by log alpha; raise tol, now {self.tol:g}."
            )


class _Adaptive(Searching, ChoosingRegressor):
    """What both regressions of squares share: folds, and their errors."""

    max_iter = None

    def _partition(self, splits: Sequence[Split], weights: Array | None, m: int) -> Sequence[Split]:
        """Splits that leave each of m rows out once, and train on the others."""
        if not self.fit_intercept:
            raise ValueError("fit_intercept must be True with method='cv', got False")
        held = np.concatenate([test for _, test in splits])
        once = len(held) == m == len(np.unique(held))
        rest = (np.bincount(np.concatenate(pair), minlength=m) for pair in splits)
        if not once or not all((count == 1).all() for count in rest):
            raise ValueError("cv must leave each row out once, and train on all others")
        check_weights(weights, splits)
        return splits

    def _validation(
        self, design: Any, y: Array, weights: Array | None, splits: Sequence[Split]
    ) -> Validation:
        """Moments of folds that leave each row out once."""
        self._check_width(design.shape[1])
        splits = self._partition(splits, weights, len(y))
        design = _without_constants(design, weights) if design.is_sparse else design
        validation = Validation(design, y, weights, splits, True, widest=self.max_features)
        if validation.whole is None:
            raise ValueError(
                "X is too large to be squared, or sparse with means that dwarf their spread: "
                "change its units, or subtract a constant from each column"
            )
        return validation


def _row_fits(
    X: Design, y: Array, weights: Array | None, splits: Sequence[Split], make: MakeObjective
) -> list[RowFits]:
    """The fits of all folds, as exact as rounding allows."""
    folds = (weights_of(split, len(y), weights) for split in splits)
    return [RowFits(X, y, train, test, make, 0.0, MOST) for train, test in folds]


def _without_constants(X: Design, weights: Array | None) -> Design:
    """A sparse X with zeros for its constant columns, which the intercept explains: about an
    origin of zero their spread is the rounding of their mean."""
    seen = kernels.survey(X.storage, weights=weights)
    low, high = with_zeros(X, seen.low, seen.high)
    constant = (low == high) & (low != 0.0)
    if not constant.any():
        return X
    indices, indptr = X.matrix.indices, X.matrix.indptr
    by_rows = X.matrix.format == "csr"
    held = constant[indices] if by_rows else np.repeat(constant, np.diff(indptr))
    values = np.where(held, X.matrix.data.dtype.type(0), X.matrix.data)
    return as_design(type(X.matrix)((values, indices, indptr), shape=X.shape))


class AdaptiveRidge(_Adaptive):
    """Fit ridge regression with one alpha for each group of features.

    The search starts from the best common alpha and follows the exact gradient of the held-out
    error. The result is never worse on held-out rows than that start. It helps if groups differ;
    for one alpha `RidgeCV` is as good.

    Parameters
    ----------
    groups : array-like of shape (n_features,) or None, default=None
        Label of the group of each feature. None puts all features into one group.
    method : {"cv", "evidence"}, default="cv"
        What chooses the alphas. "cv" minimises the held-out error. "evidence" maximises the
        marginal likelihood of one common alpha.
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). Each row
        is in one test set, and its fold trains on all others. None means 5 folds.
    alpha_bounds : tuple of (least, largest), default=(1e-6, 1e9)
        Range of every alpha.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    tol : float, default=1e-9
        Relative change of the held-out error at which the search ends, above 0.
    max_features : int, default=3000
        Largest n_features for which the search may keep matrices of shape (n_features, n_features).
        If n_features > n_samples, it keeps matrices of shape (n_samples, n_samples) instead,
        whatever this is.

    Attributes
    ----------
    alpha_ : ndarray of shape (n_features,)
        Alpha of each feature.
    groups_ : ndarray of shape (n_groups,)
        Labels of the groups, sorted.
    group_alphas_ : ndarray of shape (n_groups,)
        Alpha of each group, in the order of `groups_`.
    error_ : float
        Held-out mean squared error; for "evidence" the noise variance.
    equal_error_ : float
        Held-out mean squared error of the best common strength.
    error_gradient_ : ndarray of shape (n_groups,)
        Derivatives of `error_` by log alpha; zero except at the bounds.
    history_ : list
        Held-out errors along the search; for "evidence" the alphas.
    cv_certificate_ : ChoiceCertificate
        How wrong the error of each fold may be. Set by the method "cv".
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
    RidgeCV : Choose one alpha for all features.
    AdaptiveElasticNet : Choose L1 strengths as well.

    Notes
    -----
    The fit minimises::

        ‖y − Xw − b‖² + Σ_g alpha_g ‖w_g‖²

    X is read once for the search, or once for each group if n_features > n_samples. For gradients
    of a held-out error see [1]_. The method "evidence" is the fixed point of [2]_.

    References
    ----------
    .. [1] Foo C.-S., Do C., Ng A., "Efficient multiple hyperparameter learning for log-linear
       models", NIPS 2007.
    .. [2] MacKay D., "Bayesian interpolation", Neural Comput. 4, 1992.

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

    group_alphas_: Array
    alpha_: Array

    _parameter_constraints = {
        "groups": ["array-like", None],
        "method": [StrOptions({"cv", "evidence"})],
        "cv": ["cv_object"],
        "alpha_bounds": ["array-like"],
        "fit_intercept": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_features": [Interval(Integral, 1, None, closed="left")],
    }

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
    ) -> None:
        self.groups = groups
        self.method = method
        self.cv = cv
        self.alpha_bounds = alpha_bounds
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_features = max_features

    @atomic()
    @opens_sources
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> Self:
        """Choose the alphas, then fit to all rows.

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
        AdaptiveRidge
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.

        Warns
        -----
        ConvergenceWarning
            The search ended before it converged, or the error of a fold is uncertain.
        """
        design, target, weights = self._read(X, y, sample_weight)
        labels, groups = self._groups(design.shape[1])
        asked, _ = routed(self, sample_weight, params)
        if self.method == "evidence":
            if len(labels) > 1:
                raise ValueError(
                    f"method='evidence' needs a single group, got {len(labels)} in groups"
                )
            self._check_width(design.shape[1])
            found = evidence(design, target, weights, self.fit_intercept, self.tol)
        else:
            bounds = self._bounds(self.alpha_bounds, "alpha_bounds")
            splits = splits_of(self.cv, X, target, asked)
            held_out = self._held_out(design, target, weights, groups, splits)
            found = adapt(held_out, bounds, self.tol)
        alpha = found.alphas[groups]
        if self.method == "cv":

            def make(own: Array | None, strengths: Array | None) -> Objective:
                objective = ridge_objective(alpha, own, len(target), True)
                return dataclasses.replace(objective, strength=strengths)

            self._certify(_row_fits(design, target, weights, splits, make), found.error)
        objective = ridge_objective(alpha, weights, len(target), self.fit_intercept)
        self._finish(X, solve(design, target[:, None], objective, tol=_FINAL))
        self.group_alphas_, self.alpha_ = found.alphas, alpha
        self._report(found, labels)
        return self

    def _held_out(
        self, design: Any, y: Array, weights: Array | None, groups: Array, splits: Sequence[Split]
    ) -> HeldOut:
        m, n = design.shape
        if n <= m:
            return HeldOut(*folds_of(self._validation(design, y, weights, splits).parts), groups)
        return HeldOutByKernels(design, y, weights, self._partition(splits, weights, m), groups)

    def _fitted_objective(self, weights, m):
        return ridge_objective(self.alpha_, weights, m, self.fit_intercept)


class AdaptiveElasticNet(_Adaptive):
    """Fit the elastic net with two strengths for each group of features.

    The search starts from the best of a grid of common strengths and follows the exact gradient of
    the held-out error. The result is never worse on held-out rows than that start.

    Parameters
    ----------
    groups : array-like of shape (n_features,) or None, default=None
        Label of the group of each feature. None puts all features into one group.
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). Each row
        is in one test set, and its fold trains on all others. None means 5 folds.
    bounds : tuple of (least, largest), default=(1e-6, 1e3)
        Range of every strength. The unit of L1 strengths is the least that holds all coefficients
        at zero. The unit of ridge strengths is the mean variance of the features.
    tol : float, default=1e-9
        Relative change of the held-out error at which the search ends, above 0.
    max_features : int, default=3000
        Largest n_features for which the search may keep matrices of shape (n_features, n_features).

    Attributes
    ----------
    l1_ : ndarray of shape (n_features,)
        L1 strength of each feature.
    l2_ : ndarray of shape (n_features,)
        Ridge strength of each feature.
    groups_ : ndarray of shape (n_groups,)
        Labels of the groups, sorted.
    group_l1_ : ndarray of shape (n_groups,)
        L1 strength of each group, in the order of `groups_`.
    group_l2_ : ndarray of shape (n_groups,)
        Ridge strength of each group, in the order of `groups_`.
    error_ : float
        Held-out mean squared error.
    equal_error_ : float
        Held-out mean squared error of the best common strength.
    error_gradient_ : ndarray of shape (2 * n_groups,)
        Derivatives of `error_` by log l1_g, then by log l2_g.
    history_ : list
        Held-out errors along the search.
    cv_certificate_ : ChoiceCertificate
        How wrong the error of each fold may be.
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
    ElasticNetCV : Choose one strength for all features.
    AdaptiveRidge : Choose ridge strengths alone.

    Notes
    -----
    The fit minimises::

        ‖y − Xw − b‖²/(2m) + Σ_g (l1_g ‖w_g‖₁ + ½ l2_g ‖w_g‖²)

    The held-out error has a kink where a feature enters or leaves the fit. The search may end at a
    kink, where the slope is not zero. X is read once for the search. For gradients of a held-out
    error see [1]_.

    References
    ----------
    .. [1] Foo C.-S., Do C., Ng A., "Efficient multiple hyperparameter learning for log-linear
       models", NIPS 2007.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 30))
    >>> y = X[:, :3] @ [2.0, -1.0, 1.0] + rng.standard_normal(100)
    >>> model = fastreg.AdaptiveElasticNet().fit(X, y)
    >>> bool(model.group_l1_[0] > 0), np.flatnonzero(abs(model.coef_) > 0.5)
    (True, array([0, 1, 2]))
    """

    group_l1_: Array
    group_l2_: Array
    l1_: Array
    l2_: Array

    _parameter_constraints = {
        name: constraint
        for name, constraint in AdaptiveRidge._parameter_constraints.items()
        if name not in ("method", "alpha_bounds", "fit_intercept")
    } | {"bounds": ["array-like"]}
    fit_intercept = True

    def __init__(
        self,
        groups=None,
        *,
        cv=None,
        bounds=(1e-6, 1e3),
        tol=1e-9,
        max_features=3000,
    ) -> None:
        self.groups = groups
        self.cv = cv
        self.bounds = bounds
        self.tol = tol
        self.max_features = max_features

    @atomic()
    @opens_sources
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> Self:
        """Choose the strengths, then fit to all rows.

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
        AdaptiveElasticNet
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.

        Warns
        -----
        ConvergenceWarning
            The search ended before it converged, or the error of a fold is uncertain.
        """
        design, target, weights = self._read(X, y, sample_weight)
        labels, groups = self._groups(design.shape[1])
        bounds = self._bounds(self.bounds, "bounds")
        splits = splits_of(self.cv, X, target, routed(self, sample_weight, params)[0])
        validation = self._validation(design, target, weights, splits)
        folds, unit = folds_of(validation.parts)
        largest = validation.largest() or 1.0
        held_out = HeldOutNet(folds, unit, groups, largest)
        found = adapt(held_out, bounds, self.tol)
        l1, l2 = np.split(found.alphas * held_out.units, 2)
        objective = Objective(l2[groups][:, None], L1(l1[groups]), weights)

        def make(own: Array | None, strengths: Array | None) -> Objective:
            return dataclasses.replace(objective, weights=own, strength=strengths)

        self._certify(_row_fits(design, target, weights, splits, make), found.error)
        self._finish(X, solve(design, target[:, None], objective, tol=_FINAL))
        self.group_l1_, self.group_l2_ = l1, l2
        self.l1_, self.l2_ = l1[groups], l2[groups]
        self._report(found, labels)
        return self

    def _fitted_objective(self, weights, m):
        return Objective(self.l2_[:, None], L1(self.l1_), weights)

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
            raise ValueError(f"X has {n} features, more than max_features={self.max_features}")

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
            raise ValueError("fit_intercept=False is not provided for by method='cv'")
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
                "change its units or offsets"
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
    """Ridge regression with one strength a group of features, found by gradient.

        ‖y − Xw − b‖² + Σ_g alpha_g ‖w_g‖²

    `method="cv"` minimises the mean squared error over folds by its exact gradient with respect to
    log alpha_g, from the best common alpha on: the held-out error is never worse than there. X is
    read once for it, once a group if n > m. It earns its place where groups differ; for a single
    alpha `RidgeCV` is as good. `method="evidence"` is MacKay's fixed point, for a single alpha.

    Parameters
    ----------
    groups : (n,) labels, or None for a single group
    method : "cv" or "evidence"
    cv : int (None is 5), splitter, or iterable of (training rows, test rows), whose test rows are
        all that a split leaves out, each row in one
    alpha_bounds : (least, largest), between which every alpha_g stays
    fit_intercept : bool
    tol : float > 0, relative change of the error at which the search ends
    max_features : int, up to which an (n, n) matrix for each fold is kept; if n > m, an (m, m)
        matrix for each group is, whatever n

    Attributes
    ----------
    group_alphas_ : (G,), in the order of `groups_`, the labels
    alpha_ : (n,), that of each feature
    error_, equal_error_ : held-out mean squared error, and that of the best common alpha; for
        "evidence" the noise variance
    error_gradient_ : (G,), of error_ by log alpha_g: zero but at the bounds
    history_ : errors on the way ("evidence": alphas)
    cv_certificate_ : `fastreg.ChoiceCertificate`, how wrong the error of each fold may be at the
        strengths that were found (`method="cv"`)
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
        """Find the strengths, then fit to all rows of X (m, n), y (m,), with weights or None;
        `params` go to the splitter, as in `LassoCV.fit`.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable; the message names it.

        Warns
        -----
        ConvergenceWarning
            The search ended before it had converged.
        """
        design, target, weights = self._read(X, y, sample_weight)
        labels, groups = self._groups(design.shape[1])
        asked, _ = routed(self, sample_weight, params)
        if self.method == "evidence":
            if len(labels) > 1:
                raise ValueError("method='evidence' knows a single group of features")
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
    """Elastic net whose two strengths, or two for each group of features, are found by gradient.

        ‖y − Xw − b‖²/(2m) + Σ_g (l1_g ‖w_g‖₁ + ½ l2_g ‖w_g‖²)

    The mean squared error over folds is followed along its exact gradient with respect to log l1_g
    and log l2_g, from the best of a grid of common strengths on: the held-out error is never worse
    than there. It has kinks where a feature enters or leaves; the search may end at one, with a
    slope that is not zero. X is read once for it.

    Parameters
    ----------
    groups : (n,) labels, or None for a single group
    cv : int (None is 5), splitter, or iterable of (training rows, test rows), whose test rows are
        all that a split leaves out, each row in one
    bounds : (least, largest), between which every strength stays, of l1 in units of the least that
        holds all coefficients at zero, of l2 in units of the mean variance of the features
    tol : float > 0, relative change of the error at which the search ends
    max_features : int, up to which an (n, n) matrix for each fold is kept

    Attributes
    ----------
    group_l1_, group_l2_ : (G,), in the order of `groups_`, the labels
    l1_, l2_ : (n,), those of each feature
    error_, equal_error_ : held-out mean squared error, and that of the best common pair
    error_gradient_ : (2G,), of error_ by log l1_g, then by log l2_g
    history_ : errors on the way
    cv_certificate_ : `fastreg.ChoiceCertificate`, how wrong the error of each fold may be
    coef_, intercept_, dual_gap_, certificate_, n_iter_, n_features_in_, feature_names_in_

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
        """Find the strengths, then fit to all rows; as `AdaptiveRidge.fit`."""
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

"""Estimators with scikit-learn's names, scales and attributes.

    Ridge        ‖y − Xw − b‖² + alpha·‖w‖²
    ElasticNet   ‖y − Xw − b‖²/(2m) + alpha·l1_ratio·‖w‖₁ + ½·alpha·(1 − l1_ratio)·‖w‖²
    Lasso        ElasticNet with l1_ratio = 1

With sample weights the squares are weighted, and m is their sum. Below the command line,
the only module that knows scikit-learn.
"""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from fastreg import kernels
from fastreg.certificate import KKT, Certificate, Terms
from fastreg.design import as_design, as_target, as_weights, nonfinite_message
from fastreg.penalties import L1, non_negative
from fastreg.solvers import Solution, solve

Array = np.ndarray

_WORKING_PRECISION = 1e-9  # with tol = 0, anything worse is told
# scikit-learn's solver names for Ridge, and the forms that stand for them here.
_RIDGE_SOLVERS = {
    "auto": "auto",
    "cholesky": "direct",
    "svd": "orthogonal",
    "lsqr": "conjugate gradients",
    "sparse_cg": "conjugate gradients",
    "sag": "conjugate gradients",
    "saga": "conjugate gradients",
    "lbfgs": "auto",
}


class _LinearRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """What the estimators share: checks, one call of `solve`, attributes, prediction."""

    coef_: Array
    intercept_: Any
    n_iter_: int
    dual_gap_: Any
    certificate_: Certificate
    n_features_in_: int
    feature_names_in_: Array

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        l2: Any,
        l2_is_total: bool = False,
        l1: float,
        method: str = "auto",
    ) -> _LinearRegressor:
        """Solve, then set every attribute: a fit that fails leaves the old state whole.

        `l2` is a number or (k,), beside the mean square or, `l2_is_total`, beside the sum.
        """
        design = as_design(X)
        target = as_target(y, design.shape[0])
        weights = as_weights(sample_weight, design.shape[0])
        Y = target[:, None] if target.ndim == 1 else target
        strengths = np.atleast_1d(np.asarray(l2, float))
        if strengths.shape not in ((1,), (Y.shape[1],)):
            raise ValueError(
                f"alpha has {strengths.shape[0]} entries for {Y.shape[1]} targets in y"
            )
        if l2_is_total:
            strengths = _per_weight(strengths, weights, design.shape[0])
        kind = non_negative if self.positive else L1
        terms = Terms(strengths[None, :], kind(l1), weights, self.fit_intercept)
        solution = solve(
            design,
            Y,
            terms,
            tol=self.tol,
            max_iter=self.max_iter,
            start=self._start(design.shape[1], Y.shape[1]),
            method=method,
        )
        validate_data(self, X, skip_check_array=True)
        self._set(solution, flat=target.ndim == 1)
        self._warn(solution)
        return self

    def _start(self, n_features: int, n_targets: int) -> Array | None:
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        coef = np.atleast_2d(self.coef_).T
        return coef if coef.shape == (n_features, n_targets) else None

    def _set(self, solution: Solution, *, flat: bool) -> None:
        """A single target gives a flat `coef_`, whether y was (m,) or (m, 1)."""
        single = solution.coef.shape[1] == 1
        self.coef_ = solution.coef[:, 0].copy() if single else solution.coef.T.copy()
        if not self.fit_intercept:
            self.intercept_ = 0.0
        else:
            self.intercept_ = float(solution.intercept[0]) if flat else solution.intercept
        gap = solution.certificate.gap
        self.dual_gap_ = float(gap[0]) if single else gap
        self.n_iter_ = solution.n_iter
        self.certificate_ = solution.certificate

    def _warn(self, solution: Solution) -> None:
        certificate = solution.certificate
        if certificate.by_kkt:
            measure, reached = "KKT residual", float(np.max(certificate.kkt))
            asked = min(self.tol, KKT)
        else:
            measure, reached = "relative duality gap", float(np.max(certificate.relative_gap))
            asked = self.tol
        at_precision = self.tol == 0 and reached <= _WORKING_PRECISION
        if certificate.converged or (at_precision and not solution.exhausted):
            return
        advice = (
            f"raise max_iter, now {self.max_iter or 1000}"
            if solution.exhausted
            else "rounding stopped it: bring the columns of X and y to offsets and units of "
            "their own size, penalise more, or raise tol"
        )
        warnings.warn(
            f"{type(self).__name__} reached a {measure} of {reached:.2e} in "
            f"{solution.n_iter} iterations, {asked:.2e} was asked; {advice}.",
            ConvergenceWarning,
            stacklevel=4,
        )

    def predict(self, X: Any) -> Array:
        """Xw + b.

        Parameters
        ----------
        X : (m, n) array, sparse matrix or frame, with the features of the fit

        Returns
        -------
        (m,) or (m, k) float64

        Raises
        ------
        ValueError
            X has other features than in the fit, or contains NaN or infinity.
        """
        check_is_fitted(self)
        design = as_design(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        coef = np.atleast_2d(self.coef_)
        offsets = np.broadcast_to(self.intercept_, (len(coef),))
        out = np.empty((len(coef), design.shape[0]))
        for theta, offset, row in zip(coef, offsets, out, strict=True):
            theta = np.ascontiguousarray(theta, dtype=np.float64)
            kernels.predict(design.storage, theta, offset=float(offset), out=row)
        message = "" if np.isfinite(out).all() else nonfinite_message(design)
        if message:
            raise ValueError(message)
        return out[0] if self.coef_.ndim == 1 else out.T

    @property
    def sparse_coef_(self) -> Any:
        """`coef_` as a scipy CSR matrix."""
        return scipy.sparse.csr_matrix(self.coef_)


class ElasticNet(_LinearRegressor):
    """Least squares with an L1 and a ridge penalty, certified.

        P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·l1_ratio·‖w‖₁ + ½·alpha·(1 − l1_ratio)·‖w‖²

    Parameters
    ----------
    alpha : float ≥ 0, strength of the penalty
    l1_ratio : float in [0, 1], share of L1
    fit_intercept : bool, whether b is free; it is never penalised
    max_iter : int, epochs of coordinate descent (a Newton step counts as one)
    tol : float ≥ 0
        Certified relative gap to reach: P(w, b) − min P ≤ tol·‖y − ȳ‖²/(2m). 0 runs to
        working precision. Without a penalty no gap can be known: then the KKT residual, the
        largest slope left over the largest at w = 0, is to be min(tol, 1e-7).
    warm_start : bool, start from `coef_` of the last fit
    positive : bool, require w ≥ 0
    precompute, copy_X, random_state, selection
        Accepted so that code written for scikit-learn runs; without effect. X is never
        copied and never changed.

    Attributes
    ----------
    coef_ : (n,) or (k, n) float64
    intercept_ : float or (k,)
    dual_gap_ : float or (k,), certified bound on P(w, b) − min P
    certificate_ : `fastreg.Certificate`: relative gap, KKT residual, method, passes over X
    n_iter_ : int, epochs used
    n_features_in_, feature_names_in_

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]), np.array([0.0, 1.0, 2.0])
    >>> model = fastreg.ElasticNet(alpha=0.1).fit(X, y)
    >>> model.coef_.round(4)
    array([0.8605, 0.    ])
    >>> bool(model.certificate_.relative_gap[0] <= model.tol)
    True
    """

    _parameter_constraints = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "precompute": ["boolean", "array-like"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "copy_X": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "positive": ["boolean"],
        "random_state": ["random_state"],
        "selection": [StrOptions({"cyclic", "random"})],
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        l1_ratio=0.5,
        fit_intercept=True,
        precompute=False,
        max_iter=1000,
        copy_X=True,
        tol=1e-4,
        warm_start=False,
        positive=False,
        random_state=None,
        selection="cyclic",
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def fit(self, X, y, sample_weight=None):
        """Fit to X (m, n), y (m,) or (m, k), and weights (m,) ≥ 0 or None.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable; the message names it.

        Warns
        -----
        ConvergenceWarning
            `tol` was not reached; the message has the gap reached and the gap asked.
        """
        self._validate_params()
        _check_finite_params(self)
        l1_ratio = getattr(self, "l1_ratio", 1.0)
        return self._fit(
            X,
            y,
            sample_weight,
            l2=self.alpha * (1.0 - l1_ratio),
            l1=float(self.alpha * l1_ratio),
        )


class Lasso(ElasticNet):
    """Least squares with an L1 penalty, certified: `ElasticNet` with l1_ratio = 1.

        P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·‖w‖₁

    Parameters, attributes and errors are those of `ElasticNet`, without `l1_ratio`.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]), np.array([0.0, 1.0, 2.0])
    >>> fastreg.Lasso(alpha=0.1).fit(X, y).coef_.round(4)
    array([0.85, 0.  ])
    """

    _parameter_constraints = {
        name: constraint
        for name, constraint in ElasticNet._parameter_constraints.items()
        if name != "l1_ratio"
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        precompute=False,
        copy_X=True,
        max_iter=1000,
        tol=1e-4,
        warm_start=False,
        positive=False,
        random_state=None,
        selection="cyclic",
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection


class Ridge(_LinearRegressor):
    """Least squares with a ridge penalty, certified; alpha = 0 is least squares itself.

        ‖y − Xw − b‖² + alpha·‖w‖²

    Parameters
    ----------
    alpha : float ≥ 0 or (k,) array, one a target
        0 is least squares; where X leaves it open, the solution of least norm, for m ≥ n
        measured in columns scaled to length 1.
    fit_intercept : bool, whether b is free; it is never penalised
    max_iter : int or None, steps of an iterative solver; None is 1000
    tol : float ≥ 0
        Certified relative gap, as in `ElasticNet`; factorisations go to working precision
        whatever it says.
    solver : str
        "auto" picks by shape; "cholesky" factorises the Gram or the kernel matrix, "svd" an
        orthogonal factor, "sparse_cg", "lsqr", "sag" and "saga" are conjugate gradients.
    positive : bool, require w ≥ 0
    warm_start : bool, start an iterative solver from `coef_` of the last fit
    copy_X, random_state
        Accepted so that code written for scikit-learn runs; without effect. X is never
        copied and never changed.

    Attributes
    ----------
    coef_ : (n,) or (k, n) float64
    intercept_ : float or (k,)
    dual_gap_ : float or (k,), certified bound on the objective over 2·Σw less its minimum
    certificate_ : `fastreg.Certificate`
    n_iter_ : int, refinements of a factorisation, or steps
    solver_ : str, how the answer was found
    n_features_in_, feature_names_in_

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> model = fastreg.Ridge(alpha=2.0).fit(X, y)
    >>> model.coef_, model.intercept_
    (array([1.]), 2.0)
    """

    _parameter_constraints = {
        "alpha": [Interval(Real, 0, None, closed="left"), "array-like"],
        "fit_intercept": ["boolean"],
        "copy_X": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "solver": [StrOptions(set(_RIDGE_SOLVERS))],
        "positive": ["boolean"],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        copy_X=True,
        max_iter=None,
        tol=1e-4,
        solver="auto",
        positive=False,
        warm_start=False,
        random_state=None,
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Fit to X (m, n), y (m,) or (m, k), and weights (m,) ≥ 0 or None.

        Raises and warns as `ElasticNet.fit`.
        """
        self._validate_params()
        _check_finite_params(self)
        self._fit(
            X,
            y,
            sample_weight,
            l2=self.alpha,
            l2_is_total=True,
            l1=0.0,
            method="auto" if self.positive else _RIDGE_SOLVERS[self.solver],
        )
        self.solver_ = self.certificate_.method
        return self


def _per_weight(alpha: Array, weights: Array | None, n_rows: int) -> Array:
    """alpha/Σw: a strength beside the mean square. Weights of 1e300 do not overflow."""
    if weights is None:
        return alpha / n_rows
    top = weights.max()
    with np.errstate(over="ignore"):  # 1e306 holds every coefficient at zero as well
        return np.minimum(alpha / top / (weights / top).sum(), 1e306)


def _check_finite_params(model: Any) -> None:
    """scikit-learn's intervals let infinity pass, and see into no array."""
    for name in ("alpha", "tol"):
        try:
            values = np.asarray(getattr(model, name), float)
        except (TypeError, ValueError, OverflowError):
            values = np.array(np.nan)
        if values.ndim > 1 or not np.isfinite(values).all() or (values < 0).any():
            raise ValueError(
                f"The '{name}' parameter of {type(model).__name__} must be finite and "
                f"non-negative, a number or one a target. Got {getattr(model, name)!r} instead."
            )

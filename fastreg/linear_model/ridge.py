"""`Ridge`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from fastreg.design import as_design, as_target, feature_names
from fastreg.linear_model.base import LinearRegressor, check_finite_params, ridge_objective
from fastreg.linear_model.opening import note_source, opens_sources
from fastreg.linear_model.state import atomic, check_features
from fastreg.penalties import L1, non_negative
from fastreg.sources import as_source
from fastreg.statistics import SufficientStatistics

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


class Ridge(LinearRegressor):
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
    n_iter_ : int, refinements of a factorisation, or steps; of a solver that is asked for and
        iterates (k,), one a target
    solver_ : str, the solver asked for, or what comes next to it where "auto" was;
        `certificate_.method` says how the answer was found
    statistics_ : `fastreg.SufficientStatistics` of all rows, after `partial_fit`
    n_features_in_, feature_names_in_

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> model = fastreg.Ridge(alpha=2.0).fit(X, y)
    >>> model.coef_, float(model.intercept_)
    (array([1.]), 2.0)
    """

    solver_: str
    statistics_: SufficientStatistics

    _streams = True
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
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.warm_start = warm_start
        self.random_state = random_state

    @atomic("coef_")
    @opens_sources
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit to X (m, n), y (m,) or (m, k), and weights (m,) ≥ 0 or None; or to what
        `fastreg.read` takes.

        Raises and warns as `ElasticNet.fit`.
        """
        self._validate_params()
        check_finite_params(self)
        self._fit(
            X,
            y,
            sample_weight,
            l2=self.alpha,
            l2_is_total=True,
            l1=0.0,
            method="auto" if self.positive else _RIDGE_SOLVERS[self.solver],
        )
        self.solver_ = self._solver_name()
        return self

    @atomic("statistics_", "n_features_in_", "feature_names_in_")
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Add rows to those of the calls before, and fit to all of them: what `fit` to all at once
        gives, in any order of blocks. `fit` forgets them.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`; a source is read once

        Raises
        ------
        ValueError
            As `fit`, or the rows have other features or targets than those before; the model is as
            it was.
        """
        self._validate_params()
        check_finite_params(self)
        known = getattr(self, "statistics_", None)
        stats = self._statistics_of(X, y, sample_weight, known)
        penalty = (non_negative if self.positive else L1)(0.0)
        self._fit_source(stats, np.atleast_1d(np.asarray(self.alpha, float)), True, penalty)
        self.solver_, self.statistics_ = self._solver_name(), stats
        note_source(self, stats)
        return self

    def _statistics_of(self, X, y, sample_weight, known):
        """Those of the rows, added to the known ones."""
        source = as_source(X, y, sample_weight)
        if source is not None:
            stats = SufficientStatistics.collect(source)
        else:
            design = as_design(X)
            target = as_target(y, design.shape[0])
            width = 1 if target.ndim == 1 else target.shape[1]
            if known is not None:
                check_features(self, X)
            stats = SufficientStatistics(design.shape[1], width)
            stats.update(design, target, sample_weight)
            stats.flat = target.ndim == 1
            names = feature_names(X)
            stats.feature_names = None if names is None else [str(name) for name in names]
        if known is not None and known.n_features != stats.n_features:
            raise ValueError(
                f"X has {stats.n_features} features, but {type(self).__name__} is expecting "
                f"{known.n_features} features as input"
            )
        if known is not None and (known.n_targets, known.flat) != (stats.n_targets, stats.flat):
            raise ValueError(f"y has {stats.n_targets} targets, before it had {known.n_targets}")
        return stats if known is None else known + stats

    def _solver_name(self):
        """In scikit-learn's words."""
        if self.solver != "auto":
            return self.solver
        if self.positive:
            return "lbfgs"
        method = self.certificate_.method
        if "conjugate" in method:
            return "sparse_cg"
        return "svd" if "QR" in method else "cholesky"

    def _steps(self, n_iter, n_targets):
        if _RIDGE_SOLVERS[self.solver] != "conjugate gradients":
            return n_iter
        return np.full(n_targets, n_iter, dtype=np.int32)

    def _fitted_objective(self, weights, m):
        return ridge_objective(self.alpha, weights, m, self.fit_intercept)

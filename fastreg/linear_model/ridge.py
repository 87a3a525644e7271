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
    """Fit linear regression with a ridge penalty.

    With ``alpha=0`` it is least squares. Every fit has a certificate, which bounds its distance
    from the minimum.

    Parameters
    ----------
    alpha : float or array-like of shape (n_targets,), default=1.0
        Strength of the penalty, at least 0; an array has one for each target. With 0, if X allows
        several solutions, the fit returns the one of least norm. For n_samples ≥ n_features that
        norm is measured in columns scaled to length 1.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    copy_X : bool, default=True
        Ignored. X is never copied and never changed.
    max_iter : int or None, default=None
        Largest number of steps of an iterative solver. None means 1000.
    tol : float, default=1e-4
        Relative duality gap to reach, at least 0: an iterative solver stops when the certified gap,
        divided by the objective of the intercept alone, is at most `tol`. A factorisation always
        goes to working precision.
    solver : str, default="auto"
        "auto" chooses by the shape of X. "cholesky" factorises the Gram or the kernel matrix, "svd"
        an orthogonal factor of X. "sparse_cg", "lsqr", "sag" and "saga" are conjugate gradients.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    warm_start : bool, default=False
        Whether an iterative solver starts from the coefficients of the last fit.
    random_state : object, default=None
        Ignored. It exists for compatibility with scikit-learn.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients w.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept b; 0.0 with ``fit_intercept=False``.
    dual_gap_ : float or ndarray of shape (n_targets,)
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : int or ndarray of shape (n_targets,)
        Number of steps, or of refinements of a factorisation.
    solver_ : str
        Solver that was used. `certificate_.method` has the details.
    statistics_ : SufficientStatistics
        Moments of all rows. Set by `partial_fit`.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    RidgeCV : Choose alpha by cross-validation.
    AdaptiveRidge : Choose one alpha for each group of features.

    Notes
    -----
    The fit minimises::

        ‖y − Xw − b‖² + alpha·‖w‖²

    With sample weights the squares are weighted. `dual_gap_` is in units of this objective divided
    by twice the sum of the weights. `n_iter_` is an array if `solver` names an iterative solver.

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
        """Fit the model to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Targets. None where X is a source, which has them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.

        Returns
        -------
        Ridge
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
        """Add rows to those of earlier calls, and fit to all of them.

        The result is that of one `fit` to all rows, whatever their order. `fit` forgets the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features of the new rows. A source is read once.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Targets. None where X is a source, which has them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.

        Returns
        -------
        Ridge
            The fitted estimator.

        Raises
        ------
        ValueError
            A shape or a value is wrong, or the rows have other features or targets than those
            before. The model then stays as it was.

        Warns
        -----
        ConvergenceWarning
            The fit did not reach `tol`. The message states both gaps.
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
        """Collect the moments of the rows, and add the known ones."""
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
            raise ValueError(
                f"y must have {known.n_targets} targets, as before, got {stats.n_targets}"
            )
        return stats if known is None else known + stats

    def _solver_name(self):
        """Return the name of the solver in scikit-learn."""
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

"""`LinearRegression`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils._param_validation import Interval

from fastreg.linear_model.base import LinearRegressor, check_finite_params, ridge_objective
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.state import atomic
from fastreg.objectives import Objective
from fastreg.solvers import Solution

Array = np.ndarray


class LinearRegression(LinearRegressor):
    """Fit linear regression without a penalty.

    It is ordinary least squares. Every fit has a certificate, which states how near the fit is to
    its minimum.

    Parameters
    ----------
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    copy_X : bool, default=True
        Ignored. X is never copied and never changed.
    tol : float, default=1e-6
        KKT residual to reach, at least 0. A value above 1e-7 counts as 1e-7. It stops iterative
        solvers, for ``positive=True`` and for sources of many features. A factorisation always goes
        to working precision.
    n_jobs : object, default=None
        Ignored. `fastreg.set_num_threads` sets the number of threads.
    positive : bool, default=False
        Whether to require coefficients of at least 0.

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
    n_iter_ : int
        Number of steps, or of refinements of a factorisation.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    Ridge : Fit with a penalty, or add rows with `partial_fit`.

    Notes
    -----
    The fit minimises::

        ‖y − Xw − b‖²

    With sample weights the squares are weighted. `dual_gap_` is in units of this objective divided
    by twice the sum of the weights. Without a penalty there is mostly no duality gap. Then
    `dual_gap_` is infinite, `certificate_.by_kkt` is True, and the KKT residual decides: the
    largest slope that is left, divided by the largest at w = 0.

    If columns depend on one another, several w reach the minimum. For n_samples < n_features the
    fit returns the w of least norm, as scikit-learn does. For n_samples ≥ n_features it measures
    that norm in centred columns scaled to length 1. Predictions for rows like those of X then agree
    with scikit-learn, but coefficients may differ.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> model = fastreg.LinearRegression().fit(X, y)
    >>> model.coef_.round(12), round(float(model.intercept_), 12)
    (array([2.]), 1.0)
    >>> model.certificate_.converged
    True
    """

    _streams = True
    _parameter_constraints = {
        "fit_intercept": ["boolean"],
        "copy_X": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_jobs": [Integral, None],
        "positive": ["boolean"],
    }
    warm_start, max_iter = False, None

    def __init__(
        self, *, fit_intercept=True, copy_X=True, tol=1e-6, n_jobs=None, positive=False
    ) -> None:
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive

    @atomic()
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
        LinearRegression
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.

        Warns
        -----
        ConvergenceWarning
            The fit did not reach `tol`. The message states both residuals.
        """
        self._validate_params()
        check_finite_params(self)
        return self._fit(X, y, sample_weight, l2=0.0, l1=0.0)

    def _set(self, solution: Solution, *, flat: bool) -> None:
        """Give `coef_` the shape (1, n) for y of one column, as scikit-learn does."""
        super()._set(solution, flat=flat)
        if not flat:
            self.coef_ = np.atleast_2d(self.coef_)

    def _fitted_objective(self, weights: Array | None, m: int) -> Objective:
        return ridge_objective(0.0, weights, m, self.fit_intercept)

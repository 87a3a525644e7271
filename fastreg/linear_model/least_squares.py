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
    """Least squares without a penalty, certified.

        ‖y − Xw − b‖²

    Parameters
    ----------
    fit_intercept : bool, default=True
        Whether b is free.
    copy_X, n_jobs
        Accepted so that code written for scikit-learn runs; without effect. X is never copied and
        never changed.
    tol : float, default=1e-6
        Largest KKT residual, at most 1e-7: the slope left over the largest at w = 0. Factorisations
        go to working precision whatever it says; `positive` and sources of many features go by
        steps.
    positive : bool, default=False
        Require w ≥ 0.

    Attributes
    ----------
    coef_ : (n,), or (k, n) where y was (m, k)
    intercept_ : float or (k,)
    dual_gap_ : float or (k,)
        Certified bound on the objective over 2·Σw less its minimum. Without a penalty there is
        none in most cases, and it is infinite.
    certificate_ : Certificate
        Where there is no such bound, `by_kkt` is true: it goes by the KKT residual.
    n_iter_ : int
        Refinements of a factorisation, or steps.
    n_features_in_, feature_names_in_

    Notes
    -----
    Where columns depend on one another, many w fit as well. With fewer rows than columns the answer
    is the one of least norm ‖w‖, which scikit-learn gives. With as many rows or more it is the one
    of least norm in columns scaled to length 1 about their means: predictions for rows like those
    of X agree with scikit-learn's, coefficients need not. The certificate holds for each of them.

    See Also
    --------
    Ridge : the same with a penalty; alpha = 0 is least squares, and `partial_fit` adds rows.

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
        """Fit to rows in memory, or to what `fastreg.read` takes.

        Parameters
        ----------
        X : (m, n) array, sparse matrix, frame or source
        y : (m,) or (m, k)
        sample_weight : (m,) ≥ 0 or None

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable; the message names it.

        Warns
        -----
        ConvergenceWarning
            `tol` was not reached; the message has the residual reached and the one asked.
        """
        self._validate_params()
        check_finite_params(self)
        return self._fit(X, y, sample_weight, l2=0.0, l1=0.0)

    def _set(self, solution: Solution, *, flat: bool) -> None:
        """As scikit-learn has it, y of one column gives (1, n)."""
        super()._set(solution, flat=flat)
        if not flat:
            self.coef_ = np.atleast_2d(self.coef_)

    def _fitted_objective(self, weights: Array | None, m: int) -> Objective:
        return ridge_objective(0.0, weights, m, self.fit_intercept)

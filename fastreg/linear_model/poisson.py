"""`PoissonRegressor`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import Interval, StrOptions

from fastreg.design import as_weights, counted
from fastreg.linear_model.base import STREAMED, single_target
from fastreg.linear_model.generalized import Generalized, explained
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.state import atomic
from fastreg.losses import Poisson
from fastreg.objectives import offset_of
from fastreg.solvers import Solution

Array = np.ndarray


class Counting(RegressorMixin, Generalized):  # type: ignore[misc]
    """What `PoissonRegressor` and `PoissonRegressorCV` share: what a fit says of new rows."""

    _loss = Poisson()
    _ratio = "rate ratio"

    # What both take.
    _parameter_constraints: dict[str, Any] = {
        "fit_intercept": ["boolean"],
        "solver": [StrOptions({"lbfgs", "newton-cholesky"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "positive": ["boolean"],
        "bounds": ["array-like", tuple, None],
        "penalty_factor": ["array-like", None],
    }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def _set(self, solution: Solution) -> None:
        self.coef_ = solution.coef[:, 0].copy()
        self.intercept_ = solution.intercept[0] if self.fit_intercept else 0.0
        self.n_iter_ = solution.n_iter

    def _counts(self, y: Any, sample_weight: Any, m: int) -> tuple[Array, Array | None]:
        """(y, weights (m,)), checked."""
        weights = as_weights(sample_weight, m)
        target = counted(single_target(y, m), weights)
        if target.min() < 0.0:
            raise ValueError(
                "y must be ≥ 0. Some value(s) of y are out of the valid range of the loss "
                f"'Poisson': the least is {target.min():g}"
            )
        if not target.any():
            raise ValueError(
                "y is zero in all rows that have a weight: the log of a mean of zero does not exist"
            )
        return target, weights

    def _likelihood(
        self, y: Any, sample_weight: Any, m: int, method: str
    ) -> tuple[Array, Array | None]:
        return self._counts(y, sample_weight, m)

    def predict(self, X: Any, offset: Any = None) -> Array:
        """Predict the mean counts of new rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit. Paths, a `Source` and dask arrays work too; they are
            read in blocks.
        offset : array-like of shape (n_samples,) or None, default=None
            Known part of the log mean, such as the log of the exposure. None means zeros.

        Returns
        -------
        ndarray of shape (n_samples,)
            Means exp(o + b + Xw), with o the offset.

        Raises
        ------
        ValueError
            X has other features than the fit, or X or offset contains NaN or infinity.
        """
        with np.errstate(over="ignore"):
            return np.exp(self._predictor(X, offset))

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute D², the share of the deviance that the model explains.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit.
        y : array-like of shape (n_samples,)
            Counts, at least 0.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like of shape (n_samples,) or None, default=None
            Known part of the prediction, added to Xw + b. None means zeros.

        Returns
        -------
        float
            D², at most 1.

        Raises
        ------
        ValueError
            X has other features than the fit, a value is NaN or infinite, or y has a negative
            entry.

        Notes
        -----
        The share is::

            D² = 1 − D(y, predict(X))/D(y, null)
            D(y, μ) = 2 Σ_i s_i (y_i log(y_i/μ_i) − y_i + μ_i)

        s are the sample weights. The null model is the best intercept beside the offset. Without an
        offset its mean is that of y, as in scikit-learn.
        """
        z = self._predictor(X, offset)
        target, weights = self._counts(y, sample_weight, len(z))
        return explained(self._loss, z, target, weights, offset_of(offset, len(z)))


class PoissonRegressor(Counting):
    """Fit Poisson regression of counts with an L1 and a ridge penalty.

    The logarithm of the mean is linear in the features. Every fit has a certificate, which bounds
    its distance from the minimum.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, at least 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    solver : str, default="lbfgs"
        Ignored. It exists for compatibility with scikit-learn.
    max_iter : int, default=100
        Largest number of Newton steps of a fit.
    tol : float, default=1e-4
        Relative duality gap to reach, at least 0: the fit stops when P(w, b) − min P ≤ tol·N. N is
        the loss of the best intercept less the least possible loss. With scikit-learn, `tol` bounds
        a slope instead. Without a penalty there may be no gap; then the KKT residual must fall to
        min(tol, 1e-7).
    warm_start : bool, default=False
        Whether to start from the coefficients of the last fit.
    verbose : object, default=0
        Ignored. It exists for compatibility with scikit-learn.
    l1_ratio : float, default=0.0
        Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    bounds : tuple of (low, high) or None, default=None
        Range of the coefficients, with low ≤ 0 ≤ high. Each end is a number or an array of shape
        (n_features,). An infinite end is no bound.
    penalty_factor : array-like of shape (n_features,) or None, default=None
        Factor of the penalty on each feature, at least 0. None means a factor of 1 for all. A
        feature with factor 0 is not penalised.

    Attributes
    ----------
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
    PoissonRegressorCV : Choose alpha and l1_ratio by cross-validation.
    path : Fit many strengths at once.

    Notes
    -----
    The fit minimises::

        P(w, b) = (1/S) Σ_i s_i (exp z_i − y_i z_i)
                  + alpha Σ_j f_j (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    S is the sum of the sample weights s. o are the offsets and f the factors `penalty_factor`. The
    loss is half the mean deviance, less a term of y alone. It is scikit-learn's objective. The KKT
    residual is the largest slope of P that is left, divided by the largest at w = 0.

    Examples
    --------
    The third row counts two years, the others one:

    >>> import numpy as np, fastreg
    >>> X, y, years = [[1, 2], [2, 3], [3, 4], [4, 3]], [12, 17, 44, 21], np.array([1, 1, 2, 1])
    >>> model = fastreg.PoissonRegressor().fit(X, y, offset=np.log(years))
    >>> model.coef_.round(3), model.predict([[3, 4]]).round(1)
    (array([0.121, 0.16 ]), array([21.9]))
    >>> model.predict([[3, 4]], offset=[np.log(2)]).round(1)
    array([43.9])
    """

    _parameter_constraints = {
        **Counting._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        *,
        alpha=1.0,
        fit_intercept=True,
        solver="lbfgs",
        max_iter=100,
        tol=1e-4,
        warm_start=False,
        verbose=0,
        l1_ratio=0.0,
        positive=False,
        bounds=None,
        penalty_factor=None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose
        self.l1_ratio = l1_ratio
        self.positive = positive
        self.bounds = bounds
        self.penalty_factor = penalty_factor

    @atomic("coef_", "intercept_")
    @opens_sources
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit the model to data.

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

        Returns
        -------
        PoissonRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.

        Warns
        -----
        ConvergenceWarning
            The fit did not reach `tol`; the message states both gaps. Or nothing bounds the
            coefficients of features that tell rows of zeros apart; the message names them.
        """
        if isinstance(X, STREAMED):
            return self._fit_source(X, offset)
        design = self._opened(X, y)
        m, n = design.shape
        target, weights = self._counts(y, sample_weight, m)
        make = self._maker(n, float(self.l1_ratio), offset_of(offset, m))
        self._finish(X, design, target, make(weights, np.array([float(self.alpha)])))
        return self

    def _fit_source(self, X: Any, offset: Any) -> Any:
        """By reads of a source."""
        from fastreg.linear_model import generalized_sources as sources  # not part of a first fit

        source = sources.opened(self, X, offset)
        make = self._maker(source.n_features, float(self.l1_ratio), None)
        found = sources.followed(self, source, make, np.array([float(self.alpha)]))
        sources.finish(self, source, found.solution)
        return self

    def _fitted_strength(self, weights: Array | None, m: int) -> tuple[float, float]:
        return float(self.l1_ratio), float(self.alpha)

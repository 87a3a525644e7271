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
                "y is zero in all rows that have a weight: the best mean is zero, whose log no "
                "model has"
            )
        return target, weights

    def _likelihood(
        self, y: Any, sample_weight: Any, m: int, method: str
    ) -> tuple[Array, Array | None]:
        return self._counts(y, sample_weight, m)

    def predict(self, X: Any, offset: Any = None) -> Array:
        """The mean exp(o + b + Xw), (m,) float64.

        Parameters
        ----------
        X : (m, n) array, sparse matrix or frame, with the features of the fit
        offset : (m,) array or None for zeros, whatever it was in the fit: the log of the exposure

        Raises
        ------
        ValueError
            X has other features than in the fit, or X or offset contains NaN or infinity.
        """
        with np.errstate(over="ignore"):
            return np.exp(self._predictor(X, offset))

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """D² = 1 − D(y, predict(X))/D(y, null), the share of the deviance that is explained.

            D(y, μ) = 2 Σ_i s_i (y_i log(y_i/μ_i) − y_i + μ_i)

        The null model is the best intercept beside the offset: without one the mean of y, as in
        scikit-learn.

        Parameters
        ----------
        X, y, sample_weight, offset : as in `fit`

        Raises
        ------
        ValueError
            As `predict`, and where y has a negative entry.
        """
        z = self._predictor(X, offset)
        target, weights = self._counts(y, sample_weight, len(z))
        return explained(self._loss, z, target, weights, offset_of(offset, len(z)))


class PoissonRegressor(Counting):
    """Poisson regression of counts with a log link, penalised, certified.

        P(w, b) = (1/S) Σ_i s_i (exp z_i − y_i z_i)
                  + alpha Σ_j f_j (l1_ratio·│w_j│ + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    with weights s of sum S, offsets o and factors f of features. The loss is half the deviance, but
    for what y alone decides: it is scikit-learn's objective.

    Parameters
    ----------
    alpha : float ≥ 0, strength of the penalty
    fit_intercept : bool, whether b is free; it is never penalised
    max_iter : int, Newton steps
    tol : float ≥ 0
        Certified relative gap to reach: P(w, b) − min P ≤ tol·(loss of the intercept alone above
        the least there is). That is not scikit-learn's `tol`, a largest slope. Without a penalty no
        gap may be known: then the KKT residual, the largest slope left over the largest at w = 0,
        is to be min(tol, 1e-7).
    warm_start : bool, start from `coef_` of the last fit
    l1_ratio : float in [0, 1], share of L1
    positive : bool, require w ≥ 0
    bounds : (low, high) or None
        Require low ≤ w ≤ high, floats or (n,) arrays each, low ≤ 0 ≤ high; ∞ is no bound.
    penalty_factor : (n,) array ≥ 0 or None for ones, f; 0 leaves a feature unpenalised
    solver, verbose
        Accepted so that code written for scikit-learn runs; without effect. X is never copied and
        never changed.

    Attributes
    ----------
    coef_ : (n,) float64
    intercept_ : float
    dual_gap_ : float, certified bound on P(w, b) − min P
    certificate_ : `fastreg.Certificate`: relative gap, KKT residual, method, passes over X
    n_iter_ : int, Newton steps used
    n_features_in_, feature_names_in_

    Examples
    --------
    Counts of one year, and in one row of two:

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
        """Fit to X (m, n), y (m,) ≥ 0, weights (m,) ≥ 0 or None, and an offset (m,) of the log
        means or None: the log of the exposure of each row; or to what `fastreg.read` takes.

        `offset` of a source is the number, 0 or 1, of the one of its two targets that it is.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable; the message names it.

        Warns
        -----
        ConvergenceWarning
            `tol` was not reached; the message has the gap reached and the gap asked. Or nothing
            holds coefficients that tell rows of zeros apart; it names their features.
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

"""What regressors of other families share: y ≥ 0 of mean exp(o + b + Xw), or another mean."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import Interval, StrOptions

from fastreg.certificate import losses as certified
from fastreg.design import Design, as_weights, counted
from fastreg.linear_model.base import STREAMED, single_target
from fastreg.linear_model.generalized import explained
from fastreg.linear_model.likelihoods import Likelihood
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.state import atomic
from fastreg.losses import domain, traits
from fastreg.objectives import offset_of
from fastreg.solvers import Solution

Array = np.ndarray


class GeneralizedRegressor(RegressorMixin, Likelihood):  # type: ignore[misc]
    """What a fit of one alpha and one that chooses alpha share: what they say of new rows."""

    _ratio = "ratio of means"

    # What all take.
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
        tags.target_tags.positive_only = domain(self._loss)[0] >= 0.0
        return tags

    def _set(self, solution: Solution) -> None:
        self.coef_ = solution.coef[:, 0].copy()
        self.intercept_ = solution.intercept[0] if self.fit_intercept else 0.0
        self.n_iter_ = solution.n_iter

    def _targets(self, y: Any, sample_weight: Any, m: int) -> tuple[Array, Array | None]:
        """(y, weights (m,)), checked."""
        weights = as_weights(sample_weight, m)
        target = counted(single_target(y, m), weights)
        low, is_open, name = domain(self._loss)[0], traits(self._loss).is_open, self._name
        least = float(target.min())
        if least < low or (is_open and least == low):
            raise ValueError(
                f"y must be {'above' if is_open else '≥'} {low:g}. Some value(s) of y are out of "
                f"the valid range of the loss '{name}': the least is {least:g}"
            )
        if math.isfinite(low) and not is_open and not (target > low).any():
            raise ValueError(
                "y is zero in all rows that have a weight: the log of a mean of zero does not exist"
            )
        return target, weights

    @property
    def _name(self) -> str:
        """The name of the loss, in messages."""
        return type(self._loss).__name__

    def _beside(self, y: Array, offset: Array | None) -> tuple[Array, Array | None]:
        """(y, offset) as solvers take them: an offset of squares is part of y."""
        if offset is None or not traits(self._loss).quadratic:
            return y, offset
        return y - offset, None

    def _source(self, X: Any, offset: Any) -> Any:
        """The source, if the loss can be fitted by reads."""
        from fastreg.linear_model import generalized_sources as sources  # not part of a first fit

        if traits(self._loss).quadratic:
            raise ValueError(
                "power=0 is least squares: give a source to Ridge, Lasso or ElasticNet, or read "
                "the rows into memory"
            )
        return sources.opened(self, X, offset)

    def _likelihood(
        self, y: Any, sample_weight: Any, m: int, method: str
    ) -> tuple[Array, Array | None]:
        return self._targets(y, sample_weight, m)

    def predict(self, X: Any, offset: Any = None) -> Array:
        """Predict the means of new rows.

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
        return certified.mean(self._loss, self._predictor(X, offset))

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute D², the share of the deviance that the model explains.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit.
        y : array-like of shape (n_samples,)
            Target, in the range of the family.
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
            X has other features than the fit, a value is NaN or infinite, or y is out of the range
            of the family.

        Notes
        -----
        The share is::

            D² = 1 − D(y, predict(X))/D(y, null)
            D(y, μ) = 2 Σ_i s_i [ℓ(y_i, μ_i) − ℓ(y_i, y_i)]

        ℓ is the loss of the family, and s are the sample weights. The null model is the best
        intercept beside the offset. Without an offset its mean is that of y, as in scikit-learn.
        """
        z = self._predictor(X, offset)
        target, weights = self._targets(y, sample_weight, len(z))
        return explained(self._loss, z, target, weights, offset_of(offset, len(z)))


class OneAlpha(GeneralizedRegressor):
    """A fit of one alpha."""

    _parameter_constraints = {
        **GeneralizedRegressor._parameter_constraints,
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
            Target, in the range of the family. None where X is a source, which has it.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like of shape (n_samples,), int or None, default=None
            Known part of the log mean, such as the log of the exposure. None means zeros. If X is a
            source of two targets, the number 0 or 1 of the one that is the offset.

        Returns
        -------
        estimator
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
        target, weights = self._targets(y, sample_weight, m)
        target, given = self._beside(target, offset_of(offset, m))
        self._prepare(design, target, weights, given)
        make = self._maker(n, float(self.l1_ratio), given)
        self._finish(X, design, target, make(weights, np.array([float(self.alpha)])))
        return self

    def _prepare(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None
    ) -> None:
        """Set what the loss needs to know of the data."""

    def _fit_source(self, X: Any, offset: Any) -> Any:
        """By reads of a source."""
        from fastreg.linear_model import generalized_sources as sources  # not part of a first fit

        source = self._source(X, offset)
        make = self._maker(source.n_features, float(self.l1_ratio), None)
        found = sources.followed(self, source, make, np.array([float(self.alpha)]))
        sources.finish(self, source, found, make)
        return self

    def _fitted_strength(self, weights: Array | None, m: int) -> tuple[float, float]:
        return float(self.l1_ratio), float(self.alpha)

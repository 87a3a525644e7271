"""Say what a fit of a likelihood is worth: standard errors, residuals and calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fastreg.certificate import losses
from fastreg.design import as_design
from fastreg.linear_model.base import STREAMED
from fastreg.linear_model.generalized import Generalized
from fastreg.linear_model.state import check_features
from fastreg.losses import traits
from fastreg.objectives import offset_of
from fastreg.sources import is_read

if TYPE_CHECKING:
    from fastreg.inference import LikelihoodInference

Array = np.ndarray


class Likelihood(Generalized):
    """Share standard errors, residuals and calibration among estimators whose loss is a likelihood.

    `_ratio` is the name of exp(coef).
    """

    _ratio: str
    _predicted = "y"  # what a prediction is called in a plot
    _chosen = False  # whether strengths come from the data of the fit
    _estimated = 0  # numbers of the loss that do

    def summary(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, *, method: Any = None,
        level: float = 0.95, cluster: Any = None,
    ) -> LikelihoodInference:  # fmt: skip
        """Compute standard errors, tests and intervals of the coefficients.

        They need the data of the fit, as rows in memory.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features of the fit.
        y : array-like of shape (n_samples,)
            Target of the fit.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the fit.
        offset : array-like of shape (n_samples,) or None, default=None
            Offset of the fit.
        method : str or None, default=None
            Kind of the intervals: "classical", "sandwich", "HC0", "HC1", "clustered" or "bayesian",
            see `fastreg.inference.generalized`. None means "classical", or "clustered" where
            `cluster` is given. "sandwich" means "HC1".
        level : float, default=0.95
            Coverage of the intervals, between 0 and 1.
        cluster : array-like of shape (n_samples,) or None, default=None
            Group of each row, a number or a text. Rows of one group may depend on one another.

        Returns
        -------
        LikelihoodInference
            The table. It prints its method and its assumptions.

        Raises
        ------
        ValueError
            There is no such method, an L1 penalty has left features out, or coefficients have
            bounds. Or columns depend on one another, or the data is separable or not that of the
            fit. The message states what to do.

        Notes
        -----
        A weight counts equal rows, or the trials of a proportion. Where the variance has a scale
        that is estimated, as that of amounts has, a weight divides the variance of its row.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> rng = np.random.default_rng(0)
        >>> X = rng.standard_normal((200, 2))
        >>> y = rng.poisson(np.exp(0.5 * X[:, 0] + 1.0))
        >>> found = fastreg.PoissonRegressor(alpha=0).fit(X, y).summary(X, y)
        >>> print(found)  # doctest: +ELLIPSIS
        classical standard errors; 200 rows, AIC ...
        ...
        intercept ...
        x0 ...
        >>> found.ratio[1:].round(1), bool(found.likelihood_ratio_p < 1e-6)
        (array([1.7, 1. ]), True)
        """
        from fastreg.inference import likelihood_inference

        check_is_fitted(self)
        if isinstance(X, STREAMED) or is_read(X, y):
            raise ValueError("summary needs rows in memory: read X into an array first")
        design = as_design(X)
        check_features(self, X)
        if not isinstance(level, float | np.floating) or not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1, got {level!r}")
        m, n = design.shape
        clusters = None if cluster is None else clusters_of(cluster, m)
        method = ("classical" if clusters is None else "clustered") if method is None else method
        if traits(self._loss).quadratic:
            raise ValueError("summary of power=0 is that of least squares: fit LinearRegression")
        if len(getattr(self, "classes_", ())) > 2:
            from fastreg.linear_model import several_classes  # not part of a first fit

            return several_classes.summary(
                self, design, y, sample_weight, offset, method=method, level=level,
                clusters=clusters,
            )  # fmt: skip
        target, weights = self._likelihood(y, sample_weight, m, method)
        ratio, strength = self._fitted_strength(weights, m)
        make = self._maker(n, ratio, offset_of(offset, m))
        coef, own = self._linear().coef, float(self._linear().intercept)
        return likelihood_inference(
            design, target, make(weights, np.array([strength])), coef, own, method=method,
            level=level, names=getattr(self, "feature_names_in_", None), chosen=self._chosen,
            ratio=self._ratio, slack=self._slack(), clusters=clusters,
            estimated=self._estimated, has_firth=bool(getattr(self, "firth", False)),
        )  # fmt: skip

    def residuals(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, *,
        kind: str = "deviance", dispersion: float | None = None, random_state: Any = None,
    ) -> Array:  # fmt: skip
        """Compute residuals of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit, in memory.
        y : array-like of shape (n_samples,)
            Their target, as in the fit.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like of shape (n_samples,) or None, default=None
            Known part of the prediction, added to Xw + b. None means zeros.
        kind : {"deviance", "pearson", "quantile", "response", "working"}, default="deviance"
            Kind of the residuals, see `fastreg.inference.residuals`.
        dispersion : float or None, default=None
            Scale φ of the variance, for "quantile". None estimates it from these rows. A weight
            divides the scale of its row.
        random_state : int, numpy.random.Generator or None, default=None
            Source of the random part of "quantile" where y has jumps: counts, classes, zeros.

        Returns
        -------
        ndarray of shape (n_samples,)
            Residuals. Those of kind "quantile" are normal if the model is right.

        Raises
        ------
        ValueError
            There is no such kind, the loss is no likelihood, or X or y is not as in the fit.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.0, 6.0])
        >>> model = fastreg.PoissonRegressor(alpha=0.0).fit(X, y)
        >>> model.residuals(X, y, kind="response").round(2)
        array([ 0.13, -0.26,  0.13])
        """
        from fastreg.inference.residuals import dispersion as estimated
        from fastreg.inference.residuals import residuals

        check_is_fitted(self)
        self._check_one_output()
        z = self._predictor(X, offset)
        target, weights = self._likelihood(y, sample_weight, len(z), "sandwich")
        if dispersion is not None and not (is_number(dispersion) and 0.0 < dispersion < np.inf):
            raise ValueError(f"dispersion must be a number above 0, got {dispersion!r}")
        scale = 1.0 if dispersion is None else float(dispersion)
        if kind == "quantile" and dispersion is None:
            used = int(np.count_nonzero(self._linear().coef)) + bool(self.fit_intercept)
            scale = estimated(self._loss, z, target, weights, used)
        return residuals(
            self._loss, z, target, weights, kind, scale=scale, random_state=random_state
        )

    def plot_calibration(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, *, n_groups: int = 10,
        ax: Any = None,
    ) -> Any:  # fmt: skip
        """Draw means of y against what was predicted, in groups of alike predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit, in memory. Take rows that the fit has not seen.
        y : array-like of shape (n_samples,)
            Their target, as in the fit.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like of shape (n_samples,) or None, default=None
            Known part of the prediction, added to Xw + b. None means zeros.
        n_groups : int, default=10
            Number of groups, of equal weight, at least 2.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on. None makes new ones.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        ValueError
            `n_groups` is no such number, or X or y is not as in the fit.
        """
        from fastreg.plots import draw_calibration, groups_of

        check_is_fitted(self)
        self._check_one_output()
        if not is_count(n_groups, least=2):
            raise ValueError(f"n_groups must be an integer of 2 or more, got {n_groups!r}")
        z = self._predictor(X, offset)
        target, weights = self._likelihood(y, sample_weight, len(z), "sandwich")
        w = np.ones(len(z)) if weights is None else weights
        groups = groups_of(losses.mean(self._loss, z), target, w, int(n_groups))
        return draw_calibration(groups, label=self._predicted, ax=ax)

    def _slack(self) -> float:
        """The relative gap that the fit may have."""
        worth = self.certificate_
        return self.tol if worth.converged else min(1.0, float(worth.relative_gap[0]))

    def _likelihood(
        self, y: Any, sample_weight: Any, m: int, method: str
    ) -> tuple[Array, Array | None]:
        """Check and return (y, weights). Raise ValueError if `method` cannot use the weights."""
        raise NotImplementedError

    def _fitted_strength(self, weights: Array | None, m: int) -> tuple[float, float]:
        """(l1_ratio, strength) of the fit, beside the mean loss."""
        raise NotImplementedError


def is_number(value: Any) -> bool:
    """Whether a value is a real number."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def is_count(value: Any, *, least: int) -> bool:
    """Whether a value is an integer of at least so much."""
    known = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return known and bool(value >= least)


def clusters_of(cluster: Any, m: int) -> Array:
    """(m,) int from 0 on, of the names of groups."""
    names = np.asarray(cluster)
    if names.shape != (m,):
        raise ValueError(f"cluster must have shape ({m},), got {names.shape}")
    if names.dtype.kind == "f" and not np.isfinite(names).all():
        raise ValueError("cluster has NaN or infinity: give each row a group")
    kinds = {type(name) for name in names.tolist()} if names.dtype.kind == "O" else set()
    if names.dtype.kind not in "biufUSO" or (not kinds <= {str} and not kinds <= {int}):
        raise ValueError("cluster must hold a number or a text for each row")
    return np.unique(names, return_inverse=True)[1].ravel()

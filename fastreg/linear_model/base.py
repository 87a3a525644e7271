"""Share checks, the call of `solve`, attributes and prediction among estimators."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import scipy.sparse
import sklearn
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import check_is_fitted

from fastreg import kernels, moments
from fastreg._warnings import warn, warn_of_convergence
from fastreg.certificate import KKT, Certificate, certify
from fastreg.design import Design, as_design, as_target, as_weights, counted
from fastreg.functional import check_predictions
from fastreg.linear_model.opening import note_names, predict_source
from fastreg.linear_model.routing import router
from fastreg.linear_model.state import Estimator, check_features, note_features
from fastreg.objectives import Objective
from fastreg.penalties import L1, non_negative
from fastreg.selection.choice import ChoiceCertificate
from fastreg.solvers import Solution, solve, solve_moments, solve_source, together
from fastreg.sources import Source, weight_of
from fastreg.statistics import MOST_MEMORY, SufficientStatistics, collected, moments_bytes

if TYPE_CHECKING:
    from fastreg.inference import Inference

Array = np.ndarray
_OTHER = 10.0  # gaps of the same data, of another summation or storage, differ by less

Streamed = Source | SufficientStatistics
STREAMED = (Source, SufficientStatistics)  # what `fit` may be given in place of X
_WORKING_PRECISION = 1e-9  # with tol = 0, anything worse is told


@dataclass(frozen=True, eq=False)
class Linear:
    """Compute Xw + b with the coefficients of one fit. A later fit does not change them.

    coef : (n,) or (k, n)
    intercept : () or (k,)
    """

    coef: Array
    intercept: Array

    def __call__(self, X: Any) -> Array:
        design = as_design(X)
        coef = np.atleast_2d(self.coef)
        offsets = np.broadcast_to(self.intercept, (len(coef),))
        out = np.empty((len(coef), design.shape[0]))
        for theta, offset, row in zip(coef, offsets, out, strict=True):
            theta = np.ascontiguousarray(theta, dtype=np.float64)
            kernels.predict(design.storage, theta, offset=float(offset), out=row)
        check_predictions(design, out)
        return out[0] if self.coef.ndim == 1 else out.T


class LinearRegressor(MultiOutputMixin, RegressorMixin, Estimator):  # type: ignore[misc]
    """Share checks, the call of `solve`, attributes and prediction among estimators."""

    _streams = False  # whether `fit` takes a `Source` that does not fit into memory
    _chosen = False  # whether strengths come from the data of the fit

    coef_: Array
    intercept_: Any
    n_iter_: Any
    dual_gap_: Any
    certificate_: Certificate
    n_features_in_: int
    feature_names_in_: Array
    encoding_: Any

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
    ) -> Self:
        """Solve, then set the attributes.

        `l2` is a number or (k,). It belongs to the mean of the squares, or with `l2_is_total` to
        their sum.
        """
        strengths = np.atleast_1d(np.asarray(l2, float))
        penalty = (non_negative if self.positive else L1)(l1)
        if isinstance(X, STREAMED):
            return self._fit_source(X, strengths, l2_is_total, penalty)
        design = as_design(X)
        target = as_target(y, design.shape[0])
        weights = as_weights(sample_weight, design.shape[0])
        Y = target[:, None] if target.ndim == 1 else target
        check_strengths(strengths, Y.shape[1])
        if l2_is_total:
            strengths = per_weight(strengths, weights, design.shape[0])
        objective = Objective(strengths[None, :], penalty, weights, self.fit_intercept)
        solution = solve(
            design,
            Y,
            objective,
            tol=self.tol,
            max_iter=self.max_iter,
            start=self._start(design.shape[1], Y.shape[1]),
            method=method,
        )
        self._check_names(X)
        self._set(solution, flat=target.ndim == 1)
        self._warn(solution)
        return self

    def _fit_source(
        self, source: Streamed, strengths: Array, l2_is_total: bool, penalty: Any
    ) -> Self:
        """Collect the moments in one read, then fit each target to them."""
        check_strengths(strengths, source.n_targets)
        if isinstance(source, Source) and moments_bytes(source.n_features) > MOST_MEMORY:
            return self._fit_by_reads(source, strengths, l2_is_total, penalty)
        whole = moments.total(collected(source, None))
        if l2_is_total:
            strengths = per_weight(strengths, np.array([whole.weight]), 1)
        return self._fit_moments(source, whole, strengths, penalty)

    def _fit_moments(
        self, source: Streamed, whole: moments.Moments, strengths: Array, penalty: Any,
        passes: int = 1,
    ) -> Self:  # fmt: skip
        """Fit each target to the moments that `passes` reads of the source gave."""
        strengths = np.broadcast_to(strengths, source.n_targets)
        found = [
            solve_moments(
                whole,
                Objective(np.full((1, 1), strength), penalty, None, self.fit_intercept),
                tol=self.tol,
                max_iter=self.max_iter,
                target=t,
                n_targets=source.n_targets,
                passes=passes,
            )
            for t, strength in enumerate(strengths)
        ]
        self._check_names(source)
        self._set(together(found), flat=source.flat)
        self._warn(together(found))
        return self

    def _fit_by_reads(
        self, source: Source, strengths: Array, l2_is_total: bool, penalty: Any
    ) -> Self:
        """Read the source once a step: it has too many features for their moments."""
        if l2_is_total:
            strengths = per_weight(strengths, np.array([weight_of(source)]), 1)
        objective = Objective(strengths[None, :], penalty, None, self.fit_intercept)
        solution = solve_source(source, objective, tol=self.tol, max_iter=self.max_iter)
        self._check_names(source)
        self._set(solution, flat=source.flat)
        self._warn(solution)
        return self

    def _check_names(self, X: Any) -> None:
        """Note the features of the fit."""
        if isinstance(X, STREAMED):
            note_names(self, X)
        else:
            note_features(self, X)

    def _start(self, n_features: int, n_targets: int) -> Array | None:
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        coef = np.atleast_2d(self.coef_).T
        return coef if coef.shape == (n_features, n_targets) else None

    def _set(self, solution: Solution, *, flat: bool) -> None:
        """Set the attributes. A single target gives a flat `coef_`, also for y of shape (m, 1)."""
        single = solution.coef.shape[1] == 1
        self.coef_ = solution.coef[:, 0].copy() if single else solution.coef.T.copy()
        if not self.fit_intercept:
            self.intercept_ = 0.0
        else:
            self.intercept_ = solution.intercept[0] if flat else solution.intercept
        gap = solution.certificate.gap
        self.dual_gap_ = gap[0] if single else gap
        self.n_iter_ = self._steps(solution.n_iter, solution.coef.shape[1])
        self.certificate_ = solution.certificate

    def _steps(self, n_iter: int, n_targets: int) -> Any:
        """Return `n_iter_` in scikit-learn's form. It counts the steps of the slowest target."""
        return n_iter

    def _warn(self, solution: Solution) -> None:
        warn_of_fit(self, solution)

    def predict(self, X: Any) -> Array:
        """Predict the targets of new rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit. Paths, a `Source` and dask arrays work too; they are
            read in blocks.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions Xw + b. A dask array for a dask X, as lazy as X.

        Raises
        ------
        ValueError
            X has other features than the fit, or contains NaN or infinity.
        """
        check_is_fitted(self)
        found = predict_source(self, X, self._linear())
        if found is not None:
            return found
        design = as_design(X)
        check_features(self, X)
        return self._predict(design)

    def _predict(self, X: Any) -> Array:
        return self._linear()(X)

    def _linear(self) -> Linear:
        return Linear(np.array(self.coef_), np.array(self.intercept_))

    def summary(
        self, X: Any, y: Any, sample_weight: Any = None, *, method: Any = None, level: float = 0.95,
        noise: float | None = None,
    ) -> Inference:  # fmt: skip
        """Compute standard errors, tests and intervals of the coefficients.

        They need the data of the fit, with one target.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features of the fit.
        y : array-like of shape (n_samples,)
            Target of the fit.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the fit.
        method : {"classical", "sandwich", "bayesian", "selective"} or None, default=None
            Kind of the intervals. Ridge has the first three, see `fastreg.inference.ridge`; None
            means "classical". Lasso and elastic net have "selective", see
            `fastreg.inference.selective`; it covers the features that the fit selects.
        level : float, default=0.95
            Coverage of the intervals, between 0 and 1.
        noise : float or None, default=None
            Standard deviation σ of the noise at weight 1, for "selective". None estimates it.

        Returns
        -------
        Inference
            The table. It prints its method and its assumptions.

        Raises
        ------
        ValueError
            The model has no such method, or no degree of freedom is left to estimate σ.

        Notes
        -----
        A weight states the precision of a row: the variance of y_i is σ²/w_i.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> rng = np.random.default_rng(0)
        >>> X = rng.standard_normal((100, 3))
        >>> y = X @ [1.0, 0.0, -2.0] + 3.0 + rng.standard_normal(100)
        >>> print(fastreg.Ridge(alpha=1e-8).fit(X, y).summary(X, y))  # doctest: +ELLIPSIS
        classical standard errors; 100 rows, 96.0 residual degrees of freedom, R² 0.8..., σ ...
        ...
        intercept ...
        x0 ...
        """
        from fastreg.inference import ridge_inference, selective_inference

        check_is_fitted(self)
        design = as_design(X)
        check_features(self, X)
        m = design.shape[0]
        target, weights = single_target(y, m), as_weights(sample_weight, m)
        if self.coef_.ndim > 1 and len(self.coef_) > 1:
            raise ValueError(f"summary needs a fit to one target, this fit has {len(self.coef_)}")
        if self.positive:
            raise ValueError("summary has no intervals for positive=True: fit with positive=False")
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1, got {level!r}")
        if noise is not None and not 0.0 < noise < np.inf:
            raise ValueError(f"noise must be positive and finite, got {noise!r}")
        objective = self._fitted_objective(weights, m)
        self._check_data(design, target, objective)
        names = getattr(self, "feature_names_in_", None)
        if np.any(objective.penalty.l1):
            if method not in (None, "selective"):
                raise ValueError(f"method must be 'selective' with an L1 penalty, got {method!r}")
            return selective_inference(
                design,
                target,
                objective,
                level=level,
                noise=noise,
                names=names,
                chosen=self._chosen,
            )
        if noise is not None:
            raise ValueError(f"noise must be None without an L1 penalty, got {noise!r}")
        coef, intercept = np.ravel(self.coef_), float(np.ravel(self.intercept_)[0])
        method = method or "classical"
        return ridge_inference(
            design, target, objective, coef, intercept, method=method, level=level, names=names,
            chosen=self._chosen,
        )  # fmt: skip

    def _check_data(self, X: Design, y: Array, objective: Objective) -> None:
        """Raise ValueError if the fit is not as near to the minimum for these rows as it was."""
        coef, intercept = np.ravel(self.coef_)[:, None], np.ravel(self.intercept_)
        own = self.certificate_
        found = certify(X, y[:, None], coef, intercept, objective, tol=own.tol, method="", passes=0)
        if own.by_kkt:
            measure, there, before, least = "KKT residual", found.kkt, own.kkt, KKT
        else:
            measure, there, before, least = (
                "relative gap", found.relative_gap, own.relative_gap, own.tol
            )  # fmt: skip
        if not there.max() <= _OTHER * max(least, before.max()):
            raise ValueError(
                "X, y and sample_weight are not those of the fit: its coefficients have a "
                f"{measure} of {there.max():.1e} there, {before.max():.1e} in the fit. Give "
                "summary the data of the fit, scaled alike"
            )

    def _fitted_objective(self, weights: Array | None, m: int) -> Objective:
        """The objective that was minimised."""
        raise NotImplementedError

    @property
    def sparse_coef_(self) -> Any:
        """The coefficients as a CSR matrix, or array if scikit-learn is set to those."""
        return as_sparse(self.coef_)


class ChoosingRegressor(LinearRegressor):
    """Share the parts of estimators with one target that choose strengths from the data."""

    positive, warm_start = False, False
    _chosen = True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags

    def _read(self, X: Any, y: Any, sample_weight: Any) -> tuple[Design, Array, Array | None]:
        """Check parameters and data. Return (design, target (m,), weights)."""
        self._validate_params()
        check_finite_params(self)
        design = as_design(X)
        m = design.shape[0]
        weights = as_weights(sample_weight, m)
        return design, counted(single_target(y, m), weights), weights

    def get_metadata_routing(self) -> Any:
        """Return what `fit` passes to the splitter and the scorer.

        See scikit-learn's guide to metadata routing.

        Returns
        -------
        MetadataRouter
            The requests of `fit`.
        """
        return router(self, splitter=self.cv)

    def _collected(self, source: Streamed, params: dict[str, Any]) -> list[moments.Moments]:
        """Check parameters, and collect the moments of each fold in one read."""
        self._validate_params()
        check_finite_params(self)
        if source.n_targets != 1:
            raise ValueError(f"y must have one target, {source.kind} has {source.n_targets}")
        return collected(source, check_folds(5 if self.cv is None else self.cv, source, params))

    def _finish(self, X: Any, solution: Solution) -> None:
        """Set the attributes of the final fit, and warn if it did not converge."""
        self._check_names(X)
        self._set(solution, flat=True)
        self._warn(solution)


def as_sparse(coef: Any) -> Any:
    """Coefficients as a CSR matrix, or as an array where `sparse_interface` asks for that."""
    arrays = sklearn.get_config().get("sparse_interface") == "sparray"
    make = scipy.sparse.csr_array if arrays else scipy.sparse.csr_matrix
    return make(coef if scipy.sparse.issparse(coef) else np.atleast_2d(coef))


def warn_of_fit(model: Any, solution: Any) -> None:
    """Warn if a fit did not reach `tol`."""
    certificate = solution.certificate
    if certificate.by_kkt:
        measure, reached = "KKT residual", float(np.max(certificate.kkt))
        asked = min(certificate.tol, KKT)
    else:
        measure, reached = "relative duality gap", float(np.max(certificate.relative_gap))
        asked = certificate.tol
    at_precision = certificate.tol == 0 and reached <= _WORKING_PRECISION
    if certificate.converged or (at_precision and not solution.exhausted):
        return
    advice = (
        f"raise max_iter, now {1000 if model.max_iter is None else model.max_iter}"
        if solution.exhausted and hasattr(model, "max_iter")
        else "rounding stopped it: centre and scale the columns of X and y, "
        + ("leave out columns that depend on others" if certificate.by_kkt else "penalise more")
        + ("" if certificate.by_kkt and certificate.tol > KKT else ", or raise tol")
    )
    warn_of_convergence(
        f"{type(model).__name__} reached a {measure} of {reached:.2e} in "
        f"{solution.n_iter} iterations, {asked:.2e} was asked; {advice}."
    )


def warn_of_choice(model: Any, certificate: ChoiceCertificate) -> None:
    """Warn if the errors that choose a strength are too uncertain."""
    message = certificate.complaint()
    if message:
        warn_of_convergence(f"{type(model).__name__}: {message}.")


def check_folds(cv: Any, source: Streamed, params: dict[str, Any]) -> int:
    """Return the number of folds of a source. Raise ValueError for any other `cv`."""
    if not isinstance(cv, Integral) or params:
        raise ValueError(
            f"{source.kind} is read in blocks: cv must be a number of folds, without "
            f"{', '.join(params) or 'groups'}"
        )
    return int(cv)


def single_target(y: Any, m: int) -> Array:
    """Return y (m,), or its only column with scikit-learn's warning."""
    target = as_target(y, m)
    if target.ndim == 2 and target.shape[1] == 1:
        warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of "
            "y to (n_samples,), for example using ravel().",
            DataConversionWarning,
        )
        target = target[:, 0]
    if target.ndim != 1:
        raise ValueError(f"y must have shape ({m},), got {target.shape}")
    return target


def per_weight(alpha: Array, weights: Array | None, n_rows: int) -> Array:
    """Compute alpha/Σw, the strength for the mean of the squares, without overflow."""
    if weights is None:
        return alpha / n_rows
    top = weights.max()
    with np.errstate(over="ignore"):  # 1e306 holds every coefficient at zero as well
        return np.minimum(alpha / top / (weights / top).sum(), 1e306)


def ridge_objective(
    alpha: Any, weights: Array | None, n_rows: int, fit_intercept: bool
) -> Objective:
    """The objective ‖y − Xw − b‖² + Σ alpha_j w_j² of one target."""
    strengths = per_weight(np.atleast_1d(np.asarray(alpha, float)), weights, n_rows)
    return Objective(strengths[:, None], L1(0.0), weights, fit_intercept)


def elastic_net_objective(
    alpha: float, l1_ratio: float, weights: Array | None, fit_intercept: bool
) -> Objective:
    """The objective of `ElasticNet`."""
    l2 = np.array([[alpha * (1.0 - l1_ratio)]])
    return Objective(l2, L1(float(alpha * l1_ratio)), weights, fit_intercept)


def check_strengths(strengths: Array, n_targets: int) -> None:
    """Raise ValueError unless there is one alpha, or one for each target."""
    if strengths.shape not in ((1,), (n_targets,)):
        raise ValueError(
            f"alpha has {strengths.shape[0]} entries for {n_targets} targets in y: give 1 or all"
        )


def check_finite_params(model: Any) -> None:
    """Raise ValueError if alpha or tol is infinite, NaN or negative.

    scikit-learn's intervals accept infinity and do not look into arrays. A string is not checked.
    """
    for name in ("alpha", "tol"):
        given = getattr(model, name, 0.0)
        if isinstance(given, str):
            continue
        try:
            values = np.asarray(given, float)
        except (TypeError, ValueError, OverflowError):
            values = np.array(np.nan)
        if values.ndim > 1 or not np.isfinite(values).all() or (values < 0).any():
            raise ValueError(
                f"The '{name}' parameter of {type(model).__name__} must be finite and "
                f"non-negative, a number or one a target. Got {given!r} instead."
            )

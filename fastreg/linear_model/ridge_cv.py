"""`RidgeCV`: choose alpha by leave-one-out, by generalised cross-validation, or by folds."""

from __future__ import annotations

from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastreg import moments
from fastreg._jit import single_threaded_blas
from fastreg._warnings import warn
from fastreg.design import as_design, as_target, as_weights
from fastreg.grids import check_alphas
from fastreg.linear_model.base import (
    STREAMED,
    LinearRegressor,
    check_folds,
    per_weight,
    ridge_objective,
    warn_of_choice,
)
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.ridge import Ridge
from fastreg.linear_model.routing import is_enabled, routed, router, splits_of
from fastreg.linear_model.state import atomic
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.plots import Curve, draw_errors
from fastreg.selection.choice import ChoiceCertificate, spread_over_folds
from fastreg.selection.cross_validation import Validation
from fastreg.selection.folds import check_weights
from fastreg.selection.leave_one_out import LeaveOneOut, leave_one_out, leave_one_out_of
from fastreg.selection.ridge_folds import SCORES, ridge_scores
from fastreg.solvers import confirm
from fastreg.sources import Source
from fastreg.statistics import collected

Array = np.ndarray


class RidgeCV(LinearRegressor):
    """Fit ridge regression, with alpha chosen by cross-validation.

    Without `cv` each row is left out once. One eigendecomposition and one more read of X give these
    errors for all alphas. X is never copied.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,), default=(0.1, 1.0, 10.0)
        Strengths to try, above 0. With `cv`, 0 is allowed too.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    scoring : str, callable or None, default=None
        Score that chooses alpha, as scikit-learn names it. None means minus the mean squared error,
        or R² if `cv` is set.
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). None
        leaves out one row at a time. Data read in blocks takes an int or None.
    gcv_mode : {"auto", "svd", "eigen", "gcv"} or None, default=None
        "gcv" chooses by generalised cross-validation. The others have no effect.
    store_cv_results : bool, default=False
        Whether to keep `cv_results_`. It cannot be combined with `cv`.
    alpha_per_target : bool, default=False
        Whether to choose an alpha for each target. It cannot be combined with `cv`.

    Attributes
    ----------
    alpha_ : float or ndarray of shape (n_targets,)
        Chosen alpha; an array with ``alpha_per_target=True``.
    best_score_ : float or ndarray of shape (n_targets,)
        Score of `alpha_`; larger is better.
    scores_ : ndarray of shape (n_alphas,) or (n_alphas, n_targets)
        Score of each of `alphas`; larger is better.
    scores_se_ : ndarray of shape (n_alphas,) or None
        Standard errors of the scores, over folds, or over rows with ``store_cv_results=True``. Of
        several targets they are those of the mean.
    cv_results_ : ndarray of shape (n_samples, n_alphas) or (n_samples, n_targets, n_alphas)
        Squared error of each row, times its weight; with `scoring`, the predictions.
    cv_certificate_ : ChoiceCertificate
        How wrong the mean error of each alpha may be; with `cv`, the error of each fold.
    dof_ : ndarray of shape (n_alphas,)
        Effective degrees of freedom, with the intercept. Set without `cv`.
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients w.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept b; 0.0 with ``fit_intercept=False``.
    dual_gap_ : float or ndarray of shape (n_targets,)
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : int
        Number of refinements of the last fit.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    Ridge : Fit one alpha.
    AdaptiveRidge : Choose one alpha for each group of features.

    Notes
    -----
    Each fit minimises the objective of `Ridge`::

        ‖y − Xw − b‖² + alpha·‖w‖²

    The error of row i, left out, is r_i/(1 − h_i), with r_i its residual and h_i its leverage. For
    ``gcv_mode="gcv"`` the mean leverage takes the place of h_i [1]_.

    With `cv`, `cv_certificate_` is missing if `scoring` does not follow from squared errors, if an
    alpha is 0, or if rows have weights. Each training fit then warns by itself.

    References
    ----------
    .. [1] Golub G., Heath M., Wahba G., "Generalized cross-validation as a method for choosing a
       good ridge parameter", Technometrics 21, 1979.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X = np.arange(10.0)[:, None] ** [1, 2]
    >>> y = X[:, 0] + np.tile([0.5, -0.5], 5)
    >>> fastreg.RidgeCV(alphas=[0.1, 1.0, 10.0]).fit(X, y).alpha_
    1.0
    """

    alpha_: Any
    best_score_: Any
    scores_: Array
    scores_se_: Array | None
    cv_results_: Array
    cv_certificate_: ChoiceCertificate
    dof_: Array

    _parameter_constraints = {
        "alphas": ["array-like", Interval(Real, 0, None, closed="neither")],
        "fit_intercept": ["boolean"],
        "scoring": "no_validation",
        "cv": ["cv_object"],
        "gcv_mode": [StrOptions({"auto", "svd", "eigen", "gcv"}), None],
        "store_cv_results": ["boolean"],
        "alpha_per_target": ["boolean"],
    }
    positive, warm_start, max_iter, tol = False, False, None, 1e-4
    _chosen, _streams = True, True

    def __init__(
        self,
        alphas=(0.1, 1.0, 10.0),
        *,
        fit_intercept=True,
        scoring=None,
        cv=None,
        gcv_mode=None,
        store_cv_results=False,
        alpha_per_target=False,
    ) -> None:
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.scoring = scoring
        self.cv = cv
        self.gcv_mode = gcv_mode
        self.store_cv_results = store_cv_results
        self.alpha_per_target = alpha_per_target

    @atomic()
    @opens_sources
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> Self:
        """Choose alpha, then fit to all rows.

        Data read in blocks is read twice, or once if `cv` is a number of folds.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Targets. None where X is a source, which has them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        **params : dict
            Arguments of the splitter, such as `groups`. With scikit-learn's metadata routing,
            whatever the splitter and the scorer request.

        Returns
        -------
        RidgeCV
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.

        Warns
        -----
        ConvergenceWarning
            The last fit did not reach its precision, or the errors that choose are uncertain.
        UndefinedMetricWarning
            Only one row has a weight, so that no alpha is better than another.
        """
        self._validate_params()
        alphas = check_alphas(self.alphas, zero=self.cv is not None)
        if isinstance(X, STREAMED):
            return self._fit_streamed(X, alphas, params)
        if self.cv is not None:
            return self._by_folds(X, y, sample_weight, alphas, params)
        if params and not is_enabled():
            raise ValueError(
                f"fit takes {', '.join(sorted(params))} only if cv is set, got cv=None"
            )
        _, scored_by = routed(self, sample_weight, params)
        design = as_design(X)
        target = as_target(y, design.shape[0])
        Y = target[:, None] if target.ndim == 1 else target
        weights = as_weights(sample_weight, design.shape[0])
        scorer = self._scorer()
        keep = self.store_cv_results or scorer is not None
        found = leave_one_out(design, Y, weights, alphas, centred=self.fit_intercept, keep=keep)
        scores = self._scores(found, target, scorer, scored_by)
        scores = self._measured(scores, weights, len(Y))
        chosen = self._choose(alphas, scores, target.ndim == 1)
        errors = found.errors if scorer is None and self.gcv_mode != "gcv" else None
        self.scores_se_ = None if errors is None else _spread_over_rows(errors, weights)
        solution = self._confirmed(design, Y, weights, chosen, found)
        self._check_names(X)
        self._set(solution, flat=target.ndim == 1)
        self.dof_, self.cv_certificate_ = found.dof, found.certificate(self.tol)
        warn_of_choice(self, self.cv_certificate_)
        if self.store_cv_results:
            self.cv_results_ = _kept(found, Y, weights, scorer is not None, target.ndim == 1)
        self._warn(solution)
        return self

    def _fitted_objective(self, weights, m):
        return ridge_objective(self.alpha_, weights, m, self.fit_intercept)

    def _choose(self, alphas: Array, scores: Array, flat: bool) -> Array:
        """Return the best alphas (k,) by scores (K, k). `flat` states whether y was (m,)."""
        k = scores.shape[1]
        self.scores_ = scores.copy() if self.alpha_per_target else scores.mean(axis=1)
        best = np.argmax(scores if self.alpha_per_target else scores.mean(axis=1)[:, None], axis=0)
        chosen = np.broadcast_to(alphas[best], k)
        self.alpha_ = chosen.copy() if self.alpha_per_target and k > 1 else float(chosen[0])
        if self.alpha_per_target and not flat:
            self.best_score_ = scores[best, np.arange(k)]
        else:
            self.best_score_ = scores.mean(axis=1)[best[0]]
        return chosen

    def _fit_streamed(self, source, alphas, params):
        """Fit from moments. Without `cv` read the rows once more."""
        if self.scoring is not None or self.store_cv_results or params:
            raise ValueError(
                f"{source.kind} is read in blocks: leave out scoring, store_cv_results and groups"
            )
        if self.cv is not None:
            cv = check_folds(self.cv, source, params)
            if self.alpha_per_target:
                raise ValueError("cv!=None and alpha_per_target=True are incompatible")
            parts, T = collected(source, cv), source.n_targets
            own = [[moments.of_target(part, t, T) for part in parts] for t in range(T)]
            validations = [Validation.of_moments(each, self.fit_intercept) for each in own]
            scores = self._fold_scores(validations, alphas, "r2", flat=source.flat)[:, None]
        elif isinstance(source, Source):
            parts = collected(source, None)
            found = leave_one_out_of(
                source, moments.total(parts), alphas, centred=self.fit_intercept
            )
            scores, self.dof_ = -(found.gcv if self.gcv_mode == "gcv" else found.mse), found.dof
            self.scores_se_, self.cv_certificate_ = None, found.certificate(self.tol)
            warn_of_choice(self, self.cv_certificate_)
        else:
            raise ValueError("leave-one-out needs the rows, and X is SufficientStatistics: set cv")
        whole = moments.total(parts)
        chosen = self._choose(alphas, scores, source.flat)
        strengths = per_weight(chosen, np.array([whole.weight]), 1)
        self._fit_moments(source, whole, strengths, L1(0.0), passes=1 + (self.cv is None))
        return self

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the mean errors or scores against alpha.

        Bands show one standard error if it is known, and lines mark the choice. With
        ``alpha_per_target=True`` each target has a curve of its own.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on. None makes new ones.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        check_is_fitted(self)
        label, is_error, name = self._labels()
        alphas = np.ravel(np.asarray(self.alphas, float))
        columns = self.scores_.reshape(len(alphas), -1)
        values = -columns if is_error else columns
        if values.shape[1] == 1:
            curve = Curve(alphas, values[:, 0], self.scores_se_, label, name)
            return draw_errors(curve, {"chosen": float(np.ravel(self.alpha_)[0])}, ax=ax)
        for t, (own, chosen) in enumerate(zip(values.T, np.ravel(self.alpha_), strict=True)):
            curve = Curve(alphas, own, None, label, f"target {t}")
            ax = draw_errors(curve, {f"target {t}": float(chosen)}, colour=t, ax=ax)
        return ax

    def _labels(self) -> tuple[str, bool, str]:
        """Return the name of the scores, whether they are negative errors, and the curve's name."""
        rows = "each row left out once" if self.cv is None else "mean of the folds"
        if self.scoring is None and self.cv is None:
            mode = "generalised cross-validation" if self.gcv_mode == "gcv" else rows
            return "mean squared error", True, mode
        if self.scoring in (None, "r2"):
            return "R²", False, rows
        if not isinstance(self.scoring, str):
            return "score", False, rows
        is_error = self.scoring.startswith("neg_")
        return self.scoring.removeprefix("neg_").replace("_", " "), is_error, rows

    def get_metadata_routing(self) -> Any:
        """Return what `fit` passes to the splitter and the scorer.

        See scikit-learn's guide to metadata routing.

        Returns
        -------
        MetadataRouter
            The requests of `fit`.
        """
        return router(self, scorer=self._scorer(), splitter=self.cv)

    def _scorer(self) -> Any:
        """Return the scorer, or None for the own score. R² gets the routed weights."""
        if self.scoring is None and (self.cv is None or not is_enabled()):
            return None
        from sklearn.metrics import check_scoring, get_scorer  # slow to import

        if self.scoring is None:
            return get_scorer("r2").set_score_request(sample_weight=True)
        return check_scoring(self, self.scoring)

    def _measured(self, scores: Array, weights: Array | None, m: int) -> Array:
        """Return the scores, or NaN if only one row has a weight and there is an intercept."""
        count = m if weights is None else np.count_nonzero(weights)
        if count > 1 or not self.fit_intercept:
            return scores
        message = "leave-one-out needs two rows with weight, X has one: no alpha is better"
        warn(f"{message} than another, and best_score_ is NaN", UndefinedMetricWarning)
        return np.full_like(scores, np.nan)

    def _scores(self, found: LeaveOneOut, y: Array, scorer: Any, scored_by: dict) -> Array:
        """Compute scores (K, k). Larger is better."""
        if scorer is None:
            return -(found.gcv if self.gcv_mode == "gcv" else found.mse)
        assert found.errors is not None
        k, points = found.errors.shape[1:]
        predictions = np.moveaxis(y.reshape(len(y), k, 1) - found.errors, 2, 0)
        if self.alpha_per_target:
            y = y.reshape(len(y), k)
            by_target = [
                [scorer(_Given(), given[:, t], y[:, t], **scored_by) for t in range(k)]
                for given in predictions
            ]
            return np.array(by_target)
        whole = [scorer(_Given(), p.reshape(y.shape), y, **scored_by) for p in predictions]
        return np.broadcast_to(np.array(whole)[:, None], (points, k))

    def _confirmed(
        self, design: Any, Y: Array, weights: Array | None, alphas: Array, found: LeaveOneOut
    ) -> Any:
        strengths = per_weight(alphas, weights, design.shape[0])
        objective = Objective(strengths[None, :], L1(0.0), weights, self.fit_intercept)
        problem = found.problem
        with single_threaded_blas:
            beta = np.stack([found.solve(s, t) for t, s in enumerate(strengths)], axis=1)
            coef, intercept = problem.unscale(np.asfortranarray(beta))
        return confirm(design, Y, objective, problem, coef, intercept, tol=self.tol)

    def _by_folds(self, X, y, sample_weight, alphas, params):
        """Choose alpha by folds.

        Scores that follow from squared errors get a bound on each error. For other scores,
        scikit-learn's grid search over `Ridge` chooses.
        """
        if self.alpha_per_target:
            raise ValueError("cv!=None and alpha_per_target=True are incompatible")
        if self.store_cv_results:
            raise ValueError("cv!=None and store_cv_results=True are incompatible")
        design = as_design(X)
        target = as_target(y, design.shape[0])
        grouped_by, scored_by = routed(self, sample_weight, params)
        splits = splits_of(self.cv, X, target, grouped_by)
        weights = as_weights(sample_weight, design.shape[0])
        check_weights(weights, splits)
        if weights is None and self._is_of_errors(alphas, splits):
            each = Validation.of_targets(
                design, target.reshape(len(target), -1), splits, self.fit_intercept
            )
            scores = self._fold_scores(each, alphas, self._scoring, flat=target.ndim == 1)
            best = int(np.argmax(scores))
            model = Ridge(alphas[best], fit_intercept=self.fit_intercept).fit(X, y)
            self.alpha_, self.best_score_ = alphas[best], scores[best]
        else:
            search = self._searched(X, y, sample_weight, alphas, splits, scored_by)
            known, folds = search.cv_results_, range(search.n_splits_)
            each = np.stack([known[f"split{f}_test_score"] for f in folds], axis=1)
            self.scores_, self.scores_se_ = each.mean(axis=1), spread_over_folds(each)
            model = search.best_estimator_
            self.alpha_, self.best_score_ = model.alpha, search.best_score_
        for name in ("coef_", "intercept_", "dual_gap_", "certificate_", "n_iter_"):
            setattr(self, name, getattr(model, name))
        self._check_names(X)
        return self

    @property
    def _scoring(self):
        return "r2" if self.scoring is None else self.scoring

    def _is_of_errors(self, alphas, splits):
        """Whether scores follow from the squared errors of folds. The caller checks weights."""
        if not isinstance(self._scoring, str) or self._scoring not in SCORES or alphas.min() == 0:
            return False
        return self._scoring != "r2" or min(len(test) for _, test in splits) >= 2

    def _fold_scores(self, targets, alphas, scoring, *, flat):
        """Compute the scores (K,), and set their certificate."""
        found = ridge_scores(targets, alphas, scoring, flat=flat)
        self.scores_, self.scores_se_ = found.scores, found.spread
        self.cv_certificate_ = found.certificate
        warn_of_choice(self, self.cv_certificate_)
        return found.scores

    def _searched(self, X, y, sample_weight, alphas, splits, scored_by):
        from sklearn.model_selection import GridSearchCV

        model = Ridge(fit_intercept=self.fit_intercept)
        if is_enabled():
            model.set_fit_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": list(alphas)}, cv=splits, scoring=self._scorer())
        weighted_by = {} if sample_weight is None else {"sample_weight": sample_weight}
        return search.fit(X, y, **(scored_by | weighted_by))


class _Given(BaseEstimator):  # type: ignore[misc]
    """Predict the given values. Scorers need an estimator."""

    _estimator_type = "regressor"

    def predict(self, X: Array) -> Array:
        return X


def _spread_over_rows(errors: Array, weights: Array | None) -> Array:
    """Compute the standard errors (K,) of the mean squares of errors (m, k, K)."""
    squares = np.mean(errors**2, axis=1)
    w = np.ones(len(squares)) if weights is None else weights
    w = w / w.sum()
    away = squares - w @ squares
    rows = np.count_nonzero(w)
    out: Array = np.sqrt((w**2) @ away**2 * rows / max(rows - 1, 1))
    return out


def _kept(
    found: LeaveOneOut, Y: Array, weights: Array | None, predictions: bool, flat: bool
) -> Array:
    assert found.errors is not None
    if predictions:
        out = Y[:, :, None] - found.errors
    else:
        out = found.errors**2 * (1.0 if weights is None else weights[:, None, None])
    return out[:, 0, :] if flat else out

"""`ElasticNetCV` and `LassoCV`: choose alpha and l1_ratio by cross-validation."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastreg._jit import single_threaded_blas
from fastreg.grids import geometric, is_count, strengths_of
from fastreg.linear_model.base import (
    STREAMED,
    ChoosingRegressor,
    elastic_net_objective,
    warn_of_choice,
)
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.progress import CallbackSupportMixin, told, with_callbacks
from fastreg.linear_model.routing import routed, splits_of
from fastreg.linear_model.state import atomic
from fastreg.objectives import Objective
from fastreg.paths import enet_path, lasso_path
from fastreg.penalties import L1, non_negative
from fastreg.plots import Curve, draw_errors
from fastreg.problems.from_moments import summarise
from fastreg.selection.choice import ChoiceCertificate, Errors, certificate_of, least_of
from fastreg.selection.cross_validation import Validation
from fastreg.solvers import Solution, confirm, follow, solve, solve_moments

Array = np.ndarray


class ElasticNetCV(CallbackSupportMixin, ChoosingRegressor):  # type: ignore[misc]
    """Fit the elastic net, with alpha and l1_ratio chosen by cross-validation.

    Each training set gets one path of all alphas. If n_samples is large beside n_features, X is
    read once for all folds, alphas and l1_ratios. X is never copied.

    Parameters
    ----------
    l1_ratio : float or array-like of shape (n_l1_ratios,), default=0.5
        Shares of the L1 penalty to try, above 0 and at most 1.
    eps : float, default=1e-3
        Least alpha divided by the largest, above 0 and at most 1.
    alphas : int or array-like of shape (n_alphas,), default=100
        Number of strengths, or the strengths. A number gives a geometric grid. It starts at the
        least alpha that holds all coefficients at zero.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    precompute : object, default="auto"
        Ignored. It exists for compatibility with scikit-learn.
    max_iter : int, default=1000
        Largest number of steps at each strength.
    tol : float, default=1e-4
        Relative duality gap that every fit must reach, at least 0.
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). None
        means 5 folds. Data read in blocks takes an int or None. Its folds are neighbouring rows if
        the number of rows is known; else rows are dealt out in turn.
    copy_X : bool, default=True
        Ignored. X is never copied and never changed.
    verbose : bool, default=0
        Whether to draw a progress bar of the folds on standard error.
    n_jobs : object, default=None
        Ignored. `fastreg.set_num_threads` sets the number of threads.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    random_state : object, default=None
        Ignored. It exists for compatibility with scikit-learn.
    selection : str, default="cyclic"
        Ignored. It exists for compatibility with scikit-learn.
    rule : {"min", "1se"}, default="min"
        How to choose the strength. "min" takes the least mean error. "1se" takes the strongest
        penalty whose mean error is within one standard error of that.

    Attributes
    ----------
    alpha_ : float
        Chosen alpha.
    l1_ratio_ : float
        Chosen l1_ratio.
    alphas_ : ndarray of shape (n_alphas,) or (n_l1_ratios, n_alphas)
        Alphas that were tried, in descending order.
    mse_path_ : ndarray of shape (n_alphas, n_folds) or (n_l1_ratios, n_alphas, n_folds)
        Mean squared error of each test fold.
    mse_se_ : ndarray of shape (n_alphas,) or (n_l1_ratios, n_alphas)
        Standard error of the mean over folds.
    alpha_min_ : float
        Alpha that ``rule="min"`` chooses.
    alpha_1se_ : float
        Alpha that ``rule="1se"`` chooses.
    cv_certificate_ : ChoiceCertificate
        How wrong the error of each fold may be.
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
    ElasticNet : Fit one alpha.
    LassoCV : Choose alpha for the lasso.

    Notes
    -----
    Each fit minimises the objective of `ElasticNet`::

        P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·l1_ratio·‖w‖₁ + ½·alpha·(1 − l1_ratio)·‖w‖²

    For the rule of one standard error see [1]_.

    References
    ----------
    .. [1] Hastie T., Tibshirani R., Friedman J., "The Elements of Statistical Learning", 2nd ed.,
       2009, section 7.10.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 10))
    >>> y = X[:, 0] - X[:, 1] + 0.5 * rng.standard_normal(200)
    >>> model = fastreg.ElasticNetCV(l1_ratio=[0.5, 1.0], cv=5, rule="1se").fit(X, y)
    >>> model.mse_path_.shape, np.flatnonzero(model.coef_)
    ((2, 100, 5), array([0, 1]))
    """

    alpha_: float
    l1_ratio_: float
    alphas_: Array
    cv_certificate_: ChoiceCertificate
    mse_path_: Array
    mse_se_: Array
    alpha_1se_: float
    alpha_min_: float

    path = staticmethod(enet_path)
    _streams = True
    _parameter_constraints = {
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), "array-like"],
        "eps": [Interval(Real, 0, 1, closed="right")],
        "alphas": [Interval(Integral, 1, None, closed="left"), "array-like", None],
        "fit_intercept": ["boolean"],
        "precompute": [StrOptions({"auto"}), "array-like", "boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "cv": ["cv_object"],
        "copy_X": ["boolean"],
        "verbose": ["verbose"],
        "n_jobs": [Integral, None],
        "positive": ["boolean"],
        "random_state": ["random_state"],
        "selection": [StrOptions({"cyclic", "random"})],
        "rule": [StrOptions({"min", "1se"})],
    }

    def __init__(
        self,
        *,
        l1_ratio=0.5,
        eps=1e-3,
        alphas=100,
        fit_intercept=True,
        precompute="auto",
        max_iter=1000,
        tol=1e-4,
        cv=None,
        copy_X=True,
        verbose=0,
        n_jobs=None,
        positive=False,
        random_state=None,
        selection="cyclic",
        rule="min",
    ) -> None:
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.rule = rule

    @atomic()
    @opens_sources
    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> Self:
        """Choose alpha, then fit to all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,), default=None
            Target. None where X is a source, which has it.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        **params : dict
            Arguments of the splitter, such as `groups`. With scikit-learn's metadata routing,
            whatever the splitter requests.

        Returns
        -------
        ElasticNetCV or LassoCV
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.

        Warns
        -----
        ConvergenceWarning
            The last fit did not reach `tol`, or the errors of some folds are uncertain.
        """
        ratios = ratios_of(getattr(self, "l1_ratio", 1.0))
        validation = self._validation(X, y, sample_weight, params)
        grids = [self._grid(validation, ratio) for ratio in ratios]
        count = len(ratios) * validation.n_splits
        with told(self, "fold", count, bar=self.verbose) as tell:
            found = [
                validation.errors(self._objective(ratio), grid, self.tol, self.max_iter, tell=tell)
                for ratio, grid in zip(ratios, grids, strict=True)
            ]
        self._choose(ratios, grids, found)
        warn_of_choice(self, self.cv_certificate_)
        self._finish(X, self._final(validation))
        return self

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the mean errors against alpha.

        A band shows one standard error, and lines mark both choices. The errors are those of
        `l1_ratio_`.

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
        return draw_choice(self, self.mse_path_, self.mse_se_, "mean squared error", ax)

    def _validation(self, X: Any, y: Any, sample_weight: Any, params: Any) -> Validation:
        if isinstance(X, STREAMED):
            parts = self._collected(X, params)
            return Validation.of_moments(parts, self.fit_intercept)
        design, target, weights = self._read(X, y, sample_weight)
        splits = splits_of(self.cv, X, target, routed(self, sample_weight, params)[0])
        return Validation(design, target, weights, splits, self.fit_intercept)

    def _grid(self, validation: Validation, ratio: float) -> Array:
        given, count = strengths_of(100 if self.alphas is None else self.alphas)
        if given is None:
            if ratio == 0.0:
                raise ValueError("l1_ratio=0 has no largest alpha: give alphas, or use RidgeCV")
            largest = validation.largest(self.positive) / ratio
            if largest == 0.0:  # nothing to explain
                return np.full(count, np.finfo(float).resolution)
            return geometric(largest, self.eps, count)
        return given

    def _objective(self, ratio: float) -> Any:
        penalty = (non_negative if self.positive else L1)(ratio)
        l2 = np.array([[1.0 - ratio]])

        def make(weights: Array | None, strengths: Array | None) -> Objective:
            return Objective(l2, penalty, weights, self.fit_intercept, strengths)

        return make

    def _fitted_objective(self, weights, m):
        return elastic_net_objective(self.alpha_, self.l1_ratio_, weights, self.fit_intercept)

    def _choose(self, ratios: list[float], grids: list[Array], found: list[Errors]) -> None:
        note_choice(self, ratios, grids, found)
        self.mse_path_, self.mse_se_ = errors_of(found)

    def _final(self, validation: Validation) -> Solution:
        """Fit to all rows, from the moments of the folds if they were collected."""
        make, one = self._objective(self.l1_ratio_), np.array([self.alpha_])
        limits = {"tol": self.tol, "max_iter": self.max_iter}
        whole = validation.whole
        if whole is not None and not validation.has_rows:
            return solve_moments(whole, make(None, one), passes=1, **limits)
        X, Y, objective = validation.X, validation.y[:, None], make(validation.weights, one)
        if whole is None:
            return solve(X, Y, objective, **limits)
        problem = summarise(whole, make(None, one))
        with single_threaded_blas:
            coef, intercept = follow(problem, self.tol, self.max_iter)
        return confirm(X, Y, objective, problem, coef, intercept, **limits)


class LassoCV(ElasticNetCV):
    """Fit the lasso, with alpha chosen by cross-validation.

    Each training set gets one path of all alphas. If n_samples is large beside n_features, X is
    read once for all folds and alphas. X is never copied. `LassoCV` is `ElasticNetCV` with
    ``l1_ratio=1``.

    Parameters
    ----------
    eps : float, default=1e-3
        Least alpha divided by the largest, above 0 and at most 1.
    alphas : int or array-like of shape (n_alphas,), default=100
        Number of strengths, or the strengths. A number gives a geometric grid. It starts at the
        least alpha that holds all coefficients at zero.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    precompute : object, default="auto"
        Ignored. It exists for compatibility with scikit-learn.
    max_iter : int, default=1000
        Largest number of steps at each strength.
    tol : float, default=1e-4
        Relative duality gap that every fit must reach, at least 0.
    copy_X : bool, default=True
        Ignored. X is never copied and never changed.
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). None
        means 5 folds. Data read in blocks takes an int or None. Its folds are neighbouring rows if
        the number of rows is known; else rows are dealt out in turn.
    verbose : bool, default=False
        Whether to draw a progress bar of the folds on standard error.
    n_jobs : object, default=None
        Ignored. `fastreg.set_num_threads` sets the number of threads.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    random_state : object, default=None
        Ignored. It exists for compatibility with scikit-learn.
    selection : str, default="cyclic"
        Ignored. It exists for compatibility with scikit-learn.
    rule : {"min", "1se"}, default="min"
        How to choose the strength. "min" takes the least mean error. "1se" takes the strongest
        penalty whose mean error is within one standard error of that.

    Attributes
    ----------
    alpha_ : float
        Chosen alpha.
    l1_ratio_ : float
        Chosen l1_ratio.
    alphas_ : ndarray of shape (n_alphas,) or (n_l1_ratios, n_alphas)
        Alphas that were tried, in descending order.
    mse_path_ : ndarray of shape (n_alphas, n_folds) or (n_l1_ratios, n_alphas, n_folds)
        Mean squared error of each test fold.
    mse_se_ : ndarray of shape (n_alphas,) or (n_l1_ratios, n_alphas)
        Standard error of the mean over folds.
    alpha_min_ : float
        Alpha that ``rule="min"`` chooses.
    alpha_1se_ : float
        Alpha that ``rule="1se"`` chooses.
    cv_certificate_ : ChoiceCertificate
        How wrong the error of each fold may be.
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
    Lasso : Fit one alpha.
    ElasticNetCV : Choose l1_ratio as well.

    Notes
    -----
    Each fit minimises the objective of `Lasso`::

        P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·‖w‖₁

    For the rule of one standard error see [1]_.

    References
    ----------
    .. [1] Hastie T., Tibshirani R., Friedman J., "The Elements of Statistical Learning", 2nd ed.,
       2009, section 7.10.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 10))
    >>> y = X[:, 0] - X[:, 1] + 0.5 * rng.standard_normal(200)
    >>> model = fastreg.LassoCV(cv=10).fit(X, y)
    >>> bool(model.alpha_min_ == model.alpha_ <= model.alpha_1se_), model.mse_path_.shape
    (True, (100, 10))
    """

    path = staticmethod(lasso_path)
    _parameter_constraints = {
        name: constraint
        for name, constraint in ElasticNetCV._parameter_constraints.items()
        if name != "l1_ratio"
    }

    def __init__(
        self,
        *,
        eps=1e-3,
        alphas=100,
        fit_intercept=True,
        precompute="auto",
        max_iter=1000,
        tol=1e-4,
        copy_X=True,
        cv=None,
        verbose=False,
        n_jobs=None,
        positive=False,
        random_state=None,
        selection="cyclic",
        rule="min",
    ) -> None:
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.copy_X = copy_X
        self.cv = cv
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.rule = rule


def note_choice(model: Any, ratios: list[float], grids: list[Array], found: list[Errors]) -> int:
    """Set the chosen strengths, alphas_ and cv_certificate_ from the errors of each l1_ratio.

    The model's `rule` chooses. Return the place of the chosen l1_ratio.
    """
    which = least_of(found)
    grid, errors = grids[which], found[which]
    model.alpha_min_, model.alpha_1se_ = (grid[errors.choose(rule)] for rule in ("min", "1se"))
    model.alpha_ = model.alpha_min_ if model.rule == "min" else model.alpha_1se_
    model.l1_ratio_ = np.float64(ratios[which])
    common = len(ratios) == 1 or not (model.alphas is None or is_count(model.alphas))
    model.alphas_ = grids[0] if common else np.array(grids)
    model.cv_certificate_ = certificate_of(found, model.tol)
    return which


def errors_of(found: list[Errors]) -> tuple[Array, Array]:
    """Return errors (K, F) and standard errors (K,) of their means.

    Several l1_ratios add a first axis.
    """
    errors = np.array([each.mse for each in found])
    spread = np.array([each.standard_error for each in found])
    return (errors[0], spread[0]) if len(found) == 1 else (errors, spread)


def draw_choice(model: Any, errors: Array, spread: Array, label: str, ax: Any) -> Any:
    """Draw errors (…, K, F) of folds, with the standard errors of their means.

    They are those of the l1_ratio that the model chose. Return the axes.
    """
    ratio = getattr(model, "l1_ratio", 1.0)
    which: Any = ratios_of(ratio).index(model.l1_ratio_) if errors.ndim == 3 else ...
    alphas = model.alphas_ if model.alphas_.ndim == 1 else model.alphas_[which]
    name = f"mean of {errors.shape[-1]} folds"
    if errors.ndim == 3:
        name += f", l1_ratio = {model.l1_ratio_:g}"
    curve = Curve(alphas, errors[which].mean(axis=-1), spread[which], label, name)
    return draw_errors(curve, {"min": model.alpha_min_, "1se": model.alpha_1se_}, ax=ax)


def ratios_of(l1_ratio: Any, name: str = "l1_ratio") -> list[float]:
    """Check one or several L1 shares, and return them as a list."""
    ratios = np.atleast_1d(np.asarray(l1_ratio, float))
    if ratios.ndim != 1 or not len(ratios) or not ((ratios >= 0) & (ratios <= 1)).all():
        raise ValueError(f"{name} must be between 0 and 1, got {l1_ratio!r}")
    return [float(ratio) for ratio in ratios]

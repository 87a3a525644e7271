"""`ElasticNetCV` and `LassoCV`: alpha, and the share of L1, by cross-validation."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

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
    """`ElasticNet` with alpha, and l1_ratio where several are given, chosen by cross-validation.

    Every training fit is a path of all alphas. Where rows are many beside columns, X is read once
    for all folds, alphas and l1_ratios; X is never copied.

    Parameters
    ----------
    l1_ratio : float in (0, 1] or several of them
    eps : float in (0, 1], least over largest alpha
    alphas : int, a number of alphas, geometric from the least that holds all coefficients at zero;
        or the alphas themselves
    fit_intercept : bool
    max_iter : int, steps at each alpha
    tol : float ≥ 0, certified relative gap of the final fit; training fits go as far
    cv : int (None is 5), splitter, or iterable of (training rows, test rows)
        Of data that is read in blocks a number of folds: neighbours, as `KFold` cuts them, where
        the number of rows is known before they are read, else rows dealt out in turn.
    rule : "min" or "1se"
        The alpha of the least mean error, or the largest whose mean error is within one standard
        error of that (Hastie, Tibshirani & Friedman 2009, §7.10).
    positive : bool, require w ≥ 0
    verbose : bool, draw a bar of the folds on standard error
    precompute, copy_X, n_jobs, random_state, selection
        Accepted so that code written for scikit-learn runs; without effect.

    Attributes
    ----------
    alpha_, l1_ratio_ : what was chosen
    alphas_ : (K,) descending, or (L, K) for L l1_ratios whose alphas were not given
    mse_path_ : (K, F) of F folds, or (L, K, F): mean squared errors of each test fold
    mse_se_ : (K,) or (L, K): standard error of the mean over folds
    alpha_1se_, alpha_min_ : what either rule gives
    cv_certificate_ : `fastreg.ChoiceCertificate`, how wrong each error of mse_path_ may be
    coef_, intercept_, dual_gap_, certificate_, n_iter_, n_features_in_, feature_names_in_
        Of the fit to all rows, as in `ElasticNet`.

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
    ):
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
    def fit(self, X, y=None, sample_weight=None, **params):
        """Choose, then fit to all rows of X (m, n), y (m,), with weights (m,) ≥ 0 or None; or to
        what `fastreg.read` takes, with `cv` a number of folds.

        `groups` (m,) go to a splitter that keeps groups together; with scikit-learn's metadata
        routing enabled, so does whatever it asks for.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable; the message names it.

        Warns
        -----
        ConvergenceWarning
            The final fit did not reach `tol`, or errors of folds are less certain than that.
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
        """Draw the mean errors of the chosen l1_ratio against alpha, with one standard error to
        either side, and what both rules choose.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        The axes.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> X = np.random.default_rng(0).standard_normal((100, 4))
        >>> ax = fastreg.LassoCV().fit(X, X[:, 0]).plot()  # doctest: +SKIP
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
        """The fit to all rows: from the moments gathered for the folds, where they were."""
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
    """`Lasso` with alpha chosen by cross-validation: `ElasticNetCV` with l1_ratio = 1.

    Parameters, attributes and errors are those of `ElasticNetCV`, without `l1_ratio`.

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
    ):
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
    """Set alpha_, alpha_min_, alpha_1se_, l1_ratio_, alphas_ and cv_certificate_, from errors at
    the grid of each l1_ratio, by the model's rule; the place of the l1_ratio."""
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
    """(errors (K, F), standard errors of their means (K,)), with an axis more for several
    l1_ratios."""
    errors = np.array([each.mse for each in found])
    spread = np.array([each.standard_error for each in found])
    return (errors[0], spread[0]) if len(found) == 1 else (errors, spread)


def draw_choice(model: Any, errors: Array, spread: Array, label: str, ax: Any) -> Any:
    """Errors (…, K, F) of folds and standard errors of their means, of the l1_ratio that a model
    has chosen; the axes."""
    ratio = getattr(model, "l1_ratio", 1.0)
    which: Any = ratios_of(ratio).index(model.l1_ratio_) if errors.ndim == 3 else ...
    alphas = model.alphas_ if model.alphas_.ndim == 1 else model.alphas_[which]
    name = f"mean of {errors.shape[-1]} folds"
    if errors.ndim == 3:
        name += f", l1_ratio = {model.l1_ratio_:g}"
    curve = Curve(alphas, errors[which].mean(axis=-1), spread[which], label, name)
    return draw_errors(curve, {"min": model.alpha_min_, "1se": model.alpha_1se_}, ax=ax)


def ratios_of(l1_ratio: Any, name: str = "l1_ratio") -> list[float]:
    """One or several shares of L1, checked."""
    ratios = np.atleast_1d(np.asarray(l1_ratio, float))
    if ratios.ndim != 1 or not len(ratios) or not ((ratios >= 0) & (ratios <= 1)).all():
        raise ValueError(f"{name} must be between 0 and 1, got {l1_ratio!r}")
    return [float(ratio) for ratio in ratios]

"""`PoissonRegressorCV`: alpha, and the share of L1, by cross-validation."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastreg.design import Design
from fastreg.grids import LEAST_RATIO, Grid, geometric, strengths_of
from fastreg.linear_model.base import STREAMED, warn_of_choice
from fastreg.linear_model.cross_validated import draw_choice, errors_of, note_choice, ratios_of
from fastreg.linear_model.generalized import MakeObjective
from fastreg.linear_model.generalized_cv import check_training_sets, fold_errors
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.poisson import Counting
from fastreg.linear_model.progress import CallbackSupportMixin, with_callbacks
from fastreg.linear_model.routing import routed, router, splits_of
from fastreg.linear_model.state import atomic
from fastreg.objectives import offset_of
from fastreg.selection.choice import ChoiceCertificate
from fastreg.selection.cross_validation import Validation
from fastreg.selection.loss_fits import errors_of_source
from fastreg.solvers import solve

Array = np.ndarray
_LEAST, _LEAST_RIDGE = 1e-3, 1e-6  # over the largest alpha, which is a thousand times as large


class PoissonRegressorCV(CallbackSupportMixin, Counting):  # type: ignore[misc]
    """`PoissonRegressor` with alpha, and l1_ratio where several are given, chosen by deviance.

    Every training fit is a path of all alphas, each certified. X is never copied.

    Parameters
    ----------
    l1_ratio : float in [0, 1] or several of them
    eps : float in (0, 1] or None, least over largest alpha; None is 1e-3, or 1e-6 for an l1_ratio
        below 1e-3
    alphas : int, a number of alphas, geometric from the least that holds all coefficients at zero
        (for an l1_ratio below 1e-3, that of 1e-3); or the alphas themselves
    fit_intercept : bool
    max_iter : int, Newton steps at each alpha
    tol : float ≥ 0, certified relative gap of the final fit; training fits go as far
    cv : int (None is 5), splitter, or iterable of (training rows, test rows)
    verbose : bool, draw a bar of the folds on standard error
    rule : "min" or "1se"
        The alpha of the least mean deviance, or the largest whose mean deviance is within one
        standard error of that.
    positive, bounds, penalty_factor : as in `PoissonRegressor`
    solver
        Accepted so that code written for scikit-learn runs; without effect.

    Attributes
    ----------
    alpha_, l1_ratio_ : what was chosen
    alphas_ : (K,) descending, or (L, K) for L l1_ratios whose alphas were not given
    deviance_path_ : (K, F) of F folds, or (L, K, F): mean deviances of each test fold
    deviance_se_ : (K,) or (L, K): standard error of the mean over folds
    alpha_1se_, alpha_min_ : what either rule gives
    cv_certificate_ : `fastreg.ChoiceCertificate` of the errors of deviance_path_
    coef_, intercept_, dual_gap_, certificate_, n_iter_, n_features_in_, feature_names_in_
        Of the fit to all rows, as in `PoissonRegressor`.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((500, 10))
    >>> y = rng.poisson(np.exp(X[:, 0] - 0.5 * X[:, 1]))
    >>> model = fastreg.PoissonRegressorCV(l1_ratio=1.0, alphas=30, rule="1se").fit(X, y)
    >>> model.deviance_path_.shape, np.flatnonzero(model.coef_)
    ((30, 5), array([0, 1]))
    """

    _chosen = True
    alpha_: float
    l1_ratio_: float
    alphas_: Array
    deviance_path_: Array
    deviance_se_: Array
    alpha_1se_: float
    alpha_min_: float
    cv_certificate_: ChoiceCertificate

    _parameter_constraints = {
        **Counting._parameter_constraints,
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), "array-like"],
        "eps": [Interval(Real, 0, 1, closed="right"), None],
        "alphas": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "cv": ["cv_object"],
        "rule": [StrOptions({"min", "1se"})],
    }

    def __init__(
        self,
        *,
        l1_ratio=0.0,
        eps=None,
        alphas=100,
        fit_intercept=True,
        solver="lbfgs",
        max_iter=100,
        tol=1e-4,
        cv=None,
        verbose=0,
        rule="min",
        positive=False,
        bounds=None,
        penalty_factor=None,
    ):
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.verbose = verbose
        self.rule = rule
        self.positive = positive
        self.bounds = bounds
        self.penalty_factor = penalty_factor

    @atomic()
    @opens_sources
    @with_callbacks
    def fit(self, X, y=None, sample_weight=None, offset=None, **params):
        """Choose, then fit to all rows of X (m, n), y (m,) ≥ 0, with weights (m,) ≥ 0 or None and
        an offset (m,) of the log means or None; or to what `fastreg.read` takes, with `cv` a number
        of folds.

        `offset` of a source is the number, 0 or 1, of the one of its two targets that it is.

        `groups` (m,) go to a splitter that keeps groups together; with scikit-learn's metadata
        routing enabled, so does whatever it asks for.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable, or y is zero in all rows of a
            training set; the message says which.

        Warns
        -----
        ConvergenceWarning
            The final fit did not reach `tol`, or training fits did not.
        """
        if isinstance(X, STREAMED):
            return self._fit_source(X, offset, params)
        design = self._opened(X, y)
        m, n = design.shape
        ratios = ratios_of(self.l1_ratio)
        target, weights = self._counts(y, sample_weight, m)
        shift = offset_of(offset, m)
        splits = splits_of(self.cv, X, target, routed(self, sample_weight, params)[0])
        check_training_sets(self, target, weights, splits, lambda end: "counts of zero alone")
        makers = [self._maker(n, ratio, shift) for ratio in ratios]
        grids = [self._grid(design, target, weights, shift, ratio) for ratio in ratios]
        validation = Validation(
            design, target, weights, splits, bool(self.fit_intercept), of_squares=False
        )
        found = fold_errors(self, validation, makers, grids)
        which = note_choice(self, ratios, grids, found)
        self.deviance_path_, self.deviance_se_ = errors_of(found)
        warn_of_choice(self, self.cv_certificate_)
        self._finish(X, design, target, makers[which](weights, np.array([self.alpha_])))
        return self

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the mean deviances of the chosen l1_ratio against alpha, with one standard error to
        either side, and what both rules choose.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        The axes.
        """
        check_is_fitted(self)
        return draw_choice(self, self.deviance_path_, self.deviance_se_, "mean deviance", ax)

    def _fit_source(self, X: Any, offset: Any, params: Any) -> Any:
        """By reads of a source, which folds share."""
        from fastreg.linear_model import generalized_sources as sources  # not part of a first fit

        source, ratios = sources.opened(self, X, offset), ratios_of(self.l1_ratio)
        count, n = sources.folds_of(self, source, params), source.n_features
        paths = []
        for ratio in ratios:
            given, points = strengths_of(self.alphas)
            grid = None
            if given is None:
                gauge = self._maker(n, max(ratio, LEAST_RATIO), None)(None, None).penalty
                grid = Grid(points, self._least(ratio), gauge)
            make = self._maker(n, ratio, None)
            paths.append(sources.followed(self, source, make, given, grid=grid, n_folds=count))
        found = [errors_of_source(each) for each in paths]
        which = note_choice(self, ratios, [each.solution.strength for each in paths], found)
        self.deviance_path_, self.deviance_se_ = errors_of(found)
        warn_of_choice(self, self.cv_certificate_)
        chosen = paths[which].solution
        k = int(np.flatnonzero(chosen.strength == self.alpha_)[0])
        sources.finish(self, source, chosen.part(slice(k, k + 1)))
        return self

    def _least(self, ratio: float) -> float:
        """Least over largest alpha."""
        least = _LEAST if ratio >= LEAST_RATIO else _LEAST_RIDGE
        return float(least if self.eps is None else self.eps)

    def _fitted_strength(self, weights: Array | None, m: int) -> tuple[float, float]:
        return float(self.l1_ratio_), float(self.alpha_)

    def get_metadata_routing(self) -> Any:
        """Who asks for what of the parameters of `fit`: see scikit-learn's guide to routing."""
        return router(self, splitter=self.cv)

    def _grid(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None, ratio: float
    ) -> Array:
        """(K,) alphas, descending."""
        given, count = strengths_of(self.alphas)
        if given is not None:
            return given
        make: MakeObjective = self._maker(design.shape[1], max(ratio, LEAST_RATIO), offset)
        objective = make(weights, None)
        top = solve(
            design, y[:, None], objective, tol=self.tol, max_iter=self.max_iter,
            grid=Grid(1, 1.0, objective.penalty),
        ).strength[0]  # fmt: skip
        return geometric(float(top), self._least(ratio), count)

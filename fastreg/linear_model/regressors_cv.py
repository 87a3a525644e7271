"""What regressors of other families share that choose alpha and l1_ratio by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Self

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
from fastreg.linear_model.progress import CallbackSupportMixin, with_callbacks
from fastreg.linear_model.regressors import GeneralizedRegressor
from fastreg.linear_model.routing import routed, router, splits_of
from fastreg.linear_model.state import atomic
from fastreg.losses import traits
from fastreg.objectives import offset_of
from fastreg.selection.choice import ChoiceCertificate, Errors
from fastreg.selection.cross_validation import Validation
from fastreg.selection.folds import Split
from fastreg.selection.loss_fits import errors_of_source
from fastreg.solvers import solve

Array = np.ndarray
_LEAST, _LEAST_RIDGE = 1e-3, 1e-6  # over the largest alpha, which is a thousand times as large


class ChoosesAlpha(CallbackSupportMixin, GeneralizedRegressor):  # type: ignore[misc]
    """A fit that chooses alpha and l1_ratio."""

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
        **GeneralizedRegressor._parameter_constraints,
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
    ) -> None:
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
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, **params: Any
    ) -> Self:
        """Choose alpha and l1_ratio, then fit to all rows.

        For data read in blocks `cv` must be a number of folds.

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
        **params : dict
            Arguments of the splitter, such as `groups`. With scikit-learn's metadata routing,
            whatever the splitter requests.

        Returns
        -------
        estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong, or y is zero in all rows of a training set.
            The message states which.

        Warns
        -----
        ConvergenceWarning
            The last fit did not reach `tol`, or the errors of some folds are uncertain.
        """
        if isinstance(X, STREAMED):
            return self._fit_source(X, offset, params)
        design = self._opened(X, y)
        target, weights = self._targets(y, sample_weight, design.shape[0])
        target, shift = self._beside(target, offset_of(offset, design.shape[0]))
        splits = splits_of(self.cv, X, target, routed(self, sample_weight, params)[0])
        check_training_sets(self, target, weights, splits, lambda end: "a target of zero alone")
        self._prepare(design, target, weights, shift)
        found, which, makers = self._choose(design, target, weights, shift, splits)
        self.deviance_path_, self.deviance_se_ = errors_of(found)
        warn_of_choice(self, self.cv_certificate_)
        self._finish(X, design, target, makers[which](weights, np.array([self.alpha_])))
        return self

    def _prepare(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None
    ) -> None:
        """Set what the loss needs to know of the data."""

    def _choose(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None,
        splits: Sequence[Split],
    ) -> tuple[list[Errors], int, list[MakeObjective]]:  # fmt: skip
        """Cross-validate, and set what is chosen; the errors, and the number of the l1_ratio."""
        n, ratios = design.shape[1], ratios_of(self.l1_ratio)
        makers = [self._maker(n, ratio, offset) for ratio in ratios]
        grids = [self._grid(design, y, weights, offset, ratio) for ratio in ratios]
        validation = Validation(
            design, y, weights, splits, bool(self.fit_intercept),
            of_squares=traits(self._loss).quadratic,
        )  # fmt: skip
        found = fold_errors(self, validation, makers, grids)
        return found, note_choice(self, ratios, grids, found), makers

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the mean deviances against alpha.

        A band shows one standard error, and lines mark both choices. The deviances are those of
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
        return draw_choice(self, self.deviance_path_, self.deviance_se_, "mean deviance", ax)

    def _fit_source(self, X: Any, offset: Any, params: Any) -> Any:
        """Fit to a source. All folds share each read."""
        from fastreg.linear_model import generalized_sources as sources  # not part of a first fit

        source, ratios = self._source(X, offset), ratios_of(self.l1_ratio)
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
        k = int(np.flatnonzero(paths[which].solution.strength == self.alpha_)[0])
        make = self._maker(n, ratios[which], None)
        sources.finish(self, source, paths[which], make, k)
        return self

    def _least(self, ratio: float) -> float:
        """Return the least alpha divided by the largest."""
        least = _LEAST if ratio >= LEAST_RATIO else _LEAST_RIDGE
        return float(least if self.eps is None else self.eps)

    def _fitted_strength(self, weights: Array | None, m: int) -> tuple[float, float]:
        return float(self.l1_ratio_), float(self.alpha_)

    def get_metadata_routing(self) -> Any:
        """Return what `fit` passes to the splitter and the scorer.

        See scikit-learn's guide to metadata routing.

        Returns
        -------
        MetadataRouter
            The requests of `fit`.
        """
        return router(self, splitter=self.cv)

    def _grid(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None, ratio: float
    ) -> Array:
        """Return the alphas (K,), in descending order."""
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

"""Regularisation paths: one problem at many strengths, each point certified.

    P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·Σ_j f_j (l1_ratio·│w_j│ + ½(1 − l1_ratio)·w_j²)

with weights in the squares, m their sum, and factors f_j ≥ 0, 1 unless given. `path` is the
unit of work: X is read for several strengths at once, and a Gram matrix of the columns in
use is extended along the way.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg import _warnings, kernels, losses, plots
from fastreg._jit import single_threaded_blas
from fastreg._progress import draw_bar
from fastreg._warnings import warn_of_convergence
from fastreg.certificate import Certificate, penalty_value
from fastreg.certificate.losses import log_constant, mean, saturated
from fastreg.design import Design, as_design, as_target, as_weights, feature_names
from fastreg.functional import check_predictions, nonnegative
from fastreg.grids import LEAST_RATIO, Grid, least_share, strengths_of
from fastreg.objectives import Objective, check_target, family_of, offset_of
from fastreg.penalties import L1, Bounded, is_absolute
from fastreg.problems.in_memory import standardise
from fastreg.problems.quadratic import QuadraticProblem
from fastreg.selection import criteria, likelihoods, relaxed, scores
from fastreg.selection.choice import ChoiceCertificate, Errors
from fastreg.selection.folds import Split, as_splits, neighbours, stratified
from fastreg.solvers import METHODS, Solution, solve
from fastreg.solvers.working_set import Progress
from fastreg.sources.blocks import Source as RowsInBlocks
from fastreg.sources.names import check_order

Array = np.ndarray


def __getattr__(name: str) -> Any:
    if name == "ConvergenceWarning":  # scikit-learn's, loaded where it is asked for
        return _warnings.ConvergenceWarning
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    """What `path` returns: K points from the largest alpha to the least.

    It is pickled with the data that it was fitted to: `select` asks them.

    Attributes
    ----------
    alphas : (K,) descending
    coefs : (n, K)
    intercepts : (K,)
    gaps : (K,) certified bounds on P(w, b) − min P, in units of the null objective ‖y − ȳ‖²/2m
    l1_ratio : float
    certificate : `fastreg.Certificate` of all points
    n_iter : int, most steps of a point
    deviance : (K,) D = 2 Σ w [ℓ(z) − min ℓ]; null_deviance : float, of the intercept alone
    explained : (K,) 1 − deviance/null_deviance
    rss : (K,) Σ w r², sums of squared residuals: the deviance of squares, and of these alone
    data : what the path was fitted to
    gamma : float or None, of `relax`
    feature_names : list of str, of a frame, or None
    """

    alphas: Array
    coefs: Array
    intercepts: Array
    gaps: Array
    l1_ratio: float
    certificate: Certificate
    n_iter: int
    data: Source
    gamma: float | None = None
    feature_names: list[str] | None = None

    @property
    def _is_of_squares(self) -> bool:
        return bool(losses.traits(self.data.objective.loss).quadratic)

    def _of_squares(self, what: str) -> None:
        """ValueError if the loss is another."""
        if not self._is_of_squares:
            name = type(self.data.objective.loss).__name__
            raise ValueError(f"{what} is for family='gaussian', this path is of {name}")

    def __repr__(self) -> str:
        relaxed = "" if self.gamma is None else f", gamma={self.gamma:g}"
        return (
            f"{type(self).__name__}({len(self.alphas)} alphas from {self.alphas[0]:.3g} to "
            f"{self.alphas[-1]:.3g}, {len(self.coefs)} features, l1_ratio={self.l1_ratio:g}"
            f"{relaxed}, relative gaps up to {self.gaps.max():.1e})"
        )

    @property
    def rss(self) -> Array:
        """The deviance of squares: objective less penalty, times twice the weight."""
        self._of_squares("rss")
        return self.deviance

    @functools.cached_property
    def deviance(self) -> Array:
        """(K,) D = 2 Σ w [ℓ(z) − min ℓ], R's residual deviance, of squares `rss`: the objective of
        the certificate less the penalty and the least loss, without a read of X. It is certain to
        what rounding leaves of the objective."""
        mean = self.certificate.objective - self._penalties() - self.data.least
        return np.maximum(2.0 * self.data.weight * mean, 0.0)

    @property
    def null_deviance(self) -> float:
        """D of the intercept and the offset alone; of the offset alone without an intercept."""
        return 2.0 * self.data.weight * float(self.certificate.null[0])

    @property
    def explained(self) -> Array:
        """(K,) 1 − D/D_null, share of the null deviance that is explained: R² of squares."""
        null = self.null_deviance
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(null > 0.0, 1.0 - self.deviance / null, np.nan)

    @property
    def _minus2(self) -> Array:
        """(K,) −2 log L."""
        return self.deviance + 2.0 * (self.data.weight * self.data.least - self.data.log_constant)

    def _penalties(self) -> Array:
        objective = self.data.objective
        ridge = 0.5 * (np.broadcast_to(objective.l2, self.coefs.shape) * self.coefs**2).sum(axis=0)
        return self.alphas * (
            ridge + penalty_value(column_of(objective.penalty), self.coefs).sum(axis=0)
        )

    @functools.cached_property
    def dof(self) -> Array:
        """(K,) degrees of freedom, the intercept's included: see `fastreg.selection.criteria`, and
        `fastreg.selection.likelihoods` for losses other than squares, whose X is read once for each
        point with a ridge part."""
        objective = self.data.objective
        if not self._is_of_squares:
            return self.data.degrees_of_freedom(self.coefs, self.intercepts, self.alphas)
        l2 = np.broadcast_to(objective.l2[:, 0], len(self.coefs))
        return criteria.degrees_of_freedom(
            self.coefs, l2, self.alphas, self.data.covariance, objective.fit_intercept
        )

    def select(self, criterion: str = "bic", *, cv: Any = 5, score: str = "deviance") -> Selected:
        """Choose a point.

        Parameters
        ----------
        criterion : "aic", "aicc", "bic", "ebic", "cp" or "gcv", by formula: see
            `fastreg.selection.criteria` for squares and `fastreg.selection.likelihoods` for other
            losses, which have no "cp"; "cv" or "1se", by cross-validation, the least `score`, or
            the largest alpha within a standard error of it
        cv : int, iterable of (training rows, test rows), or a splitter of scikit-learn
            A number makes folds of neighbouring rows, as KFold does; of two classes in memory
            folds with as many rows of each, as StratifiedKFold does.
        score : "deviance", "misclassification" or "auc", the error of cross-validation
            "deviance": the mean deviance of held-out rows, of squares the mean squared error. The
            others are for y in [0, 1], such as family="binomial": the share of rows, by weight, on
            the wrong side of even odds; and 1 − the area under the ROC curve.

        Returns
        -------
        `fastreg.paths.Selected`; its `unit` says what its values are.

        Raises
        ------
        ValueError
            There is no such criterion or score, none for such a loss, or no data to cross-validate
            with.

        Warns
        -----
        fastreg.ConvergenceWarning
            Errors of folds are less certain than was asked: see `Selected.certificate`.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> rng = np.random.default_rng(0)
        >>> X = rng.standard_normal((200, 20))
        >>> y = X[:, 0] - X[:, 1] + 0.5 * rng.standard_normal(200)
        >>> path = fastreg.path(X, y)
        >>> np.flatnonzero(path.select("ebic").coef), np.flatnonzero(path.select("1se").coef)
        (array([0, 1]), array([0, 1]))
        >>> odds = fastreg.path(X, (y > 0) * 1.0, family="binomial", alphas=20)
        >>> np.flatnonzero(odds.select("ebic").coef), odds.select("cv", score="auc").unit
        (array([0, 1]), '1 − area under the ROC curve')
        """
        if score not in scores.UNITS:
            raise ValueError(f"score must be one of {', '.join(scores.UNITS)}, got {score!r}")
        if criterion in ("cv", "1se"):
            return self._by_folds(criterion, cv, score)
        if score != "deviance":
            raise ValueError(f"score={score!r} is for 'cv' and '1se': {criterion!r} has its own")
        rows, n, intercept = self.data.count, len(self.coefs), self.data.objective.fit_intercept
        if self._is_of_squares:
            found = criteria.values(criterion, self.rss, self.dof, rows, n, intercept)
        else:
            minus2 = self._minus2 if criterion in criteria.BY_LIKELIHOOD else None
            found = likelihoods.values(
                criterion, self.deviance, minus2, self.dof, rows, n, intercept
            )
        point = self._selected(criterion, int(np.argmin(found)), found, None)
        return dataclasses.replace(point, unit=criteria.unit(criterion, self._is_of_squares))

    def _by_folds(self, criterion: str, cv: Any, score: str) -> Selected:
        """By "cv" or "1se"."""
        loss = self.data.objective.loss
        scores.check(score, loss)
        errors = self.data.errors(cv, self.alphas, self.certificate.tol, self.gamma, score)
        certificate = errors.certificate(self.certificate.tol)
        if certificate.complaint():
            warn_of_convergence(f"{certificate.complaint()}.")
        index = errors.choose("1se" if criterion == "1se" else "min")
        point = self._selected(criterion, index, errors.mean, errors.standard_error)
        unit = scores.unit(score, self._is_of_squares)
        return dataclasses.replace(point, certificate=certificate, unit=unit)

    def relax(self, gamma: float = 0.0) -> Relaxed:
        """Take back some of the shrinkage: γ·(the path) + (1 − γ)·(fits without a penalty on its
        supports), coefficients and intercepts alike.

        `select` of what it returns chooses alpha anew, with relaxed fits in every fold. Of losses
        other than squares a support that separates the data has no such fit: its points stay as
        they are in the path, with `kkt` NaN.

        Parameters
        ----------
        gamma : float in [0, 1]; 0 is no penalty on the support, 1 the path itself

        Raises
        ------
        ValueError
            gamma is out of range, or coefficients have bounds.

        Warns
        -----
        fastreg.ConvergenceWarning
            Points stay as they are in the path, and why.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> rng = np.random.default_rng(0)
        >>> X = rng.standard_normal((200, 20))
        >>> y = X[:, 0] - X[:, 1] + 0.5 * rng.standard_normal(200)
        >>> chosen = fastreg.path(X, y).relax().select("1se")
        >>> np.flatnonzero(chosen.coef), chosen.coef[:2].round(1)
        (array([0, 1]), array([ 1., -1.]))
        """
        share = nonnegative(gamma, "gamma")
        if share > 1.0:
            raise ValueError(f"gamma must be between 0 and 1, got {gamma!r}")
        if not is_absolute(self.data.objective.penalty):
            raise ValueError(
                "a path with bounds is not relaxed: a fit without a penalty would leave them"
            )
        found = self._refits(share)
        same = {each.name: getattr(self, each.name) for each in dataclasses.fields(Path)}
        same |= {"coefs": found.coefs, "intercepts": found.intercepts, "gamma": share}
        return Relaxed(**same, kkt=found.kkt, mean_deviance=found.deviance)

    def _refits(self, share: float) -> Any:
        """`Refit` of `relaxed` or of `relaxed_losses`."""
        if self._is_of_squares:
            with single_threaded_blas:
                return relaxed.relax(self.data.problem(), self.coefs, share)
        found = self.data.refits(self.coefs, self.intercepts, share, self.feature_names)
        kept = np.flatnonzero(np.isnan(found.kkt))
        if len(kept):
            warn_of_convergence(
                f"relax keeps {len(kept)} of {len(self.alphas)} points as they are in the path, "
                f"from alpha={self.alphas[kept[0]]:.3g} on: {found.complaint}."
            )
        return found

    def _selected(self, name: str, index: int, values: Array, spread: Array | None) -> Selected:
        return Selected(
            criterion=name,
            index=index,
            alpha=float(self.alphas[index]),
            coef=self.coefs[:, index].copy(),
            intercept=float(self.intercepts[index]),
            alphas=self.alphas,
            values=values,
            standard_error=spread,
        )

    def plot(self, *selected: Selected, names: Any = None, ax: Any = None) -> Any:
        """Draw the coefficients against alpha, with what was selected marked; returns the axes.

        names : (n,) of the features; ax : matplotlib axes to draw on, None for new ones
        """
        marks = {each.criterion: each.alpha for each in selected}
        return plots.draw_path(self.alphas, self.coefs, marks, names, ax)

    def predict(self, X: Any, offset: Any = None, type: str = "link") -> Array:
        """What every point says of new rows, (m, K).

        Parameters
        ----------
        X : (m, n) array, sparse matrix or frame, with the features of the fit
        offset : (m,) array or None for zeros, whatever it was in the fit
        type : "link", z = o + Xw + b, of "binomial" the log of the odds and of "poisson" the log of
            the mean; or "response", the mean of y: a probability, a mean count

        Raises
        ------
        ValueError
            X has other features than in the fit, X or offset contains NaN or infinity, or there is
            no such type.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0.0, 1.0, 0.0, 1.0]
        >>> path = fastreg.path(X, y, family="binomial", alphas=[0.1])
        >>> path.predict(X[2:], type="response").round(3)[:, 0]
        array([0.562, 0.679])
        """
        if type not in ("link", "response"):
            raise ValueError(f"type must be 'link' or 'response', got {type!r}")
        check_order(self.feature_names, names_of(X), "put the columns in their order")
        design = as_design(X)
        out = np.empty((design.shape[0], len(self.alphas)))
        if design.shape[1] != len(self.coefs):
            raise ValueError(f"X has {design.shape[1]} features, the path {len(self.coefs)}")
        given = offset_of(offset, len(out))
        theta = np.ascontiguousarray(self.coefs)
        kernels.predict(design.storage, theta, offset=self.intercepts, out=out)
        check_predictions(design, out)
        if given is not None:
            out += given[:, None]
        return out if type == "link" else mean(self.data.objective.loss, out)


@dataclass(frozen=True, eq=False, repr=False)
class Relaxed(Path):
    """What `Path.relax` returns: a `Path` whose `coefs` and `intercepts` are relaxed.

    `gaps` and `certificate` are those of the path that it comes from.

    Attributes
    ----------
    gamma : float, share of the path
    kkt : (K,) largest slope that the fit on a support leaves, over the largest at zero; NaN where
        the support separates the data and the point is the path's
    mean_deviance : (K,) deviance over Σ w
    """

    kkt: Array = field(kw_only=True)
    mean_deviance: Array = field(kw_only=True)

    def relax(self, gamma: float = 0.0) -> Relaxed:
        """Not twice.

        Raises
        ------
        ValueError
        """
        raise ValueError("this path is relaxed already: call relax of the path it comes from")

    @functools.cached_property
    def deviance(self) -> Array:
        """(K,) D = 2 Σ w [ℓ(z) − min ℓ], of squares Σ w r²."""
        return self.mean_deviance * self.data.weight

    @functools.cached_property
    def dof(self) -> Array:
        """(K,) size of the support, intercept included; the search for it is not counted."""
        return np.count_nonzero(self.coefs, axis=0) + float(self.data.objective.fit_intercept)


@dataclass(frozen=True, eq=False)
class Selected:
    """A point of a path, and why.

    Attributes
    ----------
    criterion : str; index : int; alpha : float; coef : (n,); intercept : float
    values : (K,) of the criterion at `alphas`; standard_error : (K,) or None
    certificate : `fastreg.ChoiceCertificate` of the errors of folds, or None
    unit : str, what the values are
    """

    criterion: str
    index: int
    alpha: float
    coef: Array = field(repr=False)
    intercept: float
    alphas: Array = field(repr=False)
    values: Array = field(repr=False)
    standard_error: Array | None = field(repr=False)
    certificate: ChoiceCertificate | None = field(repr=False, default=None)
    unit: str = "mean squared error"

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the criterion against alpha; returns the axes."""
        label = self.unit if self.standard_error is not None else self.criterion
        marks = {self.criterion: self.alpha}
        if self.standard_error is not None:
            marks = {"min": float(self.alphas[np.argmin(self.values)])} | marks
        return plots.draw_errors(self.alphas, self.values, self.standard_error, marks, label, ax)


@dataclass(frozen=True, eq=False)
class Source(ABC):
    """What a path was fitted to.

    objective : before the strengths; count : rows; weight : Σ w
    """

    objective: Objective
    count: int
    weight: float

    @abstractmethod
    def problem(self) -> QuadraticProblem:
        """Its standard form."""

    @abstractmethod
    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        """Errors of folds, relaxed unless gamma is None."""

    @property
    def least(self) -> float:
        """Σ w min ℓ/Σ w."""
        return 0.0

    @property
    def log_constant(self) -> float:
        """log L + Σ w ℓ."""
        raise self._needs_rows()

    def degrees_of_freedom(self, coefs: Array, intercepts: Array, strengths: Array) -> Array:
        """(K,) of points of a loss that is no square."""
        raise self._needs_rows()

    def refits(self, coefs: Array, intercepts: Array, gamma: float, names: Any) -> Any:
        """`relaxed_losses.Refit` of these points."""
        raise self._needs_rows()

    def _needs_rows(self) -> ValueError:
        name = type(self.objective.loss).__name__
        return ValueError(f"{name} needs the rows: fit the path to X and y, not to statistics")

    def covariance(self, columns: Array) -> Array:
        """(p, p): Σ w (x − x̄)(x − x̄)ᵀ/Σ w of some columns."""
        problem = self.problem()
        scale = problem.scale[columns]
        size = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0.0)
        return problem.gram(columns, columns) * np.outer(size, size)


@dataclass(frozen=True, eq=False)
class InMemory(Source):
    """Rows: X (m, n), y (m,); `max_iter` of a fit."""

    X: Design
    y: Array
    max_iter: int

    @classmethod
    def of(cls, X: Design, y: Array, objective: Objective, max_iter: int) -> InMemory:
        weights = objective.weights
        count = X.shape[0] if weights is None else int(np.count_nonzero(weights))
        weight = float(X.shape[0] if weights is None else weights.sum())
        return cls(dataclasses.replace(objective, strength=None), count, weight, X, y, max_iter)

    def problem(self) -> QuadraticProblem:
        return standardise(self.X, self.y[:, None], self.objective)

    @functools.cached_property
    def _seen(self) -> tuple[Array, Array]:
        """y and weights of the rows that have one."""
        weights = self.objective.weights
        if weights is None:
            return self.y, np.ones(len(self.y))
        return self.y[weights > 0.0], weights[weights > 0.0]

    @property
    def least(self) -> float:
        y, w = self._seen
        return float(w @ saturated(self.objective.loss, y)) / self.weight

    @property
    def log_constant(self) -> float:
        return float(log_constant(self.objective.loss, *self._seen).sum())

    def degrees_of_freedom(self, coefs: Array, intercepts: Array, strengths: Array) -> Array:
        return likelihoods.degrees_of_freedom(
            self.X, self.y, self.objective, coefs, intercepts, strengths
        )

    def refits(self, coefs: Array, intercepts: Array, gamma: float, names: Any) -> Any:
        from fastreg.selection import relaxed_losses  # not part of a first fit

        return relaxed_losses.relax(
            self.X, self.y, self.objective, coefs, intercepts, gamma, self.max_iter, names
        )

    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        from fastreg.selection.cross_validation import Validation  # not part of a first fit

        objective = self.objective
        splits = as_splits(_splits(cv, self.y, objective.loss), len(self.y))
        validation = Validation(
            self.X, self.y, objective.weights, splits, objective.fit_intercept,
            of_squares=losses.traits(objective.loss).quadratic,
        )  # fmt: skip

        def make(weights: Array | None, own: Array | None) -> Objective:
            return dataclasses.replace(objective, weights=weights, strength=own)

        if score == "deviance":
            return validation.errors(make, strengths, tol, self.max_iter, gamma=gamma)
        judge = scores.Judge(score, self.X, self.y, objective, validation.split)
        found = validation.errors(make, strengths, tol, self.max_iter, gamma=gamma, seen=judge)
        return judge.instead(found, len(splits))

    def __getstate__(self) -> dict[str, Any]:
        """X as it was given: what kernels read shares its memory, which a copy would not."""
        return self.__dict__ | {"X": self.X.matrix}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"X": as_design(state["X"])})


def _splits(cv: Any, y: Array, loss: Any) -> Iterable[Split]:
    """Those of a number of folds, of a splitter, or as they are."""
    known = isinstance(cv, int | np.integer | Iterable) or hasattr(cv, "split")
    if isinstance(cv, str) or not known:
        raise ValueError(f"cv must be a number of folds, splits or a splitter, got {cv!r}")
    if not hasattr(cv, "split"):
        of_classes = losses.domain(loss) == (0.0, 1.0) and set(np.unique(y)) <= {0.0, 1.0}
        return stratified(cv, y) if of_classes else neighbours(cv, len(y))
    rows: Iterable[Split] = cv.split(np.zeros((len(y), 1)), y)
    return rows


def names_of(X: Any) -> list[str] | None:
    """The features of a frame whose columns all have texts for names, else None."""
    names = feature_names(X)
    return names if names is not None and all(isinstance(name, str) for name in names) else None


def column_of(penalty: Any) -> Any:
    """The penalty of all features at every point: arrays of (n, 1)."""
    return type(penalty)(*(each[:, None] if np.ndim(each) else each for each in penalty))


def path(
    X: Any,
    y: Any = None,
    *,
    l1_ratio: float = 1.0,
    alphas: Any = 100,
    eps: float | None = None,
    tol: float = 1e-4,
    fit_intercept: bool = True,
    sample_weight: Any = None,
    positive: bool = False,
    bounds: Any = None,
    penalty_factor: Any = None,
    max_iter: int = 1000,
    solver: str = "auto",
    family: Any = "gaussian",
    offset: Any = None,
    callback: Progress | None = None,
    verbose: bool = False,
) -> Path:
    """The elastic net (l1_ratio = 1: the lasso) at many strengths, each certified.

    Parameters
    ----------
    X : (m, n) array, memory map, sparse matrix or frame; see `fastreg.design.as_design`
        Or a source of `fastreg.read`, for families other than "gaussian": all strengths then share
        every read of it, and `select("cv")` reads it for all folds at once.
    y : (m,) array; None where X is a source, which has it
    l1_ratio : float in [0, 1], share of L1
    alphas : int or array
        A number of strengths, geometric from the least that holds all coefficients at zero
        (for an l1_ratio below 1e-3, that of 1e-3); or the strengths, put in descending order.
    eps : float in (0, 1] or None, least over largest alpha; None is 0.01 if n > m, else 0.001
    tol : float ≥ 0, certified relative gap to reach at every point
    fit_intercept : bool, whether b is free; it is never penalised
    sample_weight : (m,) array ≥ 0 or None
    positive : bool, require w ≥ 0
    bounds : (low, high) or None
        Require low ≤ w ≤ high, floats or (n,) arrays each, low ≤ 0 ≤ high; ∞ is no bound.
    penalty_factor : (n,) array ≥ 0 or None
        f: 0 leaves a feature unpenalised. Not rescaled to mean 1, as glmnet does.
    max_iter : int, steps at each point
    solver : str, one of `fastreg.solvers.METHODS`
    family : "gaussian", "binomial", "poisson" or a loss of `fastreg.losses`
        What takes the place of the squares: for "binomial", y in [0, 1], the logistic loss; for
        "poisson", y ≥ 0, the Poisson loss.
    offset : (m,) array or None, added to every prediction; not of "gaussian", where it is a part of
        y. Of a source the number of the one of its two targets that is the offset
    callback : called as callback(points done, points in all) along the path, or None
    verbose : bool, draw a bar on standard error

    Returns
    -------
    `fastreg.Path`

    Raises
    ------
    ValueError
        An argument is out of range, or a shape does not fit; the message names it.

    Warns
    -----
    fastreg.ConvergenceWarning
        A point did not reach `tol`; the message says how far it came.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((50, 200))
    >>> y = X[:, 0] - X[:, 1] + 0.1 * rng.standard_normal(50)
    >>> path = fastreg.path(X, y, alphas=20)
    >>> path.coefs.shape, bool(path.gaps.max() <= 1e-4)
    ((200, 20), True)
    """
    if isinstance(X, RowsInBlocks):
        from fastreg.paths_by_reads import path_of_source  # not part of a first fit

        return path_of_source(
            X, l1_ratio=l1_ratio, alphas=alphas, eps=eps, tol=tol, fit_intercept=fit_intercept,
            positive=positive, bounds=bounds, penalty_factor=penalty_factor, max_iter=max_iter,
            family=family, offset=offset, given={"y": y, "sample_weight": sample_weight},
        )  # fmt: skip
    design = as_design(X)
    m, n = design.shape
    target = as_target(y, m)
    if target.ndim != 1:
        raise ValueError(
            f"y must have shape ({m},), got {target.shape}: a path has one target, call it for each"
        )
    _check_bool(fit_intercept=fit_intercept, positive=positive, verbose=verbose)
    if callback is not None and not callable(callback):
        raise ValueError(f"callback must be callable, got {callback!r}")
    ratio = ratio_of(l1_ratio)
    if isinstance(max_iter, bool) or not isinstance(max_iter, int | np.integer) or max_iter < 1:
        raise ValueError(f"max_iter must be an integer of at least 1, got {max_iter!r}")
    if solver not in METHODS:
        raise ValueError(f"solver must be one of {', '.join(METHODS)}, got {solver!r}")
    factor = factors_of(penalty_factor, n)
    kind = penalty_of(bounds, positive, n)
    strengths, count = strengths_of(alphas)
    grid = None
    if count:
        least = least_share(eps, wide=n > m)
        grid = Grid(count, least, kind(factor * max(ratio, LEAST_RATIO)))
    elif eps is not None:
        raise ValueError("eps is without use where alphas are given")
    objective = Objective(
        l2=(factor * (1.0 - ratio))[:, None],
        penalty=kind(factor * ratio),
        weights=as_weights(sample_weight, m),
        fit_intercept=bool(fit_intercept),
        strength=strengths,
        loss=family_of(family),
        offset=offset_of(offset, m),
    )
    check_target(objective, target)
    tol = nonnegative(tol, "tol")
    solution = solve(
        design,
        target[:, None],
        objective,
        tol=tol,
        max_iter=int(max_iter),
        method=solver,
        grid=grid,
        progress=_progress(callback, verbose),
    )
    certificate, names = solution.certificate, names_of(X)
    separable = _separable(design, target, objective, solution, names)
    if separable:
        warn_of_convergence(f"path: {separable}.")
    else:
        warn(certificate, solution.exhausted, int(max_iter))
    return Path(
        alphas=solution.strength,
        coefs=solution.coef,
        intercepts=solution.intercept,
        gaps=certificate.relative_gap,
        l1_ratio=ratio,
        certificate=certificate,
        n_iter=solution.n_iter,
        data=InMemory.of(design, target, objective, int(max_iter)),
        feature_names=names,
    )


def _separable(X: Design, y: Array, objective: Objective, solution: Solution, names: Any) -> str:
    """What to warn of where nothing holds coefficients that separate the data, at the last one."""
    if losses.traits(objective.loss).quadratic:
        return ""
    from fastreg.selection import separation  # not part of a first fit

    last = dataclasses.replace(objective, strength=solution.strength[-1:])
    if not separation.is_free(last, X.shape[1]):
        return ""
    z = np.empty(X.shape[0])
    coef = np.ascontiguousarray(solution.coef[:, -1])
    kernels.predict(X.storage, coef, offset=solution.intercept[-1], out=z)
    z = z if objective.offset is None else z + objective.offset
    return separation.complaint(X, y, z, last, solution.exhausted, names)


def enet_path(
    X: Any,
    y: Any,
    *,
    l1_ratio: float = 0.5,
    eps: float = 1e-3,
    n_alphas: int = 100,
    alphas: Any = None,
    tol: float = 1e-4,
    positive: bool = False,
    sample_weight: Any = None,
    return_n_iter: bool = False,
    max_iter: int = 1000,
    **ignored: Any,
) -> tuple[Any, ...]:
    """`path` with the signature of `sklearn.linear_model.enet_path`: no intercept.

    Parameters
    ----------
    X, y, l1_ratio, eps, tol, positive, sample_weight, max_iter : as in `path`
    n_alphas : int, number of strengths if `alphas` is None
    alphas : array, int or None
    return_n_iter : bool, return the iterations as well
    ignored : precompute, Xy, copy_X, coef_init, verbose, check_input and whatever else
        scikit-learn takes; without effect. X is never copied and never changed.

    Returns
    -------
    (alphas (K,) descending, coefs (n, K), dual_gaps (K,)), and n_iters (K,) if asked for.
    The gaps are certified bounds in units of P.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0, 2.0, 3.1], [2.3, 5.4, 4.3]]).T, np.array([1.0, 2.0, 3.1])
    >>> alphas, coefs, gaps = fastreg.lasso_path(X, y, alphas=[5.0, 1.0, 0.5])
    >>> coefs.round(3)
    array([[0.   , 0.   , 0.469],
           [0.216, 0.443, 0.237]])
    """
    _check_ignored(ignored)
    grid = n_alphas if alphas is None else alphas
    found = path(
        X,
        y,
        l1_ratio=l1_ratio,
        alphas=grid,
        eps=eps if isinstance(grid, int | np.integer) else None,
        tol=tol,
        fit_intercept=False,
        positive=positive,
        sample_weight=sample_weight,
        max_iter=max_iter,
    )
    out = (found.alphas, found.coefs, found.certificate.gap)
    return (*out, np.full(len(found.alphas), found.n_iter)) if return_n_iter else out


def lasso_path(X: Any, y: Any, **options: Any) -> tuple[Any, ...]:
    """`enet_path` with l1_ratio = 1, the signature of `sklearn.linear_model.lasso_path`."""
    return enet_path(X, y, l1_ratio=1.0, **options)


_ACCEPTED = {"precompute", "Xy", "copy_X", "coef_init", "verbose", "check_input", "random_state"}


def _check_ignored(options: dict[str, Any]) -> None:
    unknown = sorted(set(options) - _ACCEPTED - {"selection"})
    if unknown:
        raise TypeError(f"enet_path got unexpected arguments: {', '.join(unknown)}")


def _check_bool(**values: Any) -> None:
    for name, value in values.items():
        if not isinstance(value, bool | np.bool_):
            raise ValueError(f"{name} must be True or False, got {value!r}")


def ratio_of(l1_ratio: Any) -> float:
    ratio = nonnegative(l1_ratio, "l1_ratio")
    if ratio > 1.0:
        raise ValueError(f"l1_ratio must be between 0 and 1, got {l1_ratio!r}")
    return ratio


def penalty_of(bounds: Any, positive: bool, n: int) -> Callable[[Array], Any]:
    """l1 (n,) ↦ the penalty."""
    if bounds is None:
        bounds = (0.0, math.inf) if positive else None
    elif positive:
        raise ValueError("positive=True and bounds say the same thing: give one of them")
    if bounds is None:
        return L1
    try:
        low, high = (np.broadcast_to(np.asarray(end, float), n).copy() for end in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"bounds must be (low, high), numbers or arrays of {n} each") from None
    if not (np.all(low <= 0.0) and np.all(high >= 0.0)):
        raise ValueError("bounds must satisfy low ≤ 0 ≤ high for every feature")
    return lambda l1: Bounded(l1, low, high)


def factors_of(factors: Any, n: int) -> Array:
    if factors is None:
        return np.ones(n)
    array = np.asarray(factors, float)
    if array.shape != (n,) or not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"penalty_factor must hold {n} finite numbers ≥ 0")
    return array


def _progress(callback: Progress | None, verbose: bool) -> Progress | None:
    """What tells the caller, and draws the bar."""
    if not verbose:
        return callback

    def tell(done: int, total: int) -> None:
        draw_bar(done, total)
        if callback is not None:
            callback(done, total)

    return tell


def warn(certificate: Certificate, exhausted: bool, max_iter: int) -> None:
    if certificate.converged or certificate.tol == 0.0:
        return
    worst = float(certificate.relative_gap.max())
    missed = int(np.count_nonzero(certificate.relative_gap > certificate.tol))
    advice = f"raise max_iter, now {max_iter}" if exhausted else "rounding stopped it: raise tol"
    warn_of_convergence(
        f"{missed} of {len(certificate.gap)} points of the path did not reach a relative gap of "
        f"{certificate.tol:.2e}: the worst has {worst:.2e}; {advice}."
    )

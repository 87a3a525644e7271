"""Paths, relaxed paths, and the points that are chosen."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg import kernels, losses, plots
from fastreg._jit import single_threaded_blas
from fastreg._warnings import warn_of_convergence
from fastreg.certificate import Certificate, penalty_value
from fastreg.certificate.losses import mean
from fastreg.design import as_design
from fastreg.functional import check_predictions, nonnegative
from fastreg.objectives import offset_of
from fastreg.paths import shown
from fastreg.paths.arguments import names_of
from fastreg.paths.exact import solved
from fastreg.paths.origins import Source
from fastreg.paths.tables import Table, between
from fastreg.penalties import is_absolute
from fastreg.selection import criteria, likelihoods, relaxed, scores
from fastreg.selection.choice import ChoiceCertificate
from fastreg.sources.names import check_order

Array = np.ndarray


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
        return shown.text_of(self)

    def _repr_html_(self) -> str:
        return shown.html_of(self)

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
            non_zero=np.count_nonzero(self.coefs, axis=0),
        )

    def plot(
        self, *selected: Selected, x: str = "log alpha", names: Any = None, ax: Any = None
    ) -> Any:
        """Draw the coefficients along the path, the strongest penalty at the left.

        The largest have a colour and a name; how many are not zero stands along the top.

        Parameters
        ----------
        selected : points of `select`, marked by a line each
        x : {"log alpha", "norm", "explained"}, default="log alpha"
            What the coefficients are drawn against: alpha on a log scale, Σ│w│, or the share of
            the null deviance that is explained.
        names : (n,) of the features, default=None
            None is `feature_names`, or x0, x1, … without them.
        ax : matplotlib axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        The axes.

        Raises
        ------
        ValueError
            There is no such x, or the path has no two points that differ in it.
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> rng = np.random.default_rng(0)
        >>> X = rng.standard_normal((200, 20))
        >>> path = fastreg.path(X, X[:, 0] - X[:, 1] + 0.5 * rng.standard_normal(200))
        >>> ax = path.plot(path.select("1se"), x="norm")  # doctest: +SKIP
        """
        marks = {each.criterion: each.alpha for each in selected}
        names = self.feature_names if names is None else names
        return plots.draw_path(
            self.alphas, self.coefs, self.explained, marks, x=x, names=names, ax=ax
        )

    def table(self) -> Table:
        """A line a point: alpha, coefficients that are not zero, share explained, certified gap.

        Returns
        -------
        `fastreg.paths.Table`, which prints itself; `to_frame` makes it a `pandas.DataFrame`.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0.0, 1.0, 2.0, 4.0]
        >>> fastreg.path(X, y, alphas=[1.0, 0.5, 0.1]).table()  # doctest: +ELLIPSIS
           alpha  non-zero  explained      gap
        0      1         1     0.6000  ...
        1    0.5         1     0.8743  ...
        2    0.1         1     0.9621  ...
        """
        count = np.count_nonzero(self.coefs, axis=0)
        return Table(self.alphas, count, self.explained, self.gaps)

    def at(
        self, alpha: Any, *, X: Any = None, y: Any = None, sample_weight: Any = None,
        offset: Any = None,
    ) -> Path:  # fmt: skip
        """The same problem solved at other strengths, each certified.

        It has the options of this path: family, l1_ratio, penalty factors, bounds, intercept, tol
        and max_iter.

        Parameters
        ----------
        alpha : float ≥ 0, or (a,) array
            Inside the path or beyond its ends.
        X, y, sample_weight, offset
            Data to solve for, as in `fastreg.path`; weights and an offset must be there if they
            were in the fit. None for all is the data that the path holds.

        Returns
        -------
        `fastreg.Path` of these strengths, descending, each once

        Raises
        ------
        ValueError
            alpha is no number ≥ 0, or the data are incomplete; the message says what is missing.

        Warns
        -----
        fastreg.ConvergenceWarning
            A point did not reach the gap that was asked of the path.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0.0, 1.0, 2.0, 4.0]
        >>> path = fastreg.path(X, y, alphas=[1.0, 0.5])
        >>> point = path.at(0.2)
        >>> point.coefs.round(3), bool(point.gaps[0] <= 1e-4)
        (array([[1.14]]), True)
        """
        return self._at(alpha, X, y, sample_weight, offset)[0]

    def coef(
        self, alpha: Any, *, exact: bool = False, X: Any = None, y: Any = None,
        sample_weight: Any = None, offset: Any = None,
    ) -> Array:  # fmt: skip
        """Coefficients at strengths between those of the path.

        Parameters
        ----------
        alpha : float, or (a,) array
            At one of `alphas` it is that point; between two of them it is interpolated, and no gap
            is known.
        exact : bool, default=False
            Solve at alpha instead, to the gap that was asked of the path: see `at`, whose result
            has the certificate. alpha may then be beyond the ends of the path.
        X, y, sample_weight, offset
            Data to solve for, as in `at`; None for all is the data that the path holds.

        Returns
        -------
        (n,), or (n, a) of an array

        Raises
        ------
        ValueError
            alpha is beyond the ends of the path, data are given without exact=True, or what `at`
            raises.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0.0, 1.0, 2.0, 4.0]
        >>> path = fastreg.path(X, y, alphas=[1.0, 0.5])
        >>> path.coef(0.75).round(3), path.coef(0.2, exact=True).round(3)
        (array([0.7]), array([1.14]))
        """
        if exact:
            found = self._solved(alpha, X, y, sample_weight, offset)[0]
        else:
            data = {"X": X, "y": y, "sample_weight": sample_weight, "offset": offset}
            given = [name for name, value in data.items() if value is not None]
            if given:
                raise ValueError(f"{', '.join(given)} must come with exact=True")
            found = between(self.coefs, self.alphas, alpha)
        return found if np.ndim(alpha) else found[:, 0]

    def _solved(self, alpha: Any, *data: Any) -> tuple[Array, Array]:
        """coefs (n, a) and intercepts (a,) at strengths, solved."""
        found, places = self._at(alpha, *data)
        return found.coefs[:, places], found.intercepts[places]

    def _at(self, alpha: Any, *data: Any) -> tuple[Path, Array]:
        return solved(self, alpha, *data)

    def predict(
        self, X: Any, offset: Any = None, type: str = "link", *, alpha: Any = None,
        exact: bool = False,
    ) -> Array:  # fmt: skip
        """What every point says of new rows, (m, K).

        Parameters
        ----------
        X : (m, n) array, sparse matrix or frame, with the features of the fit
        offset : (m,) array or None for zeros, whatever it was in the fit
        type : "link", z = o + Xw + b, of "binomial" the log of the odds and of "poisson" the log of
            the mean; or "response", the mean of y: a probability, a mean count
        alpha : None for all points, or strengths as in `coef`: (m,) of a float, (m, a) of an array
        exact : bool, default=False
            Solve at alpha with the data that the path holds, instead of interpolating.

        Raises
        ------
        ValueError
            X has other features than in the fit, X or offset contains NaN or infinity, there is no
            such type, or alpha is beyond the ends of the path.

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
        coefs, levels = self.coefs, self.intercepts
        if alpha is not None and exact:
            coefs, levels = self._solved(alpha, None, None, None, None)
        elif alpha is not None:
            coefs, levels = (between(each, self.alphas, alpha) for each in (coefs, levels))
        out = np.empty((design.shape[0], coefs.shape[1]))
        if design.shape[1] != len(self.coefs):
            raise ValueError(f"X has {design.shape[1]} features, the path {len(self.coefs)}")
        given = offset_of(offset, len(out))
        kernels.predict(design.storage, np.ascontiguousarray(coefs), offset=levels, out=out)
        check_predictions(design, out)
        if given is not None:
            out += given[:, None]
        if alpha is not None and not np.ndim(alpha):
            out = out[:, 0]
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

    def _at(self, alpha: Any, *data: Any) -> tuple[Path, Array]:
        assert self.gamma is not None
        found, places = super()._at(alpha, *data)
        return found.relax(self.gamma), places

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
    non_zero : (K,) int, coefficients that are not zero
    """

    criterion: str
    index: int
    alpha: float
    coef: Array = field(repr=False)
    intercept: float
    alphas: Array = field(repr=False)
    values: Array = field(repr=False)
    standard_error: Array | None = field(repr=False)
    non_zero: Array = field(repr=False)
    certificate: ChoiceCertificate | None = field(repr=False, default=None)
    unit: str = "mean squared error"

    def _repr_html_(self) -> str:
        return shown.html_of_selected(self)

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the criterion against alpha, with its standard errors and the choice.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        The axes.
        """
        by_folds = self.standard_error is not None
        label = self.unit if by_folds else self.criterion
        marks = {self.criterion: self.alpha}
        if by_folds:
            marks = {"min": float(self.alphas[np.nanargmin(self.values)])} | marks
        name = "mean of the folds" if by_folds else self.criterion
        curve = plots.Curve(self.alphas, self.values, self.standard_error, label, name)
        return plots.draw_errors(curve, marks, counts=self.non_zero, ax=ax)


def column_of(penalty: Any) -> Any:
    """The penalty of all features at every point: arrays of (n, 1)."""
    return type(penalty)(*(each[:, None] if np.ndim(each) else each for each in penalty))

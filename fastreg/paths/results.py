"""Hold paths and relaxed paths."""

from __future__ import annotations

import dataclasses
import functools
import math
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
from fastreg.losses import traits
from fastreg.objectives import offset_of
from fastreg.paths import shown
from fastreg.paths.arguments import names_of
from fastreg.paths.exact import solved
from fastreg.paths.origins import Source
from fastreg.paths.selected import Selected
from fastreg.paths.tables import Table, between
from fastreg.penalties import is_absolute
from fastreg.selection import criteria, likelihoods, relaxed, scores
from fastreg.sources.names import check_order

Array = np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    """Hold the fits that `path` returns, from the largest alpha to the least.

    `select` chooses one of them, and `plot` draws them. A path is pickled together with its data,
    because `select` reads them.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        Strengths, in descending order.
    coefs : ndarray of shape (n_features, n_alphas)
        Coefficients at each strength.
    intercepts : ndarray of shape (n_alphas,)
        Intercepts at each strength.
    gaps : ndarray of shape (n_alphas,)
        Relative duality gaps, which bound the distance from the minimum.
    l1_ratio : float
        Share of the L1 penalty.
    certificate : Certificate
        How near each fit is to its minimum.
    n_iter : int
        Largest number of steps at a strength.
    data : object
        Data of the fit.
    gamma : float or None
        Share of the path that `relax` kept. None for a path that is not relaxed.
    feature_names : list of str or None
        Names of the features, if X was a data frame.

    See Also
    --------
    path : Fit a path.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 20))
    >>> y = X[:, 0] - X[:, 1] + 0.5 * rng.standard_normal(200)
    >>> path = fastreg.path(X, y)
    >>> path.coefs.shape, np.flatnonzero(path.select("ebic").coef)
    ((20, 100), array([0, 1]))
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
        """Raise ValueError if the loss is not squared error."""
        if not self._is_of_squares:
            name = type(self.data.objective.loss).__name__
            raise ValueError(
                f"{what} is for family='gaussian', this path is of {name}: use deviance instead"
            )

    def __repr__(self) -> str:
        return shown.text_of(self)

    def _repr_html_(self) -> str:
        return shown.html_of(self)

    @property
    def rss(self) -> Array:
        """Residual sum of squares at each alpha; only for squares."""
        self._of_squares("rss")
        return self.deviance

    @functools.cached_property
    def deviance(self) -> Array:
        """Residual deviance at each alpha.

        Notes
        -----
        The deviance is D = 2 Σ w [ℓ(z) − min ℓ], as in R; for squares it is `rss`. It comes from
        the objective of the certificate, without a read of X.
        """
        mean = self.certificate.objective - self._penalties() - self.data.least
        return np.maximum(2.0 * self.data.weight * mean, 0.0)

    @property
    def null_deviance(self) -> float:
        """Deviance of intercept and offset alone."""
        return 2.0 * self.data.weight * float(self.certificate.null[0])

    @property
    def explained(self) -> Array:
        """Share of the null deviance that each fit explains; R² for squares."""
        null = self.null_deviance
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(null > 0.0, 1.0 - self.deviance / null, np.nan)

    @property
    def _minus2(self) -> Array:
        """−2 log L at each alpha, (K,); of losses with a scale φ at φ = D/Σ w, as in R."""
        data, twice = self.data, self.deviance + 2.0 * self.data.weight * self.data.least
        if not traits(data.objective.loss).dispersed:
            return twice - 2.0 * data.log_constant(1.0)
        scales = self.deviance / data.weight
        return twice / scales - 2.0 * np.array([data.log_constant(float(s)) for s in scales])

    def _penalties(self) -> Array:
        objective = self.data.objective
        ridge = 0.5 * (np.broadcast_to(objective.l2, self.coefs.shape) * self.coefs**2).sum(axis=0)
        return self.alphas * (
            ridge + penalty_value(column_of(objective.penalty), self.coefs).sum(axis=0)
        )

    @functools.cached_property
    def dof(self) -> Array:
        """Degrees of freedom at each alpha, with the intercept.

        Notes
        -----
        See `fastreg.selection.criteria` for squares and `fastreg.selection.likelihoods` for other
        losses. The latter read X once for each alpha with a ridge part.
        """
        objective = self.data.objective
        if not self._is_of_squares:
            return self.data.degrees_of_freedom(self.coefs, self.intercepts, self.alphas)
        l2 = np.broadcast_to(objective.l2[:, 0], len(self.coefs))
        return criteria.degrees_of_freedom(
            self.coefs, l2, self.alphas, self.data.covariance, objective.fit_intercept
        )

    def select(self, criterion: str = "bic", *, cv: Any = 5, score: str = "deviance") -> Selected:
        """Choose one point of the path.

        Parameters
        ----------
        criterion : {"aic", "aicc", "bic", "ebic", "cp", "gcv", "cv", "1se"}, default="bic"
            What to minimise. The first six are formulas; "cp" is for squares only. "cv" takes the
            least `score` of cross-validation. "1se" takes the largest alpha whose score is within
            one standard error of that.
        cv : int, splitter or iterable, default=5
            Folds for "cv" and "1se". An iterable yields pairs (training rows, test rows). A number
            gives folds of neighbouring rows. For two classes in memory, each fold has the same
            share of either class.
        score : {"deviance", "misclassification", "auc"}, default="deviance"
            Error for "cv" and "1se". "deviance" is the mean deviance of held-out rows, for squares
            the mean squared error. The others need y in [0, 1]: the share of rows on the wrong side
            of even odds, and 1 − the area under the ROC curve.

        Returns
        -------
        Selected
            The point, with the values of the criterion. Its `unit` names them.

        Raises
        ------
        ValueError
            There is no such criterion or score, or the loss has none. Or there is no data for
            cross-validation.

        Warns
        -----
        ConvergenceWarning
            The errors of some folds are uncertain, see `Selected.certificate`.

        Notes
        -----
        For the formulas see `fastreg.selection.criteria` and `fastreg.selection.likelihoods`.

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
            raise ValueError(f"score={score!r} needs criterion 'cv' or '1se', got {criterion!r}")
        rows, n, intercept = self.data.count, len(self.coefs), self.data.objective.fit_intercept
        if self._is_of_squares:
            found = criteria.values(criterion, self.rss, self.dof, rows, n, intercept)
        else:
            minus2 = self._minus2 if criterion in criteria.BY_LIKELIHOOD else None
            scale = float(minus2 is not None and traits(self.data.objective.loss).dispersed)
            found = likelihoods.values(
                criterion, self.deviance, minus2, self.dof + scale, rows, n, intercept + scale
            )
        point = self._selected(criterion, int(np.argmin(found)), found, None)
        return dataclasses.replace(point, unit=criteria.unit(criterion, self._is_of_squares))

    def _by_folds(self, criterion: str, cv: Any, score: str) -> Selected:
        """Choose a point by "cv" or "1se"."""
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
        """Take back some of the shrinkage of the path.

        Each point becomes γ·(the path) + (1 − γ)·(the fit without a penalty on its non-zero
        features). `select` of the result chooses alpha again, with relaxed fits in every fold.

        Parameters
        ----------
        gamma : float, default=0.0
            Share γ of the path, from 0 (no penalty on the non-zero features) to 1 (the path).

        Returns
        -------
        Relaxed
            The relaxed path.

        Raises
        ------
        ValueError
            `gamma` is out of range, or coefficients have bounds.

        Warns
        -----
        ConvergenceWarning
            Some points stay as they are in the path. The message states why.

        Notes
        -----
        Features that separate the classes have no fit without a penalty. Their points stay as they
        are in the path, and have NaN in `kkt`.

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
            raise ValueError(f"gamma must be from 0 to 1, got {gamma!r}")
        if not is_absolute(self.data.objective.penalty):
            raise ValueError(
                "relax needs a path without bounds: a fit without a penalty would leave them"
            )
        found = self._refits(share)
        same = {each.name: getattr(self, each.name) for each in dataclasses.fields(Path)}
        same |= {"coefs": found.coefs, "intercepts": found.intercepts, "gamma": share}
        return Relaxed(**same, kkt=found.kkt, mean_deviance=found.deviance)

    def _refits(self, share: float) -> Any:
        """Relax all points. Return a `Refit` of `relaxed` or of `relaxed_losses`."""
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
            coef=self.coefs[..., index].copy(),
            intercept=self._level(index),
            alphas=self.alphas,
            values=values,
            standard_error=spread,
            non_zero=self._count(),
        )

    def _level(self, index: int) -> Any:
        """Return the intercept of a point."""
        return float(self.intercepts[index])

    def _count(self) -> Array:
        """Return the number of non-zero coefficients of each point."""
        return np.count_nonzero(self.coefs, axis=0)

    def _drawn(self, names: Any) -> tuple[Array, Any]:
        """Return what `plot` draws, and its names."""
        return self.coefs, names

    def plot(
        self, *selected: Selected, x: str = "log alpha", names: Any = None, ax: Any = None
    ) -> Any:
        """Draw the coefficients along the path.

        The strongest penalty is at the left. Lines mark the selected points.

        Parameters
        ----------
        *selected : Selected
            Points to mark, from `select`.
        x : {"log alpha", "norm", "explained"}, default="log alpha"
            Horizontal axis. "norm" is the L1 norm of the coefficients. "explained" is the explained
            share of the null deviance.
        names : array-like of shape (n_features,) or None, default=None
            Names of the features. None means `feature_names`.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on. None makes new ones.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        ValueError
            There is no such x, all points share one place on it, or `names` has another length.
        """
        marks: dict[str, float] = {}
        for each in selected:
            again = each.criterion in marks and marks[each.criterion] != each.alpha
            marks[f"{each.criterion}, {len(marks) + 1}" if again else each.criterion] = each.alpha
        coefs, names = self._drawn(self.feature_names if names is None else names)
        return plots.draw_path(self.alphas, coefs, self.explained, marks, x=x, names=names, ax=ax)

    def table(self) -> Table:
        """Summarise the path in a table, one line for each alpha.

        The columns are alpha, the number of non-zero coefficients, the explained share of the
        deviance, and the relative gap.

        Returns
        -------
        Table
            The table. It prints itself, and its `to_frame` makes a pandas.DataFrame.

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
        return Table(self.alphas, self._count(), self.explained, self.gaps)

    def at(
        self, alpha: Any, *, X: Any = None, y: Any = None, sample_weight: Any = None,
        offset: Any = None,
    ) -> Path:  # fmt: skip
        """Solve the same problem at other strengths.

        It has the options of this path: family, l1_ratio, penalty factors, bounds, intercept, tol
        and max_iter. Each point is certified.

        Parameters
        ----------
        alpha : float or array-like of shape (n_strengths,)
            Strengths of at least 0, inside the path or beyond its ends.
        X : array-like, sparse matrix, Source or None, default=None
            Features to solve for. None means the data that the path holds.
        y : array-like of shape (n_samples,) or None, default=None
            Target, for an X in memory.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows of X, at least 0. They are required if the fit had weights.
        offset : array-like of shape (n_samples,), int or None, default=None
            Known part of the prediction for the rows of X. It is required if the fit had one. If X
            is a source of two targets, the number 0 or 1 of the one that is the offset.

        Returns
        -------
        Path
            The points at these strengths, in descending order, each once.

        Raises
        ------
        ValueError
            A strength is negative or not finite, or the data are incomplete. The message states
            which.

        Warns
        -----
        ConvergenceWarning
            A point did not reach the gap that the path asked for.

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
        """Compute the coefficients at other strengths.

        They are linear in alpha between two points of the path. No gap is known between points.
        ``exact=True`` solves at alpha instead; `at` also gives the certificate.

        Parameters
        ----------
        alpha : float or array-like of shape (n_strengths,)
            Strengths between the least and the largest of `alphas`. With ``exact=True`` they may
            be beyond.
        exact : bool, default=False
            Whether to solve at alpha, to the gap that the path asked for.
        X : array-like, sparse matrix, Source or None, default=None
            Features to solve for, with ``exact=True``. None means the data that the path holds.
        y : array-like of shape (n_samples,) or None, default=None
            Target, for an X in memory.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows of X, at least 0. They are required if the fit had weights.
        offset : array-like of shape (n_samples,), int or None, default=None
            Known part of the prediction for the rows of X. It is required if the fit had one. If X
            is a source of two targets, the number 0 or 1 of the one that is the offset.

        Returns
        -------
        ndarray of shape (n_features,) or (n_features, n_strengths)
            Coefficients; two-dimensional for an array of strengths.

        Raises
        ------
        ValueError
            A strength is beyond the ends of the path, or data are given without ``exact=True``.

        Warns
        -----
        ConvergenceWarning
            With ``exact=True``, a point did not reach the gap that the path asked for.

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
                raise ValueError(
                    f"{', '.join(given)} must come with exact=True: set it, or leave them out"
                )
            found = between(self.coefs, self.alphas, alpha)
        return found if np.ndim(alpha) else found[..., 0]

    def _solved(self, alpha: Any, *data: Any) -> tuple[Array, Array]:
        """Solve at strengths. Return the coefficients (n, a) and intercepts (a,)."""
        found, places = self._at(alpha, *data)
        return found.coefs[..., places], found.intercepts[..., places]

    def _at(self, alpha: Any, *data: Any) -> tuple[Path, Array]:
        return solved(self, alpha, *data)

    def predict(
        self, X: Any, offset: Any = None, type: str = "link", *, alpha: Any = None,
        exact: bool = False,
    ) -> Array:  # fmt: skip
        """Predict new rows by every point of the path.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit.
        offset : array-like of shape (n_samples,) or None, default=None
            Known part of the prediction, added to Xw + b. None means zeros.
        type : {"link", "response"}, default="link"
            "link" is z = o + Xw + b, with o the offset. For "binomial" it is the log of the odds,
            for counts and amounts the log of the mean. "response" is the mean of y: a probability,
            a mean count or a mean amount.
        alpha : float, array-like of shape (n_strengths,) or None, default=None
            Strengths to predict at, as in `coef`. None means all points.
        exact : bool, default=False
            Whether to solve at alpha, with the data that the path holds. False interpolates.

        Returns
        -------
        ndarray of shape (n_samples, n_alphas), (n_samples, n_strengths) or (n_samples,)
            Predictions; one-dimensional if `alpha` is a number.

        Raises
        ------
        ValueError
            X has other features than the fit, or X or offset contains NaN or infinity. Or there is
            no such type, or `alpha` is beyond the ends of the path.

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
        coefs, levels = self.coefs, self.intercepts
        if alpha is not None and exact:
            coefs, levels = self._solved(alpha, None, None, None, None)
        elif alpha is not None:
            coefs, levels = (between(each, self.alphas, alpha) for each in (coefs, levels))
        width = as_design(X).shape[1]
        if width != len(self.coefs):
            raise ValueError(f"X must have {len(self.coefs)} features, as in the fit, got {width}")
        out = self._predicted(X, offset, type, coefs, levels)
        return out if alpha is None or np.ndim(alpha) else out[..., 0]

    def _predicted(self, X: Any, offset: Any, type: str, coefs: Array, levels: Array) -> Array:
        """Return predictions (m, k) of the link or of the response, (m, K, k) of K classes."""
        design, outputs = as_design(X), coefs.shape[1:]
        m, classes = design.shape[0], 1 if coefs.ndim == 2 else coefs.shape[1]
        given, out = offset_of(offset, m, classes), np.empty((m, math.prod(outputs)))
        kernels.predict(
            design.storage, np.ascontiguousarray(coefs.reshape(len(coefs), -1)),
            offset=np.ascontiguousarray(levels).reshape(-1), out=out,
        )  # fmt: skip
        check_predictions(design, out)
        out = out.reshape(m, *outputs)
        if given is not None:
            out += given[..., None]
        return out if type == "link" else self._response(out)

    def _response(self, z: Array) -> Array:
        """Return the means of y at predictions."""
        return mean(self.data.objective.loss, z)


@dataclass(frozen=True, eq=False, repr=False)
class Relaxed(Path):
    """Hold the relaxed path that `Path.relax` returns.

    Its `coefs` and `intercepts` are relaxed. Its `gaps` and `certificate` are those of the path it
    came from.

    Attributes
    ----------
    gamma : float
        Share of the path.
    kkt : ndarray of shape (n_alphas,)
        Largest slope that the relaxed fit leaves, relative to that at zero. NaN where the point is
        that of the path.
    mean_deviance : ndarray of shape (n_alphas,)
        Deviance divided by the sum of the weights.
    """

    kkt: Array = field(kw_only=True)
    mean_deviance: Array = field(kw_only=True)

    def _at(self, alpha: Any, *data: Any) -> tuple[Path, Array]:
        assert self.gamma is not None
        found, places = super()._at(alpha, *data)
        return found.relax(self.gamma), places

    def relax(self, gamma: float = 0.0) -> Relaxed:
        """Raise an error: a path is relaxed only once.

        Parameters
        ----------
        gamma : float, default=0.0
            Ignored.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError("this path is relaxed already: call relax of the original path")

    @functools.cached_property
    def deviance(self) -> Array:
        """Residual deviance at each alpha; for squares the residual sum of squares."""
        return self.mean_deviance * self.data.weight

    @functools.cached_property
    def dof(self) -> Array:
        """Number of non-zero features at each alpha, with the intercept.

        Notes
        -----
        The search for these features is not counted.
        """
        return np.count_nonzero(self.coefs, axis=0) + float(self.data.objective.fit_intercept)


def column_of(penalty: Any) -> Any:
    """Return the penalty with arrays of shape (n, 1), to apply it to all points at once."""
    return type(penalty)(*(each[:, None] if np.ndim(each) else each for each in penalty))

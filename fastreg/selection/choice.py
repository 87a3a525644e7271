"""What the numbers that decide are worth: a bound on every error of a fold or of a row left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastreg._html import box
from fastreg.certificate.gap import CERTAIN, relative_to

Array = np.ndarray
_TIE = 16.0 * np.finfo(float).eps


@dataclass(frozen=True, eq=False, repr=False)
class ChoiceCertificate:
    """State how wrong the errors that choose a strength may be.

    The arrays have the shape of the errors. For folds that is (n_alphas, n_folds) or (n_l1_ratios,
    n_alphas, n_folds). For leave-one-out it is (n_alphas,) or (n_alphas, n_targets).

    Attributes
    ----------
    bound : ndarray
        How wrong each error may be, relative to the error. Infinite where nothing is known.
    gap : ndarray or None
        Relative duality gaps of the training fits. None for leave-one-out, which has a closed form.
    tol : float
        Relative gap that was asked of training fits.
    met : ndarray of bool
        Whether each error is certain enough, see Notes.

    See Also
    --------
    Certificate : State how near a fit is to its minimum.

    Notes
    -----
    An error is certain enough if its bound is at most 1e-6. It is so as well if its training fit
    reached `tol`, or a KKT residual of 1e-7 without a penalty, and its sums are certain to 1e-6.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X = np.random.default_rng(0).standard_normal((40, 3))
    >>> model = fastreg.LassoCV(alphas=5, cv=4).fit(X, X[:, 0])
    >>> model.cv_certificate_.bound.shape, model.cv_certificate_.converged
    ((5, 4), True)
    """

    bound: Array
    gap: Array | None
    tol: float
    met: Array

    @property
    def converged(self) -> bool:
        """Whether `met` is true everywhere."""
        return bool(self.met.all())

    def __str__(self) -> str:
        verdict = "reached" if self.converged else f"NOT reached by {np.count_nonzero(~self.met)}"
        known = np.isfinite(self.bound)
        out = f"{self.bound.size} errors"
        if known.any():
            out += f", certain to {self.bound[known].max():.1e} of themselves"
        if not known.all() and self.gap is not None:
            out += f", {np.count_nonzero(~known)} as certain as their training fits"
        if self.gap is None or self.tol == 0.0:
            return f"{out}; asked {CERTAIN:.0e}, {verdict}"
        unknown = np.count_nonzero(~np.isfinite(self.gap))  # as where a loss is not convex
        gap = f"relative duality gap {self.gap.max(initial=0.0):.1e}"
        gap = f"no gap is known of {unknown}" if unknown else gap
        return f"{out}; training fits: {gap}, asked {self.tol:.0e}; {verdict}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def _repr_html_(self) -> str:
        return box(f"{type(self).__name__}: errors that choose", str(self))

    def __getitem__(self, points: Array) -> ChoiceCertificate:
        """Of the errors at some strengths, along the first axis."""
        gap = None if self.gap is None else self.gap[points]
        return ChoiceCertificate(self.bound[points], gap, self.tol, self.met[points])

    def complaint(self) -> str:
        """Describe the errors that are not certain enough.

        Returns
        -------
        str
            Text of a warning; empty if there is nothing to warn of.
        """
        if self.converged:
            return ""
        missed, bad = int(np.count_nonzero(~self.met)), ~self.met
        worst = float(self.bound[bad].max())
        size = "by an unknown amount" if np.isinf(worst) else f"by {worst:.1e} of themselves"
        out = f"{missed} of {self.bound.size} errors that choose alpha may be wrong {size}"
        if self.gap is not None and (self.gap[bad] > self.tol).any():
            gap = float(self.gap[bad].max())
            out += (
                f": training fits reached a relative duality gap of {gap:.1e}, {self.tol:.0e} was "
                "asked"
            )
        return (
            f"{out}; see cv_certificate_. Raise max_iter, centre and scale the columns of X, "
            "or leave out the least alphas"
        )


def stacked(each: list[ChoiceCertificate], axis: int = 0) -> ChoiceCertificate:
    """The certificates of several l1_ratios, or targets, as one, with an axis more."""
    bound, met = (np.stack([getattr(one, name) for one in each], axis) for name in ("bound", "met"))
    gap = np.stack([np.zeros(0) if one.gap is None else one.gap for one in each], axis)
    return ChoiceCertificate(bound, gap, each[0].tol, met)


def certificate_of(found: list[Errors], tol: float) -> ChoiceCertificate:
    """Of the errors of one or several l1_ratios, whose training fits were asked for `tol`."""
    each = [errors.certificate(tol) for errors in found]
    return each[0] if len(each) == 1 else stacked(each)


def least_of(found: list[Errors]) -> int:
    """Which of several has the least mean error, the first of those that have.

    Raises
    ------
    ValueError
        No error is finite.
    """
    least = np.array([errors.mean[errors.choose()] for errors in found])
    if not np.isfinite(least).any():
        raise ValueError("no error of a test fold is finite: scale y to values near 1")
    return int(np.nanargmin(least))


def spread_over_folds(values: Array) -> Array:
    """(…, K): standard errors of the means of (…, K, F) over folds."""
    folds = values.shape[-1]
    out: Array = values.std(axis=-1, ddof=1 if folds > 1 else 0) / np.sqrt(folds)
    return out


def place_of_least(values: Array) -> int:
    """The first of (K,) values that is the least, but for rounding; NaN is none."""
    values = np.where(np.isnan(values), np.inf, values)
    size = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    return int(np.flatnonzero(values <= values.min() + _TIE * size)[0])


@dataclass(frozen=True, eq=False)
class Errors:
    """(K, F) mean squared errors of F folds, which count alike, as scikit-learn has it; and of
    each what `fold_fits.Verdict` says."""

    mse: Array
    bound: Array
    gap: Array
    met: Array

    @property
    def mean(self) -> Array:
        """(K,)"""
        return self.mse.mean(axis=1)

    @property
    def standard_error(self) -> Array:
        """(K,): of the mean, from the spread of the folds."""
        return spread_over_folds(self.mse)

    def certificate(self, tol: float) -> ChoiceCertificate:
        """Of the errors, whose training fits were asked for a gap of `tol`."""
        return ChoiceCertificate(relative_to(self.bound, self.mse), self.gap, tol, self.met)

    def choose(self, rule: str = "min") -> int:
        """Of descending strengths: that of the least mean error, or for "1se" the largest whose
        mean is within a standard error of it (Hastie, Tibshirani & Friedman 2009, §7.10).

        The largest strength wins a tie. Means that differ by rounding alone are one: shares of
        misclassified rows often do.
        """
        best = place_of_least(self.mean)
        if rule == "min":
            return best
        mean = np.where(np.isnan(self.mean), np.inf, self.mean)
        return int(np.flatnonzero(mean <= mean[best] + self.standard_error[best])[0])

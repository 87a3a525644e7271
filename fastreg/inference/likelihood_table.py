"""`LikelihoodInference`: a table of coefficients and of deviances, and how it prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import chdtrc

from fastreg.inference.table import MOST_ROWS, Layout, Shown, ends_of, head_of, probability, row_of

Array = np.ndarray


class Tested(NamedTuple):
    """Hold a test: its statistic, degrees of freedom and p-value."""

    statistic: float
    dof: int
    p_value: float


@dataclass(frozen=True, eq=False, repr=False)
class LikelihoodInference(Shown):
    """Hold coefficients of a likelihood with errors, tests and intervals.

    Printing it draws a table. `summary` of the estimators returns it.

    Attributes
    ----------
    names : tuple of str
        Names of the coefficients. The intercept is first, if there is one.
    features : ndarray of shape (n_coefs,)
        Their columns in X; −1 for the intercept.
    coef : ndarray of shape (n_coefs,)
        Estimates.
    standard_error : ndarray of shape (n_coefs,)
        Standard errors.
    statistic : ndarray of shape (n_coefs,)
        Test statistics of the hypothesis that a coefficient is 0.
    p_value : ndarray of shape (n_coefs,)
        Their p-values.
    lower : ndarray of shape (n_coefs,)
        Lower ends of the intervals.
    upper : ndarray of shape (n_coefs,)
        Upper ends of the intervals.
    covariance : ndarray of shape (n_coefs, n_coefs)
        Covariance of `coef`.
    level : float
        Coverage of the intervals.
    method : str
        Kind of the intervals.
    assumes : str
        What the intervals assume, and what they cover.
    ratio_name : str
        Name of exp(coef): "odds ratio", "rate ratio" or "ratio of means".
    n_samples : int
        Number of rows with a weight.
    deviance : float
        Deviance of the fit.
    null_deviance : float
        Deviance of intercept and offset alone.
    residual_dof : float
        Degrees of freedom that the fit leaves.
    null_dof : float
        Degrees of freedom that intercept and offset leave.
    dispersion : float
        Scale φ of the variance: 1 for classes and counts, else Pearson's estimate.
    pearson : float
        Pearson's χ². If it is far from `residual_dof`, the likelihood does not suit the data.
    log_likelihood : float
        Log likelihood with all constants, as in R. A scale φ is then `deviance` over the sum of the
        weights. NaN where no density is known.
    aic : float
        −2 `log_likelihood` + 2 effective degrees of freedom, of which φ takes one.
    bic : float
        −2 `log_likelihood` + log(`n_samples`) times these.
    likelihood_ratio : float
        `null_deviance` − `deviance`, over φ.
    likelihood_ratio_p : float
        Its p-value if no coefficient matters; NaN for penalised fits.
    loss : NamedTuple
        Loss of the fit, one of `fastreg.losses`.

    See Also
    --------
    Inference : Hold the same for least squares.

    Notes
    -----
    Tests and intervals use the normal distribution, or Student's t where the variance has a scale
    that was estimated. Pearson's statistic is Σ w u²/i, with u the derivative ℓ′ of the loss, i the
    mean of ℓ″ over y, and w the weights.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 1))
    >>> y = rng.poisson(np.exp(0.5 * X[:, 0] + 1.0))
    >>> table = fastreg.PoissonRegressor(alpha=0).fit(X, y).summary(X, y)
    >>> table.ratio_name, table.ratio[1:].round(1)
    ('rate ratio', array([1.7]))
    """

    names: tuple[str, ...]
    features: Array
    coef: Array
    standard_error: Array
    statistic: Array
    p_value: Array
    lower: Array
    upper: Array
    covariance: Array
    level: float
    method: str
    assumes: str
    ratio_name: str
    n_samples: int
    deviance: float
    null_deviance: float
    residual_dof: float
    null_dof: float
    dispersion: float
    pearson: float
    log_likelihood: float
    aic: float
    bic: float
    likelihood_ratio: float
    likelihood_ratio_p: float
    loss: Any

    @property
    def explained(self) -> float:
        """Share of the null deviance that the fit explains."""
        null = self.null_deviance
        return 1.0 - self.deviance / null if null > 0.0 else np.nan

    def wald(self, which: Any = None) -> Tested:
        """Test whether several coefficients are all zero, by their covariance.

        Parameters
        ----------
        which : sequence of str or int, or None, default=None
            Names or positions of the coefficients in the table. None means all but the intercept.

        Returns
        -------
        Tested
            Statistic βᵀ C⁻¹ β, its degrees of freedom, and the p-value by χ².

        Raises
        ------
        ValueError
            There is no such coefficient, or one has no standard error.
        """
        places = _places(self, which)
        beta, C = self.coef[places], self.covariance[np.ix_(places, places)]
        if not len(places) or not (self.standard_error[places] > 0.0).all():
            raise ValueError("which must name coefficients that have a standard error")
        size = np.sqrt(np.diag(C))
        t, values, vectors = beta / size, *np.linalg.eigh(C / np.outer(size, size))
        if not values[0] > 1e-12 * values[-1]:
            raise ValueError(
                f"the covariance of these {len(places)} coefficients has no inverse: name fewer, "
                "and each once; clusters must outnumber them"
            )
        statistic = float(((vectors.T @ t) ** 2 / values).sum())
        return Tested(statistic, len(places), float(chdtrc(len(places), max(statistic, 0.0))))

    def compare(self, smaller: LikelihoodInference) -> Tested:
        """Test a fit against one with fewer coefficients, by the likelihood ratio.

        Parameters
        ----------
        smaller : LikelihoodInference
            Table of a fit to the same rows without some of the features, without a penalty.

        Returns
        -------
        Tested
            Difference of the deviances over the dispersion of this fit, its degrees of freedom,
            and the p-value by χ². Where both fits have estimated a number of the loss, twice the
            difference of the log likelihoods.

        Raises
        ------
        ValueError
            A fit has a penalty, or the fits are not of the same rows, target and loss.
        """
        if not isinstance(smaller, LikelihoodInference):
            raise ValueError(f"smaller must be a table of summary, got {type(smaller).__name__}")
        if np.isnan(self.likelihood_ratio_p) or np.isnan(smaller.likelihood_ratio_p):
            raise ValueError("compare is for fits without a penalty")
        if self.n_samples != smaller.n_samples or self.null_dof != smaller.null_dof:
            raise ValueError("compare needs fits of the same rows")
        if type(self.loss) is not type(smaller.loss):
            names = " and ".join(type(each.loss).__name__ for each in (self, smaller))
            raise ValueError(f"compare needs fits of one loss, got {names}")
        same = self.loss == smaller.loss
        if same and abs(self.null_deviance - smaller.null_deviance) > 1e-6 * self.null_deviance:
            raise ValueError("compare needs fits of the same target, weights and offset")
        dof = round(smaller.residual_dof - self.residual_dof)
        if dof < 1:
            raise ValueError("smaller must have fewer coefficients than this fit")
        statistic = (smaller.deviance - self.deviance) / self.dispersion
        if not same:
            statistic = 2.0 * (self.log_likelihood - smaller.log_likelihood)
        return Tested(statistic, dof, float(chdtrc(dof, max(statistic, 0.0))))

    @property
    def ratio(self) -> Array:
        """Ratios exp(coef) of the odds or rates, for a feature that grows by 1."""
        return _exp(self.coef)

    @property
    def ratio_lower(self) -> Array:
        """Lower ends of the intervals of `ratio`."""
        return _exp(self.lower)

    @property
    def ratio_upper(self) -> Array:
        """Upper ends of the intervals of `ratio`."""
        return _exp(self.upper)

    def _layout(self) -> Layout:
        shown = range(min(len(self.names), MOST_ROWS))
        head = (*head_of(self.level), self.ratio_name, *ends_of(self.level))
        rows = [head, *((*row_of(self, k), *self._ratios(k)) for k in shown)]
        hidden = len(self.names) - len(shown)
        title = f"{self.method}; {self.n_samples} rows, AIC {self.aic:.5g}"
        return Layout(title, rows, hidden, [*self._deviances(), self.assumes])

    def _ratios(self, k: int) -> tuple[str, ...]:
        if self.features[k] < 0:  # of an intercept it is no ratio
            return ("–",) * 3
        return tuple(f"{each[k]:.4g}" for each in (self.ratio, self.ratio_lower, self.ratio_upper))

    def _deviances(self) -> list[str]:
        out = [
            f"null deviance      {self.null_deviance:.5g} on {self.null_dof:.5g} degrees of "
            "freedom",
            f"residual deviance  {self.deviance:.5g} on {self.residual_dof:.5g}: "
            f"{self.explained:.1%} explained, Pearson's χ² {self.pearson:.5g}",
        ]
        if self.dispersion != 1.0:
            out.append(f"dispersion         {self.dispersion:.5g}, by Pearson's χ²")
        if np.isfinite(self.likelihood_ratio_p):
            lost = self.null_dof - self.residual_dof
            p = probability(self.likelihood_ratio_p)
            out.append(f"likelihood ratio   {self.likelihood_ratio:.5g} on {lost:.5g}, p {p}")
        return out


def _places(table: LikelihoodInference, which: Any) -> Array:
    if which is None:
        return np.flatnonzero(table.features >= 0)
    found = []
    which = [which] if isinstance(which, str | int) else which
    if not isinstance(which, Sequence | np.ndarray):
        raise ValueError(f"which must be names or positions of coefficients, got {which!r}")
    for each in which:
        if isinstance(each, str):
            if each not in table.names:
                raise ValueError(f"which: there is no coefficient {each!r}")
            found.append(table.names.index(each))
        elif isinstance(each, int | np.integer) and 0 <= each < len(table.names):
            found.append(int(each))
        else:
            raise ValueError(f"which: there is no coefficient {each!r}")
    return np.array(found, int)


def _exp(values: Array) -> Array:
    with np.errstate(over="ignore"):
        out: Array = np.exp(values)
    return out

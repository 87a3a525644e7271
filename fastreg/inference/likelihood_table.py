"""`LikelihoodInference`: a table of coefficients and of deviances, and how it prints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastreg.inference.table import MOST_ROWS, Layout, Shown, ends_of, head_of, probability, row_of

Array = np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class LikelihoodInference(Shown):
    """Coefficients of a fit to a likelihood, with standard errors, tests of zero and intervals.

    Attributes
    ----------
    names : (p,) of the coefficients, the intercept first where there is one
    features : (p,) their columns in X, −1 for the intercept
    coef, standard_error, statistic, p_value, lower, upper : (p,); statistic is normal
    covariance : (p, p) of coef
    level : of the intervals, 0.95 for 95 %
    method : str
    assumes : str, what the intervals take for granted, and what they cover
    ratio_name : str, what exp(coef) is: "odds ratio", "rate ratio"
    n_samples : rows that have a weight
    deviance, null_deviance : of the fit, and of intercept and offset alone
    residual_dof, null_dof : what n_samples leave to both
    pearson : Σ w u²/ℓ″, Pearson's χ²; over residual_dof far from 1 it speaks against the likelihood
    log_likelihood : with all constants, as in R
    aic : −2 log_likelihood + 2 effective degrees of freedom
    likelihood_ratio, likelihood_ratio_p : null_deviance − deviance, and the probability that χ²
        exceeds it where no coefficient matters; NaN of penalised fits
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
    pearson: float
    log_likelihood: float
    aic: float
    likelihood_ratio: float
    likelihood_ratio_p: float

    @property
    def explained(self) -> float:
        """1 − deviance/null_deviance."""
        null = self.null_deviance
        return 1.0 - self.deviance / null if null > 0.0 else np.nan

    @property
    def ratio(self) -> Array:
        """(p,) exp(coef): odds or rates at a feature one larger over those before."""
        return _exp(self.coef)

    @property
    def ratio_lower(self) -> Array:
        """(p,) exp(lower)."""
        return _exp(self.lower)

    @property
    def ratio_upper(self) -> Array:
        """(p,) exp(upper)."""
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
        if np.isfinite(self.likelihood_ratio_p):
            lost = self.null_dof - self.residual_dof
            p = probability(self.likelihood_ratio_p)
            out.append(f"likelihood ratio   {self.likelihood_ratio:.5g} on {lost:.5g}, p {p}")
        return out


def _exp(values: Array) -> Array:
    with np.errstate(over="ignore"):
        out: Array = np.exp(values)
    return out

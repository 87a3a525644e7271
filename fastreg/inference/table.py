"""`Inference`: a table of coefficients, and how it prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg import _html
from fastreg._extras import data_frame

Array = np.ndarray
MOST_ROWS = 60


class Layout(NamedTuple):
    """What a table of coefficients shows: a title, a head and rows, how many of these are left out,
    and lines below."""

    title: str
    rows: Sequence[Sequence[str]]
    hidden: int
    foot: Sequence[str]

    def text(self) -> str:
        """In columns, between rules."""
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = [_line(row, widths) for row in self.rows]
        rule = "─" * len(lines[0])
        body = [self.title, rule, lines[0], rule, *lines[1:], *self._more(), rule, *self.foot]
        return "\n".join(body)

    def html(self) -> str:
        """For notebooks."""
        head, *rows = self.rows
        return _html.box(self.title, _html.table(head, rows), *self._more(), *self.foot)

    def _more(self) -> list[str]:
        return [f"… and {self.hidden} more"] if self.hidden else []


_COLUMNS = ("coef", "standard_error", "statistic", "p_value", "lower", "upper")


class Shown:
    """What prints itself, and is shown by notebooks, as a `Layout`."""

    names: tuple[str, ...]

    def _layout(self) -> Layout:
        raise NotImplementedError

    def __str__(self) -> str:
        return self._layout().text()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self._layout().html()

    def to_frame(self) -> Any:
        """Convert the table to a pandas.DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row for each coefficient, with its name as the index.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        return data_frame({name: getattr(self, name) for name in _COLUMNS}, self.names)


@dataclass(frozen=True, eq=False, repr=False)
class Inference(Shown):
    """Hold coefficients with standard errors, tests of zero and intervals.

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
    level : float
        Coverage of the intervals.
    method : str
        Kind of the intervals.
    assumes : str
        What the intervals assume, and what they cover.
    noise : float
        Standard deviation σ of y about its mean, at weight 1.
    n_samples : int
        Number of rows.
    residual_dof : float
        Residual degrees of freedom.
    r2 : float
        Share of the variance that the fit explains.

    See Also
    --------
    LikelihoodInference : Hold the same for logistic and Poisson regression.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 2))
    >>> y = X[:, 0] + 0.1 * rng.standard_normal(100)
    >>> table = fastreg.Ridge(alpha=1e-8).fit(X, y).summary(X, y)
    >>> table.names, table.coef[1:2].round(1)
    (('intercept', 'x0', 'x1'), array([1.]))
    """

    names: tuple[str, ...]
    features: Array
    coef: Array
    standard_error: Array
    statistic: Array
    p_value: Array
    lower: Array
    upper: Array
    level: float
    method: str
    assumes: str
    noise: float
    n_samples: int
    residual_dof: float
    r2: float

    def _layout(self) -> Layout:
        shown = range(min(len(self.names), MOST_ROWS))
        rows = [head_of(self.level), *(row_of(self, k) for k in shown)]
        title = (
            f"{self.method}; {self.n_samples} rows, {self.residual_dof:.1f} residual degrees of "
            f"freedom, R² {self.r2:.4f}, σ {self.noise:.5g}"
        )
        return Layout(title, rows, len(self.names) - len(shown), [self.assumes])


def ends_of(level: float) -> tuple[str, str]:
    """What the ends of intervals are called."""
    return f"{100 * (1 - level) / 2:.3g} %", f"{100 * (1 + level) / 2:.3g} %"


def head_of(level: float) -> tuple[str, ...]:
    return ("", "coef", "std err", "statistic", "p", *ends_of(level))


def row_of(table: Any, k: int) -> tuple[str, ...]:
    """Of one coefficient."""
    numbers = (table.coef[k], table.standard_error[k], table.statistic[k])
    return (
        table.names[k],
        *(text_of(value, 5) for value in numbers),
        probability(table.p_value[k]),
        f"{table.lower[k]:.5g}",
        f"{table.upper[k]:.5g}",
    )


def probability(p: float) -> str:
    return "<1e-16" if p < 1e-16 else text_of(p, 3)


def text_of(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}g}"


def _line(row: Sequence[str], widths: list[int]) -> str:
    return "  ".join(
        cell.ljust(width) if k == 0 else cell.rjust(width)
        for k, (cell, width) in enumerate(zip(row, widths, strict=True))
    )


def caveat(assumes: str, chosen: bool) -> str:
    """What intervals take for granted, and what they do not know of."""
    more = " Strengths were chosen with these data, which the intervals do not know of."
    return assumes + more if chosen else assumes


def named(features: Array, names: Sequence[str] | None) -> tuple[str, ...]:
    """Names of columns, x0, x1, … where there are none; "intercept" for −1."""
    return tuple(
        "intercept" if j < 0 else str(names[j]) if names is not None else f"x{j}" for j in features
    )

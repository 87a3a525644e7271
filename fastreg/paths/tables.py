"""Tabulate a path, one line for each point, and interpolate between points."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastreg._extras import data_frame
from fastreg._html import Html, box, table

Array = np.ndarray
_HEADINGS = ("", "alpha", "non-zero", "explained", "gap")
_SHOWN = 12  # lines at either end of a long table
_LONG = 2 * _SHOWN + 6  # largest number of lines that are all shown


class Table(NamedTuple):
    """Summarise a path, one line for each alpha.

    It prints itself as a table, also in notebooks. A long table shows its first and last lines. The
    attributes and `to_frame` have all points.

    Attributes
    ----------
    alpha : ndarray of shape (n_alphas,)
        Strengths, in descending order.
    non_zero : ndarray of shape (n_alphas,)
        Number of non-zero coefficients.
    explained : ndarray of shape (n_alphas,)
        Share of the null deviance that the fit explains.
    gap : ndarray of shape (n_alphas,)
        Relative duality gap.
    """

    alpha: Array
    non_zero: Array
    explained: Array
    gap: Array

    def _lines(self) -> list[tuple[str, ...]]:
        K = len(self.alpha)
        if K <= _LONG:
            return [self._line(k) for k in range(K)]
        ends = [self._line(k) for k in (*range(_SHOWN), *range(K - _SHOWN, K))]
        return [*ends[:_SHOWN], ("…",) * len(_HEADINGS), *ends[_SHOWN:]]

    def _line(self, k: int) -> tuple[str, ...]:
        alpha, count, share, gap = (each[k] for each in self)
        explained = f"{share:z.4f}" if np.isfinite(share) else "–"
        return str(k), f"{alpha:.4g}", str(count), explained, f"{gap:.1e}"

    def __repr__(self) -> str:
        lines = [_HEADINGS, *self._lines()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))
            for line in lines
        )

    def html(self) -> Html:
        """Return the table as HTML."""
        return table(_HEADINGS, self._lines())

    def _repr_html_(self) -> str:
        return box(f"{len(self.alpha)} points of a path", self.html())

    def to_frame(self) -> Any:
        """Convert the table to a pandas.DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row for each alpha.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        return data_frame(self._asdict())


def between(values: Array, alphas: Array, wanted: Any) -> Array:
    """Interpolate values (…, K) of the points at other strengths, linearly in alpha.

    Returns
    -------
    (…, a) values

    Raises
    ------
    ValueError
        A strength is beyond the ends of the path.
    """
    each = np.atleast_1d(np.asarray(wanted, np.float64))
    if each.ndim > 1 or not np.all((each >= alphas[-1]) & (each <= alphas[0])):
        raise ValueError(
            f"alpha must be between {alphas[-1]:.4g} and {alphas[0]:.4g}, the ends of the path, "
            f"got {wanted!r}"
        )
    after = np.searchsorted(-alphas, -each)  # the first point whose strength is not larger
    before = np.maximum(after - 1, 0)
    width = alphas[before] - alphas[after]
    share = np.divide(alphas[before] - each, width, out=np.ones(len(each)), where=width > 0.0)
    return values[..., before] * (1.0 - share) + values[..., after] * share

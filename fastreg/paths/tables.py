"""A path as a table: a line a point."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
_HEADINGS = ("alpha", "non-zero", "explained", "gap")


class Table(NamedTuple):
    """Summarise a path, one line for each alpha.

    It prints itself as a table, also in notebooks.

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

    def _lines(self) -> list[tuple[str, str, str, str]]:
        return [
            (f"{alpha:.4g}", str(count), f"{share:.4f}", f"{gap:.1e}")
            for alpha, count, share, gap in zip(*self, strict=True)
        ]

    def __repr__(self) -> str:
        lines = [("", *_HEADINGS), *((str(k), *line) for k, line in enumerate(self._lines()))]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))
            for line in lines
        )

    def _repr_html_(self) -> str:
        def row(tag: str, *texts: str) -> str:
            return f"<tr>{''.join(f'<{tag}>{text}</{tag}>' for text in texts)}</tr>"

        lines = (row("td", str(k), *line) for k, line in enumerate(self._lines()))
        return f"<table>{row('th', '', *_HEADINGS)}{''.join(lines)}</table>"

    def to_frame(self) -> Any:
        """Convert the table to a pandas.DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row for each alpha.
        """
        import pandas as pd

        return pd.DataFrame(self._asdict())


def between(values: Array, alphas: Array, wanted: Any) -> Array:
    """(…, a): values (…, K) of the points at other strengths, linear in alpha between two points.

    Raises
    ------
    ValueError
        A strength is beyond the first or the last.
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

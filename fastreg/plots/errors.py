"""Draw the errors that choose a strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fastreg.plots.canvas import COLOURS, INK, axes, counts_on_top, log_axis, mark, tidy

Array = np.ndarray
_FEW = 40  # largest number of points that get markers
STRENGTHS = {
    "alpha": "alpha, the strength of the penalty (log scale)",
    "C": "C, the inverse of the penalty's strength (log scale)",
}


class Curve(NamedTuple):
    """Hold the values (K,) of a criterion at each strength.

    errors : (K,) standard errors of the values, or None
    label : name of the values, for the y axis
    name : name of the curve, for the legend
    """

    strengths: Array
    values: Array
    errors: Array | None
    label: str
    name: str = "mean"


def draw_errors(
    curve: Curve, chosen: Mapping[str, float], *, strength: str = "alpha",
    counts: Array | None = None, colour: int | None = None, ax: Any = None,
) -> Any:  # fmt: skip
    """Draw a criterion, with the strongest penalty at the left.

    A band shows one standard error to either side. Each choice {name: strength} gets a line.

    Parameters
    ----------
    strength : "alpha" or "C"; C is the inverse of the penalty
    counts : (K,) numbers of non-zero coefficients, or None
    colour : number of this curve, if several share the axes, or None

    Raises
    ------
    ValueError
        No strength above zero has a finite value.
    """
    order = np.argsort(curve.strengths, kind="stable")[:: 1 if strength == "C" else -1]
    order = order[np.isfinite(curve.values[order]) & (curve.strengths[order] > 0.0)]
    if not len(order):
        raise ValueError(
            f"no {strength} above 0 has a finite {curve.label}: there is nothing to draw"
        )
    ax, x, y = axes(ax), curve.strengths[order], curve.values[order]
    marker = "o" if len(order) <= _FEW else ""
    ink = COLOURS[(colour or 0) % len(COLOURS)]
    ax.plot(x, y, color=ink, lw=1.6, marker=marker, ms=3.5, zorder=3, label=curve.name)
    if curve.errors is not None:
        spread = curve.errors[order]
        ax.fill_between(
            x, y - spread, y + spread, color=ink, alpha=0.18, lw=0, zorder=2,
            label="± one standard error",
        )  # fmt: skip
    log_axis(ax)
    if len(order) > 1 and x[0] != x[-1]:
        ax.set_xlim(x[0], x[-1])
    places = [(f"{name}: {strength} = {at:.3g}", _on_axis(at)) for name, at in chosen.items()]
    mark(ax, places, INK if colour is None else ink)
    ax.set_xlabel(STRENGTHS[strength])
    ax.set_ylabel(curve.label)
    if counts is not None:
        counts_on_top(ax, x, counts[order])
    tidy(ax)
    return ax


def _on_axis(strength: float) -> float:
    return strength if strength > 0.0 else np.nan

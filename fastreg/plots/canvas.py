"""Axes, colours and marks that all plots share.

The colours are those of Okabe and Ito (2008). Colour-blind people can tell them apart. Their yellow
is left out, because it is too pale for a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Array = np.ndarray
INK, SOFT, PALE = "#222222", "#8a8a8a", "#cccccc"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
STYLES = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
SMALL = 8.0  # font size in points
_TICKS = 7  # number of ticks along the top


def axes(ax: Any = None, size: tuple[float, float] = (7.0, 4.2)) -> Any:
    """Return the given axes, or new ones.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("a plot needs matplotlib: pip install 'fastreg[plot]'") from None
    _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def log_axis(ax: Any) -> None:
    """Make the x axis logarithmic, with plain numbers as tick labels."""
    from matplotlib import ticker

    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))


def mark(ax: Any, places: Iterable[tuple[str, float]], colour: str = INK) -> None:
    """Draw a vertical line with a legend entry for each (label, x). Skip x that is not finite."""
    for k, (label, x) in enumerate(places):
        if np.isfinite(x):
            ax.axvline(
                x, color=colour, lw=1.0, ls=STYLES[k % len(STYLES)], zorder=1, label=label,
                clip_on=False,
            )  # fmt: skip


def counts_on_top(ax: Any, x: Array, counts: Array) -> None:
    """Write the numbers of non-zero coefficients along the top, at evenly spaced points."""
    from matplotlib import ticker

    where = np.log(x) if ax.get_xscale() == "log" else x
    aims = np.linspace(where.min(), where.max(), _TICKS)
    points = sorted({int(np.argmin(np.abs(where - aim))) for aim in aims})
    top = ax.secondary_xaxis("top")
    top.xaxis.set_major_locator(ticker.FixedLocator([float(x[k]) for k in points]))
    top.xaxis.set_major_formatter(ticker.FixedFormatter([str(int(counts[k])) for k in points]))
    top.xaxis.set_minor_locator(ticker.NullLocator())
    top.set_xlabel("coefficients that are not zero", fontsize=SMALL, color=SOFT)
    top.tick_params(colors=SOFT, labelsize=SMALL, length=2.5)
    top.spines["top"].set_visible(False)


def tidy(ax: Any) -> None:
    """Remove spines, and add a legend if any artist has a label."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.tick_params(colors=INK, labelsize=9)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=SMALL, frameon=True, framealpha=0.85, edgecolor="none")

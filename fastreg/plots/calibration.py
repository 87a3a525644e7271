"""Draw what was predicted beside what was seen."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastreg.plots.canvas import COLOURS, INK, SOFT, axes, tidy

Array = np.ndarray
_WIDE = 2.0  # standard errors to either side


class Groups(NamedTuple):
    """Means (G,) of rows with alike predictions: predicted, seen, and the seen one's error."""

    predicted: Array
    seen: Array
    error: Array


def groups_of(predicted: Array, y: Array, w: Array, n_groups: int) -> Groups:
    """Sort rows by prediction, and cut them into groups of equal weight."""
    order = np.argsort(predicted, kind="stable")
    order = order[w[order] > 0.0]
    share = np.cumsum(w[order]) / w[order].sum()
    cuts = np.searchsorted(share, np.arange(1, n_groups) / n_groups)
    rows = [some for some in np.split(order, cuts) if len(some)]
    parts = [_mean(predicted[some], y[some], w[some]) for some in rows]
    return Groups(*np.array(parts).T)


def _mean(predicted: Array, y: Array, w: Array) -> tuple[float, float, float]:
    """Of one group."""
    seen = float(np.average(y, weights=w))
    square = float(np.average((y - seen) ** 2, weights=w)) * float(w @ w) / float(w.sum()) ** 2
    return float(np.average(predicted, weights=w)), seen, square**0.5


def draw_calibration(groups: Groups, *, label: str, ax: Any = None) -> Any:
    """Draw means seen against means predicted, with two standard errors to either side."""
    ax = axes(ax, (5.2, 4.6))
    low = float(min(groups.predicted.min(), groups.seen.min()))
    high = float(max(groups.predicted.max(), groups.seen.max()))
    ax.plot([low, high], [low, high], color=SOFT, lw=1.0, ls="--", zorder=1, label="as predicted")
    ax.errorbar(
        groups.predicted, groups.seen, _WIDE * groups.error, color=COLOURS[0], ecolor=COLOURS[0],
        elinewidth=1.0, lw=1.4, marker="o", ms=4.5, capsize=2.5, zorder=3,
        label="seen, ± two standard errors",
    )  # fmt: skip
    ax.set_xlabel(f"{label}, mean predicted", color=INK)
    ax.set_ylabel(f"{label}, mean seen", color=INK)
    tidy(ax)
    return ax

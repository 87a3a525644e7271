"""Pictures of paths and of cross-validation; matplotlib is loaded when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray
_INK, _SOFT, _ACCENT = "#222222", "#8a8a8a", "#b3441e"
_LABELLED = 8  # coefficients that get a name at the margin


def axes(ax: Any = None, size: tuple[float, float] = (7.0, 4.2)) -> Any:
    """The axes given, or new ones."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'fastreg[plot]'") from None
    _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def draw_path(
    alphas: Array, coefs: Array, chosen: Mapping[str, float], names: Any = None, ax: Any = None
) -> Any:
    """Coefficients against alpha, falling to the right; the largest at the end are named."""
    ax = axes(ax)
    used = np.flatnonzero(coefs.any(axis=1))
    order = used[np.argsort(-np.abs(coefs[used, -1]), kind="stable")]
    positive = alphas > 0
    for rank, j in enumerate(order[::-1]):
        front = len(order) - rank <= _LABELLED
        colour = f"C{(len(order) - rank - 1) % 10}" if front else "#cccccc"
        ax.plot(alphas[positive], coefs[j, positive], color=colour, lw=1.6 if front else 0.8)
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.axhline(0.0, color=_SOFT, lw=0.8, zorder=0)
    _name_ends(ax, alphas[positive][-1], coefs[:, positive][:, -1], order[:_LABELLED], names)
    _mark(ax, chosen)
    ax.set_xlabel("alpha")
    ax.set_ylabel("coefficient")
    ax.set_title(f"{len(used)} of {len(coefs)} coefficients enter", loc="left", color=_INK)
    _tidy(ax)
    return ax


def _name_ends(ax: Any, end: float, values: Array, order: Array, names: Any) -> None:
    """Names beside the ends of the lines, pushed apart where these lie close."""
    low, high = ax.get_ylim()
    gap, last = (high - low) / 22, np.inf
    for j in sorted(order, key=lambda j: -values[j]):
        place = min(values[j], last - gap)
        text = str(names[j]) if names is not None else f"x{j}"
        ax.annotate(
            text, (end, place), xytext=(5, 0), textcoords="offset points", va="center",
            fontsize=8, color=f"C{list(order).index(j) % 10}", annotation_clip=False,
        )  # fmt: skip
        last = place


def draw_errors(
    alphas: Array, mean: Array, error: Array | None, chosen: Mapping[str, float], label: str,
    ax: Any = None,
) -> Any:  # fmt: skip
    """A criterion against alpha, with bars of one standard error if there are any."""
    ax = axes(ax)
    seen = np.isfinite(mean) & (alphas > 0)
    if error is None:
        ax.plot(alphas[seen], mean[seen], color=_INK, lw=1.6)
    else:
        ax.fill_between(
            alphas[seen], (mean - error)[seen], (mean + error)[seen], color=_SOFT, alpha=0.25, lw=0
        )
        ax.errorbar(
            alphas[seen], mean[seen], yerr=error[seen], color=_INK, ecolor=_SOFT, fmt=".-",
            ms=4, lw=1.0, elinewidth=0.8,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.invert_xaxis()
    _mark(ax, chosen)
    ax.set_xlabel("alpha")
    ax.set_ylabel(label)
    _tidy(ax)
    return ax


def _mark(ax: Any, chosen: Mapping[str, float]) -> None:
    for k, (name, alpha) in enumerate(chosen.items()):
        if not alpha > 0:
            continue
        ax.axvline(alpha, color=_ACCENT, lw=1.0, ls=("-", "--", ":", "-.")[k % 4], zorder=0)
        ax.annotate(
            name, (alpha, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -4 - 11 * k),
            textcoords="offset points", va="top", fontsize=8, color=_ACCENT,
        )  # fmt: skip


def _tidy(ax: Any) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.tick_params(colors=_INK, labelsize=9)

"""Draw the coefficients along a path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastreg.plots.canvas import (
    COLOURS,
    INK,
    PALE,
    SMALL,
    SOFT,
    axes,
    counts_on_top,
    log_axis,
    mark,
    tidy,
)

Array = np.ndarray
_LABELLED = len(COLOURS)  # number of coefficients with a colour and a name
_LONGEST = 24  # largest number of characters of a name
_LINE = 1.35  # distance between two names, in font sizes
X_LABELS = {
    "log alpha": "alpha, the strength of the penalty (log scale)",
    "norm": "Σ│w│, L1 norm of the coefficients",
    "explained": "share of the null deviance that is explained",
}


def draw_path(
    alphas: Array, coefs: Array, explained: Array, chosen: Mapping[str, float], *,
    x: str = "log alpha", names: Any = None, ax: Any = None,
) -> Any:  # fmt: skip
    """Draw coefficients (n, K), with the strongest penalty at the left.

    Each choice {name: alpha} gets a vertical line. The coefficients that are largest there, or at
    the right end without a choice, get colours and names.

    Raises
    ------
    ValueError
        There is no such x, all points share one place on it, or names are not (n,).
    """
    if names is not None and len(names) != len(coefs):
        raise ValueError(f"names must hold {len(coefs)} names, got {len(names)}")
    at = _places(x, alphas, coefs, explained)
    shown = np.flatnonzero(np.isfinite(at))
    if len(shown) < 2 or at[shown].min() == at[shown].max():
        raise ValueError(
            f"x={x!r} needs two points at different places: fit more alphas, or take another x"
        )
    ax = axes(ax)
    ends, lines = coefs[:, shown[-1]], coefs[:, shown]
    nearest = {name: int(np.argmin(np.abs(alphas - alpha))) for name, alpha in chosen.items()}
    points = [*nearest.values()] or [shown[-1]]  # where the largest get names
    used = np.flatnonzero(lines.any(axis=1))
    anywhere, there = (-np.abs(each[used]).max(axis=1) for each in (lines, coefs[:, points]))
    order = used[np.lexsort((anywhere, -np.abs(ends[used]), there))]
    colours = dict(zip(map(int, order), COLOURS, strict=False))
    for j in map(int, order[::-1]):
        front = j in colours
        ax.plot(
            at[shown], lines[j], color=colours.get(j, PALE), lw=1.6 if front else 0.8,
            zorder=3 if front else 2,
        )  # fmt: skip
    ax.axhline(0.0, color=SOFT, lw=0.8, zorder=0)
    if x == "log alpha":
        log_axis(ax)
    ax.set_xlim(at[shown[0]], at[shown[-1]])
    _name_ends(ax, ends, colours, names)
    mark(ax, [(f"{name}: alpha = {alphas[k]:.3g}", at[k]) for name, k in nearest.items()])
    ax.set_xlabel(X_LABELS[x])
    ax.set_ylabel("coefficient")
    hidden = len(used) - len(colours)
    more = f", the largest {len(colours)} in colour" if hidden else ""
    ax.set_title(
        f"{len(used)} of {len(coefs)} coefficients enter{more}", loc="left", color=INK, fontsize=10
    )
    counts_on_top(ax, at[shown], np.count_nonzero(lines, axis=0))
    tidy(ax)
    return ax


def _places(x: str, alphas: Array, coefs: Array, explained: Array) -> Array:
    """Return the places (K,) of the points on the x axis, NaN for a point without one."""
    if x not in X_LABELS:
        raise ValueError(f"x must be one of {', '.join(map(repr, X_LABELS))}, got {x!r}")
    if x == "log alpha":
        return np.where(alphas > 0.0, alphas, np.nan)
    return np.abs(coefs).sum(axis=0) if x == "norm" else explained


def _name_ends(ax: Any, ends: Array, colours: Mapping[int, str], names: Any) -> None:
    """Write the names at the right margin, as near to the ends of their lines as possible."""
    top_down = sorted(colours, key=lambda j: -ends[j])
    low, high = ax.get_ylim()
    height = ax.get_window_extent().height * 72.0 / ax.figure.dpi  # points
    room = _LINE * SMALL * (high - low) / height
    places = _apart(np.array([ends[j] for j in top_down]), room, low, high)
    for j, place in zip(top_down, places, strict=True):
        ax.annotate(
            _short(str(names[j]) if names is not None else f"x{j}"), xy=(1.0, ends[j]),
            xytext=(1.03, place), xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"), va="center", fontsize=SMALL, color=colours[j],
            annotation_clip=False, parse_math=False,
            arrowprops={
                "arrowstyle": "-", "color": colours[j], "lw": 0.6, "shrinkA": 2, "shrinkB": 0,
                "relpos": (0.0, 0.5),
            },
        )  # fmt: skip


def _apart(wanted: Array, room: float, low: float, high: float) -> Array:
    """Return descending places that are at least `room` apart, near the wanted ones.

    Names that would overlap are stacked around the mean of their places.
    """
    steps = room * np.arange(len(wanted))
    stacks: list[list[float]] = []  # (mean of wanted + steps, number of names), descending
    for place in wanted + steps:
        stacks.append([float(place), 1.0])
        while len(stacks) > 1 and stacks[-1][0] > stacks[-2][0]:
            mean, count = stacks.pop()
            above, size = stacks[-1]
            stacks[-1] = [(above * size + mean * count) / (size + count), size + count]
    level = np.repeat([mean for mean, _ in stacks], [int(count) for _, count in stacks])
    least, most = low + (steps[-1] if len(steps) else 0.0), high
    out: Array = np.clip(level, least, max(least, most)) - steps
    return out


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"

"""Draw the figure of `fastreg demo`: convergence, times and coefficients."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from fastreg._files import write_whole
from fastreg.cli.console import seconds
from fastreg.cli.demo_results import Results

_BLUE, _ORANGE, _GREY, _LIGHT = "#1f5fa8", "#d9772b", "#5f6873", "#aab2bb"
_LIBRARIES = {"fastreg": _BLUE, "scikit-learn": _GREY}  # any other library is light grey
_RING: dict[str, Any] = {"mfc": "white", "mew": 1.5, "ms": 6}
_ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
_ROUNDING = 1e-15  # relative; smaller values are rounding errors
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e9ec",
    "legend.frameon": False,
    "legend.fontsize": 9,
}


def require_matplotlib() -> None:
    """Raise ImportError if matplotlib is missing. The message states what to do."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ImportError(
            "the figure needs matplotlib: pip install 'fastreg[cli]', or use --no-plot"
        ) from None


def draw(results: Results, path: Path) -> None:
    """Write the figure to `path`. The suffix sets the format."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(15, 5), layout="constrained", dpi=150)
        FigureCanvasAgg(figure)
        left, middle, right = figure.subplots(1, 3, width_ratios=[1.1, 1, 1])
        _draw_descents(left, results)
        _draw_times(middle, results)
        _draw_coefficients(right, results)
        stream = io.BytesIO()
        figure.savefig(stream, format=path.suffix[1:].lower())
    write_whole(path, stream.getvalue())


def _draw_descents(axes: Any, results: Results) -> None:
    """Draw the excess of J over its optimum, and the certified bound on it."""
    for curve, colour in zip(results.curves, (_ORANGE, _BLUE), strict=True):
        steps = np.arange(len(curve.excess))
        shown = (curve.excess > _ROUNDING) & (steps > 0)
        axes.plot(steps[shown], curve.excess[shown], color=colour, lw=2, label=curve.label)
        known = curve.bounds > _ROUNDING
        axes.plot(curve.looks[known], curve.bounds[known], "o", mec=colour, **_RING)
    axes.plot([], [], "o", mec=_GREY, label="certified bound on it", **_RING)
    axes.set(xscale="log", yscale="log", xlabel="gradient step k")
    axes.set_ylabel("(J(θ$_k$) − J*) / J of predicting the mean")
    axes.set_title("Gradient descent towards the certified optimum J*")
    axes.legend(loc="lower left")


def _draw_times(axes: Any, results: Results) -> None:
    """Draw times relative to fastreg as bars, with the seconds beside them."""
    ours = {entry.task: entry.seconds for entry in results.times if entry.library == "fastreg"}
    position, ticks, labels, task = 0.0, [], [], None
    for entry in results.times:
        if entry.task != task:
            task, position = entry.task, position + 0.9
            axes.text(0, position + 0.3, task, weight="bold", fontsize=10)
        position += 1.0
        ratio = entry.seconds / ours[task]
        axes.barh(position, ratio, 0.8, color=_LIBRARIES.get(entry.library, _LIGHT))
        axes.annotate(
            seconds(entry.seconds),
            (ratio, position),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            bbox=_ON_WHITE,
        )
        ticks.append(position)
        labels.append(entry.library)
    axes.set_yticks(ticks, labels)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.axvline(1.0, color=_BLUE, lw=1, ls=":", zorder=2)
    longest = max(entry.seconds / ours[entry.task] for entry in results.times)
    axes.set_xlim(0, 1.25 * longest)
    axes.set_ylim(position + 0.7, 0.7)
    axes.set_xlabel("time, fastreg = 1 (measured time beside each bar)")
    axes.set_title(f"Time, X of {results.size}")


def _draw_coefficients(axes: Any, results: Results) -> None:
    """One library's coefficients on the bars of the other."""
    places = np.arange(len(results.names))
    width = 0.8 / len(results.coefficients)
    colours = (_LIGHT, _BLUE, _ORANGE)
    for k, (name, ours, theirs) in enumerate(results.coefficients):
        where = places + (k - (len(results.coefficients) - 1) / 2) * width
        axes.bar(where, ours, width, color=colours[k], label=f"{name}, fastreg")
        label = "scikit-learn" if k == 0 else None
        axes.plot(where, theirs, "kx", ms=4.5, mew=1.2, label=label)
    axes.axhline(0, color=_GREY, lw=0.8)
    axes.grid(False, axis="x")
    axes.set_xticks(places, results.names)
    axes.set_xlabel("feature of the diabetes data")
    axes.set_ylabel("coefficient (points of progression)")
    axes.set_title("The same coefficients, 442 patients")
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.22 * (high - low), high)
    axes.legend(loc="lower right")

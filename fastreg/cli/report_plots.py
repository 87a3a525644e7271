"""Draw pictures of a fit, for the page or as files. Only drawing imports matplotlib."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.cli.console import printable
from fastreg.cli.seen import Seen
from fastreg.cli.summary import names_of, ranked

Array = np.ndarray
_BLUE, _ORANGE, _GREY = "#1f5fa8", "#c8561b", "#7a838d"
_POINTS, _BINS, _BARS = 1500, 10, 12
_SIZE = (5.4, 3.5)  # inches; readable on a phone
_STYLE: dict[Any, Any] = {
    "font.size": 10.5, "axes.titlesize": 11, "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": _GREY,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": "#e6e9ec", "legend.frameon": False,
    "svg.hashsalt": "fastreg", "svg.fonttype": "path",
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """Hold a drawing.

    part : part of the page to put it in, or "" for none
    title : short title
    words : description, also as alternative text
    draw : function that draws on axes
    """

    part: str
    title: str
    words: str
    draw: Callable[[Any], None]


def require_matplotlib(option: str) -> None:
    """Raise ImportError if matplotlib is missing. The message states what to do."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ImportError(
            f"{option} needs matplotlib: pip install 'fastreg[plot]', or leave the option out"
        ) from None


def pictures(found: Any, rows: Seen) -> list[Picture]:
    """Return the pictures of a fit."""
    out = [] if found.choice is None else [_errors(found.choice)]
    out.append(_coefficients(found))
    if rows.labels is not None:
        return [*out, _calibration(rows), _probabilities(rows)]
    return [*out, _calibration(rows)] if rows.means else [*out, _residuals(rows), _observed(rows)]


def svg(picture: Picture) -> bytes:
    """Draw one picture as SVG, without its title."""
    return _drawn([picture], _SIZE, "svg", titled=False)


def whole_picture(drawn: Sequence[Picture], suffix: str) -> bytes:
    """Draw all pictures side by side, in the format of `suffix`."""
    across = len(drawn) if len(drawn) <= 3 else 2
    down = -(-len(drawn) // across)
    return _drawn(drawn, (_SIZE[0] * across, _SIZE[1] * down), suffix[1:], across=across)


def _drawn(
    drawn: Sequence[Picture], size: tuple[float, float], form: str, *, across: int = 1,
    titled: bool = True,
) -> bytes:  # fmt: skip
    import matplotlib
    from matplotlib.figure import Figure

    stream = io.BytesIO()
    stamp = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about characters that the font lacks
        figure = Figure(figsize=size, layout="constrained", dpi=150)
        for k, picture in enumerate(drawn, 1):
            ax = figure.add_subplot(-(-len(drawn) // across), across, k)
            picture.draw(ax)
            ax.set_title(picture.title if titled else "")
        figure.savefig(stream, format=form, metadata=stamp, facecolor="white")
    return stream.getvalue()


# ---------------------------------------------------------------- what is drawn


def _errors(choice: Any) -> Picture:
    from fastreg.plots import Curve, draw_errors

    name = f"mean of {choice.folds} folds"
    curve = Curve(choice.alphas, choice.mean, choice.spread, choice.unit, name)

    def draw(ax: Any) -> None:
        draw_errors(curve, {}, ax=ax)
        ax.set_xlabel("alpha: a stronger penalty is further left")
        if choice.chosen > 0.0:
            ax.axvline(choice.chosen, color=_ORANGE, lw=1.4)
            ax.annotate(
                "chosen", (choice.chosen, 0.5), xycoords=("data", "axes fraction"), xytext=(5, 0),
                textcoords="offset points", color=_ORANGE,
            )  # fmt: skip

    best = "largest" if choice.larger else "least"
    words = (
        f"The {choice.unit} over {choice.folds} folds against alpha. It is {best}, "
        f"{choice.best:.4g}, at alpha {choice.chosen:.4g}."
    )
    return Picture("choice", "Errors by alpha", words, draw)


def _coefficients(found: Any) -> Picture:
    coef = np.ravel(found.model.coef_)
    order, effect = ranked(coef, found.data)
    names, order = names_of(coef, found.data), order[:_BARS]
    signed = np.sign(coef[order]) * effect[order]
    shown = [printable(names[j]) for j in order]

    def draw(ax: Any) -> None:
        at = np.arange(len(order))
        ax.barh(at, signed, color=np.where(signed > 0, _BLUE, _ORANGE), height=0.7)
        ax.set_yticks(at)
        short = [name if len(name) <= 28 else f"{name[:27]}…" for name in shown]
        ax.set_yticklabels(short, parse_math=False)
        ax.invert_yaxis()
        ax.axvline(0.0, color=_GREY, lw=0.8)
        ax.set_xlabel("coefficient × standard deviation")

    words = f"The largest coefficients in standard deviations: {', '.join(shown[:3]) or 'none'}."
    return Picture("", "Largest coefficients", words, draw)


def _residuals(rows: Seen) -> Picture:
    left = rows.y - rows.fitted
    where, mean, _, _ = _binned(rows.fitted, left, rows.weights)
    spread = np.sqrt(np.average(left**2, weights=rows.weights))

    def draw(ax: Any) -> None:
        _scatter(ax, rows.fitted, left)
        ax.axhline(0.0, color=_GREY, lw=1.0)
        ax.plot(where, mean, color=_ORANGE, marker="o", ms=4, lw=1.6, label="mean of a tenth")
        ax.set_xlabel("prediction")
        ax.set_ylabel("target − prediction")
        ax.legend(loc="best", fontsize=9)

    words = (
        f"Residuals against predictions. Their root mean square is {spread:.4g}; the mean in each "
        f"tenth of the predictions lies between {mean.min():.3g} and {mean.max():.3g}."
    )
    return Picture("residuals", "Residuals", words, draw)


def _observed(rows: Seen) -> Picture:
    def draw(ax: Any) -> None:
        _scatter(ax, rows.fitted, rows.y)
        ends = [min(rows.fitted.min(), rows.y.min()), max(rows.fitted.max(), rows.y.max())]
        ax.plot(ends, ends, color=_ORANGE, lw=1.4)
        ax.set_xlabel("prediction")
        ax.set_ylabel("target")

    words = "The target against its prediction, and the line on which both are equal."
    return Picture("residuals", "Target and prediction", words, draw)


def _calibration(rows: Seen) -> Picture:
    where, mean, error, _ = _binned(rows.fitted, rows.y, rows.weights)
    what = "probability" if rows.labels else "mean"
    far = float(np.max(np.abs(where - mean), initial=0.0))

    def draw(ax: Any) -> None:
        top = 1.0 if rows.labels else 1.05 * max(where.max(), mean.max())
        ax.plot([0, top], [0, top], color=_GREY, lw=1.0, ls="--", label="perfect")
        ax.errorbar(
            where, mean, yerr=2.0 * error, color=_BLUE, fmt="o-", ms=5, lw=1.4, capsize=3,
            label="observed, ± 2 standard errors",
        )  # fmt: skip
        ax.set_xlabel(f"predicted {what}")
        ax.set_ylabel("share observed" if rows.labels else "mean observed")
        ax.legend(loc="upper left", fontsize=9)

    words = (
        f"In each tenth of the predictions, the {what} observed against the {what} predicted. They "
        f"differ by {far:.3g} at most."
    )
    return Picture("residuals", "Calibration", words, draw)


def _probabilities(rows: Seen) -> Picture:
    assert rows.labels is not None
    labels = [printable(label) for label in rows.labels]

    def draw(ax: Any) -> None:
        bins = np.linspace(0.0, 1.0, 26)
        for k, colour in ((0, _ORANGE), (1, _BLUE)):
            own = rows.y == k
            shown = ax.hist(
                rows.fitted[own], bins, weights=rows.weights[own], color=colour, alpha=0.55
            )
            shown[2][0].set_label(f"{labels[k][:24]} ".replace("$", r"\$"))
        ax.set_xlabel(f"predicted probability of {labels[1][:24]}", parse_math=False)
        ax.set_ylabel("rows")
        ax.legend(loc="best", fontsize=9)

    words = (
        f"How many rows of {labels[0]} and of {labels[1]} have each predicted probability of "
        f"{labels[1]}."
    )
    return Picture("residuals", "Predicted probabilities", words, draw)


# ---------------------------------------------------------------- rows


def _scatter(ax: Any, x: Array, y: Array) -> None:
    """Draw at most _POINTS points, evenly spread over all rows."""
    some = np.unique(np.linspace(0, len(x) - 1, _POINTS).astype(int))
    size = 14 if len(some) < 300 else 7
    ax.scatter(x[some], y[some], s=size, color=_BLUE, alpha=0.45, lw=0)


def _binned(x: Array, y: Array, weights: Array) -> tuple[Array, Array, Array, Array]:
    """Return mean of x, mean of y, its standard error and the row count for each tenth of x."""
    order = np.argsort(x, kind="stable")
    order = order[weights[order] > 0.0]
    out = []
    for part in np.array_split(order, min(_BINS, max(1, len(order) // 5))):
        w = weights[part]
        mean = np.average(y[part], weights=w)
        spread = np.average((y[part] - mean) ** 2, weights=w)
        error = np.sqrt(spread * (w @ w)) / w.sum()
        out.append((np.average(x[part], weights=w), mean, error, len(part)))
    where, mean, error, count = np.array(out).T
    return where, mean, error, count

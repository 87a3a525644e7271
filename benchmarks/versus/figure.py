"""The figure of the race: milliseconds of everyone, a line a problem and target.

python -m benchmarks.versus.figure versus.json versus.png
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.versus.race import REACHED, Row
from benchmarks.versus.report import OURS, Duel, duels, load, milliseconds
from fastreg._files import write_whole

_GREY, _LIGHT, _DARK, _OURS = "#5f6873", "#e9ecef", "#23282e", "#d9572b"
_COLOURS = {
    "scikit-learn": "#1f5fa8",
    "celer": "#2f9e8f",
    "skglm": "#8a5fb0",
    "adelie": "#b58a00",
    "glmnet": "#4c8c2b",
    "glum": "#c2457e",
    "snapml": "#7a4b2a",
}
_MARKERS = "osD^v<>P"  # of the solvers of one peer
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "axes.axisbelow": True,
    "grid.color": _LIGHT,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
_ROW_INCHES = 0.3


def draw(rows: Iterable[Row], path: Path) -> None:
    """Write the figure to `path`, whole; the suffix decides the format."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = list(rows)
    found = duels(rows)
    with matplotlib.rc_context(_STYLE):
        size = (11, _ROW_INCHES * len(found) + 2.2)
        figure = Figure(figsize=size, layout="constrained", dpi=110)
        FigureCanvasAgg(figure)
        _draw(figure.subplots(), rows, found)
        stream = io.BytesIO()
        kind = path.suffix[1:].lower()
        figure.savefig(stream, format=kind, metadata={"Software": None} if kind == "png" else None)
    write_whole(path, stream.getvalue())


def _draw(axes: Any, rows: list[Row], found: list[Duel]) -> None:
    """Points, and on the right the time of fastreg and the ratio of the best peer to it."""
    places = {(duel.problem, duel.target): k for k, duel in enumerate(found)}
    for peer, style in _styles(rows).items():
        hits = [row for row in rows if row.peer == peer and row.status == REACHED]
        if hits:
            heights = [places[row.problem, row.target] for row in hits]
            axes.plot([1e3 * row.seconds for row in hits], heights, label=peer, **style)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks(range(len(found)), [f"{d.problem}   {d.target:.0e}" for d in found])
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(True)
    axes.set_xlabel(
        "milliseconds to the gap beside the name; who is not in a line did not reach it in time"
    )
    axes.set_title("fastreg and its peers, raced to a certificate", pad=24)
    _annotate(axes, found)
    axes.legend(loc="upper left", bbox_to_anchor=(1.16, 1.0))


def _annotate(axes: Any, found: list[Duel]) -> None:
    common = {"va": "center", "fontsize": 9, "transform": axes.get_yaxis_transform()}
    axes.text(1.02, -0.8, "fastreg ms, best peer ÷ it", color=_GREY, **common)
    for k, duel in enumerate(found):
        if duel.ours is not None:
            axes.text(1.02, k, milliseconds(duel.ours.seconds), color=_DARK, **common)
        if duel.ratio is not None:
            axes.text(1.09, k, f"{duel.ratio:.2f} ×", color=_OURS, **common)


def _styles(rows: list[Row]) -> dict[str, dict[str, Any]]:
    """A colour a package, a marker a solver of it; fastreg is large and in front."""
    out: dict[str, dict[str, Any]] = {}
    names = sorted({row.peer for row in rows}, key=lambda name: (name != OURS, name))
    counts: dict[str, int] = {}
    for name in names:
        package = name.split()[0]
        k = counts[package] = counts.get(package, -1) + 1
        out[name] = {
            "ls": "",
            "marker": "*" if name == OURS else _MARKERS[k % len(_MARKERS)],
            "ms": 13 if name == OURS else 6,
            "color": _OURS if name == OURS else _COLOURS.get(package, _GREY),
            "alpha": 1.0 if name == OURS else 0.85,
            "zorder": 4 if name == OURS else 3,
        }
    return out


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versus.figure")
    parser.add_argument("results", type=Path, help="what benchmarks.versus --json wrote")
    parser.add_argument("figure", type=Path)
    chosen = parser.parse_args(argv)
    draw(load(chosen.results), chosen.figure)


if __name__ == "__main__":
    main()

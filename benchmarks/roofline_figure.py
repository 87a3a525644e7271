"""The figure of `benchmarks.roofline`: every case below the roof, and how much of it is reached.

python -m benchmarks.roofline_figure roofline.json docs/roofline.png
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.roofline import Measurement, load
from fastreg._files import write_whole

_GREY, _LIGHT, _DARK = "#5f6873", "#dfe3e7", "#23282e"
_COLOURS = {
    "gradient": "#1f5fa8",
    "project": "#2f9e8f",
    "predict": "#8a5fb0",
    "survey": "#b58a00",
    "cross_gram": "#d9572b",
    "update": "#c2457e",
}
_SPARE = ("#4c8c2b", "#7a4b2a", "#3aa0d8", "#9aa500", "#777777")  # for kernels added later
_MARKERS = {"C": "o", "F": "s", "CSR": "^", "CSC": "v", "vector": "D"}
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e9ecef",
    "legend.frameon": False,
    "legend.fontsize": 9,
}
_ROW_INCHES, _LEAST_INCHES = 0.225, 6.5
_LABEL_POINTS = 8.2  # least distance of two labels, one above the other
_OF_ONE_COLUMN = 0.1  # decades of intensity within which labels share a column
_GIGA = 1e9


def draw(results: Iterable[Measurement], path: Path) -> None:
    """Write the figure to `path`, whole; the suffix decides the format.

    Cases are numbered from above in the right panel; the left one shows these numbers.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    results = list(results)
    height = max(_LEAST_INCHES, _ROW_INCHES * len(results) + 1.6)
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(16, height), layout="constrained", dpi=110)
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
        _draw_bars(right, results)
        _draw_roof(left, results)
        figure.draw_without_rendering()  # sizes are final: labels can be placed
        _label_points(left, results)
        _name_roof(left, results)
        stream = io.BytesIO()
        kind = path.suffix[1:].lower()
        figure.savefig(stream, format=kind, metadata={"Software": None} if kind == "png" else None)
    write_whole(path, stream.getvalue())


def _colours(results: list[Measurement]) -> dict[str, str]:
    """A colour a kernel, in the order of the cases."""
    names = list(dict.fromkeys(each.kernel for each in results))
    others = [name for name in names if name not in _COLOURS]
    spare = {name: _SPARE[k % len(_SPARE)] for k, name in enumerate(others)}
    return {name: _COLOURS.get(name, spare.get(name, _GREY)) for name in names}


def _intensity(result: Measurement) -> float:
    """Flops a byte."""
    return result.flops / result.bytes


def _speeds(results: list[Measurement]) -> tuple[float, float]:
    """Median bandwidth in bytes/s and peak in flop/s of all cases."""
    return (
        float(np.median([each.bandwidth for each in results])),
        float(np.median([each.peak for each in results])),
    )


def _places(results: list[Measurement]) -> np.ndarray:
    """(cases, 2): flop/byte and GFlop/s that the median bandwidth and peak would give."""
    bandwidth, peak = _speeds(results)
    return np.array(
        [
            (x, min(x * bandwidth, peak) / each.ratio / _GIGA)
            for each in results
            for x in [_intensity(each)]
        ]
    )


# ---------------------------------------------------------------- left: the roof


def _draw_roof(axes: Any, results: list[Measurement]) -> None:
    """Bandwidth slope and peak, and one point a case."""
    places, colours = _places(results), _colours(results)
    bandwidth, peak = (speed / _GIGA for speed in _speeds(results))
    low, high = places[:, 0].min() / 1.8, max(places[:, 0].max() * 2.2, 8 * peak / bandwidth)
    x = np.geomspace(low, high, 400)
    axes.plot(x, np.minimum(x * bandwidth, peak), color=_DARK, lw=1.8, zorder=3)
    _draw_spread(axes, results, x)
    for result, place in zip(results, places, strict=True):
        axes.plot(*place, **_marker(result, colours[result.kernel]), zorder=4)
    axes.set(xscale="log", yscale="log", xlim=(low, high))
    bottom = min(places[:, 1].min(), low * bandwidth) / 1.6
    axes.set_ylim(bottom, 1.5 * max(peak, places[:, 1].max()))
    axes.xaxis.set_major_formatter(_plain)
    axes.yaxis.set_major_formatter(_plain)
    axes.set_xlabel("arithmetic intensity: flops that must be done ÷ byte that must move")
    axes.set_ylabel("GFlop/s, at the median bandwidth and peak of the run")
    axes.set_title("Roofline of the kernels; the numbers are those on the right")
    _draw_legends(axes, results, colours)


def _draw_spread(axes: Any, results: list[Measurement], x: np.ndarray) -> None:
    """The range of roofs over the run: the memory of some machines changes its speed."""
    slopes = np.array([each.bandwidth for each in results]) / _GIGA
    peaks = np.array([each.peak for each in results]) / _GIGA
    least = np.minimum(x * slopes.min(), peaks.min())
    most = np.minimum(x * slopes.max(), peaks.max())
    axes.fill_between(x, least, most, color=_LIGHT, lw=0, zorder=1)


def _name_roof(axes: Any, results: list[Measurement]) -> None:
    """Write the speeds along the two parts of the roof."""
    bandwidth, peak = (speed / _GIGA for speed in _speeds(results))
    low, high = axes.get_xlim()
    ridge = peak / bandwidth
    middle = np.sqrt(ridge * np.sqrt(low * ridge))  # right of most memory-bound cases
    (x0, y0), (x1, y1) = axes.transData.transform([(low, low * bandwidth), (ridge, peak)])
    common = {"textcoords": "offset points", "color": _DARK, "fontsize": 9.5}
    axes.annotate(
        f"read bandwidth {bandwidth:.1f} GB/s",
        (middle, middle * bandwidth),
        xytext=(-6, 3),
        ha="center",
        va="bottom",
        rotation=float(np.degrees(np.arctan2(y1 - y0, x1 - x0))),
        rotation_mode="anchor",
        **common,
    )
    axes.annotate(
        f"peak of NumPy's product {peak:.0f} GFlop/s",
        (high, peak),
        xytext=(-4, 6),
        ha="right",
        **common,
    )


def _draw_legends(axes: Any, results: list[Measurement], colours: dict[str, str]) -> None:
    """Kernels by colour, storages by marker, precision by filling."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=c, marker="o", ls="", label=k) for k, c in colours.items()]
    storages = dict.fromkeys(each.storage for each in results)
    handles += [
        Line2D([], [], color=_GREY, marker=_MARKERS.get(name, "P"), ls="", label=name)
        for name in storages
    ]
    if any(each.dtype == "float32" for each in results):
        hollow = {"mfc": "white", "mew": 1.5}
        handles.append(
            Line2D([], [], color=_GREY, marker="o", ls="", label="float32: hollow", **hollow)
        )
    axes.legend(handles=handles, loc="lower right", ncols=2, handletextpad=0.3)


def _marker(result: Measurement, colour: str) -> dict[str, Any]:
    """Shape by storage; float32 is hollow."""
    hollow = result.dtype == "float32"
    return {
        "marker": _MARKERS.get(result.storage, "P"),
        "ms": 6.5,
        "mec": colour,
        "mfc": "white" if hollow else colour,
        "mew": 1.5,
        "ls": "",
    }


def _label_points(axes: Any, results: list[Measurement]) -> None:
    """Numbers in columns beside the points, pushed apart and joined to them by hairlines."""
    from matplotlib import patheffects

    places, colours = _places(results), _colours(results)
    halo = [patheffects.withStroke(linewidth=2, foreground="white")]
    scale = 72.0 / axes.figure.dpi  # pixels to points
    spots = scale * axes.transData.transform(places)
    order = sorted(range(len(results)), key=lambda k: (places[k, 0], k))
    for column in _columns(order, np.log10(places[:, 0])):
        column.sort(key=lambda k: spots[k, 1])
        heights = spread([spots[k, 1] for k in column], _LABEL_POINTS)
        right = max(spots[k, 0] for k in column) + 10
        for k, y in zip(column, heights, strict=True):
            axes.annotate(
                str(k + 1),
                places[k],
                xytext=(right - spots[k, 0], y - spots[k, 1]),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color=colours[results[k].kernel],
                arrowprops={"arrowstyle": "-", "lw": 0.4, "color": _GREY, "shrinkA": 0.5},
                path_effects=halo,
                zorder=5,
            )


def _columns(order: list[int], decades: np.ndarray) -> list[list[int]]:
    """Cases of about the same intensity, from left to right."""
    groups, first, number = [], -np.inf, 0
    for k in order:
        if decades[k] - first > _OF_ONE_COLUMN:
            first, number = decades[k], number + 1
        groups.append((number, k))
    return [[k for _, k in group] for _, group in groupby(groups, key=lambda pair: pair[0])]


def spread(heights: list[float], apart: float) -> list[float]:
    """Sorted heights moved as little as need be (in squares) to be `apart` or more.

    Less k·apart they must not decrease: blocks of neighbours that do take their mean.
    """
    blocks: list[list[float]] = []  # [mean, number]
    for k, height in enumerate(heights):
        blocks.append([height - k * apart, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, number = blocks.pop()
            total = blocks[-1][1] + number
            blocks[-1] = [(blocks[-1][0] * blocks[-1][1] + mean * number) / total, total]
    means = [mean for mean, number in blocks for _ in range(number)]
    return [mean + k * apart for k, mean in enumerate(means)]


# ---------------------------------------------------------------- right: the bars


def _draw_bars(axes: Any, results: list[Measurement]) -> None:
    """limit ÷ time a case, the same of NumPy as a thin line, milliseconds beside."""
    colours = _colours(results)
    y = _rows(results)
    reached = np.array([1 / each.ratio for each in results])
    plain = [(p, 1 / r.reference_ratio) for p, r in zip(y, results, strict=True) if r.speedup]
    for place, value, result in zip(y, reached, results, strict=True):
        axes.barh(place, value, 0.72, color=colours[result.kernel], lw=0)
    if plain:
        rows, values = zip(*plain, strict=True)
        axes.plot(values, rows, ls="", marker="|", ms=11, mew=2.8, color="white", zorder=3)
        axes.plot(
            values, rows, ls="", marker="|", ms=11, mew=1.4, color=_DARK, label="NumPy", zorder=4
        )
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    axes.axvline(1.0, color=_DARK, lw=1.2, zorder=2)
    longest = max([1.0, *reached, *(value for _, value in plain)])
    axes.set_xlim(0, 1.2 * longest)
    for place, result in zip(y, results, strict=True):
        axes.text(
            1.195 * longest, place, _milliseconds(result), ha="right", va="center", fontsize=8.5
        )
    axes.set_ylim(y[-1] + 0.8, -0.8)
    axes.set_yticks(y, [f"{each.name}   {k + 1}" for k, each in enumerate(results)], fontsize=8.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.set_xlabel(
        "limit ÷ time: the part of the machine that is used\n"
        "(milliseconds on the right: the fastest call)"
    )
    axes.set_title("How near each kernel is to its limit")


def _rows(results: list[Measurement]) -> list[float]:
    """Heights of the bars, with a gap where the kernel changes."""
    out, gaps = [], 0.0
    for k, result in enumerate(results):
        gaps += 0.5 if k and result.kernel != results[k - 1].kernel else 0.0
        out.append(k + gaps)
    return out


def _milliseconds(result: Measurement) -> str:
    value = 1e3 * result.seconds
    return f"{value:.3g} ms" if value < 100 else f"{value:.0f} ms"


def _plain(value: float, _: Any) -> str:
    """0.1, 1, 10 and not 10⁻¹, 10⁰, 10¹."""
    return f"{value:g}"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline_figure")
    parser.add_argument("results", type=Path, help="what roofline --json wrote")
    parser.add_argument("figure", type=Path)
    chosen = parser.parse_args(argv)
    draw(load(chosen.results), chosen.figure)


if __name__ == "__main__":
    main()

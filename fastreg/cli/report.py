"""What people see: lines and tables through rich where it is installed, plainly where not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

Advance = Callable[[int], None]

_PIPED_WIDTH = 110  # columns where the output is no terminal
_GAP = "  "


def printable(value: object) -> str:
    """One line without control characters: names come from files."""
    return "".join(c if c.isprintable() else " " for c in " ".join(str(value).split()))


def _console(stderr: bool = False) -> Any:
    """A rich console, None without rich."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else _PIPED_WIDTH)


def heading(text: str) -> None:
    """A line that starts a part of the report."""
    console = _console()
    if console is None:
        print(f"\n{text}")
    else:
        console.print(f"\n[bold]{text.replace('[', chr(92) + '[')}[/bold]")


def line(text: str) -> None:
    """A line of text, as it is."""
    console = _console()
    if console is None:
        print(text)
    else:
        console.print(text, markup=False, soft_wrap=True)


def pairs(rows: Sequence[tuple[str, object]]) -> None:
    """Two columns: what, and its value."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        line(f"{name:<{width}}{_GAP}{printable(value)}")


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; the first column is text, the others are numbers."""
    cells = [[printable(cell) for cell in row] for row in rows]
    console = _console()
    if console is None:
        _plain_table(list(headers), cells)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for k, header in enumerate(headers):
        grid.add_column(Text(header), justify="right" if k else "left", overflow="fold")
    for row in cells:
        grid.add_row(*map(Text, row))
    console.print(grid)


def _plain_table(headers: list[str], cells: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    for row in (headers, ["-" * width for width in widths], *cells):
        aligned = (
            cell.rjust(width) if k else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(_GAP.join(aligned).rstrip())


@contextmanager
def progress(label: str, total: int) -> Iterator[Advance]:
    """A bar on stderr while the body runs; it is moved by calling advance(steps)."""
    console = _console(stderr=True)
    if console is None:
        with _plain_progress(label, total) as advance:
            yield advance
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)


@contextmanager
def _plain_progress(label: str, total: int) -> Iterator[Advance]:
    """Percentages over one another on a terminal; a single line elsewhere."""
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        if sys.stderr.isatty():
            print(f"\r{label} {100 * done // total:3d} %", end="", file=sys.stderr, flush=True)

    yield advance
    print(f"\r{label} done " if sys.stderr.isatty() else f"{label} done", file=sys.stderr)


def seconds(time: float) -> str:
    """A duration with three digits and its unit."""
    if time < 1.0:
        return f"{1e3 * time:.3g} ms"
    return f"{time:.3g} s" if time < 1000 else f"{time:.0f} s"


# ---------------------------------------------------------------- a fit


def fit_report(model: Any, data: Any, *, path: Any, time: float, saved: Any, top: int) -> None:
    """All that is worth knowing about a fitted model of one target."""
    coef = np.ravel(model.coef_)
    m, n = data.n_rows, len(coef)
    share = data.explained(model)
    words = data.words(model) if hasattr(data, "words") else []
    constant = "not defined, the target is constant"
    pairs(
        [
            ("data", f"{m} rows × {n} features, {data.source.kind}, {path}"),
            ("model", describe(model)),
            ("certificate", model.certificate_),
            *words,
            (data.measure, f"{round(share, 6) + 0.0:.6f}" if np.isfinite(share) else constant),
            ("intercept", f"{float(np.ravel(model.intercept_)[0]):.6g}"),
            ("non-zero", f"{np.count_nonzero(coef)} of {n} coefficients"),
            ("time", f"{seconds(time)} to fit, machine code loaded or compiled included"),
            *([("saved", saved)] if saved else []),
        ]
    )
    if top:
        _coefficients(coef, data, top)


def describe(model: Any) -> str:
    """The class and the parameters that matter, in words."""
    parts = [f"{name}={value:g}" for name, value in _strengths(model)]
    parts.append(f"tol={model.tol:g}")
    if model.max_iter is not None:
        parts.append(f"max_iter={model.max_iter}")
    parts.append("with intercept" if model.fit_intercept else "no intercept")
    if model.positive:
        parts.append("coefficients ≥ 0")
    return f"{type(model).__name__}, {', '.join(parts)}"


def _strengths(model: Any) -> list[tuple[str, float]]:
    """Those of the fit: chosen, where cross-validation chose."""
    out = []
    for name in ("alpha", "C", "l1_ratio"):
        value = getattr(model, f"{name}_", getattr(model, name, None))
        if value is not None:
            out.append((name, float(value)))
    return out


def _coefficients(coef: np.ndarray, data: Any, top: int) -> None:
    """The coefficients that move the prediction most when their feature moves as it does."""
    effect = np.abs(coef) * data.deviations()
    order = np.lexsort((np.arange(len(coef)), -effect))
    order = order[coef[order] != 0][:top]
    names = data.source.feature_names or [f"column {j}" for j in range(len(coef))]
    heading(f"The largest by |coefficient| × standard deviation, {len(order)} of {len(coef)}")
    rows = [(names[j], f"{coef[j]:+.6g}", f"{effect[j]:.6g}") for j in order]
    table(["feature", "coefficient", "× standard deviation"], rows)

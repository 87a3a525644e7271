"""Print lines and tables, with rich if it is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Advance = Callable[[int], None]

_PIPED_WIDTH = 110  # width in characters, if the output is not a terminal
_GAP = "  "


def printable(value: object) -> str:
    """Return one line without control characters. Names come from files that may be hostile."""
    return "".join(c if c.isprintable() else " " for c in " ".join(str(value).split()))


def _console(stderr: bool = False) -> Any:
    """Return a rich console, or None without rich."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else _PIPED_WIDTH)


def heading(text: str) -> None:
    """Print a heading of the report."""
    console = _console()
    if console is None:
        print(f"\n{text}")
    else:
        console.print(f"\n[bold]{text.replace('[', chr(92) + '[')}[/bold]")


def line(text: str) -> None:
    """Print a line of text without markup."""
    console = _console()
    if console is None:
        print(text)
    else:
        console.print(text, markup=False, soft_wrap=True)


def pairs(rows: Sequence[tuple[str, object]]) -> None:
    """Print names and values in two columns."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        line(f"{name:<{width}}{_GAP}{printable(value)}")


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table. The first column holds texts, the others numbers."""
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
    """Draw a progress bar on stderr while the body runs. The body calls advance(steps).

    The bar ends at 100 % unless the body fails. If stderr is not a terminal, there is no bar.
    """
    if not sys.stderr.isatty():
        yield lambda steps: None
        return
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
        bar.update(task, completed=total)


@contextmanager
def _plain_progress(label: str, total: int) -> Iterator[Advance]:
    """Print percentages, each over the last one."""
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        print(f"\r{label} {100 * done // total:3d} %", end="", file=sys.stderr, flush=True)

    yield advance
    print(f"\r{label} 100 %", file=sys.stderr)


def seconds(time: float) -> str:
    """Format a duration with three digits and its unit."""
    if time < 1.0:
        return f"{1e3 * time:.3g} ms"
    return f"{time:.3g} s" if time < 1000 else f"{time:.0f} s"

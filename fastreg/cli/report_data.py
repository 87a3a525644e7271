"""Build the part of the page on data: rows, columns, target and missing values."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.cli.console import printable
from fastreg.cli.markup import element, facts, paragraphs, table
from fastreg.cli.seen import missing_in

_SHOWN, _MOST = 30, 500  # numbers of columns: shown at once, and in all
_LOST = {
    "error": "A missing value would have been an error: there is none.",
    "drop": "Rows in which something is missing were left out.",
    "indicator": "A missing number became the mean, and a feature of its own marks it. Rows "
    "without a target were left out.",
}


def data_part(found: Any) -> list[Any]:
    """Return the content of the part on data."""
    source, m = found.data.source, found.data.n_rows
    missing = missing_in(source)
    rows: list[tuple[str, object]] = [
        ("file", f"{found.name}, {source.kind}"), ("rows used", _count(m))
    ]  # fmt: skip
    if missing is not None and missing[0] != m:
        rows.append(("rows left out", _count(missing[0] - m)))
    rows.append(("features", _count(source.n_features)))
    rows += _target(found)
    out: list[Any] = [facts(rows)]
    if missing is None:
        return [*out, *paragraphs(["The file holds arrays of numbers; nothing is missing."])]
    return [*out, *paragraphs([_LOST[source.encoding.missing]]), *_columns(source, *missing)]


def _target(found: Any) -> list[tuple[str, object]]:
    words = found.data.words(found.model) if hasattr(found.data, "words") else []
    y = getattr(found.data, "y", None)
    if y is not None and not hasattr(found.model, "classes_"):
        y = np.asarray(y, float)
        spread = f"from {y.min():.4g} to {y.max():.4g}, mean {y.mean():.4g}"
        words = [(f"target, {printable(found.target)}", spread), *words]
    return list(words) or [("target", printable(found.target))]


def _columns(source: Any, rows: int, missing: dict[str, int]) -> list[Any]:
    cells = []
    for column in source.encoding.columns[:_MOST]:
        count, lost = _count(len(column.features)), _lost(missing[column.name], rows)
        cells.append((printable(column.name), column.kind, count, lost))
    headers = ("column", "read as", "features", "missing")
    out: list[Any] = [table("Columns of the features", headers, cells[:_SHOWN])]
    if len(cells) > _SHOWN:
        rest = table("The other columns", headers, cells[_SHOWN:])
        out.append(element("details", element("summary", f"{len(cells) - _SHOWN} more"), rest))
    features = {column.name for column in source.encoding.columns}
    aside = [name for name, count in missing.items() if count and name not in features]
    if aside:
        words = "; ".join(f"{printable(name)}: {_lost(missing[name], rows)}" for name in aside)
        out.append(element("p", f"Missing beside features: {words}."))
    return out


def _lost(count: int, rows: int) -> str:
    return f"{_count(count)} ({100 * count / max(rows, 1):.1f} %)" if count else "0"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")

"""Collect predictions and missing values of the rows of a fit, for the page."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
_MOST = 20_000  # largest number of rows to keep of a source read in blocks
_ROWS = 1 << 16  # rows of a table to read at a time


@dataclass(frozen=True)
class Seen:
    """Hold rows of the fit, all or an evenly spaced part.

    y : (s,) target; 0 and 1 for classes
    fitted : (s,) predicted means
    weights : (s,) weights
    labels : labels of the two classes, or None
    means : whether the fit is of means, by another loss than squares
    """

    y: Array
    fitted: Array
    weights: Array
    labels: tuple[str, str] | None
    means: bool


def seen(model: Any, data: Any) -> Seen:
    """Predict the rows of the fit. A source in blocks is read again."""
    y, z, weights = _in_memory(model, data) if hasattr(data, "X") else _in_blocks(model, data)
    labels = None
    if hasattr(model, "classes_"):
        first, second = model.classes_.tolist()
        labels = (str(first), str(second))
        y = (y == second) * 1.0 if hasattr(data, "X") else y
    means = labels is None and hasattr(model, "_loss")
    return Seen(y, _mean_of(model, z), weights, labels, means)


def _mean_of(model: Any, z: Array) -> Array:
    """Return the means (m,) at linear predictors z (m,)."""
    if not hasattr(model, "_loss"):
        return z
    from fastreg.certificate import losses

    return np.asarray(losses.mean(model._loss, z))


def _in_memory(model: Any, data: Any) -> tuple[Array, Array, Array]:
    z = model._linear()(data.X)
    offset = getattr(data, "offset", None)
    z = z if offset is None else z + offset
    return data.y, z, np.ones(len(z)) if data.weights is None else data.weights


def _in_blocks(model: Any, data: Any) -> tuple[Array, Array, Array]:
    source = getattr(data, "_target", data.source)
    linear, step = model._linear(), max(1, data.n_rows // _MOST)

    def work(block: Any, row: int) -> list[tuple[Array, Array, Array]]:
        rows = source.layout.check(block)
        z = linear(rows.X)
        z = z if rows.offset is None else z + rows.offset
        weights = np.ones(len(z)) if rows.weights is None else rows.weights
        some = slice(-row % step, None, step)
        return [(rows.Y[some, 0].copy(), z[some], np.array(weights[some]))]

    parts: list[tuple[Array, Array, Array]] = source.reduce(work, operator.add)
    y, z, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    return y, z, weights


def missing_in(source: Any) -> tuple[int, dict[str, int]] | None:
    """Count rows, and missing values by column, in another read of a table. None for arrays."""
    if source.encoding is None or not hasattr(source, "_found"):
        return None
    import pyarrow.compute as pc

    columns = source._reading.needed
    rows, counts = 0, dict.fromkeys(columns, 0)
    for _, batches in source._found.parts(columns, _ROWS):
        for batch in batches:
            rows += batch.num_rows
            for name in columns:
                lost = pc.sum(pc.is_null(batch.column(name), nan_is_null=True)).as_py()
                counts[name] += int(lost or 0)
    return rows, counts

"""Rows beside what the model predicts for them, and what is missing in a table: for the page."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
_MOST = 20_000  # rows that are kept of those that memory does not hold
_ROWS = 1 << 16  # of a table at a time


@dataclass(frozen=True)
class Seen:
    """Rows that were fitted, all or every so manyth.

    y, fitted, weights : (s,) the target (0 and 1 of classes), its predicted mean, and weights
    labels : of the two classes, or None
    counts : whether y counts something
    """

    y: Array
    fitted: Array
    weights: Array
    labels: tuple[str, str] | None
    counts: bool


def seen(model: Any, data: Any) -> Seen:
    """What the model predicts for the rows that it was fitted to; another read of blocks."""
    y, z, weights = _in_memory(model, data) if hasattr(data, "X") else _in_blocks(model, data)
    labels = None
    if hasattr(model, "classes_"):
        first, second = model.classes_.tolist()
        labels = (str(first), str(second))
        y = (y == second) * 1.0 if hasattr(data, "X") else y
    counts = labels is None and hasattr(model, "_loss")
    return Seen(y, _mean_of(z, labels is not None, counts), weights, labels, counts)


def _mean_of(z: Array, classes: bool, counts: bool) -> Array:
    if classes:
        import scipy.special

        return np.asarray(scipy.special.expit(z))
    with np.errstate(over="ignore"):
        return np.exp(z) if counts else z


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
    """(rows, {column: values that are missing}) of a table, by another read; None of arrays."""
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

"""Rows of classes and counts that are more than memory holds, block by block."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
_STEPS, _CLOSE = 100, 1e-6  # of Newton's method, a read each, and a step that is the last


class Seen(NamedTuple):
    """Of some rows: how many, means and Σ (x − mean)² of the columns (n,); Σ w, Σ w (ℓ − min ℓ) of
    the model, and rows whose y is above 0."""

    size: int
    mean: Array
    scatter: Array
    sums: Array  # (3,)

    def merged(self, other: Seen) -> Seen:
        """Both (Chan, Golub and LeVeque 1979)."""
        size = self.size + other.size
        move, share = other.mean - self.mean, other.size / max(1, size)
        scatter = self.scatter + other.scatter + move**2 * (self.size * share)
        return Seen(size, self.mean + share * move, scatter, self.sums + other.sums)


@dataclass(eq=False)
class StreamedRows:
    """More rows than are held at once, and the model fitted to them."""

    source: Any
    arguments: Any = field(repr=False)
    model: Any = field(default=None, repr=False)

    measure = "D² (training)"

    def fit(self, model: Any) -> None:
        model.fit(self.source, **({"offset": 1} if self.arguments.offset else {}))
        self.model = model

    @property
    def n_rows(self) -> int:
        return self._seen.size

    def deviations(self) -> Array:
        """(n,) standard deviations of the columns."""
        out: Array = np.sqrt(self._seen.scatter / self._seen.size)
        return out

    def explained(self, model: Any) -> float:
        """The share of the deviance that the model explains beside its offset."""
        weight, lost, _ = self._seen.sums
        most = weight * self._null(model)
        return 1.0 - lost / most if most > 0.0 else float(lost <= 0.0)

    def words(self, model: Any) -> list[tuple[str, str]]:
        """What the report says of classes and of an offset."""
        out = []
        if hasattr(model, "classes_"):
            ones = int(self._seen.sums[2])
            out.append(words_of_classes(model, (self.n_rows - ones, ones)))
        if self.arguments.offset:
            out.append(words_of_offset(self.arguments))
        return out

    def _null(self, model: Any) -> float:
        """Mean loss above the least of the best intercept beside the offset."""
        if model.fit_intercept:
            return float(model.certificate_.null[0])
        source = self.source.with_offset(1) if self.arguments.offset else self.source
        layout, loss, level = source.layout, model._loss, 0.0
        for _ in range(_STEPS):
            work = functools.partial(_of_level, layout, loss, level)
            value, slope, bend, weight = source.reduce(work, np.add)
            step = float(np.clip(slope / bend, -1.0, 1.0))
            if abs(step) <= _CLOSE:
                break
            level -= step
        return float(value / weight)

    @functools.cached_property
    def _seen(self) -> Seen:
        """Of all rows: one read."""
        source, model = self.source, self.model
        coef, intercept = np.ravel(model.coef_)[:, None], np.ravel(model.intercept_)
        source = source.with_offset(1) if self.arguments.offset else source
        layout, loss = source.layout, model._loss

        def work(block: Any, _: int) -> Seen:
            return _of_block(layout.check(block), loss, coef, intercept)

        found: Seen = source.reduce(work, Seen.merged)
        return found


def _of_block(rows: Any, loss: Any, coef: Array, intercept: Array) -> Seen:
    from fastreg.certificate.deviance import lost

    X, y, count = rows.X.matrix, rows.Y[:, :1], len(rows.Y)
    w = np.ones(count) if rows.weights is None else rows.weights
    if rows.X.is_sparse:
        mean = np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()
        squares = np.asarray(X.astype(np.float64).power(2).sum(axis=0)).ravel()
        scatter = np.maximum(squares - count * mean**2, 0.0)
    else:
        mean = X.mean(axis=0, dtype=np.float64)
        scatter = np.square(X - mean).sum(axis=0)
    offset = 0.0 if rows.offset is None else rows.offset[:, None]
    own = lost(loss, X, y, w, offset, coef, intercept)[0, 0]
    return Seen(count, mean, scatter, np.array([w.sum(), own, np.count_nonzero(y > 0.0)]))


def _of_level(layout: Any, loss: Any, level: float, block: Any, _: int) -> Array:
    """Σ w (ℓ − min ℓ), Σ w ℓ′, Σ w ℓ″ and Σ w of a block, where an intercept is all there is."""
    from fastreg.certificate import losses

    rows = layout.check(block)
    y = rows.Y[:, :1]
    z = np.full(y.shape, level) if rows.offset is None else rows.offset[:, None] + level
    value, u, h = (each[:, 0] for each in losses.together(loss, z, y))
    w = np.ones(len(y)) if rows.weights is None else rows.weights
    least = losses.saturated(loss, y)[:, 0]
    return np.array([w @ (value - least), w @ u, w @ h, w.sum()])


def words_of_classes(model: Any, counts: Any) -> tuple[str, str]:
    """What the report says of the classes, of which there are `counts` rows."""
    labels = model.classes_.tolist()
    words = (f"{label!r} ({count} rows)" for label, count in zip(labels, counts, strict=True))
    return "classes", f"{', '.join(words)}; probabilities are of {labels[1]!r}"


def words_of_offset(arguments: Any) -> tuple[str, str]:
    """And of an offset."""
    return "offset", f"{arguments.offset}; give --offset to predict as well"

"""Rows of classes and counts that are more than memory holds, block by block."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


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
        return int(self._seen[0])

    def deviations(self) -> Array:
        """(n,) standard deviations of the columns."""
        from fastreg import SufficientStatistics

        spread = np.diag(SufficientStatistics.collect(self.source).covariance())
        return np.sqrt(spread[: self.source.n_features])

    def explained(self, model: Any) -> float:
        """The share of the deviance that the model explains beside its offset."""
        _, _, weight, lost = self._seen
        most = weight * self._null(model)
        return 1.0 - lost / most if most > 0.0 else float(lost <= 0.0)

    def words(self, model: Any) -> list[tuple[str, str]]:
        """What the report says of classes and of an offset."""
        out = []
        if hasattr(model, "classes_"):
            ones = int(self._seen[1])
            out.append(words_of_classes(model, (self.n_rows - ones, ones)))
        if self.arguments.offset:
            out.append(words_of_offset(self.arguments))
        return out

    @property
    def _target(self) -> Any:
        """The source, whose second target is the offset if there is one."""
        return self.source.with_offset(1) if self.arguments.offset else self.source

    def _null(self, model: Any) -> float:
        """Mean loss above the least of the best intercept beside the offset."""
        if model.fit_intercept:
            return float(model.certificate_.null[0])
        from fastreg import path

        return float(path(self._target, family=model._loss, alphas=1).certificate.null[0])

    @functools.cached_property
    def _seen(self) -> Array:
        """Rows, those with y above 0, Σ w, and Σ w (ℓ − min ℓ) of the model: one read."""
        model, source = self.model, self._target
        fitted = np.ravel(model.coef_)[:, None], np.ravel(model.intercept_)
        work = functools.partial(_of_block, source.layout, model._loss, *fitted)
        found: Array = source.reduce(work, np.add)
        return found


def _of_block(layout: Any, loss: Any, coef: Array, intercept: Array, block: Any, _: int) -> Array:
    from fastreg.certificate.deviance import lost

    X, Y, weights, offset = layout.check(block)
    w = np.ones(len(Y)) if weights is None else weights
    beside = 0.0 if offset is None else offset[:, None]
    own = lost(loss, X.matrix, Y, w, beside, coef, intercept)[0, 0]
    return np.array([len(Y), np.count_nonzero(Y > 0.0), w.sum(), own])


def words_of_classes(model: Any, counts: Any) -> tuple[str, str]:
    """What the report says of the classes, of which there are `counts` rows."""
    labels = model.classes_.tolist()
    words = (f"{label!r} ({count} rows)" for label, count in zip(labels, counts, strict=True))
    return "classes", f"{', '.join(words)}; probabilities are of {labels[1]!r}"


def words_of_offset(arguments: Any) -> tuple[str, str]:
    """And of an offset."""
    return "offset", f"{arguments.offset}; give --offset to predict as well"

"""Fit other families than gaussian to rows that are read in blocks."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg.cli.known_families import family_of, family_words

Array = np.ndarray


@dataclass(eq=False)
class StreamedRows:
    """Hold a source that exceeds the memory limit, and the model fitted to it."""

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
        """Compute the standard deviations (n,) of the columns."""
        from fastreg import SufficientStatistics

        spread = np.diag(SufficientStatistics.collect(self.source).covariance())
        return np.sqrt(spread[: self.source.n_features])

    def explained(self, model: Any) -> float:
        """Compute the share of the null deviance that the model explains."""
        _, _, weight, lost = self._seen
        most = weight * self._null(model)
        return 1.0 - lost / most if most > 0.0 else float(lost <= 0.0)

    def words(self, model: Any) -> list[tuple[str, str]]:
        """Return the lines of the report on what is predicted, and from what."""
        family, out = family_of(self.arguments), []
        if family.has_classes:
            ones = int(self._seen[1])
            out.append(words_of_classes(model, (self.n_rows - ones, ones)))
        return [*out, *family_words(family, model, self.arguments)]

    @property
    def _target(self) -> Any:
        """The source, whose second target is the offset if there is one."""
        return self.source.with_offset(1) if self.arguments.offset else self.source

    def _null(self, model: Any) -> float:
        """Mean loss of the best intercept with the offset, above the least possible."""
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
    """Return the line of the report on the classes, which have `counts` rows."""
    labels = model.classes_.tolist()
    words = (f"{label!r} ({count} rows)" for label, count in zip(labels, counts, strict=True))
    return "classes", f"{', '.join(words)}; probabilities are of {labels[1]!r}"

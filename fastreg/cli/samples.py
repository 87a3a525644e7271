"""Describe the data of a fit, from all rows or from their statistics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Rows:
    """Hold all rows in memory, and their source."""

    source: Any
    X: Any
    y: Array
    weights: Array | None

    measure = "R² (training)"

    @classmethod
    def of(cls, source: Any) -> Rows:
        return cls(source, *source.whole())

    def fit(self, model: Any) -> None:
        from fastreg.linear_model.opening import note_source

        model.fit(self.X, self.y, self.weights)
        note_source(model, self.source)

    @property
    def n_rows(self) -> int:
        return len(self.y)

    def deviations(self) -> Array:
        """Compute the standard deviations (n,) of the columns."""
        return column_deviations(self.X)

    def explained(self, model: Any) -> float:
        """Compute R², or NaN if the target is constant."""
        w = np.ones(len(self.y)) if self.weights is None else self.weights / self.weights.max()
        spread = w @ (self.y - w @ self.y / w.sum()) ** 2
        left = w @ (self.y - model._predict(self.X)) ** 2  # without a check of names
        return float(1.0 - left / spread) if spread > 0.0 else np.nan


@dataclass(frozen=True)
class Sums:
    """Hold the statistics of rows that exceed the memory limit."""

    source: Any
    stats: Any = field(repr=False)

    measure = "R² (training)"

    @classmethod
    def of(cls, source: Any, cv: int | None) -> Sums:
        from fastreg import SufficientStatistics

        return cls(source, SufficientStatistics.collect(source, cv=cv))

    def fit(self, model: Any) -> None:
        model.fit(self.stats)

    @property
    def n_rows(self) -> int:
        return int(self.stats.n_samples)

    def deviations(self) -> Array:
        """Compute the standard deviations (n,) of the columns."""
        return np.asarray(np.sqrt(np.diag(self.stats.covariance())[:-1]))

    def explained(self, model: Any) -> float:
        """Compute R², or NaN if the target is constant."""
        from fastreg.moments import total
        from fastreg.objectives import Objective
        from fastreg.penalties import L1
        from fastreg.problems.from_moments import summarise
        from fastreg.selection.fold_fits import Test

        spread = self.stats.covariance()[-1, -1]
        whole = total(self.stats._parts)
        objective = Objective(np.zeros((1, 1)), L1(0.0), fit_intercept=model.fit_intercept)
        left, _ = Test.of(whole, whole, summarise(whole, objective)).errors(model.coef_[:, None])
        return float(1.0 - left[0] / spread) if spread > 0.0 else np.nan


def sample(source: Any, cv: int | None) -> Rows | Sums:
    """Return all rows if they fit into memory or have too many features, else statistics."""
    from fastreg.statistics import MOST_MEMORY, moments_bytes

    wide = moments_bytes(source.n_features, cv or 1) > MOST_MEMORY
    return Rows.of(source) if source.fits or wide else Sums.of(source, cv)


def column_deviations(X: Any) -> Array:
    """Compute the standard deviations (n,) of the columns, in blocks that stay in cache."""
    from fastreg.design import as_design

    design = as_design(X)
    m, n = design.shape
    total, squares = np.zeros(n), np.zeros(n)
    for _, columns, block in design.blocks():
        total[columns] += np.asarray(block.sum(axis=0, dtype=np.float64)).ravel()
    mean = total / m
    for _, columns, block in design.blocks():
        if design.is_sparse:
            squares[columns] += np.asarray(block.astype(np.float64).power(2).sum(axis=0)).ravel()
        else:
            squares[columns] += ((block - mean[columns]) ** 2).sum(axis=0)
    if design.is_sparse:
        squares -= m * mean**2
    return np.sqrt(np.maximum(squares, 0.0) / m)

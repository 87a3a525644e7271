"""Training fits of losses that are no squares, and what held-out rows lose by them.

    error = 2 Σ_test w [ℓ(z; y) − min ℓ(·; y)]/Σ_test w,   z = o + b + xᵀθ

the mean deviance, of squares the mean squared error. A fit has a certificate of its own, and its
gap says what it is worth; where that is not what was asked, or as much as possible was, how far its
error may be from that of the minimum is bounded (`certificate.held_out_losses`). So is what
rounding may change (`certificate.deviance`). Wide ridges are fitted in a few columns
(`wide_ridges`). A relaxed fit mixes that one with a fit without a penalty, as exact as
`relaxed_losses` makes it, or stays as it is where there is none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.certificate import KKT, held_out_losses
from fastreg.certificate.deviance import lost
from fastreg.certificate.gap import relative_to
from fastreg.certificate.held_out import Fold
from fastreg.objectives import Objective, check_target
from fastreg.problems.in_memory import standardise
from fastreg.selection.choice import Errors
from fastreg.selection.fold_fits import Fits, Verdict, certain
from fastreg.selection.relaxed_losses import relax
from fastreg.selection.wide_ridges import WideRidge
from fastreg.solvers import solve
from fastreg.solvers.source_of_loss import Validated

Array = np.ndarray
_ENTRIES = 1 << 17  # of a block of rows: 1 MB


@dataclass(frozen=True, eq=False)
class LossFits(Fits):
    """The fits of one fold; `seen` is called with them, coef (n, K) and intercept (K,). Those of a
    `wide` ridge are in its columns."""

    seen: Callable[[Array, Array], None] | None = None
    wide: WideRidge | None = None

    def verdict(self, strengths: Array, gamma: float | None) -> Verdict:
        """At descending strengths, of relaxed fits unless `gamma` is None."""
        objective = self.make(self.train, strengths)
        found = solve(
            self.X, self._target(objective), objective, tol=self.tol, max_iter=self.max_iter
        )
        worth, coef, intercept = found.certificate, found.coef, found.intercept
        gap, met, slip = worth.relative_gap, worth.met, np.zeros(len(strengths))
        if self.wide is not None:
            lengths = self.wide.lengths(self.y, objective, coef, intercept)
            slip = self.wide.error * lengths
            gap = gap + relative_to(2.0 * strengths * slip * lengths, worth.null)
            met = met & (gap <= self.tol)
        if gamma is not None:
            refit = relax(self.X, self.y, objective, coef, intercept, gamma, self.max_iter)
            coef, intercept = refit.coefs, refit.intercepts
            met = met & ~(refit.kkt > KKT)  # NaN where a point of the path was kept
        if self.seen is not None:
            own = (coef, intercept) if self.wide is None else self.wide.back(coef, intercept)
            self.seen(*own)
        deviance, rounding, null = self._deviance(objective, coef, intercept, slip)
        room, bound = certain(deviance, null), np.full(len(gap), np.inf)
        asked = np.flatnonzero(~met if self.tol > 0.0 else np.ones(len(gap), bool))
        if gamma is None and len(asked):
            bound[asked] = self._bounds(objective, coef, intercept, asked) + rounding[asked]
            met = met | (bound <= room)
        return Verdict(deviance, bound, gap, met & (rounding <= room))

    def _target(self, objective: Objective) -> Array:
        """(m, 1), checked."""
        check_target(objective, self.y)
        return self.y[:, None]

    def _fold(self, objective: Objective) -> Fold:
        blank = np.zeros((len(self.y), 1))
        columns = standardise(self.X, blank, dataclasses.replace(objective, offset=None)).columns
        return Fold(self.X, self.y, self.train, self.test, columns)

    def _bounds(self, objective: Objective, coef: Array, intercept: Array, points: Array) -> Array:
        """By how much deviances may differ from those of the minima, at some points."""
        return held_out_losses.bounds(self._fold(objective), objective, coef, intercept, points)

    def _deviance(
        self, objective: Objective, coef: Array, intercept: Array, slip: Array
    ) -> tuple[Array, Array, Array]:
        """(deviance (K,), by how much rounding may change it (K,), that of z = 0 (K,)) of
        predictions that may be off by `slip` (K,) besides."""
        rows = np.flatnonzero(self.test)
        used = np.flatnonzero(coef.any(axis=tuple(range(1, coef.ndim))))
        matrix, sums = self.X.matrix, np.zeros((3, len(slip)))
        whole = 2 * len(used) > self.X.shape[1]  # a copy of some takes longer than it spares
        coef = coef if whole else coef[used]
        width = max(len(coef), intercept.size)
        for some in np.array_split(rows, max(1, len(rows) * width // _ENTRIES)):
            part = matrix[some] if whole else matrix[some][:, used]
            sums += self._lost(objective, part, some, coef, intercept, slip)
        deviance, rounding, null = 2.0 * sums / self.test[rows].sum()
        return deviance, rounding, null

    def _lost(
        self, objective: Objective, part: Any, some: Array, coef: Array, intercept: Array,
        slip: Array,
    ) -> Array:  # fmt: skip
        """What some rows lose, of entries `part`: see `certificate.deviance`."""
        offset = 0.0 if objective.offset is None else objective.offset[some, None]
        return lost(
            objective.loss, part, self.y[some, None], self.test[some], offset, coef, intercept, slip
        )


def errors_of_source(found: Validated) -> Errors:
    """Of the folds of a source, whose fits are certified and whose errors NumPy has summed."""
    met = found.met & (found.rounding <= certain(found.deviance, found.null))
    return Errors(found.deviance, np.full(found.gap.shape, np.inf), found.gap, met)

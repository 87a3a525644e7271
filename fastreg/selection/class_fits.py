"""Training fits of several classes, and what held-out rows lose by them: see `loss_fits`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.certificate import held_out_classes
from fastreg.objectives import Objective
from fastreg.selection.folds import Split
from fastreg.selection.loss_fits import LossFits

Array = np.ndarray


def check_training_sets(
    splits: Sequence[Split], Y: Array, weights: Array | None, classes: Array
) -> None:
    """ValueError if a training set has no row of one of the classes (K,), shares Y (m, K)."""
    for f, (train, _) in enumerate(splits):
        total = Y[train].sum(axis=0) if weights is None else weights[train] @ Y[train]
        if not total.all():
            raise ValueError(
                f"split {f} of cv trains on no row of class "
                f"{classes.tolist()[int(np.argmin(total))]!r}: take fewer splits, or a splitter "
                "that puts rows of each class into each training set"
            )


@dataclass(frozen=True, eq=False)
class ClassFits(LossFits):
    """y : (m, K) shares; `seen` is called with coef (n, K, k) and intercept (K, k)."""

    def _target(self, objective: Objective) -> Array:
        return self.y

    def _bounds(self, objective: Objective, coef: Array, intercept: Array, points: Array) -> Array:
        return held_out_classes.bounds(self._fold(objective), objective, coef, intercept, points)

    def _lost(
        self, objective: Objective, part: Any, some: Array, coef: Array, intercept: Array,
        slip: Array,
    ) -> Array:  # fmt: skip
        offset = 0.0 if objective.offset is None else objective.offset[some]
        return held_out_classes.lost(part, self.y[some], self.test[some], offset, coef, intercept)

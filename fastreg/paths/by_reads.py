"""Fit paths to rows that arrive in blocks, for losses other than squared error.

All strengths share each read of the source. The folds of a cross-validation share it too.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from fastreg import losses
from fastreg.functional import nonnegative
from fastreg.grids import LEAST_RATIO, Grid, is_count, least_share, strengths_of
from fastreg.losses import traits
from fastreg.objectives import Objective, family_of
from fastreg.paths.arguments import check_bool, factors_of, penalty_of, ratio_of
from fastreg.paths.factors import Factors, spread_of_source
from fastreg.paths.fitting import is_several, warn
from fastreg.paths.of_classes import ClassPath, OfClasses
from fastreg.paths.origins import Source as Origin
from fastreg.paths.results import Path
from fastreg.problems.quadratic import QuadraticProblem
from fastreg.selection.choice import Errors
from fastreg.selection.loss_fits import errors_of_source
from fastreg.solvers.source_of_loss import validate
from fastreg.sources.blocks import Source, weight_of
from fastreg.sources.rows import MOST_CLASSES

Array = np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class InBlocks(Origin):
    """Hold a source of rows. `max_iter` is the largest number of reads of a fit."""

    source: Source
    smallest: float  # Σ w min ℓ/Σ w
    most_classes: ClassVar[int] = 0  # of which y is labels

    @property
    def least(self) -> float:
        return self.smallest

    @property
    def has_offset(self) -> bool:
        return self.source.offset is not None

    def at(self, strengths: Array, tol: float, ratio: float, names: Any) -> Path:
        objective = dataclasses.replace(self.objective, strength=strengths)
        return fitted(
            self.source, objective, tol=tol, max_iter=self.max_iter, ratio=ratio,
            most_classes=self.most_classes,
        )  # fmt: skip

    def _needs_rows(self) -> ValueError:
        return ValueError(
            f"this needs rows in memory, and the path was fitted to {self.source.kind}: fit it to "
            "arrays"
        )

    def problem(self) -> QuadraticProblem:
        raise self._needs_rows()

    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        if not is_count(cv) or gamma is not None:
            raise ValueError(
                f"{self.source.kind} is read in blocks: cv must be a number of folds, got {cv!r}, "
                "and the path must not be relaxed"
            )
        if cv < 2:
            raise ValueError(f"cv must be from 2 to the number of rows, got {cv}")
        if score != "deviance":
            raise self._needs_rows()
        own = dataclasses.replace(self.objective, strength=strengths)
        found = validate(
            self.source, own, tol, self.max_iter, n_folds=int(cv), most_classes=self.most_classes
        )
        return errors_of_source(found)


@dataclasses.dataclass(frozen=True, eq=False)
class ClassesInBlocks(OfClasses, InBlocks):
    """Hold a source of rows with labels of more than two classes."""

    most_classes: ClassVar[int] = MOST_CLASSES


def path_of_source(
    source: Source, *, l1_ratio: Any, alphas: Any, eps: Any, tol: Any, fit_intercept: bool,
    positive: bool, bounds: Any, penalty_factor: Any, standardize: bool, max_iter: int,
    family: Any, offset: Any, given: dict[str, Any],
) -> Path:  # fmt: skip
    """Fit `fastreg.path` to a source. `given` holds the arguments that only rows in memory take."""
    several = is_several(family)
    loss = losses.Logistic() if several else family_of(family)
    if traits(loss).quadratic:
        raise ValueError(
            f"family='gaussian' needs rows in memory, and X is a source of kind {source.kind}: "
            "SufficientStatistics.collect(source).path(…) reads it once"
        )
    if offset is not None:
        source = source.with_offset(offset)
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{name} must be None if X is a source, which has it already")
    check_bool(fit_intercept=fit_intercept, positive=positive, standardize=standardize)
    n, ratio = source.n_features, ratio_of(l1_ratio)
    factor = factors_of(penalty_factor, n)
    factors = Factors(factor, factor, penalty_of(bounds, positive, n))
    if standardize:
        factors = factors.standardised(spread_of_source(source), bool(fit_intercept))
    strengths, count = strengths_of(alphas)
    grid = None
    if count:
        gauge = factors.penalty(max(ratio, LEAST_RATIO))
        grid = Grid(count, least_share(eps, wide=False), gauge)
    objective = Objective(
        factors.ridge(ratio), factors.penalty(ratio), None, bool(fit_intercept), strengths, loss,
    )  # fmt: skip
    return fitted(
        source, objective, tol=nonnegative(tol, "tol"), max_iter=int(max_iter), ratio=ratio,
        grid=grid, most_classes=MOST_CLASSES if several else 0,
    )  # fmt: skip


def fitted(
    source: Source, objective: Objective, *, tol: float, max_iter: int, ratio: float,
    grid: Grid | None = None, most_classes: int = 0,
) -> Path:  # fmt: skip
    """Fit the path of an objective. Warn if a point did not reach `tol`."""
    whole = validate(source, objective, tol, max_iter, grid, most_classes=most_classes)
    if most_classes and whole.classes is None:
        raise ValueError(
            f"y of {source.kind} has two classes: for these set family='binomial' where rows are "
            "read in blocks"
        )
    found = whole.solution
    warn(found.certificate, found.exhausted, max_iter)
    weight = weight_of(source)
    count = int(weight if source.n_rows is None else source.n_rows)
    known: dict[str, Any] = {
        "alphas": found.strength, "coefs": found.coef, "intercepts": found.intercept,
        "gaps": found.certificate.relative_gap, "l1_ratio": ratio,
        "certificate": found.certificate, "n_iter": found.n_iter,
        "feature_names": source.feature_names,
    }  # fmt: skip
    own = dataclasses.replace(objective, strength=None)
    rows = count, weight, max_iter, source, whole.least
    if whole.classes is None:
        return Path(**known, data=InBlocks(own, *rows))
    own = dataclasses.replace(own, loss=losses.Multinomial(len(whole.classes)))
    known["intercepts"] = found.intercept - found.intercept.mean(axis=0)
    classes = source.labels_of(whole.classes)
    data = ClassesInBlocks(own, *rows, classes=classes)
    return ClassPath(**known, data=data, classes=classes)

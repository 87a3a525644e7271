"""The multinomial loss, of rows that arrive in blocks: `smooth_blocks` for K predictions a row.

The first read gives moments, a sample of rows, and the weights of the classes of each fold, which
say what the null models are. Its gradient takes a read of its own. Quadratics are the sample's.
"""

from __future__ import annotations

import dataclasses
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import gathering, kernels, moments
from fastreg.design import as_design
from fastreg.objectives import Objective
from fastreg.problems.coupled import CoupledProblem, by_class, coupled
from fastreg.problems.first_read import Classes, First, Sample
from fastreg.problems.from_moments import summarise
from fastreg.problems.quadratic import QuadraticProblem
from fastreg.problems.smooth import Tangent
from fastreg.problems.smooth_blocks import WIDEST, Looks, Sums
from fastreg.problems.views import Look
from fastreg.sources import Source
from fastreg.sources.row_folds import Folds

Array = np.ndarray


@dataclass(kw_only=True)
class CoupledBlocks(QuadraticProblem):
    """A standardised problem of K outputs, read from a source; column k·n + j is feature j of
    class k."""

    source: Source
    classes: Array  # (K,)
    level: Array  # (K,)
    least: float
    scale_of_gap: float
    null_gradient: Array  # (K·n,)
    sample: CoupledProblem  # in a standard form of its own
    framed: CoupledProblem  # in that of all rows
    has_all: bool  # whether the sample has rows of all classes
    sample_fold: Array  # (r,) of its rows
    parts: gathering.Parts
    folds: Folds
    null_levels: Array  # (1 + F, K) b of the null model of all rows, and of each training set
    fold_of: Array | None = None  # (P,) fold whose rows a point does without, −1 for none
    passes: int = 1

    is_wide_ridge = False

    def null(self, t: int) -> float:
        return self.scale_of_gap

    @property
    def is_ridge(self) -> bool:
        return self.framed.is_ridge

    @property
    def asked(self) -> Objective:
        """The objective as it was given, of n features."""
        return dataclasses.replace(
            self.framed.base.objective, strength=self.objective.strength, weights=None,
            loss=self.objective.loss,
        )  # fmt: skip

    def look(self, betas: Array, levels: Array, points: Array) -> Look:
        """At some points, β (K·n, d), b (K, d), in one read."""
        (n, K), d = (len(self.framed.base.scale), len(self.classes)), betas.shape[1]
        theta = (betas * self.scale[:, None]).reshape(K, n, d).transpose(1, 2, 0).reshape(n, d * K)
        lanes = None if self.fold_of is None else self.fold_of[points]
        work = LooksOfClasses(
            self.source.layout, self.objective.loss, theta, levels.T.reshape(-1), self.shift,
            self.folds, lanes, self.classes,
        )  # fmt: skip
        found: Sums = self.source.reduce(work, operator.add)
        self.passes += 1
        gradient = found.gradient.reshape(n, d, K).transpose(2, 0, 1).reshape(K * n, d)
        return Look(
            found.value / found.weights,
            found.slope.reshape(d, K).T / found.weights,
            gradient * self.scale[:, None] / found.weights,
            found.bend / found.weights[:, None, None],
        )

    def tangent_at_null(self) -> Tangent:
        return self.tangent(np.zeros(0, np.int64), np.zeros(0), self.level)

    def tangent(self, columns: Array, beta: Array, level: Array, fold: int = -1) -> Tangent:
        """From the sample, without the rows of a fold."""
        own = self.framed
        if fold >= 0 and (self.sample_fold == fold).any():
            assert own.base.weights is not None
            weights = np.where(self.sample_fold == fold, 0.0, own.base.weights)
            base = dataclasses.replace(own.base, weights=weights)
            own = dataclasses.replace(own, base=base, total=float(weights.sum()))
        return own.tangent(columns, beta, level)

    def at_strengths(self, strengths: Array, fold_of: Array | None = None) -> CoupledBlocks:
        """The same problem at other strengths, each for the training set of a fold."""
        return dataclasses.replace(
            self, objective=dataclasses.replace(self.objective, strength=strengths),
            fold_of=fold_of, unit=np.ones(len(strengths)), mean=np.zeros(len(strengths)),
            _bases={}, sample=self.sample.at_strengths(strengths),
            framed=self.framed.at_strengths(strengths),
        )  # fmt: skip

    def with_penalty(self, objective: Objective) -> CoupledBlocks:
        """The same problem with the penalty and the ridge terms of another objective."""
        objective = dataclasses.replace(objective, loss=self.objective.loss)
        framed = self.framed.with_penalty(objective)
        return dataclasses.replace(
            self, objective=framed.objective, _bases={}, framed=framed,
            sample=self.sample.with_penalty(objective),
        )  # fmt: skip

    def unscale(self, beta: Array) -> tuple[Array, Array]:
        """As `CoupledProblem.unscale`."""
        return self.framed.unscale(beta)

    def scaled(self, coef: Array) -> Array:
        """As `CoupledProblem.scaled`."""
        return self.framed.scaled(coef)

    def gram(self, left: Array, right: Array) -> Array:
        raise NotImplementedError("products are those of a tangent")

    def at_zero(self, t: int) -> tuple[Array, float]:
        raise NotImplementedError("the null model has no squares")

    def correlation(self, beta: Array, t: int) -> tuple[Array, float]:
        raise NotImplementedError("slopes are those of a look")

    def correlations(self, columns: Array, betas: Array, t: int) -> tuple[Array, Array]:
        raise NotImplementedError("slopes are those of a look")


@dataclass(frozen=True, eq=False)
class LooksOfClasses(Looks):
    """The sums of a block, whose y are labels."""

    classes: Array

    def _slopes(self, Z: Array, y: Array, w: Array | None) -> tuple[Array, Array]:
        Y = np.eye(len(self.classes))[np.searchsorted(self.classes, y)]
        value = kernels.softmax(Z, Y, w, None)
        # By products of matrices, one a point, it took twice as long as all else of a read.
        return value, kernels.bends(Z, Y, w)


def problem_of(
    source: Source, objective: Objective, first: First, folds: Folds, most: int
) -> CoupledBlocks:
    """The problem, from its first read and one of the null model.

    Raises
    ------
    ValueError
        A class is in no training set, or there are too many features.
    """
    assert first.classes is not None
    if source.offset is not None:
        raise ValueError(
            "offset is for two classes where rows are read in blocks, as each class has its own: "
            f"read the rows of {source.kind} into memory"
        )
    classes = np.array(sorted({label for own in first.classes.values() for label in own}))
    n, K = source.n_features, len(classes)
    if n * K > WIDEST:
        raise ValueError(
            f"{source.kind} has {n} features and {K} classes, and fits by blocks are for "
            f"{WIDEST} coefficients: leave features out, or read the rows into memory"
        )
    levels = _null_levels(first.classes, classes, folds, objective.fit_intercept)
    whole = moments.total(list(first.parts.values()))
    frame = summarise(whole, dataclasses.replace(objective, offset=None))
    rows = Sample.of(first.sample, most)
    seen = dataclasses.replace(objective, weights=rows.weights, offset=None)
    Y = np.eye(K)[np.searchsorted(classes, rows.y)]
    sample = coupled(as_design(rows.X), Y, seen, levels[0])
    base = dataclasses.replace(
        sample.base, shift=frame.shift, scale=frame.scale, size=frame.size,
        constant=frame.constant, _bases={}, _starts={}, _workspaces={},
    )  # fmt: skip
    tiled: dict[str, Any] = {
        name: np.tile(getattr(frame, name), K) for name in ("scale", "size", "constant")
    }
    framed = dataclasses.replace(sample, **tiled, base=base, _bases={}, _kept=None)
    problem = CoupledBlocks(
        **tiled, total=whole.weight, shift=frame.shift, unit=sample.unit, mean=sample.mean,
        objective=by_class(objective, n, K), source=source, classes=classes, level=levels[0],
        least=0.0, scale_of_gap=1.0, null_gradient=np.zeros(K * n), sample=sample, framed=framed,
        has_all=bool(Y.any(axis=0).all()), sample_fold=rows.fold, parts=first.parts, folds=folds,
        null_levels=levels,
    )  # fmt: skip
    null = problem.look(np.zeros((K * n, 1)), levels[:1].T, np.zeros(1, int))
    return dataclasses.replace(
        problem, null_gradient=null.gradient[:, 0], scale_of_gap=max(float(null.value[0]), 1e-300)
    )


def _null_levels(found: Classes, classes: Array, folds: Folds, fit_intercept: bool) -> Array:
    """(1 + F, K) the best intercepts alone, of sum zero: of all rows, and of each training set."""
    table = np.array([
        [found.get(f, {}).get(label, 0.0) for label in classes.tolist()] for f in range(folds.count)
    ])  # fmt: skip
    weights = table.sum(axis=0) - np.vstack([np.zeros(len(classes)), table])
    weights = weights if folds.count > 1 else weights[:1]
    lacks = np.argwhere(np.array([table.sum(axis=0) - own for own in table]) <= 0.0)
    if folds.count > 1 and len(lacks):
        fold, k = lacks[0]
        raise ValueError(
            f"cv: class {classes[k]:g} has no row outside fold {fold}: mix the rows, as folds are "
            f"neighbours or one row in {folds.count}, or ask for fewer folds"
        )
    if not fit_intercept:
        return np.zeros(weights.shape)
    levels: Array = np.log(weights)
    levels -= levels.mean(axis=1, keepdims=True)
    return levels

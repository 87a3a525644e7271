"""A loss that is no square, of rows that arrive in blocks: everything at all points in a read.

The first read gathers moments and a sample of rows: those with the least hashes of their numbers,
whatever the blocks. Where ℓ is affine in y, ℓ = A(z) − y B(z), moments say what the null model is:
Σ w ℓ(b; y_i)/M is ℓ(b; ȳ) but for a constant, and Σ w x ℓ′(b; y_i) follows from Σ w x and Σ w x y.
The quadratic there bends as ℓ does at ȳ. Quadratics elsewhere are the sample's,
and gradients are those of all rows:

    Z = X'B + b,   U = w∘ℓ′(Z),   F = Σ w ℓ(Z),   ∂F/∂B = X'ᵀU,   ∂F/∂b = Σ U

A row held out from a fold counts for none of its points. With offsets the null model is none of the
moments': it takes reads of its own, two or three.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from fastreg import gathering, kernels, losses, moments
from fastreg._jit import run_blocks
from fastreg.certificate.intercept import null_model
from fastreg.design import as_design
from fastreg.gathering import Gather
from fastreg.objectives import Objective, check_domain
from fastreg.problems.first_read import First, FirstRead, Sample
from fastreg.problems.from_moments import MomentProblem, summarise
from fastreg.problems.quadratic import fields_of
from fastreg.problems.smooth import SmoothProblem, Tangent, smooth
from fastreg.problems.views import Look
from fastreg.sources import Source
from fastreg.sources.row_folds import Folds
from fastreg.sources.rows import Block, Layout

Array = np.ndarray
_SAMPLE = 256  # rows of the sample for each feature: the Hessian is then known to a tenth
_ROOM = 1 << 29  # bytes of the sample at most
_SPARE = 1.2  # rows looked at for each of the sample: fewer would now and then be too few
WIDEST, _MOST = 4000, 1 << 32  # features, and bytes of the moments of folds
_AT_END = 1e-12  # of a mean of y, which its rounding may be away from an end
_NULL_STEPS, _NULL_STEP = 100, 8.0  # of an intercept beside offsets, and the longest
_NULL_CLOSE = 1e-6  # a step that is the last
_ENTRIES = 1 << 18  # of the predictions of a piece of rows: 2 MB
_PIECES = 16  # of a block, of whose sums there are as many


@dataclass(kw_only=True)
class SmoothBlocks(MomentProblem):
    """A standardised problem with a loss that is no square, read from a source."""

    source: Source
    level: float
    least: float
    scale_of_gap: float
    null_gradient: Array
    null_bend: float
    sample: SmoothProblem  # in a standard form of its own
    framed: SmoothProblem  # in that of all rows
    sample_fold: Array  # (r,) of its rows
    parts: gathering.Parts
    folds: Folds
    null_levels: Array  # (1 + F,) b of the null model of all rows, and of each training set
    fold_of: Array | None = None  # (P,) fold whose rows a point does without, −1 for none
    passes: int = 1

    classes = None  # labels of several, which `CoupledBlocks` has

    def null(self, t: int) -> float:
        return self.scale_of_gap

    @property
    def is_ridge(self) -> bool:
        return self.sample.is_ridge

    @property
    def asked(self) -> Objective:
        """The objective as it was given."""
        return self.objective

    @property
    def has_all(self) -> bool:
        """Whether the y of the sample are not all at one end of their domain."""
        ends = losses.domain(self.objective.loss)
        return not any((self.sample.rows_y == end).all() for end in ends)

    def look(self, betas: Array, levels: Array, points: Array) -> Look:
        """At some points, β (n, d), b (1, d), in one read."""
        levels = levels.reshape(-1)
        lanes = None if self.fold_of is None else self.fold_of[points]
        theta, loss = betas * self.scale[:, None], self.objective.loss
        work = Looks(self.source.layout, loss, theta, levels, self.shift, self.folds, lanes)
        found: Sums = self.source.reduce(work, operator.add)
        self.passes += 1
        value, bend, slope = (
            each / found.weights for each in (found.value, found.bend, found.slope)
        )
        return Look(value, slope, found.gradient * self.scale[:, None] / found.weights, bend)

    def tangent_at_null(self) -> Tangent:
        """From the moments: G is ℓ″ times theirs."""
        bend = self.null_bend
        own = fields_of(self, MomentProblem) | {"products": self.products * bend, "_bases": {}}
        free = bend if self.shift is not None else 0.0
        return Tangent.of_one(MomentProblem(**own), np.zeros(self.n_features), free)

    def tangent(self, columns: Array, beta: Array, level: Any, fold: int = -1) -> Tangent:
        """From the sample, without the rows of a fold."""
        own = self.framed
        if fold >= 0 and (self.sample_fold == fold).any():
            assert own.weights is not None
            weights = np.where(self.sample_fold == fold, 0.0, own.weights)
            own = replace(own, weights=weights, total=float(weights.sum()))
        return own.tangent(columns, beta, level)

    def at_strengths(self, strengths: Array, fold_of: Array | None = None) -> SmoothBlocks:
        """The same problem at other strengths, each for the training set of a fold."""
        return replace(
            self, objective=replace(self.objective, strength=strengths), fold_of=fold_of,
            unit=np.ones(len(strengths)), mean=np.zeros(len(strengths)), _bases={},
            sample=self.sample.at_strengths(strengths), framed=self.framed.at_strengths(strengths),
        )  # fmt: skip

    def with_penalty(self, objective: Objective) -> SmoothBlocks:
        """The same problem with the penalty and the ridge terms of another objective."""
        return replace(
            self, objective=objective, _bases={}, sample=self.sample.with_penalty(objective),
            framed=self.framed.with_penalty(objective),
        )  # fmt: skip


class Sums(NamedTuple):
    """Of some rows, at P points of q predictions a row each, side by side."""

    value: Array  # (P,) Σ w ℓ
    bend: Array  # (P,) Σ w ℓ″, or (P, q, q)
    slope: Array  # (P·q,)
    gradient: Array  # (n, P·q)
    weights: Array  # (P,) of the rows that count

    def __add__(self, other: Any) -> Sums:
        return Sums(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True, eq=False)
class Looks:
    """The sums of a block, with θ (n, P·q) and b (P·q,)."""

    layout: Layout
    loss: Any
    theta: Array
    levels: Array
    shift: Array | None
    folds: Folds
    fold_of: Array | None

    def __call__(self, block: Block, row: int) -> Sums:
        rows = self.layout.check(block)
        y, w, X, offset = rows.Y[:, 0], rows.weights, rows.X.matrix, rows.offset
        of_row = None if self.fold_of is None else self.folds.of_rows(row, len(y))
        if w is not None and not w.all():  # whatever a row of weight zero holds
            kept = np.flatnonzero(w > 0)
            y, w, X = y[kept], w[kept], X[kept]
            offset = None if offset is None else offset[kept]
            of_row = None if of_row is None else of_row[kept]
        m, P = len(y), self.theta.shape[1]
        height = max(64, _ENTRIES // max(P, self.theta.shape[0]))
        count = -(-m // height)
        pieces = min(_PIECES, max(count, 1))
        cuts = [count * p // pieces * height for p in range(pieces)] + [m]
        sums: list[Any] = [None] * pieces

        def work(first: int, last: int) -> None:
            for p in range(first, last):
                for start in range(cuts[p], max(cuts[p + 1], cuts[p] + (p == 0)), height):
                    some = slice(start, min(start + height, cuts[p + 1]))
                    own = self._piece(
                        X[some], y[some], *(
                            None if each is None else each[some] for each in (w, of_row, offset)
                        )
                    )  # fmt: skip
                    sums[p] = own if sums[p] is None else sums[p] + own

        run_blocks(work, pieces, step=1)
        found = [each for each in sums if each is not None]
        return sum(found[1:], found[0])

    def _piece(
        self, X: Any, y: Array, w: Array | None, of_row: Array | None, offset: Array | None
    ) -> Sums:
        q = losses.traits(self.loss).outputs
        P, y = self.theta.shape[1] // q, np.ascontiguousarray(y)
        if scipy.sparse.issparse(X):
            shift = np.zeros(P * q) if self.shift is None else self.shift @ self.theta
            Z = X @ self.theta + (self.levels - shift)
        else:
            X = X.astype(np.float64, copy=False)
            X = X if self.shift is None else X - self.shift
            Z = X @ self.theta
            Z += self.levels
        if offset is not None:
            Z += offset[:, None]
        Z = np.ascontiguousarray(Z)
        weights = np.full(P, float(len(y) if w is None else w.sum()))
        apart: list[tuple[Any, Array, tuple[Array, Array]]] = []
        if of_row is not None and self.fold_of is not None:
            for f in np.unique(of_row):
                rows, points = np.flatnonzero(of_row == f), np.flatnonzero(self.fold_of == f)
                ow = None if w is None else w[rows]
                # Rows held out are taken away again: as z = 0, of whose loss little is lost.
                alone = self._slopes(np.zeros((len(rows), q)), y[rows], ow)
                lanes = np.flatnonzero(np.repeat(self.fold_of == f, q))
                apart.append((np.ix_(rows, lanes), points, alone))
                weights[points] -= float(len(rows) if ow is None else ow.sum())
        for held, _, _ in apart:
            Z[held] = 0.0
        value, bend = self._slopes(Z, y, w)
        for held, points, (lost, bent) in apart:
            Z[held] = 0.0
            value[points] -= lost
            bend[points] -= bent
        slope = Z.sum(axis=0)
        gradient = X.T @ Z
        if scipy.sparse.issparse(X) and self.shift is not None:
            gradient -= np.outer(self.shift, slope)
        return Sums(value, bend, slope, gradient, weights)

    def _slopes(self, Z: Array, y: Array, w: Array | None) -> tuple[Array, Array]:
        """Z ← w∘ℓ′, and Σ w ℓ and Σ w ℓ″, as `Sums` has them."""
        value, bend = sums = np.zeros((2, Z.shape[1]))
        kernels.weighted_slopes(self.loss, Z, y, w, sums)
        return value, bend


def first_of(
    source: Source, objective: Objective, n_folds: int = 1, *, has_labels: bool = False
) -> tuple[First, Folds, int]:
    """What the first read says, with the folds, and the most rows of a sample.

    Raises
    ------
    ValueError
        A value is not acceptable; the message has the file, the row and the column.
    """
    n, loss = source.n_features, objective.loss
    if n > WIDEST or 8 * (n_folds + 3) * n * n > _MOST:
        raise ValueError(
            f"{source.kind} has {n} features, and fits of {type(loss).__name__} by blocks keep n² "
            f"numbers a fold, for {WIDEST} features at most and {_MOST / 1e9:.3g} GB: leave "
            "features out, use fewer folds, or read the rows into memory"
        )
    if source.n_targets - (source.offset is not None) != 1:
        raise ValueError(f"y must have one target, {source.kind} has {source.n_targets}")
    if not losses.traits(loss).affine:
        raise ValueError(
            f"{type(loss).__name__} is not affine in y, which reads by blocks ask for: read the "
            "rows into memory"
        )
    folds = Folds(n_folds, source.n_rows)
    most = max(64, min(_SAMPLE * n, _ROOM // (8 * n)))
    share = 1.0 if source.n_rows is None else min(1.0, _SPARE * most / source.n_rows)
    gather = Gather(source.layout, folds)
    work = FirstRead(gather, source.layout, loss, most, share, has_labels)
    found = source.reduce(work, work.add)
    if found is None:
        raise ValueError("sample_weight is zero everywhere; at least one must be positive")
    return found, folds, most


def problem_of(
    source: Source, objective: Objective, first: First, folds: Folds, most: int
) -> SmoothBlocks:
    """The problem, from its first read.

    Raises
    ------
    ValueError
        A y is not acceptable.
    """
    loss = objective.loss
    check_domain(loss, np.array([first.low, first.high]))
    if objective.fit_intercept and first.low == first.high in losses.domain(loss):
        raise ValueError(f"y is {first.low:g} everywhere: no intercept is the best")
    if objective.fit_intercept and folds.count > 1:
        _check_training_sets(source, loss, first.parts, folds)
    problem = _problem(source, objective, first, folds, most)
    return problem if source.offset is None else _beside_offset(problem)


def _outside(parts: gathering.Parts, fold: int) -> moments.Moments:
    """Of the training set of a fold; of all rows where it has them all, which is refused later."""
    rest = [part for f, part in parts.items() if f != fold]
    return moments.total(rest or list(parts.values()))


def _check_training_sets(source: Source, loss: Any, parts: gathering.Parts, folds: Folds) -> None:
    """ValueError if an intercept alone has no minimum in one: a class has no row in it."""
    for fold in parts:
        mean = _mean_of(_outside(parts, fold))
        for end in losses.domain(loss):
            if abs(mean - end) <= _AT_END:
                raise ValueError(
                    f"cv: y is {end:g} everywhere outside fold {fold} of {source.kind}: no "
                    "intercept is the best. Mix the rows, as folds are neighbours or one row in "
                    f"{folds.count}, or ask for fewer folds"
                )


def _mean_of(part: moments.Moments) -> float:
    """Of y."""
    return float(part.frame.origin[-1] + part.frame.unit[-1] * part.mean[-1])


def _null_level(loss: Any, part: moments.Moments) -> float:
    """The best intercept alone, without an offset: that of the mean of y, as ℓ is affine in y."""
    mean = np.full((1, 1), _mean_of(part))
    return null_model(loss, mean, None)[0]


def _problem(
    source: Source, objective: Objective, first: First, folds: Folds, most: int
) -> SmoothBlocks:
    loss, whole = objective.loss, moments.total(list(first.parts.values()))
    base = summarise(whole, replace(objective, offset=None))
    mean = _mean_of(whole)
    levels = np.zeros(1 + (folds.count if folds.count > 1 else 0))
    if objective.fit_intercept:
        training = [_outside(first.parts, f) for f in range(len(levels) - 1)]
        levels[:] = [_null_level(loss, part) for part in (whole, *training)]
    level = float(levels[0])
    value, _, bend = kernels.slopes(loss, np.full(1, level), np.full(1, mean))[:, 0]
    least = first.least / whole.weight
    # ℓ′ = a − by: −∂F/∂β is b X'ᵀ(w∘(y − ȳ)); without an intercept b X'ᵀ(w∘y) − a X'ᵀw.
    at_zero, at_one = kernels.slopes(loss, np.full(2, level), np.array([0.0, 1.0]))[1]
    c = (at_zero - at_one) * base.start * float(base.unit[0])
    if not objective.fit_intercept:
        means = whole.frame.origin[:-1] + whole.frame.unit[:-1] * whole.mean[:-1]
        c = c - at_zero * means * base.scale
    rows = Sample.of(first.sample, most)
    seen = replace(objective, weights=rows.weights, offset=rows.offset)
    sample = smooth(as_design(rows.X), rows.y, seen)
    frame = {name: getattr(base, name) for name in ("shift", "scale", "size", "constant")}
    framed = replace(sample, **frame, _bases={}, _starts={}, _workspaces={}, _kept=None)
    points = 1 if objective.strength is None else len(objective.strength)
    own = fields_of(base, MomentProblem)
    own |= {"unit": np.ones(points), "mean": np.zeros(points), "_bases": {}}
    return SmoothBlocks(
        **own, source=source, level=level, least=least,
        scale_of_gap=max(float(value) - least, 1e-300), null_gradient=-c, null_bend=float(bend),
        sample=sample, framed=framed, parts=first.parts, folds=folds,
        null_levels=levels, sample_fold=rows.fold,
    )  # fmt: skip


def _beside_offset(problem: SmoothBlocks) -> SmoothBlocks:
    """With the null models of rows that have offsets, by Newton's method from those without: a read
    a step, and each leaves the square of what was missing."""
    lanes = len(problem.null_levels)
    points = problem.at_strengths(np.zeros(lanes), np.arange(-1, lanes - 1))
    betas, levels = np.zeros((problem.n_features, lanes)), problem.null_levels
    for _ in range(_NULL_STEPS):
        look = points.look(betas, levels, np.arange(lanes))
        bend = np.asarray(look.bend)
        if not problem.objective.fit_intercept:
            break
        step = np.clip(look.slope / bend, -_NULL_STEP, _NULL_STEP)
        if (np.abs(step) <= _NULL_CLOSE).all():
            break
        levels = levels - step
    else:
        raise ValueError(
            f"the best intercept beside the offset is not found in {_NULL_STEPS} reads of "
            f"{problem.source.kind}: it went to {levels[0]:.3g}. Take the offset's mean from it"
        )
    problem.passes = points.passes
    return replace(
        problem, level=float(levels[0]), null_levels=levels, null_gradient=look.gradient[:, 0],
        scale_of_gap=max(float(look.value[0]) - problem.least, 1e-300),
        null_bend=float(bend[0]),
    )  # fmt: skip

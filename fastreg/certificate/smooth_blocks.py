"""Certificates of losses that are no squares for rows that arrive in blocks, in one read of them.

A read gives, at every point, S = Σ w u, c = −Vᵀ(w∘u), F = Σ w ℓ and Σ w u²/ℓ″, u = ℓ′(z). What
dual points cost is not linear in u: mixed with an end (`mixture`) it is bounded by

    φ(s) = Σ w [ℓ(z) + ℓ*(su) − suz] ≤ min((1 − s)² r Σ w u²/ℓ″, (1 − s)(F − Σ w min ℓ))

the bound of `smooth`, and a chord, as φ is convex, φ(1) = 0 and φ(0) = F − Σ w min ℓ.

Points of the training set of a fold have sums of the rows outside of it, and the same read says
what they lose on the rows inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg._jit import run_blocks
from fastreg.certificate import deviance, losses, mixture
from fastreg.certificate.mixture import Mixed
from fastreg.certificate.reads import Data, about_means
from fastreg.certificate.target import Target, beside_rounding
from fastreg.losses import traits
from fastreg.objectives import Objective
from fastreg.sources.blocks import Source
from fastreg.sources.row_folds import Folds
from fastreg.sources.rows import Block, Layout

Array = np.ndarray
_ENTRIES = 1 << 16  # of predictions of some rows: 512 kB
_PIECES = 16
_LOW, _HIGH, _ONES, _LEFT = range(4)  # rows of sums after those of the slopes
_VALUE, _CHI, _BELOW, _ABOVE = range(4, 8)


class Claims(NamedTuple):
    """What somebody says, which is true or harmless.

    shift, scale : (n,), as of `Columns`; constant : (n,) bool or None
    levels : (1 + F,) of the null models, of all rows and of each training set
    """

    shift: Array
    scale: Array
    constant: Array | None
    levels: Array


@dataclass(frozen=True, eq=False)
class BlocksFit(Mixed):
    """What rows say of g points, (g,) each: F, r Σ w u²/ℓ″, Σ w u²; `mixture`'s t and cost; and
    Σ w min ℓ."""

    value: Array
    chi: Array
    least: float
    t: Array
    cost: Array
    rho2: Array

    def rows(self, s: Array, most: Any) -> Array:
        """A bound on Σ w [ℓ + ℓ*(su′) − su′z], the same for any `most`."""
        return mixture.bound(s, self.t, self.cost, self._phi)

    def _phi(self, s: Array) -> Array:
        chord = (1.0 - s) * np.maximum(self.value - self.least, 0.0)
        out: Array = np.where(s < 1.0, np.fmin((1.0 - s) ** 2 * self.chi, chord), 0.0)
        return out


@dataclass(frozen=True, eq=False)
class _Group:
    """The points of all rows, or of one training set, and the sums that they ask for.

    Rows of the sums are slopes u of the k points and of the null model, e below and above, 1, and
    Σ w v²; the last two columns are sums of rows and Σ w u². Below stand F, Σ w u²/ℓ″ and the costs
    of both ends, and beside Σ w v² is Σ w min ℓ.
    """

    coef: Array  # (n, k + 1), the null model's last
    intercept: Array
    loss: Any
    claims: Claims

    def sums(self, X: Any, y: Array, w: Array, offset: Array) -> Any:
        """Of some rows, y (b, 1), offset (b, 1) or (1, 1)."""
        offset = np.broadcast_to(offset, y.shape)
        height = max(16, _ENTRIES // self.coef.shape[1])
        return over_rows(
            lambda some: self._piece(X[some], y[some], w[some], offset[some]), height, len(y)
        )

    def _piece(self, X: Any, y: Array, w: Array, offset: Array) -> Array:
        loss, (n, k1) = self.loss, self.coef.shape
        X = X.toarray() if hasattr(X, "toarray") else X
        V = np.subtract(X, self.claims.shift, dtype=np.float64)
        z = V @ self.coef
        z += self.intercept + self.claims.shift @ self.coef + offset
        value, u, h = losses.together(loss, z, y)
        ends, lost = losses.ends(loss, y), w @ value
        costs = [lost + w @ losses.conjugate(loss, e, y) - (w * e[:, 0]) @ z for e in ends]
        side = w[:, None] * np.hstack([u, *ends, np.ones(y.shape)])
        out = np.zeros((k1 + 8, max(n + 2, k1)))
        out[: k1 + _LEFT, :n] = side.T @ V
        out[: k1 + _LEFT, n] = side.sum(axis=0)
        out[:k1, n + 1] = np.einsum("ik,ik->k", side[:, :k1], u)
        out[k1 + _LEFT, :n] = w @ (V * self.claims.scale) ** 2
        out[k1 + _LEFT, n] = w @ losses.saturated(loss, y)[:, 0]
        chi = w @ mixture.square_over(u, h)
        for row, each in zip((_VALUE, _CHI, _BELOW, _ABOVE), (lost, chi, *costs), strict=True):
            out[k1 + row, :k1] = each
        return out

    def verdict(self, sums: Array, objective: Objective, is_sparse: bool) -> tuple[Array, float]:
        """(as `Target.judge` has it, objectives less the least loss; that loss)."""
        n, k1 = self.coef.shape
        k, centred = k1 - 1, objective.fit_intercept
        sums = sums / sums[k1 + _ONES, n]
        rows, extra = sums[:k1, : n + 2], sums[k1 : k1 + _LEFT, : n + 2]
        squares, least = sums[k1 + _LEFT, : n + 2].copy(), float(sums[k1 + _LEFT, n])
        value, chi, below, above = (sums[k1 + r, :k1] for r in (_VALUE, _CHI, _BELOW, _ABOVE))
        t, end = mixture.shares(rows[:, n], extra[: _HIGH + 1, n])
        t = t if centred else np.zeros(k1)
        mixed = (1.0 - t)[:, None] * rows + t[:, None] * extra[end]
        squares[n:] = 0.0
        # Correlations of points, of the null model in the place of y, of ones, Σ w v².
        table = np.vstack([-mixed, extra[_ONES], squares])
        table[:k1, n + 1] = rows[:, n + 1]
        found = about_means(self._data(objective, is_sparse, np.zeros(n)), table, k, None)
        cost = np.where(end == 0, below, above)
        with np.errstate(invalid="ignore"):
            chi = losses.roundness(self.loss) * chi[:k]
        fit = BlocksFit(value[:k], chi, least, t[:k], cost[:k], rows[:k, n + 1])
        data = self._data(objective, is_sparse, self.claims.shift)
        null = float(value[k]) - least
        target = Target(data, 0, found.c0[0], found, max(null, 0.0))
        verdict = target.judge(range(k), found.c, fit, np.zeros(k))
        verdict[1] -= least
        if not traits(self.loss).convex:
            verdict = target.stationary(verdict, rows[:k, n] if centred else np.zeros(k))
        verdict = beside_rounding(verdict, abs(float(value[k])) + abs(least))
        return verdict, least

    def lost(self, X: Any, y: Array, w: Array, offset: Array) -> Array:
        """What rows lose by the points, as `deviance.lost` has it."""
        return deviance.lost(
            self.loss, X, y, w, offset, self.coef[:, :-1], self.intercept[:-1]
        )  # fmt: skip

    def _data(self, objective: Objective, is_sparse: bool, shift: Array) -> Data:
        return data_of_sums(
            self.claims, shift, objective, self.coef[:, :-1], self.intercept[:-1], is_sparse
        )


def data_of_sums(
    claims: Claims, shift: Array, objective: Objective, coef: Array, intercept: Array,
    is_sparse: bool,
) -> Data:  # fmt: skip
    """Of rows that are gone; `shift` is zero for sums of entries that it was subtracted from."""
    absent: Any = _Absent(is_sparse)
    return Data(
        absent, np.zeros((1, 1)), np.ones(1), shift, claims.scale, claims.constant, objective,
        coef, intercept, np.zeros(1), np.ones(1),
    )  # fmt: skip


def over_rows(work: Callable[..., Any], height: int, m: int) -> Any:
    """Σ work(rows) over pieces of m rows, shared by threads, the same for any number of them."""
    starts = list(range(0, m, height))
    pieces = max(1, min(_PIECES, len(starts)))
    cuts = [len(starts) * p // pieces for p in range(pieces + 1)]
    sums: list[Any] = [0.0] * pieces

    def run(first: int, last: int) -> None:
        for p in range(first, last):
            for start in starts[cuts[p] : cuts[p + 1]]:
                sums[p] = sums[p] + work(slice(start, min(start + height, m)))

    run_blocks(run, pieces, step=1)
    return sum(sums[1:], sums[0])


@dataclass(frozen=True, eq=False)
class _Read:
    """The sums of a block: of each group of points, and what it loses on rows held out, beside
    their weight."""

    layout: Layout
    groups: dict[int, Any]  # by fold, −1 for all rows: `_Group`, or `coupled_blocks.Classes`
    folds: Folds

    def __call__(self, block: Block, row: int) -> dict[Any, Any]:
        rows = self.layout.check(block)
        w = np.ones(len(rows.Y)) if rows.weights is None else rows.weights
        offset = np.zeros((len(w), 1)) if rows.offset is None else rows.offset[:, None]
        of_row = self.folds.of_rows(row, len(w)) if len(self.groups) > 1 else np.zeros(len(w))
        out: dict[Any, Any] = {}
        for f, group in self.groups.items():
            some = np.flatnonzero((w > 0) & (of_row != f))
            whole = len(some) == len(w)
            X = rows.X.matrix if whole else rows.X.matrix[some]
            out[f] = group.sums(X, rows.Y[some], w[some], offset[some])
            if f >= 0:
                test = np.flatnonzero((w > 0) & (of_row == f))
                lost = group.lost(rows.X.matrix[test], rows.Y[test], w[test], offset[test])
                out["held", f] = np.append(lost.ravel(), w[test].sum())
        return out


def _add(a: dict[Any, Any], b: dict[Any, Any]) -> dict[Any, Any]:
    return {key: a[key] + b[key] for key in a}


class Judged(NamedTuple):
    """Of P points: `Target.judge`'s verdict (5, P), objectives less the least loss, that loss (P,);
    of the points of folds in order (3, ·): mean deviance of the rows held out, by how much rounding
    may change it, and that of z = 0."""

    verdict: Array
    least: Array
    held: Array


def judge(
    source: Source, coef: Array, intercept: Array, objective: Objective, claims: Claims,
    folds: Folds, fold_of: Array, group_of: Callable[..., Any] | None = None,
) -> Judged:  # fmt: skip
    """All points, `fold_of` (P,) being −1 for those of all rows, folds in order. `group_of` makes a
    group of coefficients, intercepts and levels of the null model, if it is no `_Group`."""
    names = list(dict.fromkeys(int(f) for f in fold_of))
    of = {f: np.flatnonzero(fold_of == f) for f in names}
    groups: dict[int, Any] = {}
    for f, points in of.items():
        some, levels, null = coef[..., points], intercept[..., points], claims.levels[1 + f]
        if group_of is not None:
            groups[f] = group_of(some, levels, null, claims)
            continue
        coefs = np.hstack([some, np.zeros((len(coef), 1))])
        groups[f] = _Group(coefs, np.append(levels, null), objective.loss, claims)
    sums = source.reduce(_Read(source.layout, groups, folds), _add)
    verdicts, least, held = [], [], [np.zeros((3, 0))]
    for f, points in of.items():
        assert objective.strength is not None
        own = Objective(
            objective.l2, objective.penalty, None, objective.fit_intercept,
            objective.strength[points], objective.loss,
        )  # fmt: skip
        verdict, lowest = groups[f].verdict(sums[f], own, source.is_sparse)
        verdicts.append(verdict)
        least.append(np.full(len(points), lowest))
        if f >= 0:
            *lost, weight = sums["held", f]
            held.append(2.0 * np.reshape(lost, (3, -1)) / weight)
    return Judged(np.concatenate(verdicts, axis=1), np.concatenate(least), np.hstack(held))


class _Absent(NamedTuple):
    """A matrix of which no more is known."""

    is_sparse: bool

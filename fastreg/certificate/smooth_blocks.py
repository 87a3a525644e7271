"""Certificates of losses that are no squares for rows that arrive in blocks, in one read of them.

A read gives, at every point, S = Σ w u, c = −Vᵀ(w∘u), F = Σ w ℓ and φ(s₁) for one s₁ < 1,

    φ(s) = Σ w [ℓ(z) + ℓ*(su) − suz],   u = ℓ′(z)

A free intercept demands dual points whose weighted sum is zero: u is mixed with an e in the domain
of ℓ*, which does not depend on z and whose sum has the other sign, u′ = (1 − t)u + te. All that the
read gives is linear in u but φ, which is convex: with 0 and e in the domain

    Σ w [ℓ + ℓ*(su′) − su′z] ≤ (1 − st) φ(s(1 − t)/(1 − st)) + st Σ w [ℓ + ℓ*(e) − ez]
    φ(s) ≤ (1 − s)/(1 − s₁)·φ(s₁) from s₁ to 1,   and below s₁ the chord to φ(0) = F − Σ w min ℓ
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg._jit import run_blocks
from fastreg.certificate import losses
from fastreg.certificate.reads import Data, about_means
from fastreg.certificate.target import Target
from fastreg.objectives import Objective
from fastreg.sources.blocks import Source
from fastreg.sources.rows import Block, Layout

Array = np.ndarray
_ENTRIES = 1 << 16  # of predictions of some rows: 512 kB
_PIECES = 16


class Claims(NamedTuple):
    """What somebody says, which is true or harmless.

    shift, scale : (n,), as of `Columns`; constant : (n,) bool or None
    s : (k,) s₁ of each point
    level : of the null model
    """

    shift: Array
    scale: Array
    constant: Array | None
    s: Array
    level: float


@dataclass(frozen=True, eq=False)
class BlocksFit:
    """What rows say of g points, (g,) each."""

    value: Array  # F
    first: Array  # φ(s₁)
    s1: Array
    least: float
    t: Array
    end: Array  # Σ w [ℓ + ℓ*(e) − ez]
    rho2: Array

    @property
    def left(self) -> Array:
        return self.scaled(np.ones(self.value.shape), 0.0)

    def objective(self, ridge: Any) -> Any:
        return self.value + 0.5 * ridge

    def scaled(self, s: Any, ridge: Any) -> Any:
        share = s * self.t
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(share < 1.0, s * (1.0 - self.t) / (1.0 - share), 0.0)
        rows = (1.0 - share) * self._phi(own) + np.where(share > 0.0, share * self.end, 0.0)
        return rows + 0.5 * (1 - s) ** 2 * ridge

    def _phi(self, s: Array) -> Array:
        zero = np.maximum(self.value - self.least, 0.0)
        near = (1.0 - s) / (1.0 - self.s1) * self.first
        with np.errstate(divide="ignore", invalid="ignore"):
            far = self.first + (self.s1 - s) / self.s1 * np.maximum(zero - self.first, 0.0)
        out: Array = np.where(s >= self.s1, near, np.where(self.s1 > 0.0, far, zero))
        return out


@dataclass(frozen=True, eq=False)
class _Work:
    """The sums of a block: rows u of k points and of the null model, e below and above, 1, w v²;
    the last two columns are sums of rows and Σ w u². Below them F, φ(s₁) and Σ w [ℓ + ℓ*(e) − ez]
    of both ends."""

    layout: Layout
    coef: Array  # (n, k + 1), the null model's last
    intercept: Array
    objective: Objective
    claims: Claims

    def __call__(self, block: Block, row: int) -> Any:
        rows = self.layout.check(block)
        y, X = rows.Y, rows.X.matrix
        w = np.ones(len(y)) if rows.weights is None else rows.weights
        if not w.all():
            kept = np.flatnonzero(w > 0)
            y, w, X = y[kept], w[kept], X[kept]
        m = len(y)
        height = max(16, _ENTRIES // self.coef.shape[1])
        starts = list(range(0, m, height))
        pieces = max(1, min(_PIECES, len(starts)))
        cuts = [len(starts) * p // pieces for p in range(pieces + 1)]
        sums: list[Any] = [0.0] * pieces

        def run(first: int, last: int) -> None:
            for p in range(first, last):
                for start in starts[cuts[p] : cuts[p + 1]]:
                    some = slice(start, min(start + height, m))
                    sums[p] = sums[p] + self._piece(X[some], y[some], w[some])

        run_blocks(run, pieces, step=1)
        return sum(sums[1:], sums[0])

    def _piece(self, X: Any, y: Array, w: Array) -> Array:
        loss, (n, k1) = self.objective.loss, self.coef.shape
        V = (X.toarray() if hasattr(X, "toarray") else X.astype(np.float64)) - self.claims.shift
        z = V @ self.coef
        z += self.intercept + self.claims.shift @ self.coef
        u = losses.slope(loss, z, y)
        s = np.append(self.claims.s, 0.0)
        phi = losses.divergence(loss, z, s * u, y)
        low, high = losses.ends(loss, y)
        value = losses.value(loss, z, y)
        # Σ w [ℓ + ℓ*(e) − ez] of both ends
        edges = [value + losses.conjugate(loss, e, y) - e * z for e in (low, high)]
        side = w[:, None] * np.hstack([u, low, high, np.ones(y.shape)])
        out = np.zeros((k1 + 8, max(n + 2, k1)))
        out[: k1 + 3, :n] = side.T @ V
        out[: k1 + 3, n] = side.sum(axis=0)
        out[:k1, n + 1] = np.einsum("ik,ik->k", side[:, :k1], u)
        out[k1 + 3, :n] = w @ (V * self.claims.scale) ** 2
        least = losses.saturated(loss, y)
        for r, each in enumerate((value, phi, *edges)):
            out[k1 + 4 + r, :k1] = w @ each
        out[k1 + 3, n] = w @ least[:, 0]
        return out


def judge(
    source: Source, coef: Array, intercept: Array, objective: Objective, claims: Claims
) -> tuple[Array, float]:
    """(verdict as `Target.judge` has it, objectives less the least loss; that loss)."""
    (n, k), null = coef.shape, np.zeros((len(coef), 1))
    work = _Work(
        source.layout,
        np.hstack([coef, null]),
        np.append(intercept, claims.level),
        objective,
        claims,
    )
    sums: Array = source.reduce(work, operator.add)
    sums = sums / sums[k + 3, n]
    rows, extra = sums[: k + 1, : n + 2], sums[k + 1 : k + 4, : n + 2]
    squares, least = sums[k + 4, : n + 2].copy(), float(sums[k + 4, n])
    value, phi, *edges = (sums[k + 5 + r, : k + 1] for r in range(4))
    t, e = _mixture(rows[:, n], extra[:2, n], objective.fit_intercept)
    mixed = (1.0 - t)[:, None] * rows + t[:, None] * extra[e]
    mixed[:, n + 1] = rows[:, n + 1]
    squares[n:] = 0.0
    # Correlations of points, of the null model in the place of y, of ones, Σ w v².
    table = np.vstack([-mixed, extra[2], squares])
    table[: k + 1, n + 1] = rows[:, n + 1]
    absent: Any = _Absent(source.is_sparse)
    data = Data(
        absent, np.zeros((1, 1)), np.ones(1), claims.shift, claims.scale,
        claims.constant, objective, coef, intercept, np.zeros(1), np.ones(1),
    )  # fmt: skip
    found = about_means(_centred(data), table, k, None)
    end = np.where(e == 0, edges[0], edges[1])
    fit = BlocksFit(value[:k], phi[:k], claims.s, least, t[:k], end[:k], rows[:k, n + 1])
    target = Target(data, 0, found.c0[0], found, float(value[k]) - least)
    verdict = target.judge(range(k), found.c, fit, np.zeros(k))
    verdict[1] -= least
    return verdict, least


def _mixture(total: Array, ends: Array, centred: bool) -> tuple[Array, Array]:
    """(t, which end) for each point."""
    which = np.where(total > 0.0, 0, 1)
    other = ends[which]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(total == 0.0, 0.0, total / (total - other))
    return (t if centred else np.zeros(len(total))), which


class _Absent(NamedTuple):
    """A matrix of which no more is known."""

    is_sparse: bool


def _centred(data: Data) -> Data:
    """For sums of entries that the shift was subtracted from."""
    return Data(
        data.X, data.Y, data.w, np.zeros(len(data.shift)), data.scale, data.constant,
        data.objective, data.coef, data.intercept, data.mean, data.unit,
    )  # fmt: skip

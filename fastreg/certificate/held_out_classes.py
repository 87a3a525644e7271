"""What `held_out_losses` says, of several classes: the multinomial loss.

    H = Σ w Σ_k p_k (a_k − ā)(a_k − ā)ᵀ + diag l2,   ā = Σ_k p_k a_k

is its second derivative, a_k the row's x̃ in the coefficients of class k and zeros in the others. A
row has these K arms a_k − ā, of slopes p_k − y_k. Along a direction its third derivative is at most
the second times the range of its predictions (that of a variable of probabilities p, by its third
central moment), which is twice the longest arm at most.

A constant added to the intercepts of all classes changes nothing; nor does one that is added to
coefficients of a feature without ridge terms, where all are in use. The sum of their slopes is
zero, and H is taken on the directions across.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.linalg
import scipy.sparse

from fastreg._jit import single_threaded_blas
from fastreg.certificate import reads
from fastreg.certificate.coupled import saturated, softmax, values
from fastreg.certificate.held_out import Fold, blocks_of, shares_of
from fastreg.certificate.held_out_losses import ROUNDING, Look, columns_of, spread_of
from fastreg.certificate.reads import Data
from fastreg.objectives import Objective

Array = np.ndarray
_ENTRIES = 1 << 20  # of the arms of some rows: 8 MB


def bounds(fold: Fold, objective: Objective, coef: Array, intercept: Array, points: Array) -> Array:
    """By how much the mean deviance of test rows may differ from that of the minimum, (g,) of some
    points of coef (n, K, k), intercept (K, k); ∞ where nothing is known."""
    if objective.strength is None:
        return np.full(len(points), np.inf)
    known, w = fold.columns.filled(fold.X.shape[1]), shares_of(fold.train)
    v, found = shares_of(fold.test), []
    whole = dataclasses.replace(objective.counted(), weights=fold.train)
    with single_threaded_blas, np.errstate(invalid="ignore", over="ignore"):
        for t in points:
            own = dataclasses.replace(whole, strength=objective.strength[t : t + 1])
            data = Data(
                fold.X, fold.y, w, *known, own, np.ascontiguousarray(coef[:, :, t]),
                intercept[:, t], np.zeros(1), np.ones(1),
            )  # fmt: skip
            found.append(_Classes.of(data, v, objective.offset).bound(0))
    return np.array(found)


@dataclass(frozen=True, eq=False)
class _Classes(Look):
    """Coefficient k·n + j is that of feature j in class k; one point."""

    reach: ClassVar[float] = 2.0

    @classmethod
    def of(cls, data: Data, v: Array, offset: Array | None) -> _Classes:
        (n, K), objective = data.coef.shape, data.objective
        away = 0.0 if offset is None else offset
        seen = dataclasses.replace(data, w=np.maximum(data.w, v))  # what has no weight is not read
        Z = reads.products(seen, data.coef) + reads.levels(data, range(K)) + away
        P = softmax(np.where(seen.w[:, None] > 0.0, Z, 0.0))
        u, w = np.where(seen.w[:, None] > 0.0, P - data.Y, 0.0), data.w[:, None]
        c, lengths, norms = np.zeros((K, n)), np.zeros((K, n)), np.zeros(n)
        for some, V in columns_of(data):
            square = V * V
            c[:, some] = -(w * u).T @ V
            lengths[:, some] = np.sqrt((w * P * (1.0 - P)).T @ square)
            norms[some] = np.sqrt(data.w @ square)
        off = ROUNDING * (spread_of(data) + np.abs(away))
        doubt = ROUNDING * norms * np.sqrt((w * u * u).sum(axis=0))[:, None]
        l2 = np.broadcast_to(data.of(objective.l2, 0) * data.scale**2, n)
        penalty = type(objective.penalty)(
            *(np.tile(np.broadcast_to(each, n), K) for each in objective.penalty)
        )
        return cls(
            data, v, u[:, None], P[:, None], _column(data.coef.T), _column(c), _column(doubt),
            np.tile(data.scale, K), np.tile(l2, K), penalty, _column(lengths),
            np.sqrt((w * P * off**2).sum())[None],
        )  # fmt: skip

    def _basis_of(self, U: Array, l2: Array, g: Array, doubt: Array) -> Any:
        n, K = self.data.coef.shape
        feature = np.append(U % n, np.full(len(g) - len(U), n))  # that of the intercepts is n
        kinds, place, count = np.unique(feature, return_inverse=True, return_counts=True)
        whole = (count == K) & (np.append(l2[:n], 0.0)[kinds] == 0.0)
        along = np.bincount(place, g)
        unsure = np.bincount(place, doubt) + ROUNDING * np.bincount(place, np.abs(g))
        if (np.abs(along) > unsure)[whole].any():
            return None
        left, own = np.flatnonzero(~whole[place]), np.argsort(place, kind="stable")
        own = own[whole[place[own]]]  # the K of one feature side by side
        apart = scipy.linalg.null_space(np.ones((1, K)))
        blocks = scipy.sparse.block_diag([np.eye(len(left))] + [apart] * int(whole.sum()), "csr")
        return blocks[np.argsort(np.append(left, own))]

    def _arms(self, k: int, U: Array) -> Iterator[tuple[slice, Array]]:
        (n, K), either = self.data.coef.shape, np.maximum(self.data.w, self.v)
        features, place = np.unique(U % n, return_inverse=True)
        side = len(U) + K * bool(self.data.objective.fit_intercept)
        step = max(1, _ENTRIES // (K * max(side, 1)))
        for all_rows, V in blocks_of(self.data, features, either):
            for start in range(all_rows.start, all_rows.stop, step):
                rows = slice(start, min(start + step, all_rows.stop))
                own = V[rows.start - all_rows.start : rows.stop - all_rows.start]
                arms = np.zeros((len(own), K, side))
                arms[:, U // n, np.arange(len(U))] = own[:, place]
                if side > len(U):
                    arms[:, :, len(U) :] = np.eye(K) * (either[rows, None, None] > 0.0)
                arms -= self.h[rows, k, None] @ arms
                yield rows, arms.reshape(-1, side)


def lost(X: Any, Y: Array, w: Array, offset: Any, coef: Array, intercept: Array) -> Array:
    """(3, k): what `certificate.deviance.lost` says, of the rows' shares Y (b, K).

    Rounding moves z by δ, and ℓ by Σ │p − y│ max δ ≤ 2 max δ.

    Parameters
    ----------
    X : (b, n) array or sparse matrix; w : (b,); offset : (b, K) or 0.0
    coef : (n, K, k); intercept : (K, k)
    """
    (n, K, k), least = coef.shape, saturated(Y)
    away = np.broadcast_to(offset, Y.shape)[:, :, None]
    flat = coef.reshape(n, K * k)
    Z = (X @ flat).reshape(len(w), K, k) + intercept + away
    delta = (abs(X) @ np.abs(flat)).reshape(Z.shape) + np.abs(intercept) + np.abs(away)
    value = values(Z.transpose(0, 2, 1), Y)
    null = float(w @ (values(np.zeros((len(w), 1, K)), Y)[:, 0] - least))
    return np.stack([
        w @ np.maximum(value - least[:, None], 0.0),
        2.0 * ROUNDING * (w @ delta.max(axis=1)),
        np.full(k, null),
    ])  # fmt: skip


def _column(A: Array) -> Array:
    """(K·n, 1) of (K, n)."""
    return A.reshape(-1, 1)

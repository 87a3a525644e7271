"""Certificates of the multinomial loss for rows that arrive in blocks: see `smooth_blocks`.

With dual points q = (1 − t) p + tπ, π constant, the sums of a read bound what they cost:

    Σ w KL(y + σ(p − y) ‖ p) ≤ min((1 − σ)² Σ w Σ_k (y_k − p_k)²/p_k, (1 − σ) Σ w ℓ)
    Σ w KL(π ‖ p) = Σ_k π_k (log π_k − Σ w log p_k)

as log x ≤ x − 1, and as KL is convex in its first argument. Correlations of y − q are those of
y − p and of y − π.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

from fastreg.certificate import held_out_classes
from fastreg.certificate.coupled import mixing, of_classes, softmax, values
from fastreg.certificate.reads import about_means
from fastreg.certificate.smooth_blocks import BlocksFit, Claims, data_of_sums, over_rows
from fastreg.certificate.target import beside_rounding
from fastreg.objectives import Objective

Array = np.ndarray
_ENTRIES = 1 << 16  # of predictions of some rows: 512 kB
_VALUE, _CHI, _LOGS = range(3)  # rows of sums after those of entries


@dataclass(frozen=True, eq=False)
class Classes:
    """The points of all rows, or of one training set, and the sums that they ask for.

    Rows of the sums are y − p of the k points and of the null model, class by class, y, 1 and
    Σ w v²; the last two columns are sums of rows and Σ w (y − p)². Below stand F and the bound's
    quotient of each, and Σ w log p.
    """

    labels: Array  # (K,)
    coef: Array  # (n, K, k)
    intercept: Array  # (K, k)
    level: Array  # (K,) of the null model
    claims: Claims

    @property
    def _flat(self) -> Array:
        """(n, k·K), the classes of a point side by side."""
        return self.coef.transpose(0, 2, 1).reshape(len(self.coef), -1)

    def sums(self, X: Any, y: Array, w: Array, offset: Array) -> Any:
        """Of some rows, labels y (b, 1), without an offset."""
        flat = self._flat
        height = max(16, _ENTRIES // (flat.shape[1] + len(self.labels)))
        return over_rows(lambda some: self._piece(X[some], y[some], w[some], flat), height, len(y))

    def _piece(self, X: Any, y: Array, w: Array, flat: Array) -> Array:
        n, K, k = self.coef.shape
        X = X.toarray() if hasattr(X, "toarray") else X
        V, Y = np.subtract(X, self.claims.shift, dtype=np.float64), self._shares(y)
        Z = (V @ flat).reshape(len(V), k, K)
        Z += self.intercept.T + (self.claims.shift @ flat).reshape(k, K)
        Z = np.concatenate([Z, np.broadcast_to(self.level, (len(V), 1, K))], axis=1)
        P, lost = softmax(Z), values(Z, Y)
        # log p = −ℓ of its class, without the logarithm of a zero
        logs = Z - scipy.special.logsumexp(Z, axis=2, keepdims=True)
        R = (Y[:, None, :] - P).reshape(len(V), -1)
        with np.errstate(over="ignore"):
            chi = np.expm1(np.einsum("ik,igk->ig", Y, -logs))  # Σ_k (y_k − p_k)²/p_k = 1/p_y − 1
        side = w[:, None] * np.hstack([R, Y, np.ones(y.shape)])
        height = side.shape[1] + 1
        out = np.zeros((height + 3, max(n + 2, R.shape[1])))
        out[: height - 1, :n] = side.T @ V
        out[: height - 1, n] = side.sum(axis=0)
        out[: R.shape[1], n + 1] = np.einsum("ik,ik->k", side[:, : R.shape[1]], R)
        out[height - 1, :n] = w @ (V * self.claims.scale) ** 2
        out[height + _VALUE, : k + 1], out[height + _CHI, : k + 1] = w @ lost, w @ chi
        out[height + _LOGS, : R.shape[1]] = w @ logs.reshape(len(V), -1)
        return out

    def _shares(self, y: Array) -> Array:
        """(b, K) of labels (b, 1)."""
        out: Array = np.eye(len(self.labels))[np.searchsorted(self.labels, y[:, 0])]
        return out

    def verdict(self, sums: Array, objective: Objective, is_sparse: bool) -> tuple[Array, float]:
        """(as `Target.judge` has it, objectives; 0, the least loss of labels)."""
        n, K, k = self.coef.shape
        lanes = (k + 1) * K
        sums = sums / sums[lanes + K, n]
        own, shares = sums[: k * K, : n + 2].reshape(k, K, n + 2), sums[lanes : lanes + K, : n + 2]
        ones, value = sums[lanes + K, : n + 2], sums[lanes + K + 2 + _VALUE, : k + 1]
        chi = sums[lanes + K + 2 + _CHI, :k]
        logs = sums[lanes + K + 2 + _LOGS, : k * K].reshape(k, K)
        t, pi = np.zeros(k), np.zeros((k, K))
        if objective.fit_intercept:
            t, pi = mixing(shares[:, n] - own[:, :, n], shares[:, n])
        mixed = (1.0 - t)[:, None, None] * own
        mixed += t[:, None, None] * (shares - pi[:, :, None] * ones)
        away = np.where(pi > 0.0, pi * np.minimum(logs, 0.0), 0.0)
        cost = -(scipy.special.entr(pi) + away).sum(axis=1)
        # Of points, of the null model in the place of y, of ones, Σ w v².
        null = sums[k * K : lanes, : n + 2]
        squares = sums[lanes + K + 1, : n + 2].copy()
        squares[n:] = 0.0
        table = np.vstack([mixed.reshape(k * K, n + 2), null, ones, squares])
        rho2 = own[:, :, n + 1].sum(axis=1)
        coef, level = self._flat, self.intercept.T.reshape(-1)
        about = data_of_sums(self.claims, np.zeros(n), objective, coef, level, is_sparse)
        found = about_means(about, table, k * K, None)
        fit = BlocksFit(value[:k], chi, 0.0, t, cost, rho2)
        data = dataclasses.replace(about, shift=self.claims.shift)
        verdict = of_classes(data, found, fit, float(value[k]), K)
        return beside_rounding(verdict, float(value[k])), 0.0

    def lost(self, X: Any, y: Array, w: Array, offset: Array) -> Array:
        """What rows lose by the points, as `deviance.lost` has it."""
        return held_out_classes.lost(X, self._shares(y), w, 0.0, self.coef, self.intercept)

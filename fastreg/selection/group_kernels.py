"""The held-out error of `fastreg.selection.adaptive` where columns are many beside rows.

One matrix K_g = Z_g Z_gᵀ, (m, m), for each group of features, from one read of X each; then no
strength costs another. They are all in memory: m² numbers a group. Centred on the training rows t
of a fold, of weights w and sum W,

    K = Σ_g (W/α_g) K_g,   B = K_tt + W diag(w_t)⁻¹,   a = B⁻¹(y_t − ȳ_t)
    e = y_v − ȳ_t − K_vt a,   V = Σ w_v e²/Σ w_v,      u = −2 w_v∘e/Σ w_v
    ∂V/∂ρ_g = −(W/α_g) cᵀK_g a,   c = u on the rows v held out, −B⁻¹K_tv u on t, a = 0 on v

which are the formulas there with A⁻¹ by Woodbury's identity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastreg import _factor, kernels
from fastreg.design import Design
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.problems.in_memory import InMemoryProblem, standardise
from fastreg.selection.adaptive import HeldOut
from fastreg.selection.folds import Split

Array = np.ndarray
_EPS = float(np.finfo(float).eps)


class HeldOutByKernels(HeldOut):
    """V(ρ) and its gradient from group kernels, in the user's units of y²."""

    def __init__(
        self, X: Design, y: Array, weights: Array | None, splits: Sequence[Split], groups: Array
    ) -> None:
        super().__init__([], np.ones(X.shape[1] + 1), groups)
        self._heaviest = 1.0 if weights is None else float(weights.max())
        self._w = np.ones(len(y)) if weights is None else weights / self._heaviest
        self._y = y
        self.folds = [tuple(part[self._w[part] > 0] for part in pair) for pair in splits]
        objective = Objective(np.ones((1, 1)), L1(0.0), weights, fit_intercept=True)
        problem = standardise(X, y[:, None], objective)
        self._kernels = np.stack([_kernel(problem, groups == g) for g in range(self.count)])
        if not np.isfinite(self._kernels).all():
            raise ValueError("X is too large to be squared: change its units")
        traces = np.einsum("gii->g", self._kernels)
        self._least = len(y) * _EPS * self._heaviest * traces  # below, rounding is the ridge

    def _error(self, fold: tuple[Array, Array], alphas: Array) -> tuple[float, Array]:
        train, test = fold
        floored, alphas = self._least > alphas, np.maximum(alphas, self._least)
        w, own = self._w[train], self._w[test]
        weight, count = float(w.sum()), len(train)
        share = w / weight
        factors = weight * self._heaviest / alphas
        rows = np.concatenate([train, test])
        K = np.tensordot(factors, self._kernels, axes=1)[np.ix_(rows, rows)]
        level = K[:, :count] @ share
        K = K - level[:, None] - level + share @ level[:count]
        mean = float(share @ self._y[train])
        L = _factor.definite(K[:count, :count] + np.diag(weight / w))
        a = _factor.solve_cholesky(L, self._y[train] - mean)
        e = self._y[test] - mean - K[count:, :count] @ a
        u = -2.0 * own * e / own.sum()
        c = np.concatenate([-_factor.solve_cholesky(L, K[:count, count:] @ u), u])
        left, right = np.zeros((2, len(self._y)))
        left[rows] = _centred(c, share)
        right[rows] = _centred(np.append(a, np.zeros(len(u))), share)
        slopes = -factors * ((self._kernels @ right) @ left)
        return float(own @ e**2 / own.sum()), np.where(floored, 0.0, slopes)


def _centred(v: Array, share: Array) -> Array:
    """Pᵀv, where PZ is Z less its mean over the training rows, the first ones."""
    out = v.copy()
    out[: len(share)] -= share * v.sum()
    return out


def _kernel(problem: InMemoryProblem, inside: Array) -> Array:
    """Σ (x_ij − x̄_j)(x_kj − x̄_j) over the features of a group."""
    live = inside & ~problem.constant
    with np.errstate(over="ignore", invalid="ignore"):
        return kernels.row_gram(
            problem.X.storage, shift=problem.shift, scale=live.astype(float), by_blocks=problem.far
        )

"""A ridge with more columns than rows, as one with as many columns as rows.

    X̂ = X' diag(l2)^−½,   X̂ X̂ᵀ = Q Λ Qᵀ,   Z = Q Λ^½,   β = diag(l2)^−½ X̂ᵀ Q Λ^−½ γ

Then Zγ = X'β and ‖γ‖² = Σ l2 β²: the answers β lie in the span of the rows, whatever the loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastreg import _factor, kernels
from fastreg.problems.in_memory import InMemoryProblem

Array = np.ndarray
_RANK = 1e-14  # of the largest eigenvalue: those below are rounding


@dataclass(frozen=True, eq=False)
class Rotation:
    """Z (m, r), and the way back."""

    Z: Array
    problem: InMemoryProblem
    back: Array  # (m, r): Q Λ^−½
    square: Array  # (n,): 1/l2

    @classmethod
    def of(cls, problem: InMemoryProblem) -> Rotation:
        l2 = problem.base_ridge(0)
        live = ~problem.constant & (l2 > 0.0)
        square = np.divide(1.0, l2, out=np.zeros(len(l2)), where=live)
        K = kernels.row_gram(
            problem.X.storage, shift=problem.shift, scale=problem.scale * np.sqrt(square),
            by_blocks=problem.far,
        )  # fmt: skip
        problem.passes += 1
        values, vectors = _factor.eigh(K)
        kept = values > _RANK * values[-1]
        root = np.sqrt(values[kept])
        Q = vectors[:, kept]
        return cls(np.ascontiguousarray(Q * root), problem, Q / root, square)

    def beta(self, gamma: Array) -> Array:
        """(n, k) from γ (r, k): one read of X for eight points."""
        alpha, problem = self.back @ gamma, self.problem
        out = np.empty((problem.n_features, gamma.shape[1]), order="F")
        for start in range(0, gamma.shape[1], 8):
            some = slice(start, start + 8)
            part = np.empty((problem.n_features, alpha[:, some].shape[1]))
            kernels.project(
                problem.X.storage,
                np.ascontiguousarray(alpha[:, some]),
                shift=problem.shift,
                out=part,
            )
            out[:, some] = part * (problem.scale * self.square)[:, None]
            problem.passes += 1
        return out

"""A ridge with more columns than rows, as one with about as many columns as rows.

    X̂ = X' diag(l2)^−½,   X̂ X̂ᵀ = Q Λ Qᵀ,   Z = Q Λ^½,   β = diag(l2)^−½ X̂ᵀ Q Λ^−½ γ

Then Zγ = X'β and ‖γ‖² = Σ l2 β²: the answers β lie in the span of the rows, whatever the loss.
Columns without a ridge term stand beside Z as they are.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from fastreg import _factor, kernels
from fastreg.objectives import Objective
from fastreg.problems.in_memory import InMemoryProblem

Array = np.ndarray
_RANK = 1e-14  # of the largest eigenvalue: those below are rounding


@dataclass(frozen=True, eq=False)
class Rotation:
    """(X'_free, Z) (m, f + r), its ridge terms, and the way back."""

    columns: Array
    l2: Array  # (f + r,)
    problem: InMemoryProblem
    free: Array  # (f,) columns without a ridge term
    back: Array  # (m, r): Q Λ^−½
    square: Array  # (n,): 1/l2, zero where there is none

    @classmethod
    def of(cls, problem: InMemoryProblem) -> Rotation:
        l2 = problem.base_ridge(0)
        live = ~problem.constant & (l2 > 0.0)
        free = np.flatnonzero(~problem.constant & (l2 == 0.0))
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
        own = np.empty((len(Q), len(free)))
        kernels.fill(
            problem.X.storage, 0, len(Q), columns=free, shift=problem.shift, scale=problem.scale,
            out=own,
        )  # fmt: skip
        ridge = np.repeat([0.0, 1.0], [len(free), len(root)])
        return cls(np.hstack([own, Q * root]), ridge, problem, free, Q / root, square)

    def objective(self, whole: Objective) -> Objective:
        """That of γ, for `whole` of β."""
        count, penalty = len(self.l2), whole.penalty
        none = type(penalty)(*(each[:count] if np.ndim(each) else each for each in penalty))
        return dataclasses.replace(whole, l2=self.l2[:, None], penalty=none)

    def beta(self, gamma: Array) -> Array:
        """(n, k) from γ (f + r, k): one read of X for eight points."""
        problem, f = self.problem, len(self.free)
        alpha = self.back @ gamma[f:]
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
        out[self.free] = gamma[:f]
        return out

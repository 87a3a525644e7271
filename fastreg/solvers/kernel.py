"""Ridge and least norm where rows are fewer than columns: a kernel matrix, and few columns apart.

With f = √w, Z = X' diag(root) of the light columns, K = Z Zᵀ and F = f∘X' of the heavy ones,

    (f K f + λI) α + F b = f∘y,      λ Fᵀα = M l2∘b,      β = b there, root² ∘ X'ᵀ(f∘α) elsewhere

In one kernel matrix a column that is 10⁴ times as long as the others, in units of its ridge term,
hides them by its rounding; and α says its coefficient only as a difference of large numbers. Such
columns, and those of a sparse X whose offset dwarfs their spread, have unknowns b of their own:

    S = λ Fᵀ(f K f + λI)⁻¹F + M diag(l2),     b from S,   α from (f K f + λI)⁻¹
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastreg import _factor, kernels
from fastreg.problems.in_memory import InMemoryProblem
from fastreg.solvers.refinement import Result, for_each_strength, inverse_root, refine

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_TINY = float(np.finfo(np.float64).tiny)
_HEAVY = 1e4  # curvature over ridge, in that of the column next in the way, of a heavy column
_MOST = 1000  # of these


def solve(problem: InMemoryProblem) -> Result:
    """β = root ∘ Zᵀ(f∘α), (f K f + Mλ)α = f∘y, and heavy columns by themselves.

    root² is the inverse of the ridge strengths, in the limit of none that of the units:
    then the pseudo-inverse gives the solution of least norm in the user's units.
    """
    m, n = problem.X.shape
    f = np.ones(m) if problem.weights is None else np.sqrt(problem.weights)
    beta, steps = np.zeros((n, problem.n_points)), 0
    for t, factor in for_each_strength(problem, lambda l2: _Factor.of(problem, l2, f)):
        steps = max(steps, factor.refine(t, beta[:, t]))
    return beta, None, steps, "factorisation of the kernel matrix"


@dataclass(frozen=True, eq=False)
class _Factor:
    """The equations of one strength, factorised."""

    problem: InMemoryProblem
    f: Array  # (m,)
    square: Array  # (n,): root², 0 for heavy columns
    ridge: float  # λ
    inverse: _Inverse
    heavy: Array  # (h,) columns
    F: Array  # (m, h)
    l2: Array  # (h,), times M
    half: Array  # (h, h): S⁻¹ = half halfᵀ

    @classmethod
    def of(cls, problem: InMemoryProblem, l2: Array, f: Array) -> _Factor:
        live = ~problem.constant
        root = np.zeros(len(l2))
        root[live] = 1.0 / (np.sqrt(l2) if l2.all() else problem.scale)[live]
        root /= root.max(initial=_TINY)
        ridge = problem.total * float((l2 * root**2).max())
        heavy = _heavy(problem, l2, live) if ridge > 0.0 else np.arange(0)
        root[heavy] = 0.0
        inverse = _inverse(kernel_matrix(problem, root, f), ridge)
        F, own = _filled(problem, heavy, f), problem.total * l2[heavy]
        R = np.sqrt(ridge) * inverse.half(F)
        half = inverse_root(R, own, len(l2)) if len(heavy) else np.zeros((0, 0))
        return cls(problem, f, root**2, ridge, inverse, heavy, F, own, half)

    def refine(self, t: int, b: Array) -> int:
        """Fill β of point t; the number of corrections."""
        (m, h), problem = self.F.shape, self.problem
        unit = self.ridge if h else 1.0  # λα is as large as residuals, like Fb
        unknown = np.zeros(m + h)

        def correct() -> Array:
            alpha, own = unknown[:m] / unit, unknown[m:]
            left = self.f * problem.residual(b, t) - self.F @ own - self.ridge * alpha
            inner = self.inverse(left)
            if not h:
                return inner
            slope = self.ridge * (self.F.T @ (alpha + inner)) - self.l2 * own
            step = self.half @ (self.half.T @ slope)
            return np.append(unit * (inner - self.inverse(self.F @ step)), step)

        def apply(correction: Array) -> None:
            unknown[:] += correction
            b[:] = self.square * problem.project(self.f * (unknown[:m] / unit))

        steps = refine(unknown, correct, apply)
        b[self.heavy] = unknown[m:]
        return steps


def _heavy(problem: InMemoryProblem, l2: Array, live: Array) -> Array:
    """Columns to have unknowns of their own; none where they are too many."""
    ratio = np.divide(problem.curvatures, l2, out=np.zeros(len(l2)), where=live & (l2 > 0))
    m = problem.n_rows
    level = max(1.0, float(np.partition(ratio, -m)[-m]))
    heavy = np.flatnonzero((ratio > _HEAVY * level) | (problem.far_columns & live))
    return heavy if len(heavy) <= min(m, _MOST) else heavy[:0]


def _filled(problem: InMemoryProblem, columns: Array, f: Array) -> Array:
    """f∘X' of some columns, (m, h)."""
    m = problem.X.shape[0]
    out = np.empty((m, len(columns)))
    options = {"columns": columns, "shift": problem.shift, "scale": problem.scale}
    if len(columns):
        kernels.fill(problem.X.storage, 0, m, weights=f, out=out, **options)
    return out


def kernel_matrix(problem: InMemoryProblem, root: Array, f: Array) -> Array:
    """f Z Zᵀ f with Z = X' diag(root): one pass over X."""
    problem.passes += 1
    far = bool(np.any(problem.far_columns & (root > 0)))
    scale = problem.scale * root
    with np.errstate(over="ignore", invalid="ignore"):
        K = kernels.row_gram(problem.X.storage, shift=problem.shift, scale=scale, by_blocks=far)
    dead = f == 0.0  # whatever rows of weight zero hold: 0·∞ is no number
    if dead.any():
        K[dead] = 0.0
        K[:, dead] = 0.0
    K *= f
    K *= f[:, None]
    return K


@dataclass(frozen=True, eq=False)
class _Inverse:
    """A⁺ of a symmetric A ≥ 0: V ↦ A⁺V, and V ↦ W with WᵀW = VᵀA⁺V."""

    apply: Callable[[Array], Array]
    half: Callable[[Array], Array]

    def __call__(self, v: Array) -> Array:
        return self.apply(v)


def _inverse(K: Array, ridge: float) -> _Inverse:
    """(K + ridge I)⁺: Cholesky, or eigenvectors where that is singular."""
    if ridge > len(K) * _EPS * np.trace(K):
        shifted = K.copy()
        shifted[np.diag_indices_from(K)] += ridge
        L = _factor.cholesky(shifted)
        if L is not None:
            return _Inverse(
                lambda v: _factor.solve_cholesky(L, v),
                lambda V: _factor.solve_triangular(L, V, lower=True),
            )
    values, vectors = _factor.eigh(K)
    keep = values > len(K) * _EPS * values[-1]
    values, vectors = values[keep] + ridge, vectors[:, keep]
    root = np.sqrt(values)[:, None]
    return _Inverse(
        lambda v: vectors @ ((vectors.T @ v).T / values).T,
        lambda V: (vectors.T @ V) / root,
    )

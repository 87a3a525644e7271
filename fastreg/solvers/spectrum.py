"""Ridge at many strengths or for many targets: one symmetric eigendecomposition for all.

With ridge terms s·d for one d > 0 and several s, in the units of a `InMemoryProblem`:

    n ≤ m    D^−½ G D^−½ = QΛQᵀ,       β(s) = D^−½ Q (Λ + s)⁻¹ Qᵀ D^−½ c
    m < n    f X' D⁻¹ X'ᵀ f = UΛUᵀ,    β(s) = D⁻¹ X'ᵀ f U (Λ + sM)⁻¹ Uᵀ f y',  f = √w

A strength costs two small products; X is read for eight strengths at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import _factor
from fastreg.problems.in_memory import InMemoryProblem
from fastreg.problems.quadratic import GROUP, QuadraticProblem
from fastreg.solvers.kernel import kernel_matrix

Array = np.ndarray
# An eigendecomposition takes as long as 25 factorisations; of a small matrix, as a few reads of X.
_EPS = float(np.finfo(np.float64).eps)
_MANY, _FEW = 25, 3
_SMALL, _LARGE = 500, 3000  # sides up to which a few, and many points are worth one


@dataclass(frozen=True, eq=False)
class Family:
    """Ridge terms of all points: factors (k,) times one base (n,), positive where it matters."""

    base: Array
    factors: Array


def family(problem: QuadraticProblem) -> Family | None:
    """The ridge terms as multiples of one vector; None where they are not, or some are zero."""
    l2 = problem.objective.l2
    if l2.shape[1] == 1 and problem.objective.strength is not None:
        base, factors = problem.base_ridge(0), problem.objective.strength
    elif l2.shape[0] == 1 and problem.objective.strength is None:
        base = np.where(problem.constant, 0.0, problem.scale * problem.scale)
        factors = np.broadcast_to(l2[0], problem.n_points)
    else:
        return None
    live = ~problem.constant
    return Family(base, factors) if (base[live] > 0).all() and (factors > 0).all() else None


def suits(problem: InMemoryProblem) -> bool:
    """Whether there are enough points for an eigendecomposition."""
    side = min(problem.X.shape)
    least = _FEW if side <= _SMALL else _MANY if side <= _LARGE else np.inf
    return problem.n_points >= least and not problem.far and family(problem) is not None


def solve(problem: QuadraticProblem, beta: Array) -> bool:
    """Fill β (n, k); False, and nothing done, where not eight digits of it would be right."""
    objective = family(problem)
    if objective is None:
        return False
    if isinstance(problem, InMemoryProblem) and problem.X.shape[0] < problem.n_features:
        return _by_kernel(problem, objective, beta)
    return _by_gram(problem, objective, beta)


def claims(problem: QuadraticProblem, beta: Array) -> Array | None:
    """(n, k): what c is at the minima of one target, l2∘β, in the user's units of y. The
    certificate finds out how far from that it is."""
    objective = family(problem)
    if objective is None or problem.n_targets > 1:
        return None
    return np.asfortranarray(objective.base[:, None] * (objective.factors * problem.unit[0]) * beta)


def eigen_gram(problem: QuadraticProblem, base: Array) -> tuple[Array, Array]:
    """(Λ, H = D^−½ Q) of the module's first line; zero rows for constant columns."""
    columns = np.arange(problem.n_features)
    root = np.divide(1.0, np.sqrt(base), out=np.zeros(len(base)), where=~problem.constant)
    S = problem.gram(columns, columns) * root
    S *= root[:, None]
    values, vectors = _factor.eigh(S)
    vectors *= root[:, None]
    return np.maximum(values, 0.0), vectors


def _by_gram(problem: QuadraticProblem, objective: Family, beta: Array) -> bool:
    values, half = eigen_gram(problem, objective.base)
    if not _is_sound(values, objective.factors):
        return False
    one = problem.n_targets == 1
    c0 = np.stack([problem.at_zero(t)[0] for t in range(1 if one else problem.n_points)], axis=1)
    beta[:] = half @ ((half.T @ c0) / (values[:, None] + objective.factors))
    return True


def _is_sound(values: Array, factors: Array) -> bool:
    """Whether the rounding of eigenvalues is small beside every strength."""
    return bool(_EPS * values[-1] <= 1e-8 * factors.min())


def _by_kernel(problem: InMemoryProblem, objective: Family, beta: Array) -> bool:
    f = np.ones(problem.X.shape[0]) if problem.weights is None else np.sqrt(problem.weights)
    live = ~problem.constant
    root = np.divide(1.0, np.sqrt(objective.base), out=np.zeros(len(live)), where=live)
    values, vectors = _factor.eigh(kernel_matrix(problem, root, f))
    values = np.maximum(values, 0.0)
    ridges = problem.total * objective.factors
    if not _is_sound(values, ridges):
        return False
    one = problem.n_targets == 1
    turned = vectors.T @ (f[:, None] * problem.Y)
    for start in range(0, problem.n_points, GROUP):
        some = slice(start, min(start + GROUP, problem.n_points))
        right: Any = turned if one else turned[:, some]
        alpha = vectors @ (right * problem.total / (values[:, None] + ridges[some]))
        beta[:, some] = (root * root)[:, None] * problem.screen(f[:, None] * alpha)
    return True

"""Ridge where neither n² nor m² numbers fit: conjugate gradients, one fused pass a step.

Hestenes & Stiefel 1952 on (X'ᵀWX'/M + diag l2)β = c. The residual of the normal equations,
g = c − l2∘β, bounds the gap: Σ g_j²/(2 l2_j).
"""

from __future__ import annotations

import numpy as np

from fastreg.solvers.problem import Problem

Array = np.ndarray


def solve(problem: Problem, beta: Array, tol: float, max_iter: int) -> tuple[Array, int]:
    """β (n, k) from a start, and the largest number of steps; stops at relative gap `tol`."""
    results = [_solve_one(problem, t, beta[:, t], tol, max_iter) for t in range(beta.shape[1])]
    return np.stack([b for b, _ in results], axis=1), max(steps for _, steps in results)


def _solve_one(
    problem: Problem, t: int, start: Array, tol: float, max_iter: int
) -> tuple[Array, int]:
    l2, beta = problem.l2[:, t], start.copy()
    residual = problem.correlation(beta, t)[0] - l2 * beta
    direction, square = residual.copy(), float(residual @ residual)
    # Without a ridge there is no bound: ask for a gradient √tol of the first one.
    target = 0.5 * tol * problem.null(t) if l2.all() else tol * square
    steps = 0
    while steps < max_iter:
        measure = float(residual @ (residual / l2)) / 2 if l2.all() else square
        if measure <= target or square == 0.0:
            break
        image = problem.operator(direction) + l2 * direction
        curvature = float(direction @ image)
        if not curvature > 0.0:
            break
        length = square / curvature
        beta += length * direction
        residual -= length * image
        old, square = square, float(residual @ residual)
        direction = residual + (square / old) * direction
        steps += 1
    return beta, max(steps, 1)

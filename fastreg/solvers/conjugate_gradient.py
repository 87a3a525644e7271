"""Ridge where neither n² nor m² numbers fit: conjugate gradients, one fused pass a step.

Hestenes & Stiefel 1952 on (X'ᵀWX'/M + diag l2)β = c. The residual of the normal equations,
g = c − l2∘β, bounds the gap: Σ g_j²/(2 l2_j). The recursion drifts away from the residual it
stands for, so it is restarted from a residual read off X until that one is small enough.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastreg.certificate import KKT
from fastreg.solvers.problem import Problem

Array = np.ndarray
_TRIAL = 20  # steps after which the pace is judged
_ROUND = 1e-6  # reduction of the residual that one recursion is trusted with


def solve(
    problem: Problem, beta: Array, tol: float, max_iter: int, *, patient: bool = True
) -> tuple[int, bool]:
    """Fill β (n, k), which holds the start, until the relative gap is `tol`.

    Returns the largest number of steps, and whether all points got there. If not `patient`,
    a point gives up as soon as its pace says that `max_iter` steps will not do.
    """
    most, reached = 1, True
    for t in range(beta.shape[1]):
        found = _solve_one(problem, t, beta[:, t].copy(), tol, max_iter, patient)
        beta[:, t], steps, arrived = found
        most, reached = max(most, steps), reached and arrived
        if not (reached or patient):
            break
    return most, reached


def _solve_one(
    problem: Problem, t: int, start: Array, tol: float, max_iter: int, patient: bool
) -> tuple[Array, int, bool]:
    l2 = problem.ridge(t)
    first = problem.correlation(np.zeros(len(start)), t)[0]
    # Without a ridge there is no bound: compare the gradient with that of the null model.
    small = 0.1 * min(tol, KKT)
    target = 0.5 * tol * problem.null(t) if l2.all() else small**2 * float(first @ first)

    def measure(residual: Array) -> float:
        if not l2.all():
            return float(residual @ residual)
        with np.errstate(over="ignore"):  # a ridge of 1e-300 bounds nothing
            return float(residual @ (residual / l2)) / 2

    best, beta, least, steps = start, start, np.inf, 0
    while True:
        residual = problem.correlation(beta, t)[0] - l2 * beta
        now = measure(residual)
        stalled = not now < 0.5 * least
        if now < least:
            best, least = beta, now
        if now <= target or stalled or steps >= max_iter:
            return best, max(steps, 1), least <= target
        enough = max(0.5 * target, _ROUND**2 * now)
        final = None if patient else 0.5 * target
        step, used = _recursion(problem, l2, residual, measure, enough, max_iter - steps, final)
        if used < 0:
            return best, steps - used, False
        beta, steps = beta + step, steps + used


def _recursion(
    problem: Problem,
    l2: Array,
    residual: Array,
    measure: Callable[[Array], float],
    enough: float,
    max_steps: int,
    final: float | None,
) -> tuple[Array, int]:
    """(change of β, steps), until the recursive residual measures `enough` or steps run out.

    With a `final` measure to reach after rounds like this one, −steps where the pace so far
    says that `max_steps` will not do.
    """
    beta, direction = np.zeros(len(l2)), residual.copy()
    square, steps = float(residual @ residual), 0
    start = now = measure(residual)
    while steps < max_steps and now > enough:
        image = problem.operator(direction) + l2 * direction
        curvature = float(direction @ image)
        if not curvature > 0.0:
            break
        length = square / curvature
        beta += length * direction
        residual = residual - length * image
        old, square = square, float(residual @ residual)
        direction = residual + (square / old) * direction
        steps += 1
        now = measure(residual)
        if final is not None and steps >= _TRIAL and now > 0.0:
            gained = np.log(start / now)
            if gained * max_steps < steps * np.log(start / max(final, 1e-300)):
                return beta, -steps
    return beta, steps

"""Ridge where neither n² nor m² numbers fit: conjugate gradients, one fused pass a step.

Hestenes & Stiefel 1952 on (X'ᵀWX'/M + diag l2)β = c, preconditioned by its diagonal: columns
are near one another in size only to a factor of two. The residual of the normal equations,
g = c − l2∘β, bounds the gap: Σ g_j²/(2 l2_j). The recursion drifts away from the residual it
stands for, so it is restarted from a residual read off X until that one is small enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fastreg.certificate import KKT
from fastreg.solvers.problem import Problem

Array = np.ndarray
_TRIAL = 20  # steps after which the pace is judged
_LOOK = 3  # steps whose gains estimate what is left (Strakoš & Tichý, ETNA 13, 2002)
_ROUND = 1e-6  # reduction of the residual that one recursion is trusted with


def solve(
    problem: Problem,
    beta: Array,
    tol: float,
    max_iter: int,
    *,
    exact: float = np.inf,
    patient: bool = True,
) -> tuple[int, bool]:
    """Fill β (n, k), which holds the start, until the relative gap is `tol` and the objective
    seems to be within `exact` of its minimum, relative to that.

    Returns the largest number of steps, and whether all points got there. If not `patient`,
    a point gives up as soon as its pace says that `max_iter` steps will not do.
    """
    most, reached = 1, True
    for t in range(beta.shape[1]):
        aim = _aim(problem, t, tol, exact)
        beta[:, t], steps, arrived = _solve_one(
            problem, t, beta[:, t].copy(), aim, max_iter, patient
        )
        most, reached = max(most, steps), reached and arrived
        if not (reached or patient):
            break
    return most, reached


class _Aim(NamedTuple):
    """Where to stop: `measure` of the residual at most `target`, and the objective estimated to
    be within `exact` of its minimum, relative to that."""

    measure: Callable[[Array], float]
    target: float
    exact: float


def _aim(problem: Problem, t: int, tol: float, exact: float) -> _Aim:
    l2 = problem.ridge(t)
    if not l2.all():
        # Without a ridge there is no bound: compare the gradient with that of the null model.
        first, small = problem.at_zero(t)[0], 0.1 * min(tol, KKT)
        return _Aim(lambda g: float(g @ g), small**2 * float(first @ first), exact)

    def measure(residual: Array) -> float:
        with np.errstate(over="ignore"):  # a ridge of 1e-300 bounds nothing
            return float(residual @ (residual / l2)) / 2

    return _Aim(measure, 0.5 * tol * problem.null(t), exact)


def _solve_one(
    problem: Problem, t: int, start: Array, aim: _Aim, max_iter: int, patient: bool
) -> tuple[Array, int, bool]:
    l2 = problem.ridge(t)
    diagonal = problem.curvatures + l2
    diagonal = np.where(diagonal > 0.0, diagonal, 1.0)
    best, beta, least, steps = start, start, np.inf, 0
    while True:
        at = problem.correlation(beta, t) if beta.any() else problem.at_zero(t)
        residual = at[0] - l2 * beta
        value = 0.5 * at[1] + 0.5 * float(l2 * beta @ beta)
        now = aim.measure(residual)
        stalled = not now < 0.5 * least
        if now < least:
            best, least = beta, now
        if now <= aim.target or stalled or steps >= max_iter:
            return best, max(steps, 1), least <= aim.target
        enough = max(0.5 * aim.target, _ROUND**2 * now)
        step, used, status = _recursion(
            problem, l2, diagonal, residual, value, aim, enough, max_iter - steps, patient
        )
        beta, steps = beta + step, steps + used
        if status == _HOPELESS:
            return best, steps, False
        if status == _THERE and not patient:
            return beta, steps, True  # the certificate has the last word, and costs as much


_GOING, _THERE, _HOPELESS = 0, 1, 2


def _recursion(
    problem: Problem,
    l2: Array,
    diagonal: Array,
    residual: Array,
    value: float,
    aim: _Aim,
    enough: float,
    max_steps: int,
    patient: bool,
) -> tuple[Array, int, int]:
    """(change of β, steps, status), until the recursive residual measures `enough` or steps run
    out. `_THERE` if the aim is met, as far as the recursion can be trusted."""
    beta, direction = np.zeros(len(l2)), residual / diagonal
    square, steps = float(residual @ direction), 0
    start = now = aim.measure(residual)
    gains: list[float] = []  # of the objective; the last few are about what is left of it
    left = np.inf
    while steps < max_steps and (now > enough or left > aim.exact * value):
        image = problem.operator(direction) + l2 * direction
        curvature = float(direction @ image)
        if not curvature > 0.0:
            break
        length = square / curvature
        gains.append(0.5 * length * square)
        value = max(value - gains[-1], 0.0)
        left = sum(gains[-_LOOK:])
        beta += length * direction
        residual = residual - length * image
        scaled = residual / diagonal
        old, square = square, float(residual @ scaled)
        direction = scaled + (square / old) * direction
        steps += 1
        now = aim.measure(residual)
        if not patient and steps >= _TRIAL and 0.0 < now < np.inf:
            pace = np.log(max(start / now, 1.0)) / steps
            wanted = max(now / (0.5 * aim.target), left / max(aim.exact * value, 1e-300))
            if np.log(max(wanted, 1.0)) > pace * (max_steps - steps):
                return beta, steps, _HOPELESS
    there = now <= 0.5 * aim.target and left <= aim.exact * value
    return beta, steps, _THERE if there else _GOING

"""Any separable penalty where so many coefficients matter that no Gram matrix of them fits.

    β⁺ = prox_{p/L}(z − (∇f(z))/L),   z = β⁺ + μ (β⁺ − β)

Accelerated proximal gradient (FISTA: Beck & Teboulle, SIAM J. Imaging Sci. 2, 2009), one fused
pass over X a step, started again where momentum points uphill (O'Donoghue & Candès, Found.
Comput. Math. 15, 2015). L is the largest curvature, by power iteration.
"""

from __future__ import annotations

import math

import numpy as np

from fastreg import kernels
from fastreg.certificate import duality_gap, relative_to
from fastreg.problems.in_memory import InMemoryProblem

Array = np.ndarray
_POWER_STEPS = 12  # an estimate a tenth too small is made good by the margin, or by doubling
_MARGIN = 1.1
_CHECK = 8  # steps between looks at the gap


def solve(problem: InMemoryProblem, beta: Array, tol: float, max_iter: int) -> int:
    """Fill β (n, k), which holds the start, zero columns for none; the most steps of a point.

    Stops at relative gap `tol` or after `max_iter` steps. A point without a start takes the
    answer before it.
    """
    most, curvature = 1, _largest_curvature(problem)
    for t in range(beta.shape[1]):
        start = beta[:, t] if beta[:, t].any() or t == 0 else beta[:, t - 1]
        beta[:, t], steps = _solve_one(problem, t, start, curvature, tol, max_iter)
        most = max(most, steps)
    return most


def _solve_one(
    problem: InMemoryProblem, t: int, start: Array, curvature: float, tol: float, max_iter: int
) -> tuple[Array, int]:
    l2, penalty, null = problem.ridge(t), problem.penalty(t), problem.null(t)
    steepest = curvature + float(l2.max())
    z, x = start.copy(), start.copy()
    best, least, age, loss = start, np.inf, 1.0, np.inf
    for step in range(max_iter + 1):
        if step % _CHECK == 0 or step == max_iter:
            c, rho2 = problem.correlation(x, t)  # z may lie outside the domain of p
            gap, _ = duality_gap(c, x, rho2, l2, penalty)
            if gap < least:
                best, least = x.copy(), gap
            if relative_to(gap, null) <= 0.1 * tol:  # the certificate rounds, too
                break
        c, rho2 = problem.correlation(z, t)
        older, age = age, 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * age * age))
        momentum = (older - 1.0) / age
        _, _, _, turn = kernels.update(z, -c, 1.0 / steepest, l2, penalty, momentum, x)
        if rho2 > 4.0 * max(loss, null):  # the curvature was underestimated
            steepest *= 2.0
            z[:], x[:] = best, best
            age = 1.0
        elif turn > 0.0:
            z[:] = x
            age = 1.0
        loss = rho2
    return best, max(step, 1)


def _largest_curvature(problem: InMemoryProblem) -> float:
    """The largest eigenvalue of X'ᵀWX'/M, with a margin."""
    v = np.random.default_rng(0).standard_normal(problem.n_features)
    estimate = 1.0
    for _ in range(_POWER_STEPS):
        length = float(np.linalg.norm(v))
        if length == 0.0:
            return 1.0
        v = problem.operator((v / length)[:, None])[:, 0]
        estimate = float(np.linalg.norm(v))
    return max(_MARGIN * estimate, 1e-300)

"""Any separable penalty, any storage: a working set whose Gram matrix is kept.

X is read to screen and to certify, the inner problem lives on the set W alone:

    1. c = Xᵀ(w∘r)/M and ρ² in one fused pass; stop when the gap is small enough
    2. add the columns that violate optimality most to W, extend G_W by their products
    3. minimise over b_W by `solve_quadratic`, from the gradient just measured

The gradient of step 1 comes from X, not from G: step 3 only ever solves for a correction,
so the rounding of G is corrected from one round to the next (iterative refinement).
"""

from __future__ import annotations

import numpy as np

from fastreg import kernels
from fastreg.certificate import duality_gap, relative_to
from fastreg.solvers.problem import Problem
from fastreg.solvers.quadratic import Quadratic, solve_quadratic

Array = np.ndarray
WHOLE = 512  # up to this many features all are in the set from the start
_MAX_ROUNDS = 100


def solve(problem: Problem, beta: Array, tol: float, max_iter: int) -> tuple[Array, int]:
    """Minimise for every target; β (n, k) to start from, in the problem's units.

    Returns β and the largest number of epochs used; stops at relative gap `tol`, when
    rounding ends all progress, or after `max_iter` epochs.
    """
    working = WorkingGram(problem)
    results = [
        _solve_one(problem, working, t, beta[:, t], tol, max_iter) for t in range(problem.n_targets)
    ]
    return np.stack([b for b, _ in results], axis=1), max(epochs for _, epochs in results)


def _solve_one(
    problem: Problem, working: WorkingGram, t: int, start: Array, tol: float, max_iter: int
) -> tuple[Array, int]:
    n = len(start)
    beta = start.copy()
    null, penalty, l2 = problem.null(t), problem.penalty(t), problem.l2[:, t].copy()
    if n <= WHOLE and not len(working.columns):
        working.extend(np.arange(n))
    used, target, best, best_gap, stalled = 0, 0.1 * tol * null, beta, np.inf, 0
    for _ in range(_MAX_ROUNDS):
        correlation, rho2 = problem.correlation(beta, t)
        gap, _ = duality_gap(correlation, beta, rho2, l2, penalty)
        stalled = stalled + 1 if gap > 0.5 * best_gap else 0
        if gap < best_gap:
            best, best_gap = beta, gap
        if relative_to(gap, null) <= 0.5 * tol or used >= max_iter:
            break
        violation = kernels.distances(penalty, beta, l2 * beta - correlation)
        added = working.extend(_most_violating(violation, beta, working.columns))
        if stalled >= 3 and not added:
            break
        target = min(target, 0.1 * gap) if not added else target
        W = working.columns
        quadratic = Quadratic(
            gram=working.gram,
            l2=l2[W],
            penalty=problem.penalty(t, W),
            beta=beta[W],
            gradient=l2[W] * beta[W] - correlation[W],
            rho2=rho2,
        )
        used += solve_quadratic(quadratic, target, max_iter - used)
        beta = beta.copy()
        beta[W] = quadratic.beta
    return best, max(used, 1)


def _most_violating(violation: Array, beta: Array, present: Array) -> Array:
    """Non-zero columns not in the set yet, and the worst violators: as many as are there."""
    outside = np.ones(len(beta), bool)
    outside[present] = False
    wanted = outside & ((beta != 0) | (violation > 0))
    candidates = np.flatnonzero(wanted)
    room = max(100, len(present), int(np.count_nonzero(wanted & (beta != 0))))
    if len(candidates) > room:
        priority = np.where(beta[candidates] != 0, np.inf, violation[candidates])
        candidates = np.sort(candidates[np.argsort(-priority, kind="stable")[:room]])
    return candidates


class WorkingGram:
    """The columns of the set, in order of arrival, and their Gram matrix."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.columns = np.arange(0)
        self.gram = np.zeros((0, 0))

    def extend(self, new: Array) -> bool:
        """Add columns: one pass over X for their products with the set. False if none."""
        if not len(new):
            return False
        old = len(self.columns)
        columns = np.concatenate([self.columns, new])
        gram = np.empty((len(columns), len(columns)))
        gram[:old, :old] = self.gram
        left = new if old == 0 else columns
        products = self._problem.gram(left, new)
        gram[len(columns) - len(left) :, old:] = products
        gram[old:, :old] = gram[:old, old:].T
        self.columns, self.gram = columns, gram
        return True

"""`tangents` for rows that arrive in blocks: all points in every read.

    1. the first read gives moments and a sample of rows; a path of the sample is where points start
    2. a read gives F and its gradient at all points, exactly; a step counts if it lessens P
    3. each eight neighbours take the next step from a tangent of the sample, at the middle one

The sample's Hessian errs by 2√(n/rows) of itself, 1/8 with 256 rows a feature, and so much of the
gap does a step leave.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from fastreg.problems.views import Look
from fastreg.solvers import tangents
from fastreg.solvers.tangents import SmoothPath
from fastreg.solvers.walkers import Stand, Walker
from fastreg.solvers.working_set import Point

Array = np.ndarray
_GROUP = 8  # points that share a tangent
_FAINT = 1e-8  # of the largest slope, a share that is near rounding
_CLOSE = 1e-4  # relative gap of the sample's path: more is lost between the sample and all rows


class PathByReads(SmoothPath):
    """The loop of the module over P points."""

    problem: Any  # `SmoothBlocks`, or `CoupledBlocks`
    cost_of_slope = 20.0  # a certificate in one read pays for what `_settled` leaves

    def follow(self, betas: Array) -> list[Walker]:
        """Fill β (n, P) and `levels`, which hold the start; where all points stand."""
        problem, levels, (n, P) = self.problem, self.levels, betas.shape
        self._draw(problem.tangent_at_null())
        self.working.extend(np.arange(n))
        walkers = []
        for q in range(P):
            start, level = betas[:, q].copy(), levels[:, q].copy()
            stand = Stand(start, level, 0.0, np.zeros(len(level)), np.zeros(n))
            walkers.append(Walker(Point(q), stand, 1.0))
        self._look_again(walkers)
        self._judge(walkers)
        reads, todo = 1, [each for each in walkers if not each.is_over]
        while todo and reads < self.max_iter:
            for _, some in itertools.groupby(todo, self._fold):
                alike = list(some)
                for first in range(0, len(alike), _GROUP):
                    self._send([e for e in alike[first : first + _GROUP] if e.share == 1.0])
            self._look(todo, within=False)
            self._judge(todo)
            reads, todo = reads + 1, [each for each in todo if not each.is_over]
        for q, each in enumerate(walkers):
            betas[:, q], levels[:, q] = each.stand.beta, self._settled(each)
        return walkers

    def _send(self, group: list[Walker]) -> None:
        """Steps of neighbours from one tangent."""
        if group:
            each, W = group[len(group) // 2], self.working.columns
            stand = each.stand
            self._draw(self.problem.tangent(W, stand.beta, stand.level, self._fold(each)))
            self._origin = stand
            self._step(group)

    def _weight(self, each: Walker, c: Array) -> float:
        """A start from the sample may be far away, and slopes are to be small beside the weakest
        penalty, as that on a large column is: else all of a gap of 0.4 was left."""
        penalty = self.problem.base_penalty(0).l1
        held = float(np.min(penalty[penalty > 0.0], initial=np.inf)) * self._strength(each.point)
        largest = float(np.abs(c).max(initial=0.0))
        return max(held / largest, _FAINT) if held < largest else 1.0

    def _fold(self, each: Walker) -> int:
        """Whose rows a point does without, −1 for none."""
        fold_of = self.problem.fold_of
        return -1 if fold_of is None else int(fold_of[each.point.t])

    def _seen(self, todo: list[Walker], betas: Array, levels: Array, within: bool) -> Look:
        return self.problem.look(betas, levels, np.array([each.point.t for each in todo]))

    def _learn(self, each: Walker, found: Stand) -> None:
        """Nothing: tangents are as near as they get."""


def start(problem: Any, tol: float, max_iter: int) -> tuple[Array, Array]:
    """(β (n, P) in the problem's units, b (q, P)) of the sample.

    The null model where the sample has none, as of rare events: all its y are at one end of their
    domain, or a class has no row in it.
    """
    sample = problem.sample
    betas = np.zeros((problem.n_features, sample.n_points), order="F")
    levels = np.tile(np.reshape(problem.level, (-1, 1)), sample.n_points)
    if not problem.has_all:
        return betas, levels
    levels = np.tile(np.reshape(sample.level, (-1, 1)), sample.n_points)
    tangents.solve(sample, betas, levels, max(tol, _CLOSE), max_iter)
    coef, moved = sample.unscale(betas)
    levels = levels + moved
    if problem.shift is not None:
        levels = levels + np.tensordot(problem.shift, coef, 1)
    return np.asfortranarray(problem.scaled(coef)), levels

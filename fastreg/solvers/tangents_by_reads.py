"""`tangents` for rows that arrive in blocks: all points in every read.

    1. the first read gives moments and a sample of rows; a path of the sample is where points start
    2. a read gives F and its gradient at all points, exactly; a step counts if it lessens P
    3. each eight neighbours take the next step from a tangent of the sample, at the middle one

The sample's Hessian errs by 2√(n/rows) of itself, 1/8 with 256 rows a feature, and so much of the
gap does a step leave.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastreg.objectives import Objective
from fastreg.problems.smooth import on_grid
from fastreg.problems.smooth_blocks import SmoothBlocks
from fastreg.solvers import tangents
from fastreg.solvers.tangents import SmoothPath, Stand, Walker
from fastreg.solvers.working_set import Point

Array = np.ndarray
_GROUP = 8  # points that share a tangent
_CLOSE = 1e-4  # relative gap of the sample's path: more is lost between the sample and all rows


class PathByReads(SmoothPath):
    """The loop of the module over P points."""

    problem: SmoothBlocks

    def follow(self, betas: Array, levels: Array) -> int:
        """Fill β (n, P) and b (P,), which hold the start; the reads."""
        problem, (n, P) = self.problem, betas.shape
        self.held = np.full(P, np.nan)
        self._draw(problem.tangent_at_null())
        self.working.extend(np.arange(n))
        walkers = []
        for q in range(P):
            stand = Stand(betas[:, q].copy(), float(levels[q]), 0.0, 0.0, np.zeros(n))
            walkers.append(Walker(Point(q), stand, 1.0))
        self._look(walkers, within=False, anew=True)
        self._judge(walkers)
        reads, todo = 1, [each for each in walkers if not each.is_over]
        while todo and reads < self.max_iter:
            for first in range(0, len(todo), _GROUP):
                self._send([e for e in todo[first : first + _GROUP] if e.share == 1.0])
            self._look(todo, within=False)
            self._judge(todo)
            reads, todo = reads + 1, [each for each in todo if not each.is_over]
        for first in range(0, P, _GROUP):
            self._settle(walkers[first : first + _GROUP])
        for q, each in enumerate(walkers):
            betas[:, q], levels[q] = each.stand.beta, each.stand.level
        self.gaps = np.array([each.gap for each in walkers])
        self.walkers = walkers
        return reads

    def _send(self, group: list[Walker]) -> None:
        """Steps of neighbours from one tangent."""
        if group:
            self._touch(group[len(group) // 2].stand)
            self._step(group)

    def _look(self, todo: list[Walker], *, within: bool, anew: bool = False) -> None:
        trials = [(each.stand.beta, each.stand.level) if anew else each.trial() for each in todo]
        look, held = self.problem.look(
            np.stack([beta for beta, _ in trials], axis=1),
            np.array([level for _, level in trials]),
            np.array([each.point.t for each in todo]),
        )
        for q, (each, (beta, level)) in enumerate(zip(todo, trials, strict=True)):
            value, slope = float(look.value[q]), float(look.slope[q])
            found = Stand(beta, level, value, slope, look.gradient[:, q].copy())
            if anew:
                each.stand = found
            else:
                self._accept(each, found)
            if each.stand is found:
                self.held[each.point.t] = held[q]

    def _settle(self, group: list[Walker]) -> None:
        """Intercepts at their best, to first order: what their slope leaves costs a certificate
        that reads once more than its square."""
        self._touch(group[len(group) // 2].stand)
        tangent = self.tangent
        assert tangent is not None
        if tangent.bend == np.inf:
            return
        for each in group:
            stand = each.stand
            each.stand = replace(
                stand, level=stand.level - stand.slope / tangent.bend, slope=0.0,
                gradient=stand.gradient - tangent.mean * stand.slope,
            )  # fmt: skip

    def _learn(self, each: Walker, found: Stand) -> None:
        """Nothing: tangents are as near as they get."""


def start(problem: SmoothBlocks, tol: float, max_iter: int) -> tuple[Array, Array]:
    """(β (n, P) in the problem's units, b (P,)) of the sample."""
    sample = problem.sample
    betas = np.zeros((problem.n_features, sample.n_points), order="F")
    levels, _ = tangents.solve(sample, betas, max(tol, _CLOSE), max_iter, None)
    coef, shift = sample.unscale(betas)
    levels = levels + shift + (0.0 if problem.shift is None else problem.shift @ coef)
    return np.asfortranarray(problem.scaled(coef)), levels


def at_strengths(problem: SmoothBlocks, strengths: Array, objective: Objective) -> SmoothBlocks:
    """At other strengths."""
    own = replace(objective, strength=strengths)
    ones, zeros = np.ones(len(strengths)), np.zeros(len(strengths))
    sample, framed = (on_grid(each, strengths) for each in (problem.sample, problem.framed))
    return replace(
        problem, objective=own, unit=ones, mean=zeros, _bases={}, sample=sample, framed=framed
    )

"""Ridge where neither n² nor m² numbers fit: conjugate gradients, one fused pass a step.

Hestenes & Stiefel 1952 on (X'ᵀWX'/M + diag l2)β = c, preconditioned by its diagonal: columns
are near one another in size only to a factor of two. Up to eight points, strengths or targets,
take their steps together, for one read of X. The residual of the normal equations, g = c − l2∘β,
bounds the gap: Σ g_j²/(2 l2_j). The recursion drifts away from the residual it stands for, so
it is restarted from a residual read off X until that one is small enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastreg.certificate import KKT
from fastreg.problems.in_memory import InMemoryProblem
from fastreg.problems.quadratic import EPS, GROUP

Array = np.ndarray
_TRIAL = 20  # steps after which the pace is judged
_LOOK = 3  # steps whose gains estimate what is left (Strakoš & Tichý, ETNA 13, 2002)
_ROUND = 1e-6  # reduction of the residual that one recursion is trusted with
_FRESH = 32  # steps after which predictions that were added up are read off X
_LEAST = 1e-300


def solve(
    problem: InMemoryProblem,
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
    it gives up as soon as the pace of a point says that `max_iter` steps will not do.
    """
    most, reached = 1, True
    for start in range(0, problem.n_points, GROUP):
        some = range(start, min(start + GROUP, problem.n_points))
        group = _Group.of(problem, some, tol, exact)
        columns = slice(some.start, some.stop)
        beta[:, columns], steps, arrived = group.solve(beta[:, columns].copy(), max_iter, patient)
        most, reached = max(most, steps), reached and arrived
        if not (reached or patient):
            break
    return most, reached


class _Pace(NamedTuple):
    """Of a recursion: change of β, steps, whether it is hopeless, and whether the aim is met, as
    far as the recursion can be trusted."""

    change: Array
    steps: int
    hopeless: bool
    there: bool


@dataclass(frozen=True, eq=False)
class _Group:
    """d points, and where they stop: `measure` of the residual at most `target`, the objective
    estimated to be within `exact` of its minimum, relative to that."""

    problem: InMemoryProblem
    points: range
    l2: Array  # (n, d)
    divisor: Array  # (n, d), of g² in the measure
    target: Array  # (d,)
    exact: float

    @classmethod
    def of(cls, problem: InMemoryProblem, points: range, tol: float, exact: float) -> _Group:
        l2 = np.stack([problem.ridge(t) for t in points], axis=1)
        bounded = l2.all(axis=0)
        null = np.array([problem.null(t) for t in points])
        target = 0.5 * tol * null
        for q in np.flatnonzero(~bounded):
            # Without a ridge there is no bound: compare the gradient with that of the null model.
            first, small = problem.at_zero(points[q])[0], 0.1 * min(tol, KKT)
            target[q] = small**2 * float(first @ first)
        divisor = np.where(bounded, 2.0 * l2, 1.0)
        return cls(problem, points, l2, divisor, target, exact)

    def measure(self, residual: Array) -> Array:
        with np.errstate(over="ignore"):  # a ridge of 1e-300 bounds nothing
            return np.einsum("jd,jd->d", residual, residual / self.divisor)

    def solve(self, beta: Array, max_iter: int, patient: bool) -> tuple[Array, int, bool]:
        """(β, steps, whether all points got there) from a start."""
        diagonal = np.where(
            self.l2 > 0.0, self.problem.curvatures[:, None] + self.l2, self.problem.metric[:, None]
        )
        diagonal = np.where(diagonal > 0.0, diagonal, 1.0)
        best, least, steps = beta, np.full(len(self.points), np.inf), 0
        while True:
            c, rho2 = self.problem.correlations_at(beta, self.points)
            residual = c - self.l2 * beta
            value = 0.5 * rho2 + 0.5 * np.einsum("jd,jd->d", self.l2 * beta, beta)
            now = self.measure(residual)
            stalled = not np.any(now[now > self.target] < 0.5 * least[now > self.target])
            best = np.where(now < least, beta, best)
            least = np.minimum(now, least)
            reached = bool(np.all(least <= self.target))
            if reached or stalled or steps >= max_iter:
                return best, max(steps, 1), reached
            found = self._recursion(diagonal, residual, value, max_iter - steps, patient)
            beta, steps = beta + found.change, steps + found.steps
            if found.hopeless:
                return best, steps, False
            if found.there and not patient:
                return beta, steps, True  # the certificate has the last word, and costs as much

    def _recursion(
        self, diagonal: Array, residual: Array, value: Array, max_steps: int, patient: bool
    ) -> _Pace:
        """Until the recursive residual is small beside the one it began with, or steps run out."""
        walk = (_ByColumns if self.problem.by_columns else _ByRows)(self, diagonal, residual)
        beta, square, steps = np.zeros(residual.shape), walk.square(), 0
        start = now = self.measure(residual)
        enough = np.maximum(0.5 * self.target, _ROUND**2 * now)
        gains: list[Array] = []  # of the objective; the last few are about what is left of it
        left = np.full(len(now), np.inf)
        least = EPS * np.array([self.problem.null(t) for t in self.points])
        going = square > 0.0
        while steps < max_steps and np.any(going):
            curvature = walk.curvature()
            going &= curvature > 0.0
            length = np.divide(square, curvature, out=np.zeros(len(square)), where=going)
            gains.append(0.5 * length * square)
            value = np.maximum(value - gains[-1], 0.0)
            left = np.sum(gains[-_LOOK:], axis=0)
            beta += length * walk.direction
            walk.advance(length)
            old, square = square, walk.square()
            walk.turn(np.divide(square, old, out=np.zeros(len(old)), where=old > 0.0))
            steps += 1
            now = self.measure(walk.residual)
            near = value * self.exact if np.isfinite(self.exact) else np.full(len(value), np.inf)
            near = np.maximum(near, least)  # where the fit is perfect
            going &= (now > enough) | (left > near)
            if not patient and steps >= _TRIAL:
                wanted = _quotient(now, 0.5 * self.target), _quotient(left, near)
                needed = np.log(np.maximum(np.maximum(*wanted), 1.0))
                pace = np.log(np.maximum(_quotient(start, now), 1.0)) / steps
                if np.any(going & (needed > pace * (max_steps - steps))):
                    return _Pace(beta, steps, True, False)
        there = np.all((now <= 0.5 * self.target) & (left <= near)) if steps else False
        return _Pace(beta, steps, False, bool(there))


class _ByRows:
    """Residual and direction of a recursion: one pass a step, which takes rows as they lie."""

    def __init__(self, group: _Group, diagonal: Array, residual: Array) -> None:
        self.group, self.diagonal, self.residual = group, diagonal, residual
        self.scaled = self.direction = residual / diagonal

    def square(self) -> Array:
        """(d,): the square of the residual, as the preconditioner measures it."""
        return np.einsum("jd,jd->d", self.residual, self.scaled)

    def curvature(self) -> Array:
        """(d,): of the objective along the direction."""
        self.image = self.group.problem.operator(self.direction) + self.group.l2 * self.direction
        return np.einsum("jd,jd->d", self.direction, self.image)

    def advance(self, length: Array) -> None:
        """The residual after a step of this length (d,)."""
        self.residual = self.residual - length * self.image
        self.scaled = self.residual / self.diagonal

    def turn(self, step: Array) -> None:
        """The next direction: the scaled residual and `step` (d,) times the last one."""
        self.direction = self.scaled + step * self.direction


class _ByColumns(_ByRows):
    """The same of columns, with X' of the direction in `predictions`: the length of a step is known
    before X is read, so each column meets the residual that it leaves while it is in cache."""

    def __init__(self, group: _Group, diagonal: Array, residual: Array) -> None:
        super().__init__(group, diagonal, residual)
        self.predictions, self.turns = self._predicted(), 0

    def _predicted(self) -> Array:
        """X' of the direction, from X."""
        m, d = self.group.problem.X.shape[0], self.direction.shape[1]
        nothing = np.zeros((m, d)), self.direction, np.zeros(self.direction.shape)
        return self.group.problem.project_then_predict(*nothing)[1]

    def curvature(self) -> Array:
        problem, ridge = self.group.problem, self.group.l2 * self.direction
        weighted = self.predictions
        if problem.weights is not None:
            weighted = problem.weights[:, None] * weighted
        data = np.einsum("id,id->d", weighted, self.predictions) / problem.total
        return data + np.einsum("jd,jd->d", ridge, self.direction)

    def advance(self, length: Array) -> None:
        rest = (self.residual - length * self.group.l2 * self.direction) / self.diagonal
        self.scaled, self.ahead = self.group.problem.project_then_predict(
            self.predictions, rest, length / self.diagonal
        )
        self.residual = self.diagonal * self.scaled

    def turn(self, step: Array) -> None:
        super().turn(step)
        self.turns += 1
        if self.turns % _FRESH == 0:
            self.predictions = self._predicted()
        else:
            self.predictions = self.ahead + step * self.predictions


def _quotient(a: Array, b: Array) -> Array:
    with np.errstate(over="ignore", under="ignore"):
        return a / np.maximum(b, _LEAST)

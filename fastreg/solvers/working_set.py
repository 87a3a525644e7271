"""Any separable penalty, any storage, one strength or a path of them: a working set.

W holds the columns that may matter, and their Gram matrix. X is read to choose them and to
check the answer, eight strengths at a time; the inner problem lives on W alone:

    1. predict which columns matter for the next strengths: the correlations c = Xᵀ(w∘r)/M
       are linear in the strength until the next coefficient enters or leaves; extend G_W
    2. minimise on W at each strength, from the answer at the one before (`active_set`)
    3. one fused pass gives c and the gap at all of them; while a gap is too large, add the
       columns outside W that violate optimality and go on from there

The gradient of step 2 starts from the c of a pass over X, not from G: the rounding of G is
corrected from one round to the next (iterative refinement). A single problem is the end of
a path of its own: strengths halved from the one at which all coefficients vanish.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import kernels, penalties
from fastreg.certificate import duality_gap, relative_to
from fastreg.kernels.active_set import Quadratic
from fastreg.problems.quadratic import QuadraticProblem
from fastreg.solvers.critical import critical_strength, never_held

Array = np.ndarray
Progress = Callable[[int, int], object]  # told (points done, points in all)
WHOLE = 512  # up to this many features all are in the set from the start
# Features up to which a single strength is gone to at once: 1.7 to 7 times as fast as by strengths
# on the way, at 256 features 1.3 to 2.4 times, at 512 as fast.
AT_ONCE = 64
MANY = 8  # points of a path from which twice as many are
MOST = 8000  # columns in the set: a Gram matrix and a factor of 512 MB each
CHUNK = 8  # strengths checked in one pass: what a register holds
SLACK = 0.3  # share of the gap asked that coefficients may be from their breakpoints
_ROUNDS = 100
_FACTOR = 0.5  # between the strengths on the way to a single problem
NEAR = 0.1  # relative gap that is enough on the way to a single problem
_LEAST = 100  # columns added at once
_SHARE = 1.0  # of W that a prediction may add before X is read again
_MARGIN = 0.1  # of the change of strength: what a prediction of correlations may miss
_TURN = 256  # columns of W for which a step more is free: it moves a few of them, an epoch all
_CALL = 1_000_000_000  # steps times squared columns of a call: a third of a second
_TINY = 1e-15  # of a gradient, in the units of the problem: rounding


class TooManyError(Exception):
    """More columns matter than the set has room for."""


@dataclass(frozen=True)
class Point:
    """A point of the path: number t of the problem, at `factor` times its strength."""

    t: int
    factor: float = 1.0


@dataclass(frozen=True, eq=False)
class State:
    """Where a path stands: β and c = X'ᵀ(w∘r)/M, (n,) each, ρ², the strength, and how c
    changes with it, None if not known."""

    beta: Array
    correlation: Array
    rho2: float
    strength: float
    slope: Array | None = None


def is_whole(problem: QuadraticProblem) -> bool:
    """Whether all columns are in the set from the start, and their Gram matrix is sound."""
    many = problem.n_targets == 1 and problem.n_points >= MANY
    return problem.n_features <= WHOLE * (2 if many else 1) and not problem.far


def solve(
    problem: QuadraticProblem,
    working: WorkingSet,
    beta: Array,
    tol: float,
    max_iter: int,
    *,
    by_gram: bool = False,
    claims: Array | None = None,
    progress: Progress | None = None,
) -> int:
    """Minimise at every point: fill β (n, k), in the problem's units, which holds the start.

    Stops at relative gap `tol`, when rounding ends all progress, or after `max_iter` steps.
    `by_gram` checks against the Gram matrix of all columns instead of X. `claims` (n, k), if
    given, receives c at each point, in the user's units of y.

    Returns the largest number of steps between two strengths.
    """
    one_target = problem.n_targets == 1
    runs = [range(problem.n_points)] if one_target else [[t] for t in range(problem.n_points)]
    most = 1
    for run in runs:
        follow = PathFollower(problem, working, tol, max_iter, by_gram, claims)
        most = max(most, follow.run([Point(t) for t in run], beta, progress))
    return most


def sweep(problem: QuadraticProblem, beta: Array, tol: float, max_iter: int) -> int:
    """`solve` by the Gram matrix alone, with all columns in the set and no look at the gaps: one
    strength, or target, after the other; the most steps of one."""
    n, K = beta.shape
    working = WorkingSet(problem)
    working.extend(np.arange(n))
    most = 1
    for t in range(K):
        if t == 0 or problem.n_targets > 1:
            working.load(np.zeros(n), problem.at_zero(t)[0])
        most = max(most, working.minimise(Point(t), SLACK * tol, max_iter))
        beta[:, t] = working.coef
    return most


def is_at_once(problem: QuadraticProblem) -> bool:
    """Whether `sweep` is how to begin: each target has one strength, and few columns."""
    single = problem.n_targets > 1 or problem.n_points == 1
    return single and problem.n_features <= AT_ONCE and not problem.far


def is_met(problem: QuadraticProblem, beta: Array, tol: float) -> bool:
    """Whether the gaps of β (n, K) are within half of `tol`."""
    n, K = beta.shape
    C, rho2 = problem.correlations(np.arange(n), beta, 0)
    strengths = np.array([problem.strength(t) for t in range(K)])
    whole = problem.base_penalty(0)
    penalty = penalties.times(type(whole)(*(each[:, None] for each in whole)), strengths)
    gaps, _ = duality_gap(C, beta, rho2, problem.base_ridge(0)[:, None] * strengths, penalty)
    return bool(np.all(relative_to(gaps, problem.null(0)) <= 0.5 * tol))


def largest_strength(problem: QuadraticProblem, tol: float, max_iter: int) -> float:
    """The least strength at which every coefficient that the penalty can hold is zero."""

    def refit(strength: float) -> Array:
        beta = np.zeros((problem.n_features, 1))
        strong = dataclasses.replace(problem.objective, strength=np.array([strength]))
        strict = dataclasses.replace(problem, objective=strong, _bases={})
        solve(strict, WorkingSet(strict), beta, tol, max_iter)
        return problem.correlation(beta[:, 0], 0)[0]

    return critical_strength(problem.base_penalty(0), problem.at_zero(0)[0], refit)


class PathFollower:
    """The loop of the module over the points of one target."""

    def __init__(
        self,
        problem: QuadraticProblem,
        working: WorkingSet,
        tol: float,
        max_iter: int,
        by_gram: bool,
        claims: Array | None,
    ) -> None:
        self.problem, self.working, self.by_gram = problem, working, by_gram
        self.tol, self.max_iter, self.claims = tol, max_iter, claims
        self.free = np.zeros(0, bool)  # (n,): features that no strength holds
        self.used: dict[Point, int] = {}  # steps
        self.best: dict[int, float] = {}  # relative gap at each point of the problem

    def run(self, points: list[Point], betas: Array, progress: Progress | None = None) -> int:
        """Fill columns of `betas`, whose first holds the start; the most steps of a point."""
        total = len(points)
        start, first = betas[:, points[0].t].copy(), points[0]
        state = self.begin(first, start)
        c = state.correlation
        self.free = never_held(self.problem.base_penalty(first.t), len(c))
        if not start.any():
            points = self._approach(first, state) + points
            state = dataclasses.replace(state, strength=self._strength(points[0]))
        elif self._is_met(state, first):
            self.used[first], points = 1, points[1:]
            if self.claims is not None:
                self.claims[:, first.t] = c * self.problem.unit[0]
        length = 2
        while points:
            length, new = self._foresee(points, state, length)
            self.working.make_room(len(new), state.beta != 0.0)
            self.working.extend(new)
            state = self._advance(points[:length], state, betas)
            points, length = points[length:], min(2 * length, CHUNK)
            if progress is not None:
                progress(total - min(len(points), total), total)
        return max(self.used.values())

    def begin(self, point: Point, start: Array) -> State:
        """The state at a start (n,)."""
        known, problem = not start.any(), self.problem
        c, rho2 = problem.at_zero(point.t) if known else problem.correlation(start, point.t)
        return State(start, c, rho2, self._strength(point))

    def _strength(self, point: Point) -> float:
        """Positive, as it divides: 1e-300 stands for none."""
        return max(self.problem.strength(point.t) * point.factor, 1e-300)

    def _is_met(self, state: State, point: Point) -> bool:
        """Whether a start is good enough as it is."""
        l2, penalty = self.problem.ridge(point.t), self.problem.penalty(point.t)
        gap, _ = duality_gap(state.correlation, state.beta, state.rho2, l2, penalty)
        return bool(relative_to(gap, self.problem.null(point.t)) <= 0.5 * self.tol)

    def _approach(self, point: Point, state: State) -> list[Point]:
        """Points on the way from the strength that holds all coefficients at zero."""
        held = float(self._holding(state.correlation[:, None], [point]).max())
        count = int(np.ceil(np.log(held) / -np.log(_FACTOR))) if 1.0 < held < np.inf else 0
        return [Point(point.t, held ** (1 - k / count)) for k in range(1, count)]

    def _holding(self, correlations: Array, points: list[Point], share: float = 1.0) -> Array:
        """(n,): above 1 where zero is no optimal coefficient at `share` of some strength."""
        t = points[0].t
        strengths = np.array([self._strength(point) * share for point in points])
        return kernels.critical_strength(self.problem.base_penalty(t), correlations, strengths)

    def _foresee(self, points: list[Point], state: State, length: int) -> tuple[int, Array]:
        """How many points to solve before X is read again, at most `length`, and the columns
        that are predicted to matter there: no more than a share of W, as predictions far
        ahead take in many that do not."""
        n, present = len(state.beta), len(self.working.columns)
        if is_whole(self.problem):
            return length, np.arange(0 if present else n)
        while True:
            new = self._predicted(points[:length][-1], state)
            if length == 1 or len(new) <= max(_LEAST, _SHARE * present):
                return length, new
            length //= 2

    def _predicted(self, point: Point, state: State) -> Array:
        """Columns outside W that are likely to matter at a point."""
        change = self._strength(point) - state.strength
        correlation, margin = state.correlation, -change
        if state.slope is not None:
            correlation, margin = correlation + change * state.slope, _MARGIN * margin
        share = max(1.0 - margin / self._strength(point), _TINY)
        held = self._holding(correlation[:, None], [point], share)
        held[(state.beta != 0.0) | self.free] = np.inf
        return self._outside(held)

    def _outside(self, held: Array) -> Array:
        """Columns outside W that are not held, as many as W has at most, or half of what it may."""
        new = np.flatnonzero(held > 1.0)
        new = new[~self.working.inside[new]]
        room = max(_LEAST, len(self.working.columns), int(np.count_nonzero(held == np.inf)))
        room = min(room, MOST // 2)
        if len(new) > room:
            new = np.sort(new[np.argsort(-held[new], kind="stable")[:room]])
        return new

    def _advance(self, chunk: list[Point], state: State, betas: Array) -> State:
        """Solve at the points of a chunk; the state at the last.

        At first each point starts from the answer before it, in later rounds those that have
        missed start from their own, whose c is known from X.
        """
        todo, starts, slack = chunk, [state], SLACK * self.tol
        worst, stalled, last = np.inf, 0, state
        for _ in range(_ROUNDS):
            B = self._minimise(todo, starts, slack)
            C, rho2 = self._correlations(B, chunk[0].t)
            held = self._holding(C, todo)
            held[self.working.columns] = 0.0
            gaps = self._gaps(todo, B, C, rho2, np.flatnonzero(held > 1.0))
            self._record(todo, B, C, gaps, betas)
            if todo[-1] is chunk[-1]:
                last = self._state(todo, B, C, rho2, last)
            aims = [0.5 * self.tol if point.factor == 1.0 else NEAR for point in todo]
            missed = np.flatnonzero(gaps > aims)
            if not len(missed) or all(self.used[todo[q]] >= self.max_iter for q in missed):
                break
            new = self._outside(held)
            stalled = stalled + 1 if not len(new) and gaps.max() > 0.5 * worst else 0
            if stalled >= 3:
                break
            worst = np.inf if len(new) else gaps.max()
            slack = slack if len(new) else 0.1 * slack
            starts = [self._state(todo[: q + 1], B, C, rho2, state) for q in missed]
            todo = [todo[q] for q in missed]
            used = np.any([each.beta != 0.0 for each in starts], axis=0)
            self.working.make_room(len(new), used)
            self.working.extend(new)
        return last

    def _minimise(self, points: list[Point], starts: list[State], slack: float) -> Array:
        """β on W at each point, (p, d), from a state each, or one after the other from one."""
        working = self.working
        W = working.columns
        B = np.zeros((len(W), len(points)))
        for q, point in enumerate(points):
            if q < len(starts):
                working.load(starts[q].beta[W], starts[q].correlation[W])
            used = self.used.get(point, 0)
            if used < self.max_iter:
                share = 1 + len(W) // _TURN
                steps = working.minimise(point, slack, share * (self.max_iter - used))
                self.used[point] = used + -(-steps // share)
            B[:, q] = working.coef
        return B

    def _correlations(self, B: Array, t: int) -> tuple[Array, Array]:
        """`InMemoryProblem.correlations` of β on W."""
        if not self.by_gram:
            return self.problem.correlations(self.working.columns, B, t)
        c, rho2 = self.problem.at_zero(t)
        C = c[:, None] - self.working.gram @ B
        return C, np.maximum(rho2 - np.einsum("jd,jd->d", c[:, None] + C, B), 0.0)

    def _record(self, points: list[Point], B: Array, C: Array, gaps: Array, betas: Array) -> None:
        """Keep what is better than before."""
        for q, point in enumerate(points):
            if point.factor == 1.0 and gaps[q] < self.best.get(point.t, np.inf):
                self.best[point.t] = gaps[q]
                betas[:, point.t] = 0.0
                betas[self.working.columns, point.t] = B[:, q]
                if self.claims is not None:
                    np.multiply(C[:, q], self.problem.unit[0], out=self.claims[:, point.t])

    def _state(self, points: list[Point], B: Array, C: Array, rho2: Array, before: State) -> State:
        """The state at the last of some points."""
        q = len(points) - 1
        beta, strength = np.zeros(len(C)), self._strength(points[q])
        beta[self.working.columns] = B[:, q]
        if q:
            span, change = strength - self._strength(points[q - 1]), C[:, q] - C[:, q - 1]
        else:
            span, change = strength - before.strength, C[:, q] - before.correlation
        slope = change / span if span else before.slope
        return State(beta, C[:, q].copy(), rho2[q], strength, slope)

    def _gaps(self, points: list[Point], B: Array, C: Array, rho2: Array, outside: Array) -> Array:
        """Relative gaps, from W and the columns that are not held: the others add nothing."""
        problem, W, t = self.problem, self.working.columns, points[0].t
        columns = np.concatenate([W, outside])
        beta = np.vstack([B, np.zeros((len(outside), len(points)))])
        strengths = np.array([self._strength(point) for point in points])
        penalty = problem.base_penalty(t)
        some = type(penalty)(*(each[columns, None] for each in penalty))
        gaps, _ = duality_gap(
            C[columns],
            beta,
            rho2,
            problem.base_ridge(t)[columns, None] * strengths,
            penalties.times(some, strengths),
        )
        return relative_to(gaps, problem.null(t))


class WorkingSet:
    """The columns of W in order of arrival, their Gram matrix, and the inner problem."""

    def __init__(self, problem: QuadraticProblem) -> None:
        self._problem = problem
        self.columns = np.arange(0)
        self.inside = np.zeros(problem.n_features, bool)
        self._gram = np.zeros((0, 0))
        self._factor = kernels.factor(0, 0)
        self._l2 = np.zeros(0)
        self._own: tuple[Array, Any, Array, Any] | None = None
        self.coef, self._gradient = np.zeros(0), np.zeros(0)

    @property
    def gram(self) -> Array:
        """(p, p): products of the columns of W."""
        p = len(self.columns)
        return self._gram[:p, :p]

    def extend(self, new: Array) -> None:
        """Add columns: one pass over X for their products with the set."""
        if not len(new):
            return
        old = len(self.columns)
        if old + len(new) > MOST:
            raise TooManyError
        self.columns = np.concatenate([self.columns, new])
        self.inside[new] = True
        p = len(self.columns)
        if p > len(self._gram):
            self._grow(max(p, old + old // 2))
        left = new if old == 0 else self.columns
        products = self._problem.gram(left, new)
        self._gram[p - len(left) : p, old:p] = products
        self._gram[old:p, :old] = self._gram[:old, old:p].T

    def _grow(self, capacity: int) -> None:
        capacity = -(-capacity // 8) * 8
        old = len(self._gram)
        gram = np.zeros((capacity, capacity))
        gram[:old, :old] = self._gram
        self._gram = gram
        self._factor = kernels.enlarged(self._factor, capacity, capacity)

    def make_room(self, count: int, used: Array) -> None:
        """Forget columns that are not `used`, (n,) bool, if `count` more would find no room."""
        if len(self.columns) + count <= MOST:
            return
        kept = np.flatnonzero(used[self.columns])
        self._gram[: len(kept), : len(kept)] = self._gram[np.ix_(kept, kept)]
        self.columns = self.columns[kept]
        self.inside[:] = False
        self.inside[self.columns] = True
        kernels.clear(self._factor)
        self._l2 = np.zeros(0)

    def move(self, problem: QuadraticProblem) -> None:
        """The same columns of another problem, with its products."""
        columns, self._problem = self.columns, problem
        self.columns, self._l2, self._own = np.arange(0), np.zeros(0), None
        kernels.clear(self._factor)
        self.extend(columns)

    def load(self, beta: Array, correlation: Array) -> None:
        """Start from β with its c on the columns of W, both (p,)."""
        self.coef = np.array(beta)
        self._gradient = np.zeros(-(-len(beta) // 8) * 8)
        self._gradient[: len(beta)] = -correlation

    def minimise(self, point: Point, slack: float, max_steps: int) -> int:
        """Go to the minimum at a point, within `slack` of the largest gradient; the steps."""
        p, gradient = len(self.columns), self._gradient
        if p == 0:
            return 1
        l2, penalty = self._terms(point, len(gradient))
        if not np.array_equal(l2[: len(self._l2)], self._l2):
            kernels.clear(self._factor)
        self._l2 = l2[:p]
        start = self.coef.copy(), gradient.copy()
        gradient[:p] += l2[:p] * self.coef
        level = max(slack * float(np.abs(gradient).max()), _TINY)
        form = Quadratic(self._gram, gradient, self.coef, l2)
        steps, some = 0, max(4, _CALL // (p * p))
        while steps < max_steps:  # an interrupt is seen between calls
            wanted = min(some, max_steps - steps)
            taken = kernels.minimise(form, penalty, self._factor, level, wanted)
            steps += int(taken)
            if taken < wanted:
                break
        if not np.isfinite(self.coef).all():  # a Gram matrix that is rounding: stay
            self.coef, self._gradient = start
            kernels.clear(self._factor)
            return max_steps
        gradient[:p] -= l2[:p] * self.coef
        return steps

    def _terms(self, point: Point, length: int) -> tuple[Array, Any]:
        """Ridge terms, (length,) with zeros beyond W, and penalty of the columns of W at a point;
        those before its strength are kept, as a path asks for them at every point."""
        problem = self._problem
        ridge, some = self.of_columns(point.t)
        l2 = np.zeros(length)
        l2[: len(ridge)] = ridge * problem.strength(point.t) * point.factor
        if problem.objective.strength is None:
            return l2, penalties.times(some, point.factor)
        some = penalties.times(some, problem.strength(point.t))
        return l2, some if point.factor == 1.0 else penalties.times(some, point.factor)

    def of_columns(self, t: int) -> tuple[Array, Any]:
        """Ridge terms and penalty of the columns of W before their strength."""
        problem, columns = self._problem, self.columns
        base = problem.base_penalty(t)
        if self._own is None or self._own[0] is not columns or self._own[1] is not base:
            some = type(base)(*(np.ascontiguousarray(each[columns]) for each in base))
            self._own = columns, base, problem.base_ridge(t)[columns], some
        return self._own[2:]

    def terms(self, point: Point) -> tuple[Array, Any]:
        """Ridge terms and penalty of the columns of W at a point, (p,) each."""
        return self._terms(point, len(self.columns))

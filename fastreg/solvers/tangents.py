"""Any smooth loss, any separable penalty: a working set, and tangents that serve many points.

F is approximated by the quadratic that touches it at one point, `problems.smooth`; with its
penalty that is solved exactly, by the same active set as least squares. The gradient is exact at
every step and the Hessian H old: a chord, in the terms of Newton's method,

    (δ, δ₀) = argmin κ·(½ δᵀHδ) + gᵀδ + p(β + δ),   κ = Δgᵀδ/δᵀHδ of the step before.

Eight strengths share a read of X, and as many as can one tangent:

    1. predict which columns matter, and solve at the strengths from the tangent at the last one
    2. one read of X, or of the columns in use alone, gives P, gradients and gaps at all of them;
       a step counts if it lessens P by Armijo's rule, else it is halved
    3. a new tangent where gaps shrink so slowly that it takes less time than the steps it spares

The rule of 3 counts operations, never time: the bits are the same on every machine.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import _factor, penalties
from fastreg.certificate import duality_gap, relative_to
from fastreg.certificate.penalties import penalty_value
from fastreg.design import as_design
from fastreg.penalties import is_zero
from fastreg.problems.rotated import Rotation
from fastreg.problems.smooth import SmoothProblem, Tangent, on_grid, smooth
from fastreg.solvers import working_set
from fastreg.solvers.critical import critical_strength
from fastreg.solvers.tangent_ridge import RidgeSteps
from fastreg.solvers.working_set import Point, Progress, State, WorkingSet

Array = np.ndarray
_ARMIJO = 1e-4
_ROUNDED, _NOTHING, _MORE = (
    1e-15,
    1e-13,
    2,
)  # of P: its rounding; loss of P that is; steps from there
_KAPPA = 8.0  # between which and its inverse κ may be
_HALVED = 3  # steps halved as often want another tangent
_PASS = 48  # columns of W for which a tangent takes as long as a read for eight points
_HALVINGS = 60
_SHORT = 1e-3  # of a step that leaves float64: flat tails throw as far as 1e130
_TURNS = 1000
_SINGULAR = 1e-13  # of the largest eigenvalue, those that count as zero where nothing is penalised
_LEAST = 1e-250  # strength from which ridge terms make a factor definite
_NONE = np.zeros(0, np.int64)


@dataclass(eq=False)
class Stand:
    """Where a point of the path stands: β (p,) on W, b, F, ∂F/∂b, and ∂F/∂β of all columns (n,), or
    of W (p,)."""

    beta: Array
    level: float
    value: float
    slope: float
    gradient: Array
    is_whole: bool = True  # whether the gradient is that of all columns


@dataclass(frozen=True, eq=False)
class SmoothState(State):
    """`State` with c = −∂F/∂β, and b, F and ∂F/∂b there."""

    level: float = 0.0
    value: float = 0.0
    tilt: float = 0.0


class Walker:
    """A point on its way: the stand that counts, the step tried, and what is known of its end."""

    def __init__(self, point: Point, stand: Stand, kappa: float) -> None:
        self.point, self.stand, self.kappa = point, stand, kappa
        self.target: tuple[Array, float] = (stand.beta, stand.level)
        self.share, self.lost, self.gap, self.rate = 1.0, math.inf, math.inf, math.nan
        self.halved, self.rounded = 0, 0
        self.is_small, self.least = False, math.inf  # whether the step was; least gap
        self.objective = math.nan
        self.is_over = False

    def trial(self) -> tuple[Array, float]:
        """(β, b) to look at."""
        (beta, level), stand, share = self.target, self.stand, self.share
        if share == 1.0:
            return beta, level
        return stand.beta + share * (beta - stand.beta), stand.level + share * (level - stand.level)


class SmoothPath(working_set.PathFollower):
    """The loop of the module over the points of a path."""

    problem: Any  # `SmoothProblem`, or `SmoothBlocks`

    def __init__(self, problem: Any, tol: float, max_iter: int) -> None:
        super().__init__(problem, WorkingSet(problem), tol, max_iter, False, None)
        self.tangent: Tangent | None = None
        # Of ridge terms alone every coefficient is free, and one factor serves them.
        self._is_ridge = problem.is_ridge
        # Without a penalty there may be no minimum, and only Newton's own steps go one way.
        self._is_bare = is_zero(problem.objective.penalty) and not problem.objective.ridges().any()
        self._ridge: RidgeSteps | None = None
        self._origin: Stand | None = None  # of the tangent
        self.kappa = 1.0
        self.levels = np.full(problem.n_points, problem.level)

    # ------------------------------------------------------------ the start

    def begin(self, point: Point, start: Array) -> SmoothState:
        """The state at a start (n,), zero for the null model."""
        problem, level = self.problem, self.problem.level
        columns = np.flatnonzero(start)
        if not len(columns):
            value = problem.scale_of_gap + problem.least
            c, slope = -problem.null_gradient, 0.0
        else:
            look = problem.look(columns, start[columns, None], np.array([level]))
            value, slope, c = float(look.value[0]), float(look.slope[0]), -look.gradient[:, 0]
        self._draw(problem.tangent(columns, start[columns], level))
        rho2 = 2.0 * (value - problem.least)
        return SmoothState(start, c, rho2, self._strength(point), None, level, value, slope)

    # ------------------------------------------------------------ a chunk

    def _advance(self, chunk: list[Point], state: State, betas: Array) -> State:
        """Solve at the points of a chunk; the state at the last."""
        assert isinstance(state, SmoothState)
        W = self.working.columns
        stand = Stand(state.beta[W], state.level, state.value, state.tilt, -state.correlation)
        walkers = [Walker(point, stand, self.kappa) for point in chunk]
        for _ in range(_TURNS):
            todo = [each for each in self._first(walkers) if not each.is_over]
            if todo:
                narrow = self.problem.is_narrow(self.working.columns)
                self._step(todo)
                self._look(todo, within=narrow)
                self._judge(todo)
                self._reconsider([each for each in todo if not each.is_over])
            elif not self._widen(walkers):
                break
        self.kappa = walkers[-1].kappa
        self._store(walkers, betas)
        return self._state_of(walkers, state)

    def _first(self, walkers: list[Walker]) -> list[Walker]:
        """The one whose steps are halved at its own tangent, or all: two of them would draw each
        other's tangent away for ever."""
        own = [each for each in walkers if each.stand is self._origin and each.share < 1.0]
        alone = [each for each in own if not each.is_over]
        return alone[:1] or walkers

    def _touch(self, stand: Stand) -> None:
        """A new tangent."""
        self._draw(self.problem.tangent(self.working.columns, stand.beta, stand.level))
        self._origin = stand

    def _draw(self, tangent: Tangent) -> None:
        self.tangent = tangent
        self.working.move(tangent.problem)
        self._ridge = None

    def _step(self, todo: list[Walker]) -> None:
        """Where the tangent sends those whose last step counted."""
        tangent, working = self.tangent, self.working
        assert tangent is not None
        W, before = working.columns, None
        for each in todo:
            if each.share < 1.0:
                continue
            stand, kappa = each.stand, each.kappa
            c = tangent.mean[W] * stand.slope - self._on_set(stand)
            if self._is_ridge and self._strength(each.point) > _LEAST:
                beta = stand.beta + self._ridges().step(
                    c, stand.beta, self._strength(each.point), kappa
                )
            elif self._is_bare:
                # Where rows leave the answer open it is the shortest in the user's units.
                scale = self.problem.scale[W]
                root = np.divide(1.0, scale, out=np.zeros(len(W)), where=scale > 0.0)
                root /= root.max(initial=1e-300)
                gram = working.gram * root * root[:, None]
                beta = stand.beta + root * _factor.least_norm(gram, root * c / kappa, _SINGULAR)
            else:
                if before is None or before != (id(stand), kappa):
                    working.load(stand.beta, c / kappa)
                before = id(stand), kappa
                scaled = Point(each.point.t, each.point.factor / kappa)
                working.minimise(scaled, working_set.SLACK * self.tol, 1000 + 4 * len(W))
                beta = working.coef.copy()
            move = beta - stand.beta
            down = 0.0 if tangent.bend == np.inf else stand.slope / (kappa * tangent.bend)
            level = stand.level - down - float(tangent.mean[W] @ move)
            each.target = beta, level
            along = float(self._on_set(stand) @ move) + stand.slope * (level - stand.level)
            here = self._terms(each.point, stand.beta)
            each.lost = -along + here - self._terms(each.point, beta)
            each.objective = stand.value + here

    def _ridges(self) -> RidgeSteps:
        if self._ridge is None:
            self._ridge = RidgeSteps(
                self.working.gram, self.problem.base_ridge(0)[self.working.columns],
                self.problem.n_points,
            )  # fmt: skip
        return self._ridge

    def _foresee(self, points: list[Point], state: State, length: int) -> tuple[int, Array]:
        """Of ridge terms alone all columns matter."""
        if self._is_ridge:
            n = self.problem.n_features
            return length, np.arange(0 if len(self.working.columns) else n)
        return super()._foresee(points, state, length)

    def _on_set(self, stand: Stand) -> Array:
        """∂F/∂β of the columns of W."""
        return stand.gradient[self.working.columns] if stand.is_whole else stand.gradient

    def _terms(self, point: Point, beta: Array) -> float:
        """Ridge and penalty."""
        l2, penalty = self.working.terms(point)
        return float(0.5 * (l2 @ (beta * beta)) + penalty_value(penalty, beta).sum())

    def _look(self, todo: list[Walker], *, within: bool, anew: bool = False) -> None:
        """F and its gradient where the steps lead; those that lessen P count."""
        trials = [(each.stand.beta, each.stand.level) if anew else each.trial() for each in todo]
        betas = np.stack([beta for beta, _ in trials], axis=1)
        levels = np.array([level for _, level in trials])
        look = self.problem.look(self.working.columns, betas, levels, within=within)
        gradients = np.ascontiguousarray(look.gradient.T)
        for q, (each, (beta, level)) in enumerate(zip(todo, trials, strict=True)):
            value, slope = float(look.value[q]), float(look.slope[q])
            found = Stand(beta, level, value, slope, gradients[q], not within)
            if anew:
                each.stand = found
                continue
            self._accept(each, found)

    def _accept(self, each: Walker, found: Stand) -> None:
        """Make a trial the stand, or halve the step."""
        now = each.objective
        rounded = each.lost <= _NOTHING * max(abs(now), self.problem.scale_of_gap)
        slack = (_NOTHING if rounded else _ROUNDED) * abs(now)
        after = found.value + self._terms(each.point, found.beta)
        if not after <= now - _ARMIJO * each.share * each.lost + slack:
            each.halved += 1
            each.share *= 0.5 if math.isfinite(after) else _SHORT
            return
        self._learn(each, found)
        each.stand, each.share, each.halved = found, 1.0, 0
        each.is_small = rounded

    def _learn(self, each: Walker, found: Stand) -> None:
        """κ from the step that was made."""
        stand, tangent = each.stand, self.tangent
        assert tangent is not None
        move, up = found.beta - stand.beta, found.level - stand.level
        change = self._on_set(found) - self._on_set(stand)
        turned = float(change @ move) + (found.slope - stand.slope) * up
        used = np.flatnonzero(move)
        gram = self.working.gram
        part = gram if 2 * len(used) > len(move) else gram[np.ix_(used, used)]
        some = move if part is gram else move[used]
        bent = float(some @ (part @ some))
        if tangent.bend < np.inf:
            bent += tangent.bend * (up + float(tangent.mean[self.working.columns] @ move)) ** 2
        if bent > 0.0 and turned > 0.0:
            each.kappa = min(max(turned / bent, each.kappa / _KAPPA), each.kappa * _KAPPA)

    def _judge(self, todo: list[Walker]) -> None:
        """Gaps on W, and who is at the end."""
        for each, gap in zip(todo, self._gaps_of(todo), strict=True):
            whole = each.share == 1.0
            each.rate = gap / each.gap if whole and each.gap < np.inf else math.nan
            each.gap = gap if whole else each.gap
            # A loss of P that is rounding says nothing of the gap, which may be its root.
            each.rounded += whole and each.is_small and not gap <= 0.9 * each.least
            each.least = min(each.least, gap)
            used = self.used[each.point] = self.used.get(each.point, 0) + 1
            reached = gap <= self._aim(each.point)
            ended = each.rounded > _MORE or each.halved > _HALVINGS
            each.is_over = bool(reached or ended or used >= self.max_iter)

    def _aim(self, point: Point) -> float:
        if point.factor != 1.0:
            return working_set.NEAR
        # Of a ridge the gap is the square of an error, as in other solvers of ridges it is not.
        return min(0.5 * self.tol, self.tol**2) if self._is_ridge else 0.5 * self.tol

    def _gaps_of(self, todo: list[Walker], outside: Array = _NONE) -> Array:
        """Relative gaps, with the dual points that the tangent balances, from W and some columns
        outside: the others add nothing."""
        tangent, t = self.tangent, todo[0].point.t
        assert tangent is not None
        columns = np.concatenate([self.working.columns, outside])
        slopes = np.array([each.stand.slope for each in todo])
        B, G = np.zeros((2, len(columns), len(todo)))
        for q, each in enumerate(todo):
            B[: len(each.stand.beta), q] = each.stand.beta
            stand = each.stand
            G[:, q] = stand.gradient[columns] if stand.is_whole else stand.gradient
        rho2 = np.array([2.0 * (each.stand.value - self.problem.least) for each in todo])
        strengths = np.array([self._strength(each.point) for each in todo])
        ridge, penalty = self.problem.base_ridge(t)[columns], self.problem.base_penalty(t)
        some = type(penalty)(*(each[columns, None] for each in penalty))
        C = tangent.mean[columns, None] * slopes - G
        gap, _ = duality_gap(
            C, B, rho2, ridge[:, None] * strengths, penalties.times(some, strengths)
        )
        off = 0.0 if tangent.bend == np.inf else 0.5 * slopes**2 / tangent.bend
        out: Array = relative_to(gap + off, self.problem.scale_of_gap)
        return out

    # ------------------------------------------------------------ tangents and columns

    def _reconsider(self, todo: list[Walker]) -> None:
        """A new tangent where it is worth its time, or where steps fail."""
        if not todo:
            return
        # At its own tangent a step is the right one, but too long.
        stuck = [e for e in todo if e.halved >= _HALVED and e.stand is not self._origin]
        chosen = stuck[0] if stuck else None
        if chosen is None and self._is_bare and todo[0].stand is not self._origin:
            chosen = todo[0]
        if chosen is None:
            left = [self._left(each) for each in todo]
            if max(left) > self._price() + 1.0:
                chosen = todo[len(todo) // 2]
        if chosen is None:
            return
        self._touch(chosen.stand)
        for each in todo:
            each.kappa, each.rate, each.share, each.halved = 1.0, math.nan, 1.0, 0

    def _price(self) -> float:
        """Of a tangent, in looks at eight points: m p² operations beside those of the columns that
        a look reads, and a pass."""
        p, n = len(self.working.columns), self.problem.n_features
        read = p if self.problem.is_narrow(self.working.columns) else n
        return 1.0 + p * p / (_PASS * read)

    def _left(self, each: Walker) -> float:
        """Steps that a point still needs at the rate of its last."""
        if not each.rate < 1.0:
            return 0.0 if math.isnan(each.rate) else math.inf
        return math.log(self._aim(each.point) / each.gap) / math.log(each.rate)

    def _widen(self, walkers: list[Walker]) -> bool:
        """Look at all columns: whether points go on, with more columns where these are missing."""
        partial = [each for each in walkers if not each.stand.is_whole]
        if partial:
            self._look(partial, within=False, anew=True)
        points = [each.point for each in walkers]
        C = np.stack([-each.stand.gradient for each in walkers], axis=1)
        held = self._holding(C, points)
        held[self.working.columns] = 0.0
        outside = np.flatnonzero(held > 1.0)
        if not len(outside):
            return False
        for each, gap in zip(walkers, self._gaps_of(walkers, outside), strict=True):
            each.gap, each.rate, each.least, each.rounded = gap, math.nan, math.inf, 0
            each.share, each.halved, each.is_small = 1.0, 0, False
            done = self.used[each.point] >= self.max_iter
            each.is_over = bool(gap <= self._aim(each.point) or done)
        if all(each.is_over for each in walkers):
            return False
        old = len(self.working.columns)
        self.working.extend(self._outside(held))
        for each in walkers:
            beta = np.zeros(len(self.working.columns))
            beta[:old] = each.stand.beta
            each.stand = dataclasses.replace(each.stand, beta=beta)
        return True

    # ------------------------------------------------------------ the end

    def _store(self, walkers: list[Walker], betas: Array) -> None:
        for each in walkers:
            if each.point.factor == 1.0:
                betas[:, each.point.t] = 0.0
                betas[self.working.columns, each.point.t] = each.stand.beta
                self.levels[each.point.t] = each.stand.level

    def _state_of(self, walkers: list[Walker], before: State) -> SmoothState:
        """The state at the last point."""
        stand = walkers[-1].stand
        beta, strength = np.zeros(len(before.beta)), self._strength(walkers[-1].point)
        beta[self.working.columns] = stand.beta
        c = -stand.gradient
        if len(walkers) > 1:
            other = walkers[-2]
            span, change = strength - self._strength(other.point), c + other.stand.gradient
        else:
            span, change = strength - before.strength, c - before.correlation
        slope = change / span if span else before.slope
        return SmoothState(
            beta, c, 2.0 * (stand.value - self.problem.least), strength, slope,
            stand.level, stand.value, stand.slope,
        )  # fmt: skip


def solve(
    problem: SmoothProblem, betas: Array, tol: float, max_iter: int, progress: Progress | None
) -> tuple[Array, int]:
    """Fill β (n, k), in the problem's units, which holds the start: (b (k,), most steps of a
    point)."""
    if problem.is_ridge and problem.n_features > max(problem.X.shape[0], working_set.WHOLE):
        return _solve_rotated(problem, betas, tol, max_iter, progress)
    path = SmoothPath(problem, tol, max_iter)
    most = path.run([Point(t) for t in range(problem.n_points)], betas, progress)
    return path.levels, most


def _solve_rotated(
    problem: SmoothProblem, betas: Array, tol: float, max_iter: int, progress: Progress | None
) -> tuple[Array, int]:
    """`solve` in as many columns as there are rows."""
    rotation, whole = Rotation.of(problem), problem.objective
    r, penalty = rotation.Z.shape[1], whole.penalty
    none = type(penalty)(*(each[:r] if np.ndim(each) else each for each in penalty))
    own = dataclasses.replace(whole, l2=np.ones((1, 1)), penalty=none, weights=problem.weights)
    small = smooth(as_design(rotation.Z), problem.y_, own)
    gamma = np.zeros((small.n_features, small.n_points), order="F")
    levels, most = solve(small, gamma, tol, max_iter, progress)
    gamma, intercept = small.unscale(gamma)
    betas[:] = rotation.beta(gamma)
    return levels + intercept, most


def critical(problem: SmoothProblem, tol: float, max_iter: int) -> float:
    """The least strength at which the penalty holds at zero all that it can."""

    def refit(strength: float) -> Array:
        strict = on_grid(problem, np.array([strength]))
        betas = np.zeros((problem.n_features, 1), order="F")
        levels, _ = solve(strict, betas, tol, max_iter, None)
        used = np.flatnonzero(betas[:, 0])
        look = strict.look(used, betas[used], levels)
        return -look.gradient[:, 0]

    return critical_strength(problem.base_penalty(0), -problem.null_gradient, refit)

"""Any smooth loss, any separable penalty: a working set, and tangents that serve many points.

F is approximated by the quadratic that touches it at one point, `problems.smooth`; with its
penalty that is solved exactly, by the same active set as least squares. The gradient is exact at
every step and the Hessian H old: a chord, in the terms of Newton's method,

    (δ, δ₀) = argmin κ·(½ δᵀHδ) + gᵀδ + p(β + δ),   κ = Δgᵀδ/δᵀHδ of the step before.

Eight strengths share a read of X, and as many as can one tangent:

    1. predict which columns matter, and solve at the strengths from the tangent at the last one
    2. one read of X, or of the columns in use alone, gives P, gradients and gaps at all of them;
       a step counts if it lessens P by Armijo's rule, else the next look tries shorter ones, as
       many as there is room for
    3. a new tangent where gaps shrink so slowly that it takes less time than the steps it spares,
       or steps are halved again and again; a secant where they are at their own tangent
    4. points that want a second tangent of their own are parted: the later half waits until the
       first is at its end, and goes on from there (`walkers.Convoy`)

The rule of 3 counts operations, never time: the bits are the same on every machine.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import _factor, penalties
from fastreg.certificate import KKT, duality_gap, relative_to
from fastreg.certificate.penalties import penalty_value
from fastreg.design import as_design
from fastreg.losses import traits
from fastreg.penalties import is_zero
from fastreg.problems.coupled import spectrum_of
from fastreg.problems.rotated import Rotation
from fastreg.problems.smooth import SmoothProblem, Tangent, smooth
from fastreg.problems.views import Look
from fastreg.solvers import working_set
from fastreg.solvers.critical import critical_strength
from fastreg.solvers.tangent_ridge import RidgeSteps
from fastreg.solvers.walkers import FAR, HALVED, LOST, Convoy, Stand, Walker
from fastreg.solvers.working_set import CHUNK, Point, Progress, State, WorkingSet

Array = np.ndarray
_PASS = 48  # columns of W for which a tangent takes as long as a read for eight points
_SINGULAR = 1e-13  # of the largest eigenvalue, those that count as zero where nothing is penalised
_SHARE_OF_KKT = 0.01  # of the residual asked, that a step aims at where no gap is known
_FINEST = 1e-30  # of gaps, where all is asked: the square of one that is rounding
_ROUNDED = 1e-12  # of the null model's loss, which may be nothing
_ABSURD = 10.0  # times what P can fall by at most, promised by a tangent
LEAST = 1e-250  # strength from which ridge terms make a factor definite
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class SmoothState(State):
    """`State` with c = −∂F/∂β, and b, F and ∂F/∂b there."""

    level: Any = 0.0
    value: float = 0.0
    tilt: Any = 0.0


class SmoothPath(working_set.PathFollower):
    """The loop of the module over the points of a path."""

    problem: Any  # `SmoothProblem`, or `SmoothBlocks`
    cost_of_slope = 1.0  # by b: of its square, in units of what that can gain

    def __init__(self, problem: Any, levels: Array, tol: float, max_iter: int) -> None:
        """`levels` (q, k), or (k,) of one intercept, hold the start of b, and receive the end."""
        super().__init__(problem, WorkingSet(problem), tol, max_iter, False, None)
        self.tangent: Tangent | None = None
        # Of ridge terms alone every coefficient is free, and one factor serves them.
        self._is_ridge = problem.is_ridge
        # Without a penalty there may be no minimum, and only Newton's own steps go one way.
        self._is_bare = is_zero(problem.objective.penalty) and not problem.objective.ridges().any()
        self._is_convex = traits(problem.objective.loss).convex
        self._ridge: RidgeSteps | None = None
        self._origin: Stand | None = None  # of the tangent
        self._is_secant = False
        self._loaded: tuple[int, float] | None = None  # stand and κ that the active set started at
        self.kappa = 1.0
        self.levels = np.atleast_2d(levels)

    # ------------------------------------------------------------ the start

    def begin(self, point: Point, start: Array) -> SmoothState:
        """The state at a start (n,), zero for the null model."""
        problem, level = self.problem, self.levels[:, point.t].copy()
        columns = np.flatnonzero(start)
        if not len(columns):
            level = np.atleast_1d(np.asarray(problem.level, float)).copy()
            value = problem.scale_of_gap + problem.least
            c, slope = -problem.null_gradient, np.zeros(len(level))
        else:
            look = problem.look(columns, start[columns, None], level[:, None])
            value, c = float(look.value[0]), -look.gradient[:, 0]
            slope = np.atleast_2d(look.slope)[:, 0]
        self._draw(problem.tangent(columns, start[columns], level))
        rho2 = 2.0 * (value - problem.least)
        return SmoothState(start, c, rho2, self._strength(point), None, level, value, slope)

    # ------------------------------------------------------------ a chunk

    def _advance(self, chunk: list[Point], state: State, betas: Array) -> State:
        """Solve at the points of a chunk; the state at the last."""
        assert isinstance(state, SmoothState)
        W = self.working.columns
        stand = Stand(state.beta[W], state.level, state.value, state.tilt, -state.correlation)
        self._origin = self._origin or stand  # `begin` has drawn the first tangent there
        walkers = [Walker(point, stand, self.kappa) for point in chunk]
        convoy = Convoy(walkers)
        while True:
            todo = convoy.gather(self._terms)
            if todo:
                narrow = self.problem.is_narrow(self.working.columns)
                self._step(todo)
                self._look(todo, within=narrow)
                self._judge(todo)
                self._reconsider(convoy)
            elif self._widen(walkers):
                convoy = Convoy(walkers)
            else:
                break
        self.kappa = walkers[-1].kappa
        self._store(walkers, betas)
        return self._state_of(walkers, state)

    def _touch(self, stand: Stand, *, is_secant: bool) -> None:
        """A new tangent, or a secant."""
        W = self.working.columns
        self._draw(self.problem.tangent(W, stand.beta, stand.level, is_secant=is_secant))
        self._origin, self._is_secant = stand, is_secant

    def _draw(self, tangent: Tangent) -> None:
        self.tangent = tangent
        self.working.move(tangent.problem)
        self._ridge = None

    def _step(self, todo: list[Walker]) -> None:
        """Where the tangent sends those whose last step counted."""
        self._loaded = None
        for each in todo:
            if each.share < 1.0:
                continue
            stand, beta = each.stand, self._argmin(each)
            level = self._level(each, beta - stand.beta)
            each.target = beta, level
            along = float(stand.on(self.working.columns) @ (beta - stand.beta))
            along += float(stand.slope @ (level - stand.level))
            if math.isnan(each.here):
                each.here = self._terms(each.point, stand.beta)
            each.ahead = self._terms(each.point, beta)
            each.lost = -along + each.here - each.ahead
            each.objective = stand.value + each.here

    def _argmin(self, each: Walker) -> Array:
        """β (p,) at the minimum of the tangent and the penalty."""
        tangent, working, W = self.tangent, self.working, self.working.columns
        assert tangent is not None
        stand, kappa, strength = each.stand, each.kappa, self._strength(each.point)
        c = tangent.mean_of(W) @ stand.slope - stand.on(W)
        if self._is_ridge and strength > LEAST:
            return stand.beta + self._ridges().step(c, stand.beta, strength, kappa)
        if self._is_bare:  # where rows leave the answer open the shortest in the user's units
            scale = self.problem.scale[W]
            root = np.divide(1.0, scale, out=np.zeros(len(W)), where=scale > 0.0)
            root /= root.max(initial=1e-300)
            gram = working.gram * root * root[:, None]
            return stand.beta + root * _factor.least_norm(gram, root * c / kappa, _SINGULAR)
        if self._loaded != (id(stand), kappa):  # neighbours go on from one another
            working.load(stand.beta, c / kappa)
        self._loaded = id(stand), kappa
        scaled = Point(each.point.t, each.point.factor / kappa)
        slack = working_set.SLACK * self.tol * self._weight(each, c)
        working.minimise(scaled, slack, 1000 + 4 * len(W))
        return working.coef.copy()

    def _weight(self, each: Walker, c: Array) -> float:
        """Of slopes that count, as a share of the largest: neighbours on a path are as near as
        their strengths."""
        return 1.0

    def _level(self, each: Walker, move: Array) -> Array:
        """b at that minimum."""
        tangent, stand = self.tangent, each.stand
        assert tangent is not None
        down = (tangent.inverse @ stand.slope) / each.kappa
        return stand.level - down - tangent.mean_of(self.working.columns).T @ move

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

    def _terms(self, point: Point, beta: Array) -> float:
        """Ridge and penalty."""
        l2, penalty = self.working.terms(point)
        return float(0.5 * (l2 @ (beta * beta)) + penalty_value(penalty, beta).sum())

    def _look(self, todo: list[Walker], *, within: bool) -> None:
        """F and its gradient where the steps lead, or where shorter ones do, as many as there is
        room for; those that lessen P count."""
        room = max(CHUNK // len(todo), 1)
        shares = [each.shares(room) for each in todo]
        tries = [(each, share) for each, some in zip(todo, shares, strict=True) for share in some]
        trials = [each.trial(share) for each, share in tries]
        found = iter(self._found([each for each, _ in tries], trials, within))
        for each, some in zip(todo, shares, strict=True):
            self._accept(each, some, [next(found) for _ in some])

    def _look_again(self, todo: list[Walker]) -> None:
        """F and its gradient, of all columns, where points stand."""
        trials = [(each.stand.beta, each.stand.level) for each in todo]
        for each, found in zip(todo, self._found(todo, trials, within=False), strict=True):
            each.stand = found

    def _found(
        self, tries: list[Walker], trials: list[tuple[Array, Array]], within: bool
    ) -> list[Stand]:
        """What a look sees at trials of some points."""
        betas = np.stack([beta for beta, _ in trials], axis=1)
        levels = np.stack([level for _, level in trials], axis=1)
        look = self._seen(tries, betas, levels, within)
        gradients, slopes = np.ascontiguousarray(look.gradient.T), np.atleast_2d(look.slope).T
        bends = [None] * len(tries) if look.bend is None else look.bend
        return [
            Stand(*trial, float(value), slope, gradient, not within, bend)
            for trial, value, slope, gradient, bend in zip(
                trials, look.value, slopes, gradients, bends, strict=True
            )
        ]

    def _seen(self, todo: list[Walker], betas: Array, levels: Array, within: bool) -> Look:
        return self.problem.look(self.working.columns, betas, levels, within=within)

    def _accept(self, each: Walker, shares: list[float], found: list[Stand]) -> None:
        """Make the best trial the stand, or shorten the step."""
        terms = [
            each.ahead if share == 1.0 else self._terms(each.point, stand.beta)
            for share, stand in zip(shares, found, strict=True)
        ]
        after = [stand.value + own for stand, own in zip(found, terms, strict=True)]
        best = each.choose(shares, after, self.problem.scale_of_gap)
        if best is not None:
            self._learn(each, found[best])
            each.make(found[best], terms[best])

    def _learn(self, each: Walker, found: Stand) -> None:
        """κ from the step that was made."""
        stand, tangent = each.stand, self.tangent
        assert tangent is not None
        move, up = found.beta - stand.beta, found.level - stand.level
        W = self.working.columns
        change = found.on(W) - stand.on(W)
        turned = float(change @ move) + float((found.slope - stand.slope) @ up)
        used = np.flatnonzero(move)
        gram = self.working.gram
        part = gram if 2 * len(used) > len(move) else gram[np.ix_(used, used)]
        some = move if part is gram else move[used]
        bent = float(some @ (part @ some))
        whole = up + tangent.mean_of(W).T @ move
        bent += float(whole @ (tangent.bend @ whole))
        each.learn(turned, bent)

    def _judge(self, todo: list[Walker]) -> None:
        """Gaps on W, and who is at the end."""
        for each, gap in zip(todo, self._gaps_of(todo), strict=True):
            each.judge(gap, self._aim(each.point))
            used = self.used[each.point] = self.used.get(each.point, 0) + 1
            each.is_over |= used >= self.max_iter

    def _aim(self, point: Point) -> float:
        if point.factor != 1.0:
            return working_set.NEAR
        if not self._is_convex:  # what counts is the KKT residual, and the gap its square
            return max((_SHARE_OF_KKT * min(self.tol, KKT)) ** 2, _FINEST)
        # Of a ridge the gap is the square of an error, as in other solvers of ridges it is not.
        aim = min(0.5 * self.tol, self.tol**2) if self._is_ridge else 0.5 * self.tol
        return max(aim, _FINEST)

    def _gaps_of(self, todo: list[Walker], outside: Array = _NONE) -> Array:
        """Relative gaps, with the dual points that the tangent balances, from W and some columns
        outside: the others add nothing."""
        tangent, t = self.tangent, todo[0].point.t
        assert tangent is not None
        columns = np.concatenate([self.working.columns, outside])
        slopes = np.stack([each.stand.slope for each in todo], axis=1)
        B, G = np.zeros((2, len(columns), len(todo)))
        for q, each in enumerate(todo):
            B[: len(each.stand.beta), q] = each.stand.beta
            G[:, q] = each.stand.on(columns)
        rho2 = np.array([2.0 * (each.stand.value - self.problem.least) for each in todo])
        strengths = np.array([self._strength(each.point) for each in todo])
        ridge, penalty = self.problem.base_ridge(t)[columns], self.problem.base_penalty(t)
        some = type(penalty)(*(each[columns, None] for each in penalty))
        C = tangent.mean_of(columns) @ slopes - G
        gap, _ = duality_gap(
            C, B, rho2, ridge[:, None] * strengths, penalties.times(some, strengths)
        )
        off = 0.5 * self.cost_of_slope * (slopes * (tangent.inverse @ slopes)).sum(axis=0)
        out: Array = relative_to(gap + off, self.problem.scale_of_gap)
        return out

    # ------------------------------------------------------------ tangents and columns

    def _reconsider(self, convoy: Convoy) -> None:
        """A new tangent where it is worth its time, or where steps fail. Points that want a second
        one of their own are too far apart for any."""
        todo = convoy.left()
        stuck = [each for each in todo if each.halved >= self._patience(each)]
        if not (stuck or self._is_slow(todo)):
            return
        if convoy.has_tangent:
            todo = convoy.part()
            stuck = [each for each in stuck if each in todo]
        chosen = stuck[0] if stuck else todo[len(todo) // 2]
        is_own = chosen.stand is self._origin
        convoy.has_tangent = True
        if is_own and not stuck:
            return
        self._touch(chosen.stand, is_secant=is_own)
        for each in todo:
            each.turn()

    def _is_slow(self, todo: list[Walker]) -> bool:
        """Whether steps from a new tangent would spare more time than it takes."""
        if not todo:
            return False
        if self._is_bare and todo[0].stand is not self._origin:
            return True
        if self._is_secant and all(each.is_longer for each in todo):
            return False
        left = max(each.steps_left(self._aim(each.point)) for each in todo)
        return left > self._price() + 1.0

    def _patience(self, each: Walker) -> float:
        """Steps to halve before there is a new tangent. At its own a step is the right one, but too
        long, unless it promises far more than there is to lose. A secant is drawn once."""
        if each.stand is not self._origin:
            return HALVED
        if self._is_secant:
            return math.inf
        left = max(each.objective - self.problem.least, _ROUNDED * self.problem.scale_of_gap)
        absurd = each.lost > _ABSURD * left
        return FAR if absurd else LOST

    def _price(self) -> float:
        """Of a tangent, in looks at eight points: m p² operations beside those of the columns that
        a look reads, and a pass."""
        p, n = len(self.working.columns), self.problem.n_features
        read = p if self.problem.is_narrow(self.working.columns) else n
        return 1.0 + p * p / (_PASS * read)

    def _widen(self, walkers: list[Walker]) -> bool:
        """Look at all columns: whether points go on, with more columns where these are missing."""
        partial = [each for each in walkers if not each.stand.is_whole]
        if partial:
            self._look_again(partial)
        points = [each.point for each in walkers]
        C = np.stack([-each.stand.gradient for each in walkers], axis=1)
        held = self._holding(C, points)
        held[self.working.columns] = 0.0
        outside = np.flatnonzero(held > 1.0)
        if not len(outside):
            return False
        for each, gap in zip(walkers, self._gaps_of(walkers, outside), strict=True):
            each.restart(gap, self._aim(each.point))
            each.is_over |= self.used[each.point] >= self.max_iter
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
                self.levels[:, each.point.t] = self._settled(each)

    def _settled(self, each: Walker) -> Array:
        """b at its best, but for the square of its slope: a certificate pays for the slope."""
        stand, tangent = each.stand, self.tangent
        assert tangent is not None
        if not self.problem.objective.fit_intercept:
            return np.zeros(len(stand.level))
        if np.ndim(stand.bend) == 2:
            values, vectors, kept = spectrum_of(stand.bend)
            down = vectors[:, kept].T @ stand.slope / values[kept]
            return stand.level - vectors[:, kept] @ down
        if stand.bend is not None and stand.bend > 0.0:
            return stand.level - stand.slope / stand.bend
        return stand.level - tangent.inverse @ stand.slope / each.kappa

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
    problem: Any, betas: Array, levels: Array, tol: float, max_iter: int, *,
    points: Array | None = None, progress: Progress | None = None,
) -> int:  # fmt: skip
    """Fill β (n, k), in the problem's units, and b (k,), or (q, k) of q intercepts, which hold the
    start, at some points or at all; the most steps of a point."""
    if problem.is_wide_ridge:
        return _solve_rotated(problem, betas, levels, tol, max_iter, progress)
    path = SmoothPath(problem, levels, tol, max_iter)
    some = range(problem.n_points) if points is None else points
    return path.run([Point(int(t)) for t in some], betas, progress)


def _solve_rotated(
    problem: SmoothProblem, betas: Array, levels: Array, tol: float, max_iter: int,
    progress: Progress | None,
) -> int:  # fmt: skip
    """`solve` in as many columns as there are rows, and those without a ridge term."""
    rotation = Rotation.of(problem)
    own = dataclasses.replace(rotation.objective(problem.objective), weights=problem.weights)
    small = smooth(as_design(rotation.columns), problem.rows_y, own)
    gamma = np.zeros((small.n_features, small.n_points), order="F")
    levels[:] = small.level
    most = solve(small, gamma, levels, tol, max_iter, progress=progress)
    gamma, intercept = small.unscale(gamma)
    betas[:] = rotation.beta(gamma)
    levels += intercept
    return most


def critical(problem: Any, tol: float, max_iter: int) -> float:
    """The least strength at which the penalty holds at zero all that it can."""

    def refit(strength: float) -> Array:
        strict = problem.at_strengths(np.array([strength]))
        betas = np.zeros((problem.n_features, 1), order="F")
        levels = np.atleast_1d(np.asarray(problem.level, float))[:, None].copy()
        solve(strict, betas, levels, tol, max_iter)
        used = np.flatnonzero(betas[:, 0])
        look = strict.look(used, betas[used], levels)
        return -look.gradient[:, 0]

    return critical_strength(problem.base_penalty(0), -problem.null_gradient, refit)

"""Where the points of a path of tangents stand, and which of their steps count."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.solvers.working_set import Point

Array = np.ndarray
HALVED = 3  # steps halved as often want another tangent
LOST = 10  # at their own tangent, which is then of no use: ℓ″ says nothing of the way
FAR = 2  # there, where the step promises more than there is: one look at shorter ones
_ARMIJO = 1e-4
_ROUNDED, _NOTHING = 1e-15, 1e-13  # of P: its rounding, and a loss of P that is
_MORE = 2  # steps from there on
_KAPPA = 8.0  # between which and its inverse κ may change
_SHALLOW = 0.5  # change of κ from which a tangent was too steep: its steps get longer
_HALVINGS = 60
_SHORT = 0.1  # of a step that leaves float64


@dataclass(eq=False)
class Stand:
    """Where a point of the path stands: β (p,) on W, b (q,), F, ∂F/∂b (q,), and ∂F/∂β of all
    columns (n,), or of W (p,)."""

    beta: Array
    level: Array
    value: float
    slope: Array
    gradient: Array
    is_whole: bool = True  # whether the gradient is that of all columns
    bend: Any = None  # ∂²F/∂b², or that (q, q), where it is known

    def on(self, W: Array) -> Array:
        """∂F/∂β of the columns of W."""
        return self.gradient[W] if self.is_whole else self.gradient


class Walker:
    """A point on its way: the stand that counts, the step tried, and what is known of its end.

    target : (β, b) where the whole step leads
    share : of the step, what is tried next
    here, ahead : ridge and penalty at the stand, NaN until they are known, and at the target
    objective, lost : P at the stand, and what the whole step would lessen it by, to first order
    kappa : κ of the module `tangents`
    gap, least, rate : relative gap, the least so far, and by how much the last step lessened it
    halved, rounded : steps halved in a row, and steps made since P lessens by no more than rounding
    is_over, is_longer : whether the point is at its end, and its next step longer by κ
    """

    def __init__(self, point: Point, stand: Stand, kappa: float) -> None:
        self.point, self.stand, self.kappa = point, stand, kappa
        self.target: tuple[Array, Array] = (stand.beta, stand.level)
        self.share, self.here, self.ahead = 1.0, math.nan, math.nan
        self.objective, self.lost = math.nan, math.inf
        self.gap, self.least, self.rate = math.inf, math.inf, math.nan
        self.halved, self.rounded = 0, 0
        self.is_over, self.is_longer, self._is_small = False, False, False

    def shares(self, room: int) -> list[float]:
        """Of the step, to look at: the whole of it, or shorter ones where it was too long."""
        return [self.share * 0.5**k for k in range(1 if self.share == 1.0 else room)]

    def trial(self, share: float) -> tuple[Array, Array]:
        """(β, b) at a share of the step."""
        (beta, level), stand = self.target, self.stand
        if share == 1.0:
            return beta, level
        return stand.beta + share * (beta - stand.beta), stand.level + share * (level - stand.level)

    def choose(self, shares: list[float], after: list[float], scale: float) -> int | None:
        """Which of some shares is a step, by Armijo's rule, the one that lessens P most; else the
        next is shorter. They end at P = `after`; `scale` is the unit of gaps."""
        now = self.objective
        is_small = self.lost <= _NOTHING * max(abs(now), scale)
        slack = (_NOTHING if is_small else _ROUNDED) * abs(now)
        rooms = [now - _ARMIJO * share * self.lost + slack for share in shares]
        steps = [q for q, room in enumerate(rooms) if after[q] <= room]
        if not steps:
            self.halved += len(shares)
            self.share = shares[-1] * (0.5 if math.isfinite(after[-1]) else _SHORT)
            return None
        self._is_small = is_small
        return min(steps, key=after.__getitem__)

    def make(self, found: Stand, terms: float) -> None:
        """The step that counts, and ridge and penalty there."""
        self.stand, self.here, self.share, self.halved = found, terms, 1.0, 0

    def learn(self, turned: float, bent: float) -> None:
        """κ from Δgᵀδ and δᵀHδ of a step."""
        before = self.kappa
        if bent > 0.0 and turned > 0.0:
            self.kappa = min(max(turned / bent, before / _KAPPA), before * _KAPPA)
        self.is_longer = self.kappa < _SHALLOW * before

    def judge(self, gap: float, aim: float) -> None:
        """Whether the point is at its end, from its relative gap and the one aimed at."""
        whole = self.share == 1.0
        self.rate = gap / self.gap if whole and self.gap < np.inf else math.nan
        self.gap = gap if whole else self.gap
        # A loss of P that is rounding says nothing of the gap, which may be its root.
        self.rounded += whole and self._is_small and not gap <= 0.9 * self.least
        self.least = min(self.least, gap)
        self.is_over = bool(gap <= aim or self.rounded > _MORE or self.halved > _HALVINGS)

    def steps_left(self, aim: float) -> float:
        """At the rate of the last step."""
        if not self.rate < 1.0:
            return 0.0 if math.isnan(self.rate) else math.inf
        return math.log(aim / self.gap) / math.log(self.rate)

    def turn(self) -> None:
        """Go on from a new tangent."""
        self.kappa, self.rate, self.share, self.halved = 1.0, math.nan, 1.0, 0

    def restart(self, gap: float, aim: float) -> None:
        """Go on with more columns, whose part `gap` has."""
        self.gap, self.rate, self.least, self.rounded = gap, math.nan, math.inf, 0
        self.share, self.halved, self._is_small = 1.0, 0, False
        self.is_over = bool(gap <= aim)

    def follow(self, other: Walker, terms: Callable[[Point, Array], float]) -> None:
        """Go on from the end of a point before, or from one's own stand where P is less."""
        own, end = self.stand, other.stand
        here = terms(self.point, end.beta)
        if end.value + here < own.value + terms(self.point, own.beta):
            self.stand, self.here, self.rounded = end, here, 0
            self.gap, self.least = math.inf, math.inf
        self.turn()
        self.kappa = other.kappa


class Convoy:
    """Points that walk together, and others that wait. What is too far apart for one tangent is
    parted: the second half goes on where the first ends.

    has_tangent : whether those that walk together have had a tangent of their own
    """

    def __init__(self, walkers: list[Walker]) -> None:
        self._together, self.has_tangent = walkers, False
        self._waiting: list[list[Walker]] = []

    def left(self) -> list[Walker]:
        """Those together that are not at their ends."""
        return [each for each in self._together if not each.is_over]

    def gather(self, terms: Callable[[Point, Array], float]) -> list[Walker]:
        """Those who take the next step together; none if all are at their ends."""
        while not self.left() and self._waiting:
            last, self._together = self._together[-1], self._waiting.pop()
            self.has_tangent = False
            for each in self.left():
                each.follow(last, terms)
        return self.left()

    def part(self) -> list[Walker]:
        """Let the second half of several wait; the others."""
        todo = self.left()
        half = -(-len(todo) // 2)
        if len(todo) > half:
            self._waiting.append(todo[half:])
        self._together = todo[:half]
        return self._together

"""Minimising J: epochs of gradient steps through the kernels, or L-BFGS on their gradient."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastreg._jit import run_blocks
from fastreg.network import kernels
from fastreg.network.calculus import Objective, between, defect, orthogonality
from fastreg.network.layers import ACTIVATIONS, Layout

Array = np.ndarray
_PART, _MOST = 1 << 21, 4  # weights times rows of a part; parts
_BLOCK = 4096  # rows that the referee looks at together
_AHEAD = 1 << 24  # multiplications of a call: an interrupt is seen between calls


@dataclass(frozen=True, eq=False)
class Problem:
    """What is minimised, as the kernels take it.

    X, Y : (m, n), (m, k) float32 or float64 in C order; weights : (m,) float64 of mean 1
    total : M; l2, l1 : (L,) (1 − ρ)λ_l and ρλ_l; omega, orthogonal : weights of two penalties
    """

    X: Array
    Y: Array
    weights: Array
    total: float
    layout: Layout
    activation: str
    l2: Array
    l1: Array
    omega: float = 0.0
    orthogonal: float = 0.0

    @property
    def kind(self) -> int:
        return ACTIVATIONS.index(self.activation)

    @functools.cached_property
    def sizes(self) -> Array:
        return np.array(self.layout.sizes)

    def loss(self, theta: Array, squares: float) -> float:
        """J, where Σ w‖r‖² of weights of mean 1 is known; without Ω, which is no part of J."""
        W = [each.astype(float) for each in self.layout.split(theta)[0]]
        held = [
            0.5 * l2 * np.sum(w * w) + l1 * np.sum(np.abs(w))
            for l2, l1, w in zip(self.l2, self.l1, W, strict=True)
        ]
        return float(0.5 * squares / len(self.X) + sum(held) / self.total + self._apart(theta))

    def _apart(self, theta: Array) -> float:
        if not self.orthogonal:
            return 0.0
        return self.orthogonal * sum(
            float(np.sum(defect(w) ** 2)) for w in between(self.layout.split(theta)[0])
        )

    def referee(self, rows: Array | slice | None = None) -> Objective:
        """The same objective in NumPy and float64, on some rows."""
        X, Y, w = (each if rows is None else each[rows] for each in (self.X, self.Y, self.weights))
        share = self.total / len(self.X)
        return Objective(
            X.astype(float, copy=False), Y.astype(float, copy=False), w * share,
            self.layout, self.activation,
            self.l2 * (1.0 if rows is None else float((w * share).sum()) / self.total),
            self.orthogonal,
        )  # fmt: skip

    def stationarity(self, theta: Array) -> float:
        """Largest entry of the shortest subgradient of J, in NumPy; 0 at a stationary point.

        Of the orthogonal penalty too; Ω is no function of θ alone, and is left out.
        """
        theta, g = theta.astype(float), np.zeros(len(theta))
        for start in range(0, len(self.X), _BLOCK):
            some = self.referee(slice(start, start + _BLOCK))
            data, penalties = some.gradients(theta)
            g += some.total / self.total * data
        g += penalties
        lasso = self.layout.join(
            [np.full(w.shape, l1 / self.total) for l1, w in
             zip(self.l1, self.layout.split(theta)[0], strict=True)],
            [np.zeros(b.shape) for b in self.layout.split(theta)[1]],
        )  # fmt: skip
        at_zero = np.maximum(np.abs(g) - lasso, 0.0)
        return float(np.max(np.where(theta != 0, np.abs(g + lasso * np.sign(theta)), at_zero)))


class Gradient:
    """The gradient of the data at θ for a batch of rows, in as many parts as its size asks for,
    whatever the number of threads; `parts` (q, p) are to be added up in order.

    A step of a 100–256–256–256–1 network with 200 rows takes 3.2 ms in one part. BLAS's own threads
    share a product in ways of which the bits depend on their number.
    """

    def __init__(self, problem: Problem, batch: int) -> None:
        p, sizes = problem.layout.length, sum(problem.layout.sizes)
        self.problem, self.batch = problem, batch
        self.count = min(_MOST, batch, 1 << max(0, round(np.log2(batch * p / _PART))))
        self.capacity = -(-batch // self.count)
        self.parts = np.zeros((self.count, p), problem.X.dtype)
        self.scratch = np.zeros((self.count, 2, self.capacity * sizes), problem.X.dtype)

    def __call__(self, theta: Array, rows: Array, begin: int, count: int) -> float:
        """Fill `parts` for `count` rows from `begin` on; Σ w‖r‖²."""
        p, n_parts = self.problem, self.count
        squares = np.zeros(n_parts)
        data = kernels.Rows(p.X, p.Y, p.weights, rows)

        def work(first: int, last: int) -> None:
            for q in range(first, last):
                a, b = (begin + count * k // n_parts for k in (q, q + 1))
                self.parts[q], (acts, deltas) = 0.0, self.scratch[q]
                if a < b:
                    net = kernels.Net(p.sizes, p.kind, acts, deltas, self.capacity)
                    squares[q] = kernels.data_gradient(
                        theta, self.parts[q], data, a, b - a, count, net, p.omega
                    )

        run_blocks(work, n_parts, step=1)
        return float(sum(squares))


class Trainer:
    """θ under way, with the optimiser's memory."""

    def __init__(
        self,
        problem: Problem,
        theta: Array,
        *,
        adam: bool,
        learning_rate: float,
        momentum: float,
        batch: int,
        clip: float,
    ) -> None:
        self.problem, self.theta, self.steps = problem, theta, 0
        self.adam, self.learning_rate, self.momentum = adam, learning_rate, momentum
        self.batch, self.clip = min(batch, len(problem.X)), clip
        self._first, self._second = np.zeros_like(theta), np.zeros_like(theta)
        self._gradient = Gradient(problem, self.batch)

    @property
    def batches(self) -> int:
        """Of an epoch."""
        return -(-len(self.problem.X) // self.batch)

    def epoch(self, rows: Array, every: int = 0, look: Callable[[], None] | None = None) -> float:
        """Every row once, in this order: Σ w‖r‖²; `look` is called after each `every` steps."""
        done, total = 0, 0.0
        cost = self.batch * len(self.theta)
        while done < self.batches:
            some = min(self.batches - done, max(1, _AHEAD // cost))
            if every:
                some = min(some, every - self.steps % every)
            total += self._advance(rows, done, done + some)
            done += some
            if every and look is not None and self.steps % every == 0:
                look()
        return total

    def _advance(self, rows: Array, first: int, last: int) -> float:
        p, memory = self.problem, (self._first, self._second)
        rule = kernels.Rule(
            kernels.ADAM if self.adam else kernels.DESCENT, self.learning_rate, self.momentum,
            p.l2 / p.total, p.l1 / p.total, p.orthogonal, self.clip,
        )  # fmt: skip
        if self._gradient.count > 1:
            squares = 0.0
            for b in range(first, last):
                begin = b * self.batch
                count = min(self.batch, len(rows) - begin)
                squares += self._gradient(self.theta, rows, begin, count)
                self.steps += 1
                kernels.advance(self.theta, self._gradient.parts, memory, p.sizes, self.steps, rule)
            return squares
        acts, deltas = self._gradient.scratch[0]
        data = kernels.Rows(p.X, p.Y, p.weights, rows)
        net = kernels.Net(p.sizes, p.kind, acts, deltas, self.batch)
        squares = kernels.train(
            self.theta, self._gradient.parts[0], memory, data, net, first, last, self.steps, rule,
            p.omega,
        )  # fmt: skip
        self.steps += last - first
        return float(squares)

    def last_update(self) -> Array:
        """What the last step added to θ, but for the prox of L1."""
        if not self.adam:
            return self._first
        rate = self.learning_rate * np.sqrt(1.0 - 0.999**self.steps) / (1.0 - 0.9**self.steps)
        return -rate * self._first / (np.sqrt(self._second) + 1e-8)


def value_and_gradient(problem: Problem) -> Callable[[Array], tuple[float, Array]]:
    """θ ↦ (J, ∇J) in the precision of the data, through the kernels; for smooth J."""
    rows, dtype = np.arange(len(problem.X)), problem.X.dtype
    data = Gradient(dataclasses.replace(problem, omega=0.0), len(rows))

    def evaluate(theta: Array) -> tuple[float, Array]:
        theta = np.ascontiguousarray(theta, dtype)
        squares = data(theta, rows, 0, len(rows))
        weights, biases = problem.layout.split(theta)
        held = [
            l2 / problem.total * W + problem.orthogonal * each
            for l2, W, each in zip(problem.l2, weights, orthogonality(weights), strict=True)
        ]
        penalties = problem.layout.join(held, [np.zeros_like(b) for b in biases])
        return problem.loss(theta, squares), data.parts.sum(axis=0) + penalties

    return evaluate


def lbfgs(
    problem: Problem, theta: Array, *, tol: float, max_iter: int, memory: int = 20
) -> tuple[Array, int, bool, list[float]]:
    """(θ, steps, whether max|∇J| ≤ tol was reached or rounding ended it, J at each step)."""
    from scipy.optimize import minimize

    evaluate, losses = value_and_gradient(problem), []

    def note(intermediate_result):  # type: ignore[no-untyped-def]  # scipy looks at the name
        losses.append(float(intermediate_result.fun))

    found = minimize(
        lambda t: tuple(np.asarray(each, float) for each in evaluate(t)),
        theta.astype(float),
        jac=True,
        method="L-BFGS-B",
        callback=note,
        options={
            "maxiter": max_iter, "maxfun": 20 * max_iter, "gtol": tol, "ftol": 0.0,
            "maxcor": memory,
        },
    )  # fmt: skip
    return found.x.astype(problem.X.dtype), int(found.nit), found.status != 1, losses

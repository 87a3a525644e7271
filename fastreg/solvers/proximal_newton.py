"""Any smooth loss: a least-squares problem of the same penalty at each step, solved exactly.

    z = o + b + Xβ,   u = ℓ′(z),   v = w∘ℓ″(z),   V = Σ v
    (β⁺, b⁺) = argmin (1/V) Σ v ½(t − b − xᵀβ)² + (M/V)·s·(½ Σ l2 β² + p),   t = z − o − u/ℓ″

and a step along the line from (β, b) to (β⁺, b⁺) that lessens P by Armijo's rule. Δ, what P loses
there to first order, is twice what is left to second. A certified gap is of the first order in the
error of the gradient, so of √Δ: steps end at Δ ≤ tol², of the null model's loss, or two after Δ is
rounding.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import kernels
from fastreg.certificate import losses
from fastreg.certificate.intercept import null_model
from fastreg.certificate.penalties import penalty_value
from fastreg.design import Design
from fastreg.objectives import Objective
from fastreg.penalties import times
from fastreg.solvers.critical import critical_strength

Array = np.ndarray
_FLAT = 1e-10  # of the largest ℓ″: rows with less bend that much
_ROUNDED = 1e-15  # of P, to which it is known
_NOTHING, _MORE = 1e-13, 2  # of P: Δ that is rounding; steps from there on
_ARMIJO = 1e-4
_HALVINGS = 40
_INNER = 0.01  # share of the gap asked that an inner problem may leave


@dataclass
class State:
    """β (n,), b, Xβ + b (m,)."""

    beta: Array
    intercept: float
    fitted: Array


class ProximalNewton:
    """The points of one target.

    Parameters
    ----------
    X : Design, (m, n); y : (m,)
    inner : (Objective, t (m,), start (n,), tol) ↦ (β (n,), b, reads of X): a weighted least-squares
        problem

    Attributes
    ----------
    null : the intercept alone, if there is one; after `critical_strength` with what no strength
        holds; scale : what the loss of the intercept alone is above the least there is
    steps, passes : of all points so far
    """

    def __init__(self, X: Design, y: Array, objective: Objective, inner: Any) -> None:
        m = X.shape[0]
        self.X, self.y, self.objective, self.inner = X, y, objective, inner
        w = np.ones(m) if objective.weights is None else objective.weights
        self.w = w / w.sum()
        self.offset = np.zeros(m) if objective.offset is None else objective.offset
        self.null = self._null()
        self.scale = self._loss_above_least()
        self.steps = self.passes = 0

    def _null(self) -> State:
        """Intercept alone, if there is one."""
        own, y = self.objective, self.y[:, None]
        level, _ = null_model(own.loss, y, self.w, self.offset, own.fit_intercept)
        return State(np.zeros(self.X.shape[1]), level, np.full(len(y), level))

    def critical_strength(self, gauge: Any, tol: float, max_iter: int) -> float:
        """The least strength at which `gauge` holds at zero all that it can."""
        strict = copy.copy(self)
        strict.objective = dataclasses.replace(self.objective, penalty=gauge)

        def refit(strength: float) -> Array:
            self.null = strict.run(strength, self.null, tol, max_iter)
            return self._negative_gradient(self.null)

        return critical_strength(gauge, self._negative_gradient(self.null), refit)

    def _negative_gradient(self, state: State) -> Array:
        """c = −Xᵀ(w∘u), Σ w u being zero where there is an intercept."""
        _, u, _ = kernels.slopes(self.objective.loss, state.fitted + self.offset, self.y)
        out = np.empty(self.X.shape[1])
        kernels.project(self.X.storage, -self.w * u, out=out)
        return out

    def state(self, beta: Array) -> State:
        """Of β at the null model's intercept."""
        fitted = np.empty(len(self.y))
        kernels.predict(self.X.storage, beta, offset=self.null.intercept, out=fitted)
        return State(beta.copy(), self.null.intercept, fitted)

    def run(self, strength: float, state: State, tol: float, max_iter: int) -> State:
        """The minimum at a strength, from a state, to about a relative gap of `tol`."""
        scale, left = self.scale, _MORE
        for _ in range(max_iter):
            self.steps += 1
            moved, lost = self._step(strength, state, max(tol, 1e-15) * scale)
            if moved is None:
                return state
            rounded = lost <= _NOTHING * scale
            state, left = moved, left - rounded
            if left == 0 or (not rounded and lost <= tol * tol * scale):
                return state
        return state

    def _loss_above_least(self) -> float:
        """Of the null model: what relative gaps are relative to."""
        loss, z = self.objective.loss, self.null.fitted + self.offset
        least = losses.saturated(loss, self.y[:, None])[:, 0]
        return max(float(self.w @ (kernels.slopes(loss, z, self.y)[0] - least)), 1e-300)

    def _step(self, strength: float, state: State, asked: float) -> tuple[State | None, float]:
        """(the state after a step, None where no step lessens P; Δ)."""
        objective = self.objective
        value, u, h = kernels.slopes(objective.loss, state.fitted + self.offset, self.y)
        h = np.maximum(h, _FLAT * h.max())
        v, t = self.w * h, state.fitted - u / h
        total = float(v.sum())
        inner = Objective(
            objective.l2, objective.penalty, v, objective.fit_intercept,
            np.array([strength / total]),
        )  # fmt: skip
        mean = float(v @ t) / total if objective.fit_intercept else 0.0
        spread = max(0.5 * float(v @ (t - mean) ** 2), 1e-300)
        tol = float(np.clip(_INNER * asked / spread, 1e-14, 1e-3))
        beta, intercept, reads = self.inner(inner, t, state.beta, tol)
        self.passes += reads + 1
        fitted = np.empty(len(t))
        kernels.predict(self.X.storage, beta, offset=intercept, out=fitted)
        along = fitted - state.fitted
        before = self._terms(strength, state.beta)
        lost = -float((self.w * u) @ along) + before - self._terms(strength, beta)
        now, share = float(self.w @ value) + before, 1.0
        # A whole step beside which differences of P are rounding is the better one.
        slack = (_NOTHING if lost <= _NOTHING * abs(now) else _ROUNDED) * abs(now)
        for _ in range(_HALVINGS):
            new = State(
                state.beta + share * (beta - state.beta),
                state.intercept + share * (intercept - state.intercept),
                state.fitted + share * along,
            )
            after = self.value(strength, new)
            if after <= now - _ARMIJO * share * lost + slack:
                return new, lost
            share *= 0.5
        return None, lost

    def value(self, strength: float, state: State) -> float:
        """P."""
        z = state.fitted + self.offset
        loss = self.w @ kernels.slopes(self.objective.loss, z, self.y)[0]
        return float(loss) + self._terms(strength, state.beta)

    def _terms(self, strength: float, beta: Array) -> float:
        """s·(½ Σ l2 β² + p(β))."""
        l2 = self.objective.l2[:, 0]
        used = np.flatnonzero(beta)
        l2 = np.broadcast_to(l2, beta.shape)[used]
        penalty = times(self.objective.penalty, strength)
        some = type(penalty)(*(each[used] if np.ndim(each) else each for each in penalty))
        ridge = 0.5 * strength * (l2 @ beta[used] ** 2)
        return float(ridge + penalty_value(some, beta[used]).sum())

"""A loss that is no square in the standard form: values and gradients at several points in a read
of X, and the quadratic that touches it at one.

    z = o + b + X'β,   u = ℓ′(z),   F = Σ w ℓ(z)/M,   ∂F/∂β = X'ᵀ(w∘u)/M,   ∂F/∂b = Σ w u/M

With v = w∘ℓ″(z) and x̄ = X'ᵀv/Σv, the quadratic is, but for a constant,

    ½ δᵀ G δ + ½ (Σv/M)(δ₀ + x̄ᵀδ)² + gᵀδ + g₀ δ₀,   G = Σ v (x' − x̄)(x' − x̄)ᵀ/M

so that the best δ₀ is −g₀ M/Σv − x̄ᵀδ, and leaves the gradient g − x̄ g₀.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastreg import kernels
from fastreg.certificate import losses
from fastreg.certificate.intercept import null_model
from fastreg.design import Design, as_design, counted, storages
from fastreg.objectives import Objective
from fastreg.penalties import is_zero
from fastreg.problems.in_memory import InMemoryProblem, standardise
from fastreg.problems.quadratic import QuadraticProblem, fields_of
from fastreg.problems.views import Look, Rows, View

Array = np.ndarray
_WHOLE = 512  # columns that are as fast without a rotation
_FLAT = 1e-16  # of the largest ℓ″: rows with less bend that much
_CENTRE = 30.0  # a constant prediction is taken to be no larger
_HUGE = 1e290  # loss of a row: sums of it, and squares of X beside it, stay in float64
_DEAD = 1e-100  # ℓ″ below this share of ℓ′: Newton's step would leave float64
_NARROW = 8  # columns, or entries, for each in use, from which looks at those alone take less time


@dataclass(frozen=True, eq=False)
class Tangent:
    """The quadratic at a point, of q intercepts: G by `problem.gram`, x̄ (n, q), and Σv/M (q, q)
    with its inverse; zeros without an intercept."""

    problem: QuadraticProblem
    mean: Any
    bend: Array
    inverse: Array

    @staticmethod
    def of_one(problem: QuadraticProblem, mean: Array, bend: float) -> Tangent:
        """Of one intercept, x̄ (n,), or of none, bend 0."""
        inverse = 1.0 / bend if bend > 0.0 else 0.0
        return Tangent(problem, mean[:, None], np.full((1, 1), bend), np.full((1, 1), inverse))

    def mean_of(self, columns: Array) -> Array:
        """x̄ of some columns, (p, q)."""
        return self.mean[columns]


@dataclass(kw_only=True)
class SmoothProblem(InMemoryProblem):
    """A standardised problem with a loss that is no square; units of y are 1."""

    rows_y: Array  # (m,) the target; Y and `target` are the slopes of the null model
    level: float  # b of the null model
    least: float  # of F
    scale_of_gap: float  # F of the null model less that
    null_gradient: Array  # (n,) ∂F/∂β of the null model
    _kept: tuple[Array, View] | None = field(repr=False, default=None)  # of some

    def null(self, t: int) -> float:
        """What relative gaps are relative to."""
        return self.scale_of_gap

    @property
    def is_ridge(self) -> bool:
        """Whether every coefficient has a ridge term, and no other penalty."""
        return is_zero(self.objective.penalty) and bool((self.base_ridge(0) > 0.0).all())

    @property
    def is_wide_ridge(self) -> bool:
        """Whether the only penalty is a ridge, and columns with one are more than the rows."""
        if not is_zero(self.objective.penalty):
            return False
        ridged = np.count_nonzero(~self.constant & (self.base_ridge(0) > 0.0))
        return bool(ridged > max(self.X.shape[0], _WHOLE))

    def is_narrow(self, columns: Array) -> bool:
        """Whether looks at these columns alone take much less time than a read of X. None are no
        storage."""
        if not len(columns):
            return False
        if self.X.is_sparse:
            return not self.far and _NARROW * self._stored(columns) <= self.X.nnz
        return self.X.shape[0] <= self.n_features and _NARROW * len(columns) <= self.n_features

    def _stored(self, columns: Array) -> int:
        """Entries of some columns of a sparse X, about."""
        if not storages.by_columns(self.X.storage):
            return self.X.nnz * len(columns) // self.n_features
        indptr = self.X.storage.indptr
        return int((indptr[columns + 1] - indptr[columns]).sum())

    def look(self, columns: Array, betas: Array, levels: Array, *, within: bool = False) -> Look:
        """At d points, β (p, d) on some columns, zero elsewhere, b (1, d); the gradient of these
        columns alone if `within`, which is for `is_narrow` ones."""
        levels = levels.reshape(-1)
        if within:
            return self._part(columns).look(betas, levels)
        self.passes += 1
        if not self.X.is_sparse and self.is_narrow(columns):
            return self._look_from(self._part(columns).predict(betas, levels))
        whole = np.zeros((self.n_features, betas.shape[1]))
        whole[columns] = betas
        if self.far_columns.any():
            return self._look_far(whole, levels)
        return self._view(self._rows).look(whole, levels)

    def _part(self, columns: Array) -> View:
        """Some columns, of which it holds a copy."""
        if self._kept is None or self._kept[0] is not columns:
            self._kept = columns, self._copied(columns)
        return self._kept[1]

    def _copied(self, columns: Array) -> View:
        """Dense columns are standardised."""
        shift, scale = self.shift, self.scale
        if self.X.is_sparse:
            shift = None if shift is None else shift[columns]
            part = as_design(self.X.matrix[:, columns]).storage
            return View(part, shift, scale[columns], False, self._rows)
        m, p = self.X.shape[0], len(columns)
        out = np.empty((m, p))
        kernels.fill(self.X.storage, 0, m, columns=columns, shift=shift, scale=scale, out=out)
        return View(as_design(out).storage, None, np.ones(p), False, self._rows)

    @property
    def _rows(self) -> Rows:
        own = self.objective
        return Rows(self.rows_y, self.weights, own.offset, own.loss, self.total)

    def _look_from(self, Z: Array) -> Look:
        """`look` from predictions (m, d) but for the offset, which become slopes."""
        value, slope = self._slopes(Z)
        late, out = self._late_shift(), np.empty((self.n_features, Z.shape[1]))
        kernels.project(self.X.storage, Z, shift=self.shift if late is None else None, out=out)
        if late is not None:
            out -= np.multiply.outer(late, slope)
        out *= self.scale[:, None]
        return Look(value / self.total, slope / self.total, out / self.total)

    def _slopes(self, Z: Array) -> tuple[Array, Array]:
        """(Σ w ℓ, Σ w u), (d,) each; X'β + b (m, d) becomes w∘u."""
        if self.objective.offset is not None:
            Z += self.objective.offset[:, None]
        sums = np.zeros((2, Z.shape[1]))
        kernels.weighted_slopes(self.objective.loss, Z, self.rows_y, self.weights, sums)
        return sums[0], Z.sum(axis=0)

    def _look_far(self, whole: Array, levels: Array) -> Look:
        """`look` for a sparse X with columns whose mean dwarfs their spread."""
        zero = np.zeros(self.X.shape[0])
        Z = np.stack([-self._less(zero, beta) for beta in whole.T], axis=1) + levels
        Z = np.ascontiguousarray(Z)
        value, slope = self._slopes(Z)
        return Look(value / self.total, slope / self.total, self.screen(Z))

    def tangent(
        self, columns: Array, beta: Array, level: Any, *, is_secant: bool = False
    ) -> Tangent:
        """The quadratic at β (p,) on some columns, b, a number or (1,); with `is_secant` it bends
        as the way to where the loss bends, not as the point."""
        z = self._predicted(columns, beta, float(np.ravel(level)[0]))
        if self.objective.offset is not None:
            z += self.objective.offset
        _, u, h = kernels.slopes(self.objective.loss, z, self.rows_y)
        seen = slice(None) if self.weights is None else self.weights > 0.0
        if is_secant or h[seen].max() <= _DEAD * np.abs(u[seen]).max():
            h = self._secant(z, u, h)
        if self.weights is not None:
            h = np.where(self.weights > 0.0, h, 0.0)  # whatever a row that does not count has
        h = np.maximum(h, _FLAT * h.max())
        v = h if self.weights is None else self.weights * h
        self.passes += 2
        return self._tangent(v)

    def _predicted(self, columns: Array, beta: Array, level: float) -> Array:
        """X'β + b (m,) of β (p,) on some columns."""
        if self.far_columns.any():
            whole = np.zeros(self.n_features)
            whole[columns] = beta
            return level - self._less(np.zeros(self.X.shape[0]), whole)
        if self.is_narrow(columns):
            part = self._part(columns).predict(beta[:, None], np.array([level]))
            return np.ascontiguousarray(part[:, 0])
        z, theta = np.empty(self.X.shape[0]), np.zeros(self.n_features)
        theta[columns] = beta * self.scale[columns]
        kernels.predict(
            self.X.storage, theta, offset=level, shift=self.shift, out=z, workspace=self.workspace
        )
        return z

    def _secant(self, z: Array, u: Array, h: Array) -> Array:
        """(ℓ′(z) − ℓ′(z̄))/(z − z̄), with z̄ the best constant prediction; ℓ″ nearby.

        An offset of 300 leaves ℓ″ of 1e-130, and a Newton step of 1e130. With σ(z̄) = ½ it is the
        bound of Jaakkola & Jordan (Statistics and Computing 10, 2000) on the loss of classes.
        """
        loss, y = self.objective.loss, self.rows_y
        level, _ = null_model(loss, y[:, None], self.weights)
        level = min(max(level, -_CENTRE), _CENTRE)
        there = kernels.slopes(loss, np.full(len(z), level), y)[1]
        out: Array = np.divide(u - there, z - level, out=h.copy(), where=np.abs(z - level) > 1.0)
        return out

    def _tangent(self, v: Array) -> Tangent:
        n, total, shift = self.n_features, float(v.sum()), self.shift
        mean, bend = np.zeros(n), 0.0
        if shift is not None:
            mean, bend = self.project(v) / total, total / self.total
            away = np.divide(mean, self.scale, out=np.zeros(n), where=self.scale > 0.0)
            shift = shift + away
        own = fields_of(self, InMemoryProblem)
        own |= {"shift": shift, "weights": v, "_starts": {}, "_bases": {}, "_workspaces": {}}
        return Tangent.of_one(InMemoryProblem(**own), mean, bend)

    def at_strengths(self, strengths: Array) -> SmoothProblem:
        """The same problem at other strengths."""
        objective = replace(self.objective, strength=strengths)
        ones, zeros = np.ones(len(strengths)), np.zeros(len(strengths))
        return replace(self, objective=objective, unit=ones, mean=zeros, _bases={})

    def with_penalty(self, objective: Objective) -> SmoothProblem:
        """The same problem with the penalty and the ridge terms of another objective."""
        own = replace(self.objective, penalty=objective.penalty, l2=objective.l2)
        return replace(self, objective=own, _bases={})


def check_size(largest: float, objective: Objective) -> None:
    """ValueError if losses of an offset, or sums of them, leave float64."""
    if largest <= _HUGE:
        return
    way = "" if objective.fit_intercept else ", or take fit_intercept=True"
    raise ValueError(
        "offset has rows whose loss is near the end of the range of float64, or beyond it: bring "
        f"it nearer to 0{way}"
    )


def smooth(X: Design, y: Array, objective: Objective) -> SmoothProblem:
    """The problem of one target (m,), its null model, and its gradient there: one read of X.

    Raises
    ------
    ValueError
        X contains NaN or infinity.
    """
    loss, weights = objective.loss, objective.weights
    y = counted(y[:, None], weights)
    w = np.ones(len(y)) if weights is None else weights
    w = w / w.sum()
    level, z = null_model(loss, y, weights, objective.offset, objective.fit_intercept)
    least = float(w @ losses.saturated(loss, y)[:, 0])
    value, u, _ = kernels.slopes(loss, np.ascontiguousarray(z[:, 0]), y[:, 0].copy())
    if objective.offset is not None:
        check_size(float(np.abs(np.stack([value, u])[:, w > 0.0]).max()), objective)
    frame = standardise(X, -u[:, None], objective)
    c, _ = frame.at_zero(0)
    points = 1 if objective.strength is None else len(objective.strength)
    own = fields_of(frame, InMemoryProblem)
    own |= {"unit": np.ones(points), "mean": np.zeros(points), "_starts": {}, "n_targets": 1}
    return SmoothProblem(
        **own,
        rows_y=np.ascontiguousarray(y[:, 0]),
        level=level,
        least=least,
        scale_of_gap=max(float(w @ (value - losses.saturated(loss, y)[:, 0])), 1e-300),
        null_gradient=-c * float(frame.unit[0]),
    )

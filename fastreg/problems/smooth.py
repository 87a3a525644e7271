"""A loss that is no square in the standard form: values and gradients at several points in a read
of X, and the quadratic that touches it at one.

    z = o + b + X'β,   u = ℓ′(z),   F = Σ w ℓ(z)/M,   ∂F/∂β = X'ᵀ(w∘u)/M,   ∂F/∂b = Σ w u/M

With v = w∘ℓ″(z) and x̄ = X'ᵀv/Σv, the quadratic is, but for a constant,

    ½ δᵀ G δ + ½ (Σv/M)(δ₀ + x̄ᵀδ)² + gᵀδ + g₀ δ₀,   G = Σ v (x' − x̄)(x' − x̄)ᵀ/M

so that the best δ₀ is −g₀ M/Σv − x̄ᵀδ, and leaves the gradient g − x̄ g₀.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from fastreg import kernels
from fastreg.certificate import losses
from fastreg.certificate.intercept import null_model
from fastreg.design import Design, counted, storages
from fastreg.kernels.rows import Workspace
from fastreg.objectives import Objective
from fastreg.penalties import is_zero
from fastreg.problems.in_memory import BUFFER, InMemoryProblem, standardise
from fastreg.problems.quadratic import QuadraticProblem, fields_of

Array = np.ndarray
_FLAT = 1e-10  # of the largest ℓ″: rows with less bend that much
_NARROW = 8  # columns for each one in use, from which products with those alone take less time


class Look(NamedTuple):
    """F and ∂F/∂b at d points, (d,) each, ∂F/∂β, (n, d) or (p, d) of some columns, and of rows in
    blocks ∂²F/∂b²."""

    value: Array
    slope: Array
    gradient: Array
    bend: Array | None = None


@dataclass(frozen=True, eq=False)
class Tangent:
    """The quadratic at a point: G by `problem.gram`, x̄ (n,), Σv/M; ∞ without an intercept."""

    problem: QuadraticProblem
    mean: Array
    bend: float


@dataclass(kw_only=True)
class SmoothProblem(InMemoryProblem):
    """A standardised problem with a loss that is no square; units of y are 1."""

    rows_y: Array  # (m,) the target; Y and `target` are the slopes of the null model
    level: float  # b of the null model
    least: float  # of F
    scale_of_gap: float  # F of the null model less that
    null_gradient: Array  # (n,) ∂F/∂β of the null model

    def null(self, t: int) -> float:
        """What relative gaps are relative to."""
        return self.scale_of_gap

    @property
    def is_ridge(self) -> bool:
        """Whether every coefficient has a ridge term, and no other penalty."""
        return is_zero(self.objective.penalty) and bool((self.base_ridge(0) > 0.0).all())

    def is_narrow(self, columns: Array) -> bool:
        """Whether products with these columns alone take much less time than a read of X."""
        wide = not self.X.is_sparse and self.X.shape[0] <= self.n_features
        return wide and _NARROW * len(columns) <= self.n_features

    def look(self, columns: Array, betas: Array, levels: Array, *, within: bool = False) -> Look:
        """At d points, β (p, d) on some columns, zero elsewhere, b (d,); the gradient of these
        columns alone if `within`, which is for `is_narrow` ones."""
        used = np.flatnonzero(betas.any(axis=1))
        if within or self.is_narrow(used):
            return self._look_narrow(columns, betas, levels, within=within)
        n, d = self.n_features, betas.shape[1]
        whole = np.zeros((n, d))
        whole[columns[used]] = betas[used]
        if self.far_columns.any():
            return self._look_far(whole, levels)
        if d >= storages.abreast(self.X.storage):
            return self._look_abreast(whole, levels)
        looks = [self._look_abreast(whole[:, q], levels[q]) for q in range(d)]
        values, slopes, gradients, _ = zip(*looks, strict=True)
        return Look(np.array(values), np.array(slopes), np.stack(gradients, axis=1))

    def _look_abreast(self, whole: Array, levels: Any) -> Look:
        """`look` in one fused pass, β (n,) or (n, d)."""
        many, workspace = whole.ndim == 2, self.workspace
        if many:
            if self._wide is None or self._wide.k != whole.shape[1]:
                self._wide = Workspace(self.X.storage, whole.shape[1])
            workspace = self._wide
        scale = self.scale[:, None] if many else self.scale
        theta, out = whole * scale, np.empty(whole.shape)
        late = self._late_shift()
        shift, offset = (self.shift, levels) if late is None else (None, levels - late @ theta)
        value, slope = kernels.gradient(
            self.X.storage, self.rows_y, theta, offset=offset, shift=shift, weights=self.weights,
            base=self.objective.offset, loss=self.objective.loss, scale=1.0 / self.total, out=out,
            workspace=workspace,
        )  # fmt: skip
        with np.errstate(invalid="ignore", over="ignore"):  # of a step too long: P is infinite
            if late is not None:
                out -= np.multiply.outer(late, slope)
            out *= scale
        self.passes += 1
        return Look(value, slope, out)

    def _look_narrow(self, columns: Array, betas: Array, levels: Array, *, within: bool) -> Look:
        """`look` by products with the columns in use, for few of a dense X."""
        m, d = self.X.shape[0], len(levels)
        Z, options = np.empty((m, d)), {"shift": self.shift, "scale": self.scale}
        rows = m if m * len(columns) <= 4 * BUFFER else max(64, BUFFER // max(1, len(columns)))
        gradient, block = np.zeros((len(columns), d)), np.empty((min(rows, m), len(columns)))
        sums, slope = np.zeros((2, d)), np.zeros(d)
        for start in range(0, m, rows):
            some = slice(start, min(start + rows, m))
            part = block[: some.stop - start]
            kernels.fill(self.X.storage, start, some.stop, columns=columns, out=part, **options)
            Z[some] = part @ betas + levels
            self._slopes(Z[some], some, sums)
            slope += Z[some].sum(axis=0)
            if within:
                gradient += part.T @ Z[some]
        if not within:
            gradient = np.empty((self.n_features, d))
            late = self._late_shift()
            kernels.project(
                self.X.storage, Z, shift=self.shift if late is None else None, out=gradient
            )
            if late is not None:
                gradient -= np.multiply.outer(late, slope)
            gradient *= self.scale[:, None]
            self.passes += 1
        gradient /= self.total
        return Look(sums[0] / self.total, slope / self.total, gradient)

    def _slopes(self, Z: Array, rows: slice, sums: Array) -> None:
        """X'β + b of some rows (b, d) becomes w∘u; `sums` (2, d) are those of the kernel."""
        if self.objective.offset is not None:
            Z += self.objective.offset[rows, None]
        w = None if self.weights is None else self.weights[rows]
        kernels.weighted_slopes(self.objective.loss, Z, self.rows_y[rows], w, sums)

    def _look_far(self, whole: Array, levels: Array) -> Look:
        """`look` for a sparse X with columns whose mean dwarfs their spread."""
        zero = np.zeros(self.X.shape[0])
        Z = np.stack([-self._less(zero, beta) for beta in whole.T], axis=1) + levels
        Z, sums = np.ascontiguousarray(Z), np.zeros((2, len(levels)))
        self._slopes(Z, slice(0, len(Z)), sums)
        return Look(sums[0] / self.total, Z.sum(axis=0) / self.total, self.screen(Z))

    def tangent(self, columns: Array, beta: Array, level: float) -> Tangent:
        """The quadratic at β (p,) on some columns, b."""
        z, zero = np.empty(self.X.shape[0]), np.zeros(self.X.shape[0])
        if self.far_columns.any():
            whole = np.zeros(self.n_features)
            whole[columns] = beta
            z = level - self._less(zero, whole)
        else:
            theta = np.zeros(self.n_features)
            theta[columns] = beta * self.scale[columns]
            kernels.predict(
                self.X.storage, theta, offset=level, shift=self.shift, out=z,
                workspace=self.workspace,
            )  # fmt: skip
        if self.objective.offset is not None:
            z += self.objective.offset
        h = kernels.slopes(self.objective.loss, z, self.rows_y)[2]
        h = np.maximum(h, _FLAT * h.max())
        v = h if self.weights is None else np.where(self.weights > 0.0, self.weights * h, 0.0)
        self.passes += 2
        return self._tangent(v)

    def _tangent(self, v: Array) -> Tangent:
        n, total, shift = self.n_features, float(v.sum()), self.shift
        mean, bend = np.zeros(n), np.inf
        if shift is not None:
            mean, bend = self.project(v) / total, total / self.total
            away = np.divide(mean, self.scale, out=np.zeros(n), where=self.scale > 0.0)
            shift = shift + away
        own = fields_of(self, InMemoryProblem)
        own |= {"shift": shift, "weights": v, "_starts": {}, "_bases": {}, "_wide": None}
        return Tangent(InMemoryProblem(**own), mean, bend)

    def at_strengths(self, strengths: Array) -> SmoothProblem:
        """The same problem at other strengths."""
        objective = replace(self.objective, strength=strengths)
        ones, zeros = np.ones(len(strengths)), np.zeros(len(strengths))
        return replace(self, objective=objective, unit=ones, mean=zeros, _bases={})

    def with_penalty(self, objective: Objective) -> SmoothProblem:
        """The same problem with the penalty and the ridge terms of another objective."""
        own = replace(self.objective, penalty=objective.penalty, l2=objective.l2)
        return replace(self, objective=own, _bases={})


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

"""The standard form of one target from moments alone: a solve then never reads X."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastreg.moments import Moments, add_outer
from fastreg.objectives import Objective
from fastreg.problems.quadratic import EPS, QuadraticProblem, power_of_two

Array = np.ndarray


@dataclass(kw_only=True)
class MomentProblem(QuadraticProblem):
    """X'ᵀWX'/M (n, n), c = X'ᵀ(w∘y')/M (n,) and Σ w y'²/M."""

    products: Array
    start: Array
    square: float
    doubts: Array  # (n,): how long rows of the error of the moments may be, as the rows of c
    drift: Array | None  # (n,): means of x', which rounding of `shift` leaves
    inverse: Array  # (n + 1,): of (β, −1) in the units of the moments

    def doubt(self, beta: Array) -> Array:
        """(n, k): by how much errors of the moments may have changed c at β (n, k)."""
        scaled = self.inverse[:-1, None] * beta
        length = np.sqrt(self.inverse[-1] ** 2 + np.einsum("jk,jk->k", scaled, scaled))
        out: Array = self.doubts[:, None] * length
        return out

    def gram(self, left: Array, right: Array) -> Array:
        if len(left) == len(right) == len(self.start):
            return self.products
        return self.products[np.ix_(left, right)]

    def at_zero(self, t: int) -> tuple[Array, float]:
        return self.start, self.square

    def correlation(self, beta: Array, t: int) -> tuple[Array, float]:
        c = self.start - self.products @ beta
        return c, max(self.square - float((self.start + c) @ beta), 0.0)

    def correlations(self, columns: Array, betas: Array, t: int) -> tuple[Array, Array]:
        used = betas.any(axis=1)
        betas, columns = betas[used], columns[used]
        if 2 * len(columns) < len(self.start):
            fitted_by = self.products[:, columns] @ betas
        else:  # no copy of most of the matrix
            every = np.zeros((len(self.start), betas.shape[1]))
            every[columns] = betas
            fitted_by = self.products @ every
        C = self.start[:, None] - fitted_by
        fitted = np.einsum("jd,jd->d", self.start[columns, None] + C[columns], betas)
        return C, np.maximum(self.square - fitted, 0.0)


def summarise(
    moments: Moments, objective: Objective, target: int = 0, n_targets: int = 1
) -> MomentProblem:
    """The problem of one of the targets, with k strengths."""
    n = len(moments.mean) - n_targets
    t, frame = n + target, moments.frame
    second = moments.scatter / moments.weight
    if not objective.fit_intercept:
        add_outer(second, 1.0, frame.origin / frame.unit + moments.mean)
    mean = frame.origin + frame.unit * moments.mean
    size = np.sqrt(np.diag(second))
    doubts = moments.doubts() / moments.weight
    if not objective.fit_intercept:  # the origin added rounds in terms of what it is
        doubts = doubts + 4 * EPS * size * np.sqrt(size @ size)
    # What is left of a column beside its mean may be rounding alone.
    constant = size[:n] <= 4 * EPS * np.abs(moments.mean[:n])
    ridges = np.sqrt(objective.ridges().max(axis=1)) / frame.unit[:n]
    own = power_of_two(np.where(constant, 1.0, np.maximum(size[:n], ridges)))
    spread = float(size[t]) if size[t] > 4 * EPS * abs(moments.mean[t]) else 0.0
    level = float(power_of_two(np.array(spread)))
    inverse = np.where(constant, 0.0, 1.0 / own)
    start = second[:n, t] * inverse / level
    second *= np.append(inverse, np.ones(n_targets))  # in place: a temporary costs 1 ms at n = 1000
    second *= np.append(inverse, np.ones(n_targets))[:, None]
    products = second[:n, :n]
    points = 1 if objective.strength is None else len(objective.strength)
    scale = inverse / frame.unit[:n]
    return MomentProblem(
        total=moments.weight,
        shift=mean[:n] if objective.fit_intercept else None,
        scale=scale,
        size=own * frame.unit[:n],
        constant=constant,
        unit=np.full(points, level * frame.unit[t]),
        mean=np.full(points, mean[t] if objective.fit_intercept else 0.0),
        objective=objective,
        lengths=np.sqrt(np.diag(products)),
        products=products,
        start=start,
        square=(spread / level) ** 2,
        doubts=inverse * doubts[:n],
        drift=((frame.origin[:n] - mean[:n]) / frame.unit[:n] + moments.mean[:n]) * inverse
        if objective.fit_intercept
        else None,
        inverse=np.append(inverse, 1.0 / level),
    )

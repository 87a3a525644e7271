"""How far training fits of losses are from their minima, and what that does to their deviances.

At a fit, z, u = ℓ′ and h = ℓ″ on the rows; x̃ is a row of V on the columns that may be used, beside
a 1 where there is an intercept; w and v are weights of the training and of the test rows, of sum 1:

    H = Σ w h x̃x̃ᵀ + diag l2,   g the shortest subgradient,   ε = ‖g‖_{H⁻¹},   q_i² = x̃_iᵀH⁻¹x̃_i

Of a loss with │ℓ‴│ ≤ ℓ″, as that of classes and that of counts, H shrinks by e^{−│Δz│} at most:

    ‖δ‖_H ≤ s = −log(1 − ρε)/ρ,   ρ = max q_i of the training rows, if ρε < 1

(Bach, Electronic Journal of Statistics 4, 2010), and predictions of a row move by Δ_i ≤ q_i s:

    │D − D*│ ≤ 2 s ‖Σ v u x̃‖_{H⁻¹} + 2 η s² Σ v h q²,   η = (eʳ − 1 − r)/r²,   r = s max q_i

Coordinates are left out that are zero and farther inside of their subdifferential than
√(Σ w h x_j²) s (eʳ − 1)/r, as c_j moves by no more: see `training`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse

from fastreg import _factor
from fastreg._jit import single_threaded_blas
from fastreg.certificate import losses, reads
from fastreg.certificate.gap import Points, SquaredFit, points_of
from fastreg.certificate.held_out import Fold, blocks_of, shares_of
from fastreg.certificate.penalties import in_units
from fastreg.certificate.reads import Data
from fastreg.certificate.target import some_of
from fastreg.certificate.training import Slopes, root_of, root_of_rows, slopes
from fastreg.losses import traits
from fastreg.objectives import Objective

Array = np.ndarray
ROUNDING = 8 * float(np.finfo(np.float64).eps)  # of a sum, in terms of its terms
_ROOM = 1 << 22  # entries of some columns: 32 MB
_MOST = 2048  # columns that may be used
_ROUNDS = 6  # of these, and the bound that they give


def bounds(fold: Fold, objective: Objective, coef: Array, intercept: Array, points: Array) -> Array:
    """By how much the mean deviance of test rows may differ from that of the minimum, (g,) of some
    points of coef (n, K); ∞ where nothing is known."""
    if not traits(objective.loss).self_concordant or objective.strength is None:
        return np.full(len(points), np.inf)
    own = dataclasses.replace(
        objective.counted(), weights=fold.train, strength=objective.strength[points]
    )
    n, w = fold.X.shape[1], shares_of(fold.train)
    known = fold.columns.filled(n)
    data = Data(
        fold.X, fold.y[:, None], w, *known, own, coef[:, points], intercept[points], np.zeros(1),
        np.ones(1),
    )  # fmt: skip
    offset = None if objective.offset is None else objective.offset[:, None]
    with single_threaded_blas, np.errstate(invalid="ignore", over="ignore"):
        look = _OneOutput.of(data, shares_of(fold.test), offset)
        return np.array([look.bound(k) for k in range(len(points))])


@dataclass(frozen=True, eq=False)
class Look:
    """Of g points and N coefficients. A row has q directions x̃ ("arms"), with slopes u and weights
    h of their own, so that H = Σ w Σ_q h x̃x̃ᵀ + diag l2. A loss of one prediction has one.

    v : (m,) of test rows; u, h : (m, g, q)
    coef, c : (N, g), and of c what rounding may have changed, `doubt`
    scale, l2 : (N,) of the columns of V, and ridge terms in their units; penalty : of N entries
    lengths : (N, g) √(Σ w h x²); blur : (g,) what rounding of z changes ε by
    """

    reach: ClassVar[float] = 1.0  # times the longest arm of a row: how far its predictions part

    data: Data
    v: Array
    u: Array
    h: Array
    coef: Array
    c: Array
    doubt: Array
    scale: Array
    l2: Array
    penalty: Any
    lengths: Array
    blur: Array

    def bound(self, k: int) -> float:
        """On the columns that may be used at point k: those near enough to breakpoints for what the
        bound itself allows."""
        points, radius = self._points(k), 0.0
        found = slopes(points, self.doubt[:, k : k + 1], self.lengths[:, k], self.blur[k : k + 1])
        for _ in range(_ROUNDS):
            U = np.flatnonzero(found.slack[:, 0] <= found.lengths * radius)
            if len(U) > _MOST:
                break
            out, far = self._on(k, U, points, found)
            if far <= radius or far == 0.0:
                return out
            if not np.isfinite(far):
                break
            radius = 4.0 * far
        return np.inf

    def _points(self, k: int) -> Points:
        assert self.data.objective.strength is not None
        every, strength = np.arange(len(self.coef)), self.data.objective.strength[k : k + 1]
        scale, theta = self.scale[:, None], self.coef[:, k : k + 1]
        return points_of(
            some_of(in_units(self.penalty, 1.0), every, strength),
            c=self.c[:, k : k + 1], beta=theta / scale, theta=theta, fit=SquaredFit(np.zeros(1)),
            l2=self.l2[:, None] * strength, scale=scale,
        )  # fmt: skip

    def _on(self, k: int, U: Array, points: Points, found: Slopes) -> tuple[float, float]:
        """(the bound, s (eʳ − 1)/r) on columns U; ∞ where H may be singular or ρε ≥ 1."""
        w, u, h = self.data.w, self.u[:, k], self.h[:, k]
        tilt, unsure = self._tilt(k)
        g = np.concatenate([found.g[U, 0], tilt])
        doubt = np.concatenate([found.doubt[U, 0], unsure])
        basis = self._basis_of(U, points.l2[:, 0], g, doubt)
        if basis is None:
            return np.inf, np.inf
        g, doubt = basis.T @ g, np.abs(basis).T @ doubt
        if not len(g):
            return 0.0, 0.0
        inverse = self._inverse(k, U, basis, points.l2[U, 0])
        if inverse is None:
            return np.inf, np.inf
        epsilon = _length(inverse @ g) + _length(np.abs(inverse) @ doubt) + float(self.blur[k])
        slope, curved, most, rho = np.zeros(len(g)), 0.0, 0.0, 0.0
        for rows, arms in self._arms(k, U):
            flat, v = arms @ basis, self.v[rows, None]
            q = np.sqrt(((flat @ inverse.T) ** 2).sum(axis=1)).reshape(u[rows].shape)
            slope += (v * u[rows]).reshape(-1) @ flat
            curved += float((v * h[rows] * q**2).sum())
            most = max(most, self.reach * float(q.max()))
            rho = max(rho, self.reach * float(q[w[rows] > 0].max(initial=0.0)))
        if not rho * epsilon < 1.0:
            return np.inf, np.inf
        s = -np.log1p(-rho * epsilon) / rho if rho > 0.0 else epsilon
        r, own = s * most, s * rho
        eta = 0.5 if r < 1e-4 else (np.expm1(r) - r) / r**2
        far = s * (np.expm1(own) / own if own > 0.0 else 1.0)
        bound = 2.0 * s * _length(inverse @ slope) + 2.0 * 1.001 * eta * s * s * curved
        return (np.inf if np.isnan(bound) else float(bound)), float(far)

    def _tilt(self, k: int) -> tuple[Array, Array]:
        """Minus the slopes by the intercepts, and what rounding may have changed."""
        if not self.data.objective.fit_intercept:
            return np.zeros(0), np.zeros(0)
        w, u = self.data.w, self.u[:, k]
        return -(w @ u), ROUNDING * (w @ np.abs(u))

    def _basis_of(self, U: Array, l2: Array, g: Array, doubt: Array) -> Any:
        """(p, r) basis of the directions of U and intercepts that change a prediction, or have a
        ridge term; None where a subgradient g has a part beside it."""
        return scipy.sparse.eye_array(len(g), format="csr")

    def _inverse(self, k: int, U: Array, basis: Any, l2: Array) -> Array | None:
        """L⁻¹ of H = L Lᵀ, from H or, where its condition is too large, from the rows."""
        curved, side, top = self.data.w[:, None] * self.h[:, k], basis.shape[1], basis[: len(U)]
        H = top.T @ (l2[:, None] * top.toarray())
        for rows, arms in self._arms(k, U):
            flat = arms @ basis
            H += flat.T @ (curved[rows].reshape(-1, 1) * flat)
        root = root_of(H)
        if root is None:
            R = np.sqrt(l2)[:, None] * top.toarray()
            for rows, arms in self._arms(k, U):
                own = np.sqrt(curved[rows].reshape(-1, 1)) * (arms @ basis)
                R = _factor.triangular_factor(np.vstack([R, own]))
            root = root_of_rows(R)
        if root is None:
            return None
        out: Array = _factor.solve_triangular(root.L, np.eye(side), lower=True)
        return out

    def _arms(self, k: int, U: Array) -> Iterator[tuple[slice, Array]]:
        """Rows and their arms (b·q, p), of columns U and of intercepts; zero in those of neither
        set."""
        raise NotImplementedError


class _OneOutput(Look):
    @classmethod
    def of(cls, data: Data, v: Array, offset: Array | None) -> _OneOutput:
        objective, K = data.objective, data.coef.shape[1]
        away = 0.0 if offset is None else offset
        seen = dataclasses.replace(data, w=np.maximum(data.w, v))  # what has no weight is not read
        z = reads.products(seen, data.coef) + reads.levels(data, range(K)) + away
        u, h = (np.array(each) for each in losses.derivatives(objective.loss, z, data.Y))
        u[seen.w == 0.0], h[seen.w == 0.0] = 0.0, 0.0
        n, w = len(data.coef), data.w[:, None]
        c, lengths, norms = np.zeros((n, K)), np.zeros((n, K)), np.zeros((n, 1))
        for some, V in columns_of(data):
            c[some] = -V.T @ (w * u)
            square = V * V
            lengths[some], norms[some] = np.sqrt(square.T @ (w * h)), np.sqrt(square.T @ w)
        off = ROUNDING * (spread_of(data) + np.abs(away))
        blur = np.sqrt((w * h * off * off).sum(axis=0))
        doubt = ROUNDING * norms * np.sqrt((w * u * u).sum(axis=0))
        l2 = data.of(objective.l2, 0) * data.scale * data.scale
        return cls(
            data, v, u[:, :, None], h[:, :, None], data.coef, c, doubt, data.scale,
            np.broadcast_to(l2, n), objective.penalty, lengths, blur,
        )  # fmt: skip

    def _arms(self, k: int, U: Array) -> Iterator[tuple[slice, Array]]:
        either = np.maximum(self.data.w, self.v)
        for rows, values in blocks_of(self.data, U, either):
            if self.data.objective.fit_intercept:
                values = np.hstack([values, (either[rows, None] > 0.0) * 1.0])
            yield rows, values


def spread_of(data: Data) -> Array:
    """(m, K): what predictions have for terms, in sum."""
    out: Any = 0.0
    beta = np.abs(data.coef) / data.scale[:, None]
    for some, V in columns_of(data):
        out = out + np.abs(V) @ beta[some]
    found: Array = out + np.abs(data.shift) @ np.abs(data.coef) + np.abs(data.intercept)
    return found


def columns_of(data: Data) -> Iterator[tuple[Array, Array]]:
    """Some columns, and their entries (m, p): of training rows, zero elsewhere."""
    m, n = data.X.shape
    width = max(1, _ROOM // m)
    for first in range(0, n, width):
        some = np.arange(first, min(first + width, n))
        yield some, reads.entries(data, slice(0, m), some)


def _length(v: Array) -> float:
    return float(np.linalg.norm(v))

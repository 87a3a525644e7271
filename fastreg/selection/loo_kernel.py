"""Leave-one-out errors of ridges where rows are no more than columns: nothing cancels.

With f = √w, K = f X' D⁻¹ X'ᵀ f, and ρ = sM at strength s, the error of a row that is left out is a
quotient of two sums, whose second has positive terms only: with f K f + ρI = U(Λ + ρ)Uᵀ,

    f_i e_i = α_i/P_i,   α = U(Λ + ρ)⁻¹Uᵀ(f∘y'),   P_i = Σ_k U_ik²/(Λ_k + ρ)

(α = (K + ρ)⁻¹ y and P its diagonal: Golub, Heath & Wahba 1979, as Rasmussen & Williams 2006 have
it, §5.4.2.) An intercept leaves f in the null space of K: a reflection that takes f to the first
axis drops it, and the rest is factorised, so that no 1 − leverage is ever a difference.

Where K is known to E, ‖(Λ + ρ)^−½ UᵀEU (Λ + ρ)^−½‖ ≤ η bounds what that does to every row:
│δe_i│ ≤ η (│e_i│ + √(yᵀα/P_i))/(1 − η). E is seen on two vectors, for which X is read by NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from fastreg import _factor, kernels
from fastreg.certificate import reads
from fastreg.certificate.training import CERTAIN
from fastreg.problems.in_memory import InMemoryProblem
from fastreg.solvers.kernel import kernel_matrix

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_PROBES, _DOUBT = 2, 10.0  # rows of E over the largest of two products with normal numbers
_BACKWARD = 8 * _EPS  # of a column: backward error of an orthogonal factorisation
_REPLICAS, _CHANCE = 2, 16.0  # from entries moved at random; an error over the larger difference
_WORK = 3e10  # multiplications of factorisations that are made anew: 14 s at side 3200, thrice
_COLUMNS = 256  # of X at once in an orthogonal factorisation


class Rows(NamedTuple):
    """(m, k, K) √w e of rows and α ρ = √w (y' − ŷ'), (K,) degrees of freedom but for the
    intercept, (K, k) bounds of ‖δ(√w e)‖ over ‖√w e‖."""

    e: Array
    residual: Array
    dof: Array
    uncertain: Array


class Kernel:
    """The problem of some rows with weights √w = f > 0, and the columns that vary."""

    def __init__(self, problem: InMemoryProblem, base: Array) -> None:
        m = problem.X.shape[0]
        weights = np.ones(m) if problem.weights is None else problem.weights
        self.problem, self.alive = problem, np.flatnonzero(weights > 0)
        self.f = np.sqrt(weights)
        self.root = np.divide(1.0, np.sqrt(base), out=np.zeros(len(base)), where=base > 0)
        K = kernel_matrix(problem, self.root, self.f)
        self.K = K if len(self.alive) == m else K[np.ix_(self.alive, self.alive)]
        self.y = self.f[self.alive, None] * problem.Y[self.alive]
        self.axis = _reflection(self.f[self.alive]) if problem.shift is not None else None
        turned = self.K if self.axis is None else _turned_twice(self.K, self.axis)
        values, vectors = _factor.eigh(turned)
        self.values = np.maximum(values, 0.0)
        self.U = vectors if self.axis is None else _reflected(vectors, self.axis)
        self.doubts = self._doubts()

    def _doubts(self) -> Array:
        """(m,): how long rows of UᵀEU may be."""
        Z = np.random.default_rng(0).standard_normal((len(self.values), _PROBES))
        V = np.zeros((len(self.f), _PROBES))
        V[self.alive] = self.U @ Z
        echo = self._products(V)[self.alive]
        error = self.U.T @ echo - self.values[:, None] * Z
        rounding = _EPS * np.sqrt(self.values * self.values.max(initial=0.0))
        return _DOUBT * np.abs(error).max(axis=1) + rounding

    def _products(self, V: Array) -> Array:
        """f X' D⁻¹ X'ᵀ f V by NumPy."""
        problem = self.problem
        data = reads.plain(problem.X, self.f**2, problem.shift, problem.scale)
        R = np.divide(V, self.f[:, None], out=np.zeros(V.shape), where=self.f[:, None] > 0)
        C = reads.correlations_on(data, np.arange(problem.n_features), R)
        theta = C * (self.root**2 * problem.scale)[:, None]
        out: Array = self.f[:, None] * reads.products(data, theta)
        return out

    def rows(self, ridges: Array) -> Rows:
        """At ridges ρ (K,)."""
        turned = self.U.T @ self.y
        least = self.values.min() + ridges  # (K,): quotients need no more than a common factor
        inverse = least / (self.values[:, None] + ridges)
        alpha = np.einsum("ij,jk,jK->ikK", self.U, turned, inverse, optimize=True)
        P = (self.U * self.U) @ inverse
        eta = np.sqrt((self.doubts**2) @ (inverse / least) / least)
        square = np.einsum("jk,jK->kK", turned**2, inverse)
        found = quotients(alpha, P, square, eta, self._level(np.ones(len(ridges))))
        dof = (self.values[:, None] / (self.values[:, None] + ridges)).sum(axis=0)
        residual = alpha * (ridges / least)
        return Rows(found[0], residual, dof, found[1])

    def improved(self, found: Rows, ridges: Array) -> Rows:
        """With what is not certain computed anew from an orthogonal factorisation of the rows."""
        missed = np.flatnonzero((found.uncertain > 0.4 * CERTAIN).any(axis=1))
        m = len(self.alive)
        if not len(missed) or m * m * (2.0 * self.problem.n_features + len(missed) * m) > _WORK:
            return found
        R, *others = (self._orthogonal(moved) for moved in range(1 + _REPLICAS))
        for q in missed:
            e, residual, bound = self._anew(R, float(ridges[q]))
            size = np.maximum(np.sqrt((e * e).sum(axis=0)), 1e-300)
            for other in others:
                off = self._anew(other, float(ridges[q]))[0] - e
                bound = np.maximum(bound, _CHANCE * np.sqrt((off * off).sum(axis=0)) / size)
            if bound.max() < found.uncertain[q].max():
                found.e[:, :, q], found.residual[:, :, q] = e, residual
                found.uncertain[q] = bound
        return found

    def _orthogonal(self, moved: int = 0) -> Array:
        """R with RᵀR = K, without the axis of f: rows and columns in order of size, so that the
        rounding of a long column of X does not hide a short one; of entries `moved` within their
        last place at random, if not 0."""
        random = np.random.default_rng(moved)
        R = np.zeros((0, len(self.alive)))
        for block in self._columns():
            if moved:
                block *= 1.0 + _EPS * random.uniform(-1.0, 1.0, block.shape)
            _, S, pivots = pivoted_qr(np.vstack([R, block]))
            R = np.empty(S.shape)
            R[:, pivots] = S
        return R if self.axis is None else _reflected(R.T, self.axis, whole=True).T[:, 1:]

    def _columns(self) -> Iterator[Array]:
        """(b, m): columns f D^−½ x'_j of Z, some at a time, in order of size."""
        problem = self.problem
        order = np.argsort(-(np.sqrt(problem.curvatures) * self.root), kind="stable")
        order = order[self.root[order] > 0]
        for start in range(0, len(order), _COLUMNS):
            some = order[start : start + _COLUMNS]
            block = np.empty((problem.X.shape[0], len(some)))
            kernels.fill(
                problem.X.storage, 0, len(block), columns=some, shift=problem.shift,
                scale=problem.scale, out=block,
            )  # fmt: skip
            block = block[self.alive] * self.root[some] * self.f[self.alive, None]
            yield block.T

    def _anew(self, R: Array, ridge: float) -> tuple[Array, Array, Array]:
        """(e, residual, bounds (k,)) from a triangle S with SᵀS = RᵀR + ρI."""
        p = R.shape[1]
        Q, S, pivots = pivoted_qr(np.vstack([R, np.sqrt(ridge) * np.eye(p)]))
        inverse = np.empty((p, p))  # S⁻¹ with its rows where they belong
        inverse[pivots] = _factor.solve_triangular(S, np.eye(p))
        half = inverse if self.axis is None else _reflected(inverse, self.axis)
        first = half.T @ self.y
        alpha, P = half @ first, (half * half).sum(axis=1)
        size = np.sqrt((R * R).sum(axis=1))
        bound = self._backward(size, Q[: len(R)], half, first, alpha, P)
        return alpha / P[:, None], alpha * ridge, bound

    def _backward(
        self, size: Array, Q: Array, half: Array, first: Array, alpha: Array, P: Array
    ) -> Array:
        """(k,): bounds of ‖δe‖/‖e‖ of first order, each row z_l = S q_l of R, of length `size`,
        known to a few units of its own last place, and y too. With G = (K + ρ)⁻¹ these are

            │δα_i│ ≤ η (a_i ‖α‖ + ‖G_i‖ b),    │δP_i│ ≤ 2 η a_i ‖G_i‖
            a = Σ_l ‖z_l‖ │G z_l│,   b = Σ_l ‖z_l‖ │z_lᵀα│ + ‖y‖,    G z_l = half q_l
        """
        a = np.abs(half @ Q.T) @ size
        b = size @ np.abs(Q @ first) + np.sqrt((self.y * self.y).sum(axis=0))
        rows = np.sqrt(np.einsum("ij,jk,ik->i", half, half.T @ half, half))  # ‖G_i‖
        length = np.sqrt((alpha * alpha).sum(axis=0))
        moved = _BACKWARD * (np.outer(a, length) + np.outer(rows, b))
        e = alpha / P[:, None]
        moved = moved / P[:, None] + np.abs(e) * (2.0 * _BACKWARD * a * rows / P)[:, None]
        size = np.sqrt((e * e).sum(axis=0))
        out: Array = np.sqrt((moved * moved).sum(axis=0)) / np.maximum(size, 1e-300)
        return out

    def _level(self, most: Array) -> Array:
        """(k, K): what rounding of Uᵀ(f∘y) adds to √(yᵀα), where (K + ρ)⁻¹ is at `most`."""
        length = np.sqrt((self.y * self.y).sum(axis=0))
        return np.multiply.outer(4 * _EPS * length, np.sqrt(most))

    def every_error(self, found: Rows, factors: Array) -> Array:
        """(m, k, K) e of every row; one of weight zero is left out of every fit."""
        problem, f = self.problem, self.f
        out = np.empty((len(f), *found.e.shape[1:]))
        out[self.alive] = found.e / f[self.alive, None, None]
        dead = np.flatnonzero(f == 0.0)
        if len(dead):
            solve = self.solver()
            for t in range(out.shape[1]):
                betas = np.stack([solve(s, t) for s in factors], axis=1)
                data = reads.plain(problem.X, 1.0 * (f == 0.0), problem.shift, problem.scale)
                fitted = reads.products(data, betas * problem.scale[:, None])
                out[dead, t] = problem.y(t)[dead, None] - fitted[dead]
        return out

    def solver(self) -> Callable[[float, int], Array]:
        """(s, t) ↦ β of target t at strength s."""
        turned, problem = self.U.T @ self.y, self.problem

        def solve(s: float, t: int) -> Array:
            alpha = np.zeros(len(self.f))
            alpha[self.alive] = self.U @ (turned[:, t] / (self.values + s * problem.total))
            found = problem.screen((self.f * alpha * problem.total)[:, None])[:, 0]
            out: Array = self.root**2 * found
            return out

        return solve


def quotients(
    alpha: Array, P: Array, square: Array, eta: Array, level: Array
) -> tuple[Array, Array]:
    """(e (m, k, K), bounds (K, k) of ‖δe‖/‖e‖) of α, P (m, K) and yᵀα (k, K) with a common factor,
    η (K,) and rounding of √(yᵀα), `level` (k, K)."""
    e = alpha / P[:, None, :]
    with np.errstate(invalid="ignore"):
        eta = np.where(eta < 0.5, eta / (1.0 - np.minimum(eta, 0.5)), np.inf) + 8 * _EPS
        size = np.sqrt(np.einsum("ikK,ikK->kK", e, e))
        wander = (eta * np.sqrt(square) + level) * np.sqrt((1.0 / P).sum(axis=0))
        bound = np.divide(wander, size, out=np.zeros(size.shape), where=size > 0) + eta
    return e, np.where(np.isnan(bound), np.inf, bound).T


def _reflection(f: Array) -> Array:
    """v with (I − 2vvᵀ) f along the first axis, of length 1."""
    v = f / np.sqrt(f @ f)
    v[0] += np.copysign(1.0, v[0])
    out: Array = v / np.sqrt(v @ v)
    return out


def _turned_twice(K: Array, v: Array) -> Array:
    """H K H without its first row and column, H = I − 2vvᵀ."""
    a = K @ v
    b = 2.0 * a - (2.0 * (v @ a)) * v
    return (K - np.outer(v, b) - np.outer(b, v))[1:, 1:]


def _reflected(vectors: Array, v: Array, *, whole: bool = False) -> Array:
    """H with zeros in place of the first row that was dropped, or of all rows."""
    out = vectors if whole else np.vstack([np.zeros((1, vectors.shape[1])), vectors])
    return out - np.outer(2.0 * v, v @ out)


def pivoted_qr(rows: Array) -> tuple[Array, Array, Array]:
    """(Q, S, pivots), rows[:, pivots] = QS: rows longest first and columns pivoted, with which the
    rounding of each row is in proportion to its own length (Cox & Higham, BIT 38, 1998)."""
    order = np.argsort(-np.abs(rows).max(axis=1), kind="stable")
    Q, S, pivots = _factor.pivoted(rows[order])
    out = np.empty(Q.shape)
    out[order] = Q
    return out, S, pivots

"""Eigenvectors of a symmetric tridiagonal matrix by divide and conquer.

    T = [T₁ 0; 0 T₂] + ρ v vᵀ,  T_i = Q_i D_i Q_iᵀ:   Tᵀ = Q (D + ρ z zᵀ) Qᵀ,  z = Qᵀv

(Cuppen, Numerische Mathematik 36, 1981). Where z_j, or the difference of two d, is rounding, an
eigenpair is there already. Of the others λ are the roots of 1 + ρ Σ z_j²/(d_j − λ) = 0, and
x_j = ẑ_j/(d_j − λ) with the ẑ of which these λ are the exact roots: orthogonal to rounding
(Gu & Eisenstat, SIAM J. Matrix Anal. Appl. 15, 1994). LAPACK's dstedc does the same in one call.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass

import numpy as np

from fastreg._factor.lapack import call, leading
from fastreg._factor.triangular import WHOLE, slices

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps) / 2.0


def eigen_tridiagonal(d: Array, e: Array, least: int = 0) -> tuple[Array, Array]:
    """(λ ascending, eigenvectors in columns) of diagonal d (n,) and off-diagonal e (n − 1,), from
    number `least` on."""
    n = len(d)
    if n <= WHOLE:
        values, vectors = _in_one_call(d, e)
        return values[least:], vectors[:, least:]
    half = n // 2
    rho = float(abs(e[half - 1]))
    first, second = d[:half].copy(), d[half:].copy()
    first[-1] -= rho
    second[0] -= rho
    Q, z = np.zeros((n, n), order="F"), np.empty(n)
    D = np.empty(n)
    D[:half], Q[:half, :half] = eigen_tridiagonal(first, e[: half - 1])
    D[half:], Q[half:, half:] = eigen_tridiagonal(second, e[half:])
    z[:half] = Q[half - 1, :half]
    z[half:] = math.copysign(1.0, e[half - 1]) * Q[half, half:]
    joined = _Joined(D, z / math.sqrt(2.0), 2.0 * rho, Q, np.arange(n) < half, half)
    return joined.solve(joined.deflate(), least)


def _in_one_call(d: Array, e: Array) -> tuple[Array, Array]:
    n = len(d)
    values, off, vectors = d.copy(), np.append(e, 0.0), np.empty((n, n), order="F")
    work, indices, fault = np.empty(1 + 4 * n + n * n), np.empty(3 + 5 * n, np.intc), ctypes.c_int()
    sizes = (work, len(work), indices, len(indices), fault)
    call("dstedc", "I", n, values, off, vectors, leading(vectors), *sizes)
    if fault.value:
        raise np.linalg.LinAlgError("eigenvalues did not converge")
    return values, vectors


@dataclass(eq=False)
class _Joined:
    """D + ρ z zᵀ, ‖z‖ = 1, in the basis Q (n, n), whose first `half` rows are those of T₁."""

    D: Array
    z: Array
    rho: float
    Q: Array
    above: Array  # (n,) whether a column has entries there
    half: int

    def __post_init__(self) -> None:
        self.below = ~self.above

    def deflate(self) -> Array:
        """Numbers of the columns that are no eigenvectors yet, D ascending; Q, D and z of the
        others are made so by rotations."""
        tol = 8.0 * _EPS * max(np.abs(self.D).max(), np.abs(self.z).max())
        left: list[int] = []
        for j in np.argsort(self.D, kind="stable").tolist():
            if self.rho * abs(self.z[j]) <= tol:
                continue
            if left and self._rotated(left[-1], j, tol):
                left.pop()
            left.append(j)
        return np.array(left, np.intp)

    def _rotated(self, i: int, j: int, tol: float) -> bool:
        """Whether columns i and j, of nearly the same d, become one with z and one without."""
        D, z = self.D, self.z
        length = math.hypot(z[i], z[j])
        c, s = z[j] / length, -z[i] / length
        if abs((D[j] - D[i]) * c * s) > tol:
            return False
        a, b = self.Q[:, i].copy(), self.Q[:, j]
        self.Q[:, i], self.Q[:, j] = c * a + s * b, c * b - s * a
        D[i], D[j] = D[i] * c * c + D[j] * s * s, D[i] * s * s + D[j] * c * c
        z[i], z[j] = 0.0, length
        for side in (self.above, self.below):
            side[i] = side[j] = side[i] or side[j]
        return True

    def solve(self, left: Array, least: int) -> tuple[Array, Array]:
        """(λ, eigenvectors) from number `least` on."""
        done = np.setdiff1d(np.arange(len(self.D)), left)
        values = self.D.copy()
        # Few are stored that are not asked for: number k of the roots is at most number
        # k + len(done) of all.
        first = max(0, least - len(done))
        values[left], X = _roots(self.D[left], self.z[left], self.rho, first)
        order = np.argsort(values, kind="stable")[least:]
        place = np.full(len(values), -1)
        place[order] = np.arange(len(order))
        out = np.empty((len(values), len(order)), order="F")
        there = done[place[done] >= 0]
        out[:, place[there]] = self.Q[:, there]
        self._combine(left, X, place[left[first:]], out)
        return values[order], out

    def _combine(self, left: Array, X: Array, place: Array, out: Array) -> None:
        """Columns `place` of out ← Q[:, left] X, where they are asked for."""
        halves = (slice(0, self.half), self.above), (slice(self.half, None), self.below)
        for rows, side in halves:
            inside = side[left]
            basis, some = self.Q[rows, left[inside]], X[inside]
            for columns in slices(X.shape[1], 2.0 * basis.size):
                asked = place[columns] >= 0
                out[rows, place[columns][asked]] = basis @ some[:, columns][:, asked]


def _roots(d: Array, z: Array, rho: float, first: int) -> tuple[Array, Array]:
    """λ (k,) of diag(d) + ρ z zᵀ, d ascending, and its eigenvectors (k, k − first) from `first`."""
    k = len(d)
    values, X = np.empty(k), np.empty((k, k - first), order="F")
    if k == 0:
        return values, X
    d, z = np.ascontiguousarray(d), np.ascontiguousarray(z)
    delta, value, fault = np.empty(k), ctypes.c_double(), ctypes.c_int()
    squares = np.ones(k)  # −ẑ²
    for i in range(k):
        if k > 2:
            call("dlaed4", k, i + 1, d, z, delta, rho, value, fault)
        else:
            value.value, delta = _of_two(d, z, rho, i)
        if fault.value:
            raise np.linalg.LinAlgError("an eigenvalue did not converge")
        values[i] = value.value
        gaps = d - d[i]
        gaps[i] = 1.0
        squares *= delta / gaps
        if i >= first:
            X[:, i - first] = delta
    roots = np.copysign(np.sqrt(np.maximum(-squares, 0.0)), z)
    for columns in slices(X.shape[1], 100.0 * k):
        part = X[:, columns]
        np.divide(roots[:, None], part, out=part)
        part /= np.sqrt(np.einsum("ij,ij->j", part, part))
    return values, X


def _of_two(d: Array, z: Array, rho: float, i: int) -> tuple[float, Array]:
    """Root i and d − λ of one or two terms, for which LAPACK has another convention. λ − d_j is a
    root of a quadratic, j the nearer end: as a difference it would have lost its digits."""
    first = rho * float(z[0]) ** 2
    if len(d) == 1:
        return float(d[0]) + first, np.array([-first])
    gap, second = float(d[1] - d[0]), rho * float(z[1]) ** 2
    if i == 0 and gap + 2.0 * (second - first) > 0.0:  # nearer to d[0]
        b, c = gap + first + second, first * gap
        tau = 2.0 * c / (b + math.sqrt(max(b * b - 4.0 * c, 0.0)))
        return float(d[0]) + tau, np.array([-tau, gap - tau])
    b, c = first + second - gap, second * gap
    root = math.sqrt(b * b + 4.0 * c)
    if i == 0:
        tau = -2.0 * c / (b + root) if b > 0.0 else 0.5 * (b - root)
    else:
        tau = 0.5 * (b + root) if b > 0.0 else 2.0 * c / (root - b)
    return float(d[1]) + tau, np.array([-gap - tau, -tau])

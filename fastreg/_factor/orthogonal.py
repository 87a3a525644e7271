"""Triangular factor and singular values of a rectangular matrix.

A = Q R by panels of Householder reflections. A = U B Vᵀ with B bidiagonal by panels (LAPACK's
dlabrd, as in dgebrd); with v and u of the singular vectors of B in turn,

    q = (v₁, u₁, v₂, u₂, …)/√2:   T q = σ q,   T tridiagonal, zero on its diagonal

(Golub & Kahan, SIAM J. Numer. Anal. 2, 1965), whose eigenvalues are ±σ: none is squared.
"""

from __future__ import annotations

import ctypes

import numpy as np
import scipy.linalg

from fastreg._factor.lapack import call, leading
from fastreg._factor.triangular import WHOLE, fortran, slices
from fastreg._factor.tridiagonal import eigen_tridiagonal

Array = np.ndarray
_PANEL = 64
_LAST = 256
_TRAFFIC = 2e8  # entries that a panel of a bidiagonal form reads twice, of memory


def triangular_factor(A: Array) -> Array:
    """R (k, n) of A (m, n), k = min(m, n)."""
    n, k = A.shape[1], min(A.shape)
    if n <= WHOLE:
        return np.asarray(np.linalg.qr(A, mode="r"))
    A = fortran(A)
    for first in range(0, k, _PANEL):
        stop = min(first + _PANEL, k)
        panel, tau, _, _ = scipy.linalg.lapack.dgeqrf(A[first:, first:stop])
        A[first:, first:stop] = panel
        _apply("T", panel, tau, A[first:, stop:])
    return np.triu(A[:k])


def _apply(way: str, panel: Array, tau: Array, B: Array) -> None:
    """B ← Q B, or Qᵀ B, with the reflections of a panel."""
    for columns in slices(B.shape[1], 4.0 * panel.size):
        part = B[:, columns]
        work = len(tau) * max(64, part.shape[1])
        part[:] = scipy.linalg.lapack.dormqr("L", way, panel, tau, part, work)[0]


def pivoted(A: Array) -> tuple[Array, Array, Array]:
    """(Q (m, k), R (k, n), pivots (n,)), A[:, pivots] = Q R: of what is left, the longest column
    comes next. Panels of LAPACK's dlaqps, as in dgeqp3."""
    m, n = A.shape
    k = min(m, n)
    if n <= WHOLE:
        return scipy.linalg.qr(A, mode="economic", pivoting=True)
    A, tau, pivots = fortran(A), np.empty(k), np.arange(1, n + 1, dtype=np.intc)
    norms = np.array([scipy.linalg.blas.dnrm2(column) for column in A.T])
    own = norms.copy()
    first, done = 0, ctypes.c_int()
    while first < k:
        width, rest = min(_PANEL // 2, k - first), n - first
        F, auxiliary = np.empty((rest, width), order="F"), np.empty(max(width, rest))
        at = (A[:, first:], leading(A), pivots[first:], tau[first:], norms[first:], own[first:])
        if k - first > _LAST:
            call("dlaqps", m, rest, first, width, done, *at, auxiliary, F, rest)
            first += done.value
        else:
            call("dlaqp2", m, rest, first, *at, auxiliary)
            first = k
    Q = np.eye(m, k, order="F")
    for start in reversed(range(0, k, _PANEL)):
        stop = min(start + _PANEL, k)
        _apply("N", A[start:, start:stop], tau[start:stop], Q[start:, start:])
    return Q, np.triu(A[:k]), pivots - 1


def singular(A: Array) -> tuple[Array, Array]:
    """(σ descending (k,), Vᵀ (k, n)) of A (m, n), k = min(m, n).

    Beyond a side of `WHOLE`, the rows of Vᵀ are orthogonal to about eps·σ₁/σ: enough to
    precondition, and to tell the directions that A keeps from those that it loses.
    """
    m, n = A.shape
    if n <= WHOLE or m < n or not np.isfinite(A).all():
        _, sigma, Vt = np.linalg.svd(A, full_matrices=False)
        return sigma, Vt
    if m > n:
        return singular(triangular_factor(A))
    scale = float(np.abs(A).max()) or 1.0
    A = fortran(A, scale)
    diagonal, off, tau = _bidiagonal(A)
    between = np.empty(2 * n - 1)
    between[::2], between[1::2] = diagonal, off
    sigma, pairs = eigen_tridiagonal(np.zeros(2 * n), between, n)
    V = np.asfortranarray(pairs[::2, ::-1])
    V /= np.maximum(np.sqrt(np.einsum("ij,ij->j", V, V)), np.finfo(float).tiny)
    for columns in slices(n, 2.0 * n**2):
        _reflect(A, tau, V[:, columns])
    return np.maximum(sigma[::-1], 0.0) * scale, V.T


def _bidiagonal(A: Array) -> tuple[Array, Array, Array]:
    """(diagonal, off-diagonal, τ of V) of B; reflections of V replace the upper triangle of A."""
    n = len(A)
    d, e, left, right = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    width = int(np.clip(_TRAFFIC / n**2, 4, 32))
    first = 0
    while n - first > _LAST + width:
        part, size = A[first:, first:], n - first
        X, Y = (np.empty((size, width), order="F") for _ in range(2))
        taus = (left[first:], right[first:])
        lda, ldx = leading(A), leading(X)
        call("dlabrd", size, size, width, part, lda, d[first:], e[first:], *taus, X, ldx, Y, ldx)
        rest, below, beside = part[width:, width:], part[width:, :width], part[:width, width:]
        k = size - width
        minus = (-1.0, below, lda, Y[width:], ldx, 1.0, rest, lda)
        call("dgemm", "N", "T", k, k, width, *minus)
        call("dgemm", "N", "N", k, k, width, -1.0, X[width:], ldx, beside, lda, 1.0, rest, lda)
        first += width
    part, size = A[first:, first:], n - first
    work, fault = np.empty(64 * size), ctypes.c_int()
    outputs = (d[first:], e[first:], left[first:], right[first:], work, len(work), fault)
    call("dgebrd", size, size, part, leading(A), *outputs)
    return d, e[: n - 1], right


def _reflect(A: Array, tau: Array, V: Array) -> None:
    """V ← P V with the reflections P of the rows of A."""
    n, k = V.shape
    work, fault = np.empty(64 * k + 64 * 65), ctypes.c_int()
    side = ("P", "L", "N", n, k, n, A, leading(A), tau, V, leading(V))
    call("dormbr", *side, work, len(work), fault)
    assert not fault.value

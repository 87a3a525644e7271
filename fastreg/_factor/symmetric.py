"""Eigenvectors of a symmetric matrix: A = Q T Qᵀ with T tridiagonal, T = S Λ Sᵀ; they are Q S.

Q by panels of Householder reflections (LAPACK's dlatrd and dsyr2k, as in dsytrd), S by
`tridiagonal`, Q S by slices of its columns.
"""

from __future__ import annotations

import ctypes

import numpy as np
import scipy.linalg

from fastreg._factor.lapack import call, leading
from fastreg._factor.triangular import WHOLE, fortran, slices
from fastreg._factor.tridiagonal import eigen_tridiagonal

Array = np.ndarray
_LAST = 256  # side of what is left for one call
_TRAFFIC = 4e8  # entries that a panel reads, of memory


def eigh(A: Array) -> tuple[Array, Array]:
    """(λ ascending (n,), eigenvectors (n, n) in columns) of the lower triangle of A (n, n)."""
    if len(A) <= WHOLE or not np.isfinite(A).all():
        return np.linalg.eigh(A)
    A, scale = _scaled(A)
    diagonal, off, tau = _tridiagonal(A)
    values, S = eigen_tridiagonal(diagonal, off)
    for columns in slices(len(A), 2.0 * len(A) ** 2):
        _reflect(A, tau, S[:, columns])
    return values * scale, S


def eigvalsh(A: Array) -> Array:
    """λ alone."""
    if len(A) <= WHOLE or not np.isfinite(A).all():
        return np.linalg.eigvalsh(A)
    A, scale = _scaled(A)
    diagonal, off, _ = _tridiagonal(A)
    values: Array = scipy.linalg.eigvalsh_tridiagonal(diagonal, off, lapack_driver="sterf")
    return values * scale


def least_norm(A: Array, B: Array, cond: float) -> Array:
    """A⁺B of a symmetric A, whose eigenvalues up to `cond` of the largest count as zero."""
    if len(A) <= WHOLE or not np.isfinite(A).all():
        return np.asarray(scipy.linalg.lstsq(A, B, cond=cond)[0])
    values, vectors = eigh(A)
    size = np.abs(values)
    keep = size > cond * size.max()
    vectors, values = vectors[:, keep], values[keep]
    out: Array = vectors @ ((vectors.T @ B).T / values).T
    return out


def _scaled(A: Array) -> tuple[Array, float]:
    """(A/scale in Fortran's order, scale): squares of lengths must not leave float64."""
    scale = float(np.abs(A).max()) or 1.0
    return fortran(A, scale), scale


def _tridiagonal(A: Array) -> tuple[Array, Array, Array]:
    """(diagonal, off-diagonal, τ) of T; reflections replace the lower triangle of A."""
    n = len(A)
    d, e, tau = np.empty(n), np.empty(n - 1), np.empty(n - 1)
    width = int(np.clip(_TRAFFIC / n**2, 8, 32))
    first = 0
    while n - first > _LAST + width:
        part, stop = A[first:, first:], first + width
        W = np.empty((n - first, width), order="F")
        at, lda, ldw = tau[first:], leading(A), leading(W)
        call("dlatrd", "L", n - first, width, part, lda, e[first:], at, W, ldw)
        rest = part[width:, width:]
        V = part[width:, :width]
        call("dsyr2k", "L", "N", n - stop, width, -1.0, V, lda, W[width:], ldw, 1.0, rest, lda)
        d[first:stop] = np.diagonal(A)[first:stop]
        first = stop
    A[first:, first:], d[first:], e[first:], tau[first:], _ = scipy.linalg.lapack.dsytrd(
        A[first:, first:], lower=1
    )
    return d, e, tau


def _reflect(A: Array, tau: Array, S: Array) -> None:
    """S ← Q S."""
    n, k = S.shape
    work, fault = np.empty(64 * k + 64 * 65), ctypes.c_int()
    side = ("L", "L", "N", n, k, A, leading(A), tau, S, leading(S))
    call("dormtr", *side, work, len(work), fault)
    assert not fault.value

"""Cholesky factors, panel by panel from the left: with A = L Lᵀ and columns K before a panel J,

L_JJ L_JJᵀ = A_JJ − L_JK L_JKᵀ,    L_IJ = (A_IJ − L_IK L_JKᵀ) L_JJ⁻ᵀ
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

Array = np.ndarray
WHOLE = 1000  # side of the largest matrix that one call of LAPACK factorises: 0.3 s at most
_PANEL = 256
_WORK = 4e9  # operations of a piece


def cholesky(A: Array) -> Array | None:
    """L in the lower triangle of A, which is overwritten if it is in Fortran's order, with anything
    above; None where A is not positive definite."""
    if len(A) <= WHOLE:
        L, fault = scipy.linalg.lapack.dpotrf(A, lower=1, clean=0, overwrite_a=1)
        return None if fault or not np.isfinite(L.diagonal()).all() else L
    A = A if A.flags.f_contiguous else fortran(A)
    for start in range(0, len(A), _PANEL):
        stop = min(start + _PANEL, len(A))
        panel = A[start:, start:stop]
        for rows in slices(len(panel), 2.0 * start * (stop - start)):
            panel[rows] -= A[start:][rows, :start] @ A[start:stop, :start].T
        square, fault = scipy.linalg.lapack.dpotrf(panel[: stop - start], lower=1, clean=0)
        if fault or not np.isfinite(square.diagonal()).all():  # which LAPACK need not see
            return None
        panel[: stop - start] = square
        below = panel[stop - start :]
        below[:] = scipy.linalg.blas.dtrsm(1.0, square, below, side=1, lower=1, trans_a=1)
    return A


def definite(A: Array) -> Array:
    """`cholesky`, or LinAlgError."""
    L = cholesky(A)
    if L is None:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    return L


def solve_cholesky(L: Array, B: Array) -> Array:
    """(L Lᵀ)⁻¹ B, a few columns at a time."""
    if B.ndim == 1 or len(L) <= WHOLE:
        return scipy.linalg.cho_solve((L, True), B, check_finite=False)
    out = np.empty(B.shape, order="F")
    for columns in slices(B.shape[1], 2.0 * len(L) ** 2):
        out[:, columns] = scipy.linalg.cho_solve((L, True), B[:, columns], check_finite=False)
    return out


def solve_triangular(L: Array, B: Array, *, lower: bool = False) -> Array:
    """L⁻¹B, a few columns at a time."""
    if B.ndim == 1 or len(L) <= WHOLE:
        return scipy.linalg.solve_triangular(L, B, lower=lower, check_finite=False)
    out = np.empty(B.shape, order="F")
    for columns in slices(B.shape[1], 1.0 * len(L) ** 2):
        some = B[:, columns]
        out[:, columns] = scipy.linalg.solve_triangular(L, some, lower=lower, check_finite=False)
    return out


def fortran(A: Array, scale: float = 1.0) -> Array:
    """A copy of A/scale in Fortran's order, a few columns at a time."""
    out = np.empty(A.shape, order="F")
    for columns in slices(A.shape[1], 40.0 * len(A)):
        np.divide(A[:, columns], scale, out=out[:, columns])
    return out


def slices(length: int, operations: float) -> list[slice]:
    """Parts of a range whose items take so many operations each."""
    step = max(1, int(_WORK / max(operations, 1.0)))
    return [slice(a, min(a + step, length)) for a in range(0, length, step)]

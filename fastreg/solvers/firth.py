"""Logistic regression with Firth's term: half the logarithm of the information's determinant.

It takes the first order out of the bias of maximum likelihood (Firth, Biometrika 80, 1993), and
coefficients are finite where a line separates the classes (Heinze & Schemper, Statistics in
Medicine 21, 2002). Formulas are at the head of `certificate.firth`. Steps are Fisher's scoring,
halved until they lessen P:

    δ = −(I + S diag r)⁻¹ S ∂P/∂θ
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.special

from fastreg.certificate.firth import Rows, residual, value_and_slopes

Array = np.ndarray
_FAR = 5.0  # by which a step moves predictions at most
_HALVINGS = 30
_ROUNDED = 1e-14  # of P
_DEPENDENT = 1e-10  # of a column, what is left of it beside the others


def dependent(rows: Rows) -> Array:
    """Columns that are sums of others, of rows that count: their determinant is zero."""
    A = rows.A[rows.s > 0.0]
    size = np.abs(A).max(axis=0, initial=0.0)
    A = A / np.where(size > 0.0, size, 1.0)
    R, order = scipy.linalg.qr(A, mode="r", pivoting=True)
    left = np.zeros(A.shape[1])
    diagonal = np.abs(np.diag(R))
    left[: len(diagonal)] = diagonal
    return np.sort(order[left <= _DEPENDENT * max(left[0], 1e-300)])


def minimise(rows: Rows, start: Array, aim: float, max_iter: int) -> tuple[Array, int]:
    """(θ, steps), to a residual of `aim`, from the null model."""
    theta, total = start.copy(), float(rows.s.sum())
    value, slope = value_and_slopes(rows, theta)
    for steps in range(max_iter):
        if residual(rows, theta, start) <= aim:
            return theta, steps
        z = rows.A @ theta + rows.offset
        v = rows.s * scipy.special.expit(z) * scipy.special.expit(-z)
        H = (rows.A * v[:, None]).T @ rows.A + total * np.diag(rows.ridge)
        move = -scipy.linalg.solve(H, total * slope, assume_a="pos")
        move *= min(1.0, _FAR / max(np.abs(rows.A @ move).max(), 1e-300))
        for _ in range(_HALVINGS):
            after, found = value_and_slopes(rows, theta + move)
            if after <= value + _ROUNDED * abs(value):
                break
            move *= 0.5
        else:
            return theta, steps
        theta, value, slope = theta + move, after, found
    return theta, max_iter

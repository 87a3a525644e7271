"""Logistic regression with Firth's term: half the logarithm of the information's determinant.

It takes the first order out of the bias of maximum likelihood (Firth, Biometrika 80, 1993), and
coefficients are finite where a line separates the classes (Heinze & Schemper, Statistics in
Medicine 21, 2002). Formulas are at the head of `certificate.firth`. Steps are Fisher's scoring,
halved until they lessen P:

    δ = −(I + S diag r)⁻¹ S ∂P/∂θ
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.special

from fastreg.certificate.firth import Rows

Array = np.ndarray
_FAR = 5.0  # by which a step moves predictions at most
_HALVINGS = 30
_ROUNDED = 1e-13  # of P
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
    """(θ, steps), from the null model until slopes are `aim` of what they are there."""
    T, back = _frame(rows)
    own = rows._replace(A=rows.A @ T, ridge=np.zeros(len(start)))
    theta, steps = _descend(own, T.T * rows.ridge @ T, back @ start, aim, max_iter)
    return T @ theta, steps


def _frame(rows: Rows) -> tuple[Array, Array]:
    """T (q, q) that makes columns of A T alike, about their means where A has a constant column,
    and its inverse. A determinant of columns far from zero has few digits."""
    A, q = rows.A, rows.A.shape[1]
    mean, size = A.mean(axis=0), A.std(axis=0)
    constant = np.flatnonzero(size <= _DEPENDENT * np.abs(A).max(axis=0))
    size[constant] = np.abs(A[0, constant])
    T, back = np.diag(1.0 / size), np.diag(size)
    for j in constant[:1]:
        others = np.arange(q) != j
        T[j, others] = -mean[others] / (A[0, j] * size[others])
        T[j, j], back[j, j] = 1.0 / A[0, j], A[0, j]
        back[j, others] = mean[others]
    return T, back


def _descend(
    rows: Rows, ridge: Array, start: Array, aim: float, max_iter: int
) -> tuple[Array, int]:
    """`minimise` in a frame in which columns are alike, ridge terms a matrix (q, q)."""
    theta, total = start.copy(), float(rows.s.sum())
    point = _Point.at(rows, ridge, theta)
    first = float(np.abs(point.slope).max())
    for steps in range(max_iter):
        if np.abs(point.slope).max() <= aim * first:
            return theta, steps
        H = point.information + total * ridge
        unit = np.sqrt(np.diag(H))
        try:
            factor = scipy.linalg.cho_factor(H / np.outer(unit, unit))
        except (scipy.linalg.LinAlgError, ValueError):
            return theta, steps
        move = -scipy.linalg.cho_solve(factor, point.slope / unit) / unit
        move *= min(1.0, _FAR / max(np.abs(rows.A @ move).max(), 1e-300))
        for _ in range(_HALVINGS):
            after = _Point.at(rows, ridge, theta + move)
            if after.value <= point.value + _ROUNDED * abs(point.value):
                break
            move *= 0.5
        else:
            return theta, steps
        theta, point = theta + move, after
    return theta, max_iter


class _Point(NamedTuple):
    """S P(θ), its slopes (q,) and I (q, q), by Cholesky's factor of I."""

    value: float
    slope: Array
    information: Array

    @staticmethod
    def at(rows: Rows, ridge: Array, theta: Array) -> _Point:
        A, y, s, offset, _ = rows
        z, total = A @ theta + offset, float(s.sum())
        p = scipy.special.expit(z)
        v = s * p * scipy.special.expit(-z)
        information = (A * v[:, None]).T @ A
        unit = np.sqrt(np.diag(information))
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = information / np.outer(unit, unit)
        try:
            L = scipy.linalg.cholesky(scaled, lower=True)
        except (scipy.linalg.LinAlgError, ValueError):  # p so near 0 or 1 that I is singular
            return _Point(np.inf, np.zeros(len(theta)), information)
        W = scipy.linalg.solve_triangular(L, (A / unit).T, lower=True)
        leverage = v * np.einsum("ji,ji->i", W, W)
        half = float(np.log(np.diag(L)).sum() + np.log(unit).sum())
        lost = float(s @ (scipy.special.log_expit(z) * -y + scipy.special.log_expit(-z) * (y - 1)))
        slope = A.T @ (s * (p - y) - leverage * (0.5 - p)) + total * ridge @ theta
        value = lost - half + 0.5 * total * float(theta @ ridge @ theta)
        return _Point(value, slope, information)

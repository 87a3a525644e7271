"""Stationarity of logistic fits with Firth's term, by a computation of its own: Householder's QR.

    P(θ) = [Σ s ℓ(z; y) − ½ log det I(θ)]/S + ½ Σ r θ²,   I = Aᵀ diag(s p (1 − p)) A
    S ∂P/∂θ = Aᵀ(s∘(p − y) − h∘(½ − p)) + S r∘θ

h are the leverages of √(s p (1 − p)) A. P is not convex, and no gap is known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.special

Array = np.ndarray
_CONSTANT = 1e-13  # of a column's size, a spread that is rounding


class Rows(NamedTuple):
    """A (m, q) with a column of ones where there is an intercept, shares y, weights s and offsets
    (m,), and ridge terms r (q,) beside the mean loss."""

    A: Array
    y: Array
    s: Array
    offset: Array
    ridge: Array


def value_and_slopes(rows: Rows, theta: Array) -> tuple[float, Array]:
    """P(θ) and its slopes (q,), by columns about their means where one is constant: coefficients
    move while the mean of z stays, and det I is the same."""
    A, y, s, offset, ridge = rows
    centre, total = _centre(rows), float(s.sum())
    V = A - centre
    z = V @ theta + (centre @ theta + offset)
    p = scipy.special.expit(z)
    lost = float(s @ (np.logaddexp(0.0, z) - y * z))
    root = np.sqrt(s * p * scipy.special.expit(-z))
    with np.errstate(divide="ignore"):
        Q, R = scipy.linalg.qr(root[:, None] * V, mode="economic")
        half = float(np.log(np.abs(np.diag(R))).sum())
    leverage = np.einsum("ij,ij->i", Q, Q)
    slope = V.T @ (s * (p - y) - leverage * (0.5 - p))
    value = (lost - half) / total + 0.5 * float(ridge @ theta**2)
    return value, slope / total + ridge * theta


def judge(rows: Rows, theta: Array, null: Array) -> tuple[float, float, float]:
    """(P(θ), P of the null model's θ, the largest slope at the first over that at the second, of
    columns of unit length about their means)."""
    share = rows.s / rows.s.sum()
    length = np.sqrt(share @ (rows.A - _centre(rows)) ** 2)
    size = np.abs(rows.A).max(axis=0, initial=0.0)
    length = np.where(length > _CONSTANT * size, length, 1.0)
    (value, slope), (least, first) = (value_and_slopes(rows, point) for point in (theta, null))
    left, most = (float(np.max(np.abs(each) / length)) for each in (slope, first))
    return value, least, left / most if most > 0.0 else left


def _centre(rows: Rows) -> Array:
    """(q,) means of columns, 0 of those that are constant; zeros where none is that is free of a
    ridge, as a ridge on it would count in the slopes of all."""
    share = rows.s / rows.s.sum()
    mean, size = share @ rows.A, np.abs(rows.A).max(axis=0, initial=0.0)
    constant = np.ptp(rows.A, axis=0) <= _CONSTANT * size
    has_level = bool((constant & (rows.ridge == 0.0)).any())
    return np.where(constant, 0.0, mean) if has_level else np.zeros(len(mean))

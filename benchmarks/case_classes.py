"""Several classes: data, fits, and the same in plain NumPy, for the benchmark cases."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

import fastreg
from fastreg import kernels

Array = np.ndarray
CLASSES, C = 4, 0.1
STEPS = 8  # of Newton's method, from zero
SPREAD = 2.0  # of predictions


class Labelled(NamedTuple):
    """X (m, n), labels (m,) of K classes as Y (m, K), and predictions Z (m, K) like theirs."""

    X: Array
    labels: Array
    Y: Array
    Z: Array


@functools.lru_cache(maxsize=1)
def labelled(m: int, n: int, storage: str = "C") -> Labelled:
    """Draws of a softmax of X."""
    rng = np.random.default_rng(2)
    X = np.asarray(rng.standard_normal((m, n)), order="F" if storage == "F" else "C")
    Z = X @ rng.standard_normal((n, CLASSES)) * (SPREAD / np.sqrt(n))
    labels = (Z + rng.gumbel(size=Z.shape)).argmax(axis=1)
    return Labelled(X, labels, np.eye(CLASSES)[labels], Z)


def slopes(data: Labelled) -> tuple[Array, Array]:
    """p − y of each row, and the sum of losses."""
    Z = data.Z.copy()
    value = kernels.softmax(Z, data.Y, None, None)
    return Z, value


def plain_slopes(data: Labelled) -> tuple[Array, Array]:
    P, value = _softmax(data.Z, data.Y)
    return P - data.Y, np.array([value])


def ridge(data: Labelled) -> tuple[Array, Array]:
    """All classes at once, by the estimator."""
    model = fastreg.LogisticRegression(C=C, tol=1e-10).fit(data.X, data.labels)
    return model.coef_, model.intercept_ - model.intercept_.mean()


def plain_ridge(data: Labelled) -> tuple[Array, Array]:
    """Newton's method on K·(n + 1) coefficients, the blocks of its matrix pair by pair.

    H_kl = X̃ᵀ diag(p_k (δ_kl − p_l)) X̃ + [k = l] diag(1/C, but 0 of the intercept)
    """
    m, n = data.X.shape
    X = np.column_stack([data.X, np.ones(m)])
    ridge = np.append(np.full(n, 1.0 / C), 0.0)
    B = np.zeros((n + 1, CLASSES))
    for _ in range(STEPS):
        P, _ = _softmax(X @ B, data.Y)
        gradient = X.T @ (P - data.Y) + ridge[:, None] * B
        H = np.empty((CLASSES, n + 1, CLASSES, n + 1))
        for k in range(CLASSES):
            for j in range(k + 1):
                H[k, :, j] = X.T @ ((P[:, k] * ((k == j) - P[:, j]))[:, None] * X)
                H[j, :, k] = H[k, :, j].T
            H[k, :, k] += np.diag(ridge)
        H[:, n, :, n] += 1.0  # intercepts have the mean zero
        step = np.linalg.solve(H.reshape(B.size, B.size), gradient.T.reshape(-1))
        B -= step.reshape(CLASSES, n + 1).T
    return B[:n].T, B[n] - B[n].mean()


def _softmax(Z: Array, Y: Array) -> tuple[Array, float]:
    Z = Z - Z.max(axis=1, keepdims=True)
    E = np.exp(Z)
    total = E.sum(axis=1, keepdims=True)
    return E / total, float((np.log(total[:, 0]) - (Y * Z).sum(axis=1)).sum())

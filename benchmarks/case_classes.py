"""Several classes: data, fits, and the same in plain NumPy, for the benchmark cases."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import KFold

import fastreg
from fastreg import kernels

Array = np.ndarray
CLASSES, C = 4, 0.1
STEPS = 8  # of Newton's method, from zero
SPREAD = 2.0  # of predictions
SEARCHED, FOLDS = (0.01, 0.1, 1.0), 3
BLOCK, FIRTH, NEWTON = 4000, 1000, 100  # rows; steps at most
ALPHAS, RATIO, PROXIMAL = 10, 0.1, 300  # of a path, and plain steps at each of its strengths


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


def plain_ridge(data: Labelled, strength: float = C) -> tuple[Array, Array]:
    """Newton's method on K·(n + 1) coefficients, the blocks of its matrix pair by pair.

    H_kl = X̃ᵀ diag(p_k (δ_kl − p_l)) X̃ + [k = l] diag(1/C, but 0 of the intercept)
    """
    m, n = data.X.shape
    X = np.column_stack([data.X, np.ones(m)])
    ridge = np.append(np.full(n, 1.0 / strength), 0.0)
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


def search(data: Labelled) -> Array:
    """Mean held-out log-likelihoods of each C, by the estimator, from neighbours as folds."""
    model = fastreg.LogisticRegressionCV(Cs=SEARCHED, cv=KFold(FOLDS), l1_ratios=[0.0], tol=1e-10)
    scores = model.fit(data.X, data.labels).scores_
    return np.asarray(scores)[:, 0].mean(axis=0)


def plain_search(data: Labelled) -> Array:
    scores = np.zeros((FOLDS, len(SEARCHED)))
    for f, (train, test) in enumerate(KFold(FOLDS).split(data.X)):
        part = Labelled(data.X[train], data.labels[train], data.Y[train], data.Z[train])
        for k, strength in enumerate(SEARCHED):
            W, b = plain_ridge(part, strength)
            _, value = _softmax(data.X[test] @ W.T + b, data.Y[test])
            scores[f, k] = -value / len(test)
    return scores.mean(axis=0)


def lassos(data: Labelled) -> tuple[Array, Array]:
    """Objectives of a path of lassos, and its strengths."""
    path = fastreg.path(
        data.X, data.labels, family="multinomial", alphas=ALPHAS, eps=RATIO, tol=1e-8
    )
    return path.certificate.objective, path.alphas


def plain_lassos(data: Labelled) -> tuple[Array, Array]:
    """Accelerated proximal gradients (Beck & Teboulle 2009), each strength from the one before; the
    curvature of the loss is at most half of that of squares (Böhning 1992)."""
    X, Y, (m, n) = data.X, data.Y, data.X.shape
    mean = X.mean(axis=0)
    X, level = X - mean, np.log(Y.mean(axis=0))
    most = np.abs(X.T @ (Y - Y.mean(axis=0))).max() / m
    alphas = most * RATIO ** np.linspace(0.0, 1.0, ALPHAS)
    step = 2.0 / max(np.linalg.eigvalsh(X.T @ X / m)[-1], 1.0)
    B, b, out = np.zeros((n, CLASSES)), level, []
    for alpha in alphas:
        A, a, t = B, b, 1.0
        for _ in range(PROXIMAL):
            P, _ = _softmax(X @ A + a, Y)
            down = A - step * (X.T @ (P - Y)) / m
            new = np.sign(down) * np.maximum(np.abs(down) - step * alpha, 0.0)
            up = a - step * (P - Y).mean(axis=0)
            later = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * t * t))
            A, a = new + (t - 1.0) / later * (new - B), up + (t - 1.0) / later * (up - b)
            B, b, t = new, up, later
        out.append(_softmax(X @ B + b, Y)[1] / m + alpha * np.abs(B).sum())
    return np.array(out), alphas


def ridge_in_blocks(data: Labelled) -> tuple[Array, Array]:
    """The ridge, of rows that arrive in blocks."""
    rows = [slice(a, a + BLOCK) for a in range(0, len(data.X), BLOCK)]
    source = fastreg.read([(data.X[some], data.labels[some]) for some in rows])
    model = fastreg.LogisticRegression(C=C, tol=1e-10).fit(source)
    return model.coef_, model.intercept_ - model.intercept_.mean()


def firth(data: Labelled) -> tuple[Array, Array]:
    """Firth's term, of the first class against the rest."""
    model = fastreg.LogisticRegression(C=np.inf, firth=True, max_iter=FIRTH)
    model.fit(data.X, data.labels == 0)
    return model.coef_[0], model.intercept_


def plain_firth(data: Labelled) -> tuple[Array, Array]:
    """Fisher's scoring, with leverages from the inverse of the information."""
    X, y = np.column_stack([data.X, np.ones(len(data.X))]), (data.labels == 0) * 1.0
    theta = np.zeros(X.shape[1])
    for _ in range(FIRTH):
        p = 1.0 / (1.0 + np.exp(-X @ theta))
        inverse = np.linalg.inv((X * (p * (1.0 - p))[:, None]).T @ X)
        leverage = p * (1.0 - p) * np.einsum("ij,jk,ik->i", X, inverse, X)
        step = inverse @ (X.T @ (y - p + leverage * (0.5 - p)))
        theta += step * min(1.0, 2.0 / np.abs(X @ step).max())
        if np.abs(step).max() < 1e-9:
            break
    return theta[:-1], theta[-1:]


def margins(data: Labelled) -> tuple[Array, Array]:
    """Borders of each class against the rest, by the squared hinge."""
    model = fastreg.LinearSVC(C=C, tol=1e-10).fit(data.X, data.labels)
    return model.coef_, model.intercept_


def plain_margins(data: Labelled) -> tuple[Array, Array]:
    """Newton's method on the rows within the margin, class by class."""
    X, coefs = np.column_stack([data.X, np.ones(len(data.X))]), []
    ridge = np.append(np.full(data.X.shape[1], 0.5 / C), 0.0)
    for k in range(CLASSES):
        y, w = np.where(data.labels == k, 1.0, -1.0), np.zeros(X.shape[1])
        for _ in range(NEWTON):
            inside = y * (X @ w) < 1.0
            A = X[inside]
            step = np.linalg.solve(A.T @ A + np.diag(ridge), A.T @ (A @ w - y[inside]) + ridge * w)
            w -= step
            if np.abs(step).max() < 1e-12:
                break
        coefs.append(w)
    found = np.array(coefs)
    return found[:, :-1], found[:, -1]


def _softmax(Z: Array, Y: Array) -> tuple[Array, float]:
    Z = Z - Z.max(axis=1, keepdims=True)
    E = np.exp(Z)
    total = E.sum(axis=1, keepdims=True)
    return E / total, float((np.log(total[:, 0]) - (Y * Z).sum(axis=1)).sum())

"""Standard errors of the multinomial model: contrasts of each class with the first.

With x̃ = (1, x), counts w and probabilities p, class by class in one vector,

    J = Σ w (diag(p) − ppᵀ) ⊗ x̃x̃ᵀ,   g = Σ w (p − y) ⊗ x̃,   R = Σw·diag(l2)

A constant added to the coefficients of all classes changes no probability, so that those of one
class alone mean nothing. Differences from the first class do: they are the coefficients that R's
`nnet::multinom` has. With A = J + R, Q = Σ w² (u ⊗ x̃)(u ⊗ x̃)ᵀ over rows or clusters, u = p − y,

| method | covariance, of which contrasts are taken |
|---|---|
| classical | A⁻¹ J A⁻¹ |
| HC0 | A⁻¹ Q A⁻¹ |
| HC1, sandwich | that times m/(m − df), df = tr A⁻¹J |
| clustered | HC0 of sums over clusters, times G/(G − 1) of G clusters |
| bayesian | A⁻¹ |

Directions that no ridge holds get a term of their own in A: it does not change contrasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, log_ndtr, ndtri

from fastreg._jit import single_threaded_blas
from fastreg.certificate.coupled import null_levels, softmax, values
from fastreg.design import Design
from fastreg.inference.generalized import (
    ASSUMES,
    check_method,
    check_penalty,
    left_of,
    squares_of,
)
from fastreg.inference.likelihood_table import LikelihoodInference
from fastreg.inference.table import caveat, named
from fastreg.objectives import Objective
from fastreg.problems.coupled import information

Array = np.ndarray
_NEAR = 0.1  # standard errors from the minimum: 95 % intervals then cover 94.9 %
_ENTRIES = 1 << 20  # of a block of rows, times the classes
_MOST = 4000  # coefficients
_ALIASED = 1e-11  # of the largest eigenvalue of A in units of its diagonal
_CONTRASTS = " Coefficients are differences from those of class {!r}."


@dataclass(frozen=True, eq=False)
class Sums:
    """Over the rows: J, Q with its factor for clusters, g, Σ w ℓ, that of the null model,
    Σ w Σ u²/p, the rows that count, and Σ w."""

    J: Array
    Q: Array
    g: Array
    lost: float
    null: float
    pearson: float
    count: int
    total: float


def class_inference(
    X: Design, Y: Array, objective: Objective, coef: Array, intercept: Array, *, classes: Array,
    method: str = "classical", level: float = 0.95, names: Sequence[str] | None = None,
    chosen: bool = False, clusters: Array | None = None,
) -> LikelihoodInference:  # fmt: skip
    """Inference of a fit of several classes, coef (K, n), intercept (K,), shares Y (m, K).

    Raises
    ------
    ValueError
        As `likelihood_inference`.
    """
    check_method(method, clusters)
    K, n = coef.shape
    if K * (n + 1) > _MOST:
        raise ValueError(
            f"summary of several classes is for {_MOST} coefficients, and {K} classes of {n} "
            f"features have {K * (n + 1)}: leave features out"
        )
    for each in coef:
        check_penalty(objective, each, names)
    c = int(objective.fit_intercept)
    theta = np.hstack([intercept[:, None], coef])[:, 1 - c :]
    with single_threaded_blas:
        sums = _sums(X, Y, objective, theta, clusters)
        A, ridge = _held(sums, objective, c, K)
        inverse = _inverse(A)
        _check_minimum(sums, theta, ridge, inverse)
        used = float((inverse * sums.J).sum())  # tr A⁻¹ J
        whole = inverse @ _middle(method, sums, A, used) @ inverse
        q = theta.shape[1]
        C = np.kron(np.hstack([-np.ones((K - 1, 1)), np.eye(K - 1)]), np.eye(q))
        covariance = C @ whole @ C.T
    estimate = C @ theta.reshape(-1)
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(error > 0.0, estimate / error, np.nan)
    p_value = 2.0 * np.exp(log_ndtr(-np.abs(statistic)))
    features = np.append(-np.ones(c, int), np.arange(n))
    labels = [f"{k}: {name}" for k in classes[1:].tolist() for name in named(features, names)]
    tested, free = 2.0 * (sums.null - sums.lost), not ridge.any()
    reach = float(ndtri(0.5 * (1.0 + level))) * error
    return LikelihoodInference(
        names=tuple(labels), features=np.tile(features, K - 1), coef=estimate,
        standard_error=error, statistic=statistic, p_value=p_value,
        lower=estimate - reach, upper=estimate + reach, covariance=covariance, level=level,
        method=f"{method} standard errors",
        assumes=caveat(ASSUMES[method] + _CONTRASTS.format(classes[0].item()), chosen),
        ratio_name="odds ratio", n_samples=sums.count, deviance=2.0 * sums.lost,
        null_deviance=2.0 * sums.null, residual_dof=(K - 1) * sums.count - used,
        null_dof=(K - 1) * (sums.count - c), dispersion=1.0, pearson=sums.pearson,
        log_likelihood=-sums.lost, aic=2.0 * (used + sums.lost),
        bic=float(np.log(sums.count)) * used + 2.0 * sums.lost, likelihood_ratio=tested,
        likelihood_ratio_p=float(chdtrc((K - 1) * n, max(tested, 0.0))) if free else np.nan,
        loss=objective.loss,
    )  # fmt: skip


def _blocks(X: Design, height: int, c: int) -> Iterator[tuple[slice, Array]]:
    """Rows, and their x̃."""
    for start in range(0, X.shape[0], height):
        rows = slice(start, min(start + height, X.shape[0]))
        part = X.matrix[rows]
        dense = np.asarray(part.toarray() if X.is_sparse else part, float)
        yield rows, np.column_stack([np.ones((len(dense), c)), dense])


def _sums(X: Design, Y: Array, objective: Objective, theta: Array, clusters: Array | None) -> Sums:
    (m, _), (K, q), c = X.shape, theta.shape, int(objective.fit_intercept)
    w = np.ones(m) if objective.weights is None else objective.weights
    offset = objective.counted().offset
    levels = null_levels(Y, w, offset, objective.fit_intercept)
    (J, Q), g = np.zeros((2, K * q, K * q)), np.zeros(K * q)
    scores = None if clusters is None else np.zeros((int(clusters.max()) + 1, K * q))
    numbers = np.zeros(3)
    for rows, A in _blocks(X, max(1, _ENTRIES // (K * q)), c):
        v = w[rows]
        A = np.where(v[:, None] > 0.0, A, 0.0)  # whatever a row without a weight holds
        o = 0.0 if offset is None else offset[rows]
        Z = A @ theta.T + o
        P = softmax(Z)
        U = P - Y[rows]
        J += information(A, P, v)
        each = (v[:, None] * U)[:, :, None] * A[:, None, :]
        each = each.reshape(len(A), K * q)
        g += each.sum(axis=0)
        if scores is None:
            Q += each.T @ each
        else:
            np.add.at(scores, clusters[rows], each)  # type: ignore[index]
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = np.where(U == 0.0, 0.0, U * U / P).sum(axis=1)
        start = np.broadcast_to(levels + o, Z.shape)
        each_lost = (values(z[:, None], Y[rows])[:, 0] for z in (Z, start))
        numbers += [float(v @ part) for part in (*each_lost, squares)]
    if scores is not None:
        Q = squares_of(scores)
    lost, null, pearson = numbers.tolist()
    return Sums(J, Q, g, lost, null, pearson, int(np.count_nonzero(w)), float(w.sum()))


def _held(sums: Sums, objective: Objective, c: int, K: int) -> tuple[Array, Array]:
    """(A with terms in directions that nothing holds, R (K·q,))."""
    q = len(sums.J) // K
    l2 = np.broadcast_to(objective.at(0)[0], q - c) * sums.total
    ridge = np.append(np.zeros(c), l2)
    A = sums.J + np.diag(np.tile(ridge, K))
    for j in np.flatnonzero(ridge == 0.0):
        place = np.arange(j, K * q, q)
        A[np.ix_(place, place)] += max(float(A[place, place].max()), 1e-300) / K
    return A, np.tile(ridge, K)


def _inverse(A: Array) -> Array:
    unit = np.sqrt(np.diag(A))
    eigen, vectors = np.linalg.eigh(A / np.outer(unit, unit))
    if not eigen[0] > _ALIASED * eigen[-1]:
        raise ValueError(
            "columns depend on one another, or a line separates the classes: there are no standard "
            "errors; leave features out, or penalise them"
        )
    root = vectors / np.sqrt(eigen) / unit[:, None]
    out: Array = root @ root.T
    return out


def _check_minimum(sums: Sums, theta: Array, ridge: Array, inverse: Array) -> None:
    slope = sums.g + ridge * theta.reshape(-1)
    distance = float(np.sqrt(max(slope @ inverse @ slope, 0.0)))
    if distance > _NEAR:
        raise ValueError(
            f"coefficients are {distance:.2g} standard errors from the minimum for these data: "
            "give summary the X, y, sample_weight and offset of the fit, or fit with a smaller tol"
        )


def _middle(method: str, sums: Sums, A: Array, used: float) -> Array:
    """What stands between two inverses."""
    if method == "classical":
        return sums.J
    if method == "bayesian":
        return A
    if method in ("HC1", "sandwich"):
        return sums.Q * (sums.count / left_of(sums.count, used))
    return sums.Q

"""Leave-one-out errors of rows that nearly decide their own prediction, from all the others.

For a set S of rows, let the others give the ridge b, with M = X̃ᵀWX̃ + αD about their means. Then

    A = W_S⁻¹ + 1 1ᵀ/W_o + X̃_S M⁻¹ X̃_Sᵀ,   p = y_S − ȳ_o − X̃_S b,   e_i = (A⁻¹p)_i/(A⁻¹)_ii

with W_o the weight of the others (no 1 1ᵀ/W_o without an intercept): A is the covariance of S
given the others, and e_i what is left of one row of S given all. No 1 − leverage is a difference.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.linalg

from fastreg.selection.loo_kernel import quotients
from fastreg.solvers.problem import Problem, standard_rows, standardise
from fastreg.solvers.ridge import triangular_factor

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)


def errors_apart(problem: Problem, base: Array, ridges: Array, S: Array) -> tuple[Array, Array]:
    """(√w e (s, k, K), bounds (K, k) of ‖δ(√w e)‖/‖√w e‖) of the rows S.

    Parameters
    ----------
    problem : of all rows, whose units everything is in
    base : (n,) ridge terms at strength 1; ridges (K,) : strengths times the weight of all rows
    """
    k = problem.n_targets
    w = np.ones(problem.X.shape[0]) if problem.weights is None else problem.weights
    others, share = _others(problem, w, S)
    values, half = orthogonal_spectrum(others, base)
    some = [
        standard_rows(others.X, slice(i, i + 1), others.shift, others.scale) for i in S.tolist()
    ]
    T = np.concatenate(some) @ half
    unit, mean = (np.broadcast_to(each, k) for each in (others.unit, others.mean))
    Y = (problem.target[S] - mean) / unit
    right = others.Y if others.weights is None else others.weights[:, None] * others.Y
    turned = half.T @ others.screen(right)
    level = 4 * _EPS * np.sqrt(share * (w @ ((problem.target - mean) / unit) ** 2))[:, None]
    e, bounds = np.empty((len(S), k, len(ridges))), np.empty((len(ridges), k))
    for q, ridge in enumerate(ridges * share / others.total):
        inverse = 1.0 / (values + ridge)
        A = (T * inverse) @ T.T + (others.shift is not None)
        A /= others.total
        A[np.diag_indices_from(A)] += 1.0 / (share * w[S])
        p = Y - T @ (inverse[:, None] * turned)
        eta = 16 * _EPS * np.sqrt(values.max(initial=0.0) * inverse.max(initial=0.0) + 1.0)
        found, bounds[q] = _left(A, p, level, eta)
        e[:, :, q] = found * np.sqrt(w[S])[:, None] * (unit / problem.unit[:k])
    return e, bounds


def _left(A: Array, p: Array, level: Array, eta: float) -> tuple[Array, Array]:
    """(e (s, k), bounds (k,)) of a covariance and what the others leave of S."""
    size = 1.0 / np.sqrt(np.diag(A))
    factor = scipy.linalg.cho_factor(A * size * size[:, None], lower=True)
    inverse = scipy.linalg.cho_solve(factor, np.eye(len(A))) * size * size[:, None]
    alpha = inverse @ p
    P = np.diag(inverse)[:, None]
    square = np.einsum("sk,sk->k", p, alpha)[:, None]
    e, bound = quotients(alpha[:, :, None], P, square, np.array([eta]), level)
    return e[:, :, 0], bound[0]


def _others(problem: Problem, w: Array, S: Array) -> tuple[Problem, float]:
    """The problem without the rows S, in columns of the same units, and its weights over those of
    `problem`."""
    given = np.ones(len(w)) if problem.terms.weights is None else problem.terms.weights.copy()
    given[S] = 0.0
    terms = dataclasses.replace(problem.terms, weights=given)
    found = standardise(problem.X, problem.target, terms)
    assert found.weights is not None
    heaviest = int(np.argmax(found.weights))
    share = float(found.weights[heaviest] / w[heaviest])
    # A column that does not vary among the others still has its ridge term.
    return dataclasses.replace(found, scale=problem.scale, constant=problem.constant), share


def orthogonal_spectrum(problem: Problem, base: Array) -> tuple[Array, Array]:
    """`spectrum.eigen_gram` from singular values: squaring X costs them no digits."""
    root = np.divide(1.0, np.sqrt(base), out=np.zeros(len(base)), where=base > 0)
    _, sigma, Vt = np.linalg.svd(triangular_factor(problem) * root, full_matrices=False)
    return sigma * sigma, root[:, None] * Vt.T

"""Leave-one-out errors of rows that nearly decide their own prediction, from all the others.

For a set S of rows, let the others give the ridge b, with M = X̃ᵀWX̃ + αD about their means. Then

    A = W_S⁻¹ + 1 1ᵀ/W_o + X̃_S M⁻¹ X̃_Sᵀ,   p = y_S − ȳ_o − X̃_S b,   e_i = (A⁻¹p)_i/(A⁻¹)_ii

with W_o the weight of the others (no 1 1ᵀ/W_o without an intercept): A is the covariance of S
given the others, and e_i what is left of one row of S given all. No 1 − leverage is a difference.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fastreg import _factor
from fastreg.certificate import reads
from fastreg.selection.loo_kernel import pivoted_qr, quotients
from fastreg.solvers.problem import Problem, standard_rows, standardise
from fastreg.solvers.refinement import inverse_root
from fastreg.solvers.ridge import triangular_factor

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)


def errors_apart(problem: Problem, l2: Array, S: Array) -> tuple[Array, Array]:
    """(√w e (s, k), bounds (k,) of ‖δ(√w e)‖/‖√w e‖) of the rows S.

    Parameters
    ----------
    problem : of all rows, whose units everything is in
    l2 : (n,) ridge terms beside the mean square over all rows
    """
    k = problem.n_targets
    w = np.ones(problem.X.shape[0]) if problem.weights is None else problem.weights
    others, share, still = _others(problem, w, S)
    total = others.total / share  # in the weights of `problem`
    assert others.weights is not None
    some = [
        standard_rows(others.X, slice(i, i + 1), others.shift, others.scale) for i in S.tolist()
    ]
    unit, mean = (np.broadcast_to(each, k) for each in (others.unit, others.mean))
    Y = (problem.target - mean) / unit
    rest = w * (others.weights > 0)
    Y = Y - rest @ Y / total if others.shift is not None else Y
    data = reads.plain(others.X, rest, others.shift, others.scale)
    sums = reads.correlations_on(data, np.arange(len(l2)), np.column_stack([Y, np.ones(len(w))]))
    sums[still] = 0.0
    drift = sums[:, k] / total if others.shift is not None else None
    R = triangular_factor(others, drift)
    half = inverse_root(R, l2 * (problem.total / total), len(w))
    start = half.T @ (sums[:, :k] / total)
    T = np.concatenate(some) @ half
    rows = [np.diag(1.0 / np.sqrt(w[S]))]
    if drift is not None:
        T -= drift @ half
        rows.append(np.full((1, len(S)), 1.0 / np.sqrt(total)))
    rows.append(T.T / np.sqrt(total))
    # Columns of the others are known to their last place: so much is that in the norm of M.
    size = np.sqrt((R * R).sum(axis=0))
    if others.shift is not None:  # near ones are subtracted from products
        size = size + np.where(still, 0.0, np.minimum(np.abs(others.shift) * others.scale, 8.0))
    most = 1.0 + float(np.linalg.norm(np.abs(half.T) @ size))
    level = 4 * _EPS * most * np.sqrt(w @ Y**2)[:, None]
    e, bound = _left(np.vstack(rows), Y[S] - T @ start, level, 16 * _EPS * most)
    return e * np.sqrt(w[S])[:, None] * (unit / problem.unit[:k]), bound


def _left(B: Array, p: Array, level: Array, eta: float) -> tuple[Array, Array]:
    """(e (s, k), bounds (k,)) of a covariance A = BᵀB and what the others leave of S."""
    _, R, pivots = pivoted_qr(B)
    half = np.empty(R.shape)  # half halfᵀ = A⁻¹
    half[pivots] = _factor.solve_triangular(R, np.eye(len(R)))
    first = half.T @ p
    P, square = (half * half).sum(axis=1)[:, None], (first * first).sum(axis=0)[:, None]
    e, bound = quotients((half @ first)[:, :, None], P, square, np.array([eta]), level)
    return e[:, :, 0], bound[0]


def _others(problem: Problem, w: Array, S: Array) -> tuple[Problem, float, Array]:
    """The problem without the rows S, in columns of the same units, its weights over those of
    `problem`, and which columns do not vary in it (n,)."""
    given = np.ones(len(w)) if problem.terms.weights is None else problem.terms.weights.copy()
    given[S] = 0.0
    terms = dataclasses.replace(problem.terms, weights=given)
    found = standardise(problem.X, problem.target, terms)
    assert found.weights is not None
    heaviest = int(np.argmax(found.weights))
    share = float(found.weights[heaviest] / w[heaviest])
    # A column that does not vary among the others still has its ridge term.
    own = dataclasses.replace(found, scale=problem.scale, constant=problem.constant)
    return own, share, found.constant

"""Leave-one-out errors of rows that nearly decide their own prediction, from all the others.

For a set S of rows, let the others give the ridge b, with M = X̃ᵀWX̃ + αD about their means. Then

    A = W_S⁻¹ + 1 1ᵀ/W_o + X̃_S M⁻¹ X̃_Sᵀ,   p = y_S − ȳ_o − X̃_S b,   e_i = (A⁻¹p)_i/(A⁻¹)_ii

with W_o the weight of the others (no 1 1ᵀ/W_o without an intercept): A is the covariance of S
given the others, and e_i what is left of one row of S given all. No 1 − leverage is a difference.

With q = A⁻¹p and u_i = A⁻¹1_i/(A⁻¹)_ii, whose i-th entry is 1,

    δe_i = u_iᵀδp − u_iᵀ δA (q − q_i u_i)   to first order:

where S is one row, an error of A, which may be 1e13 times 1/w, changes nothing.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from fastreg import _factor
from fastreg.certificate import reads
from fastreg.problems.in_memory import InMemoryProblem, standard_rows, standardise
from fastreg.selection.loo_kernel import pivoted_qr
from fastreg.solvers.refinement import inverse_root
from fastreg.solvers.ridge import triangular_factor

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_UNIT = 16 * _EPS  # of a column of an orthogonal factorisation, in terms of its length


def errors_apart(problem: InMemoryProblem, l2: Array, S: Array) -> tuple[Array, Array]:
    """(√w e (s, k), bounds (k,) of ‖δ(√w e)‖/‖√w e‖) of the rows S.

    Parameters
    ----------
    problem : of all rows, whose units everything is in
    l2 : (n,) ridge terms beside the mean square over all rows
    """
    w = np.ones(problem.X.shape[0]) if problem.weights is None else problem.weights
    others, total, still = _others(problem, w, S)
    unit, mean = (np.broadcast_to(each, problem.n_targets) for each in (others.unit, others.mean))
    Y = (problem.target - mean) / unit
    rest = w.copy()
    rest[S] = 0.0
    Y = Y - rest @ Y / total if others.shift is not None else Y
    l2 = l2 * (problem.total / total)
    given = _Given.of(others, rest, Y, l2, still)
    X = np.concatenate([standard_rows(others.X, slice(i, i + 1), others.shift, others.scale)
                        for i in S.tolist()])  # fmt: skip
    T = (X - given.drift)[:, ~still] @ given.half
    parts = [np.diag(1.0 / np.sqrt(w[S])), T.T / np.sqrt(total), _of_still(X, still, l2, total)]
    if others.shift is not None:
        parts.append(np.full((1, len(S)), 1.0 / np.sqrt(total)))
    near = np.sqrt((T * T).sum(axis=1) / total)
    noise = 4 * _EPS * np.sqrt(w @ Y**2) * (given.most * near + 1.0 / np.sqrt(w[S]))[:, None]
    e, off = _left(np.vstack(parts), near, Y[S] - T @ given.start, noise, _UNIT * given.most)
    root = np.sqrt(w[S])[:, None]
    size, lost = (np.sqrt((each * each).sum(axis=0)) for each in (root * e, root * off))
    bound = np.divide(lost, size, out=np.where(lost > 0, np.inf, 0.0), where=size > 0)
    return root * e * (unit / problem.unit[: problem.n_targets]), bound


def _others(problem: InMemoryProblem, w: Array, S: Array) -> tuple[InMemoryProblem, float, Array]:
    """The problem without the rows S, in columns of the same units, its weight in those of
    `problem`, and which columns do not vary in it (n,)."""
    given = (
        np.ones(len(w)) if problem.objective.weights is None else problem.objective.weights.copy()
    )
    given[S] = 0.0
    objective = dataclasses.replace(problem.objective, weights=given)
    found = standardise(problem.X, problem.target, objective)
    assert found.weights is not None
    heaviest = int(np.argmax(found.weights))
    share = float(found.weights[heaviest] / w[heaviest])
    # A column that does not vary among the others still has its ridge term.
    own = dataclasses.replace(found, scale=problem.scale, constant=problem.constant)
    return own, found.total / share, found.constant


class _Given(NamedTuple):
    """The ridge of the others on the p columns that vary there: half (n_live, p), half halfᵀ being
    total·M⁻¹, b = half start (p, k), the means that rounding leaves (n,), and by how much more
    than their rounding M and b may be wrong in the norm of M."""

    half: Array
    start: Array
    drift: Array
    most: float

    @classmethod
    def of(cls, others: InMemoryProblem, rest: Array, Y: Array, l2: Array, still: Array) -> _Given:
        live, total, k = np.flatnonzero(~still), float(rest.sum()), Y.shape[1]
        data = reads.plain(others.X, rest, others.shift, others.scale)
        sums = reads.correlations_on(data, live, np.column_stack([Y, np.ones(len(rest))]))
        drift = np.zeros(len(l2))
        if others.shift is not None:
            drift[live] = sums[:, k] / total
        R = triangular_factor(others, drift)[:, live]
        half = inverse_root(R, l2[live], len(rest))
        # Columns are known to their last place: so much is that in the norm of M.
        size = np.sqrt((R * R).sum(axis=0))
        if others.shift is not None:  # near ones are subtracted from products
            size = size + np.minimum(np.abs(others.shift) * others.scale, 8.0)[live]
        most = 1.0 + float(np.linalg.norm(np.abs(half.T) @ size))
        return cls(half, half.T @ (sums[:, :k] / total), drift, most)


def _of_still(X: Array, still: Array, l2: Array, total: float) -> Array:
    """(q, s) of columns that do not vary among the others: M has their ridge terms alone there, b
    is zero, and none of their digits meets those of the columns that vary."""
    used = np.flatnonzero(still & (l2 > 0.0))
    out: Array = (X[:, used] / np.sqrt(l2[used] * total)).T
    return out


def _left(B: Array, near: Array, p: Array, noise: Array, eta: float) -> tuple[Array, Array]:
    """e (s, k) of a covariance A = BᵀB and what the others leave of S, and by how much each may be
    wrong: p by `noise` (s, k), A_ij by eta·near_i·near_j and the rounding of B."""
    _, R, pivots = pivoted_qr(B)
    half = np.empty(R.shape)  # half halfᵀ = A⁻¹
    half[pivots] = _factor.solve_triangular(R, np.eye(len(R)))
    inverse = half @ half.T
    q, P = half @ (half.T @ p), np.diag(inverse)[:, None]
    length = np.sqrt((B * B).sum(axis=0))
    doubt = eta * float(((near / length) ** 2).sum()) + _UNIT * len(P)
    if doubt * float((P[:, 0] * length**2).sum()) > 0.25:  # terms of second order
        return q / P, np.full(p.shape, np.inf)
    U = np.abs(inverse) / P
    off = U @ noise + 4 * _EPS * np.abs(half) @ (np.abs(half).T @ np.abs(p)) / P
    for t in range(p.shape[1]):
        V = np.abs(q[:, t] - q[:, t, None] * inverse / P)
        off[:, t] += eta * (U @ near) * (V @ near) + _UNIT * (U @ length) * (V @ length)
    return q / P, 2.0 * off

"""One algorithm a file, and the one rule that picks among them.

| penalty | shape | solver |
|---|---|---|
| none or ridge | min(m, n) ≤ 6000 | `ridge`: factorisation and refinement |
| none or ridge | larger both ways | `conjugate_gradient` on the fused pass |
| L1, non-negative, … | any | `working_set`: coordinate descent and Newton steps on G_W |

`descent` is the article's gradient descent, for its own sake.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastreg._jit import single_threaded_blas
from fastreg.certificate import Certificate, Terms, certify
from fastreg.design import Design
from fastreg.penalties import L1
from fastreg.solvers import conjugate_gradient, ridge, working_set
from fastreg.solvers.problem import standardise

Array = np.ndarray
# Side of the largest matrix a factorisation keeps: 6000² float64 are 288 MB.
DIRECT = 6000
FACTORISATIONS = ("direct", "gram", "orthogonal", "kernel")
METHODS = ("auto", *FACTORISATIONS, "conjugate gradients", "working set")


@dataclass(frozen=True, eq=False)
class Solution:
    """coef (n, k), intercept (k,), the certificate, iterations, and whether these ran out."""

    coef: Array
    intercept: Array
    certificate: Certificate
    n_iter: int
    exhausted: bool


def choose(shape: tuple[int, int], terms: Terms, method: str) -> str:
    """The rule of the table above, or the method asked for.

    Raises
    ------
    ValueError
        There is no such method, or it knows no penalty.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    smooth = isinstance(terms.penalty, L1) and not np.any(terms.penalty.l1)
    if method == "auto":
        method = "direct" if min(shape) <= DIRECT else "conjugate gradients"
        return method if smooth else "working set"
    if not smooth and method != "working set":
        raise ValueError(f"method {method!r} knows no penalty but the ridge")
    return method


def solve(
    X: Design,
    Y: Array,
    terms: Terms,
    *,
    tol: float,
    max_iter: int | None = None,
    start: Array | None = None,
    method: str = "auto",
) -> Solution:
    """Minimise the objective of `fastreg.certificate` and certify the answer.

    Parameters
    ----------
    X : Design, (m, n)
    Y : (m, k) finite float64
    terms : penalties, weights, intercept
    tol : relative duality gap to reach
    max_iter : epochs or steps at most, None for 1000
    start : (n, k) coefficients to start from, None for zero
    method : one of METHODS

    Raises
    ------
    ValueError
        X contains NaN or infinity, or its units or those of y leave float64.
    """
    method = choose(X.shape, terms, method)
    max_iter = 1000 if max_iter is None else max_iter
    with single_threaded_blas:  # once for all: bits must not depend on other fits
        problem = standardise(X, Y, terms)
        beta = np.zeros((X.shape[1], Y.shape[1])) if start is None else problem.scaled(start)
        intercept = None
        if method == "working set":
            beta, n_iter = working_set.solve(problem, beta, tol, max_iter)
            name = "working set, coordinate descent and Newton steps"
        elif method == "conjugate gradients":
            beta, n_iter = conjugate_gradient.solve(problem, beta, tol, max_iter)
            name = method
        else:
            form = "auto" if method == "direct" else method
            beta, intercept, n_iter, name = ridge.solve(problem, form)
        coef, from_means = problem.unscale(beta)
        intercept = from_means if intercept is None else intercept
        certificate = certify(
            X,
            Y,
            coef,
            intercept,
            terms,
            tol=tol,
            method=name,
            passes=problem.passes,
            shift=problem.shift,
            scale=1.0 / problem.size,
            constant=problem.constant if terms.fit_intercept else None,
        )
    exhausted = method not in FACTORISATIONS and n_iter >= max_iter
    return Solution(coef, intercept, certificate, n_iter, exhausted)

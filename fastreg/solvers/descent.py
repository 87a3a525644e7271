"""Gradient descent θ ← θ − η∇J(θ), with J recorded at every step.

    J(θ) = 1/(2m) Σ_i (x_iᵀθ + b − y_i)² + λ/(2m) Σ_j θ_j² + λ₁/m Σ_j │θ_j│

The intercept b is never penalised. The L1 term, which has no gradient at 0, takes a
proximal step (ISTA: Daubechies, Defrise & De Mol 2004).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fastreg import kernels, losses
from fastreg.certificate import Certificate, certify
from fastreg.design import Design
from fastreg.kernels.rows import Workspace
from fastreg.objectives import Objective
from fastreg.solvers import solve

Array = np.ndarray
Callback = Callable[[int, float, float], object]
_POWER_STEPS = 200
_CHECK = 64  # steps between looks at the certificate, which costs two passes


class DivergenceError(ArithmeticError):
    """Report that gradient descent took a step that is too long.

    The message states the longest safe step.

    See Also
    --------
    descend : Minimise J by gradient descent.

    Examples
    --------
    >>> import fastreg
    >>> try:
    ...     run = fastreg.descend([[1.0], [2.0]], [1.0, 2.0], lam=0.0, eta=10.0)
    ... except fastreg.DivergenceError:
    ...     print("The step is too long.")
    The step is too long.
    """


@dataclass(frozen=True, eq=False)
class Descent:
    """Hold the result of `descend`.

    Attributes
    ----------
    theta : ndarray of shape (n_features,)
        Last θ.
    intercept : float
        Last b; 0.0 without an intercept.
    objectives : ndarray of shape (n_iter + 1,)
        J at each θ, from the start on.
    gradient_norms : ndarray of shape (n_iter + 1,)
        Length of the gradient at each θ. With an L1 term, length of the shortest subgradient.
    eta : float
        Length of a step.
    n_iter : int
        Number of steps.
    certificate : Certificate
        Bound on J(theta) − min J. Its code is independent of the descent.
    optimum : Optimum
        Exact minimum: `theta`, `intercept`, `objective` and a `certificate` of its own.

    See Also
    --------
    descend : Minimise J by gradient descent.

    Examples
    --------
    >>> import fastreg
    >>> run = fastreg.descend([[1.0], [2.0]], [1.0, 2.0], lam=0.0, n_iter=50)
    >>> run.theta.round(6), run.objectives.shape
    (array([1.]), (51,))
    """

    theta: Array = field(repr=False)
    intercept: float
    objectives: Array = field(repr=False)
    gradient_norms: Array = field(repr=False)
    eta: float
    n_iter: int
    certificate: Certificate
    optimum: Optimum


@dataclass(frozen=True, eq=False)
class Optimum:
    """θ* (n,), b*, J* and the certificate that proves them."""

    theta: Array
    intercept: float
    objective: float
    certificate: Certificate


def curvature(X: Design, l2: float, fit_intercept: bool, rtol: float = 1e-4) -> tuple[float, int]:
    """(L, passes): the largest eigenvalue of ∇²J, by power iteration from a fixed start.

    The Rayleigh quotient approaches L from below; its error is about `rtol` squared over
    the gap of the spectrum. One fused pass over X a step, at most 200.

    Raises
    ------
    ValueError
        L is no float64 number: the unit of X is too large or too small.
    """
    m, n = X.shape
    zero, image, work = np.zeros(m), np.empty(n), Workspace(X.storage)
    v, b = np.random.default_rng(0).standard_normal(n), float(fit_intercept)
    estimate = 0.0
    passes = 0
    while passes < _POWER_STEPS:
        length = float(np.hypot(np.linalg.norm(v), b))
        if length == 0.0:
            break
        v, b = v / length, b / length
        _, slope = kernels.gradient(
            X.storage, zero, v, offset=b, scale=1.0 / m, l2=l2, out=image, workspace=work
        )
        slope = slope if fit_intercept else 0.0
        passes += 1
        old, estimate = estimate, float(v @ image + b * slope)
        v, b = image.copy(), slope
        if abs(estimate - old) <= rtol * estimate:
            break
    if not np.isfinite(estimate) or (estimate == 0.0 and _has_values(X)):
        raise ValueError(
            f"the curvature of J, {estimate:g}, is beyond float64: change the unit of X"
        )
    return estimate, passes


def _has_values(X: Design) -> bool:
    low, high, *_ = kernels.survey(X.storage)
    return bool(np.any((low < 0.0) & np.isfinite(low)) or np.any((high > 0.0) & np.isfinite(high)))


def run(
    X: Design,
    y: Array,
    theta: Array,
    objective: Objective,
    *,
    eta: float | None,
    n_iter: int,
    tol: float,
    callback: Callback | None,
) -> Descent:
    """Descend from `theta`, which is changed in place; arguments as in `fastreg.descend`."""
    n, l2, fit_intercept = X.shape[1], float(objective.l2[0, 0]), objective.fit_intercept
    passes = 1  # the scan for NaN, before this
    if eta is None:
        steepest, used = _steepest(X, objective)
        passes += used
        eta = 1.0 / steepest if steepest > 0 else 1.0
    intercept, history = np.zeros(1), np.empty((n_iter + 1, 2))
    arguments = {
        "loss": objective.loss,
        "l2": l2,
        "penalty": objective.penalty,
        "fit_intercept": fit_intercept,
        "history": history,
        "scratch": np.empty(n),
        "workspace": Workspace(X.storage),
    }

    def steps(first: int, last: int, length: float) -> None:
        while first < last:
            risen = kernels.descent_steps(
                X.storage, y, theta, intercept, eta=length, first=first, last=last, **arguments
            )
            if risen < 0:
                return
            _check_step(X, objective, eta, history, risen)
            first = risen + 1  # a rise of rounding only

    done = 0
    # A callback hears of every step of a large X, of every 64th of a small one.
    stride = max(1, min(_CHECK, (1 << 24) // max(1, X.nnz))) if tol > 0 or callback else n_iter
    while done < n_iter:
        before, done = done, min(done + stride, n_iter)
        steps(before, done, eta)
        if callback:
            callback(done - 1, *history[done - 1])
        if tol > 0 and (done // _CHECK > before // _CHECK or done == n_iter):
            check = _certify(X, y, theta, intercept, objective, tol, passes + done)
            passes += 2
            if check.converged:
                break
    steps(done, done + 1, 0.0)  # a step of length 0 records J and ‖∇J‖ where we stand
    history = history[: done + 1].copy()
    best = solve(X, y[:, None], objective, tol=1e-10)
    return Descent(
        theta=theta,
        intercept=float(intercept[0]),
        objectives=history[:, 0],
        gradient_norms=history[:, 1],
        eta=eta,
        n_iter=done,
        certificate=_certify(X, y, theta, intercept, objective, tol, passes + done + 1),
        optimum=Optimum(
            best.coef[:, 0],
            float(best.intercept[0]),
            float(best.certificate.objective[0]),
            best.certificate,
        ),
    )


def _certify(
    X: Design,
    y: Array,
    theta: Array,
    intercept: Array,
    objective: Objective,
    tol: float,
    passes: int,
) -> Certificate:
    arguments = (X, y[:, None], theta[:, None], intercept, objective)
    return certify(*arguments, tol=tol, method="gradient descent", passes=passes)


def _steepest(X: Design, objective: Objective) -> tuple[float, int]:
    """(a bound of the curvature of J, reads): what X has times the most that the loss bends by."""
    most = losses.steepest(objective.loss)
    if not np.isfinite(most):
        name = type(objective.loss).__name__
        raise ValueError(f"descend needs a loss of bounded curvature: that of {name} is not")
    found, used = curvature(X, float(objective.l2[0, 0]) / most, objective.fit_intercept)
    return found * most, used


def _check_step(X: Design, objective: Objective, eta: float, history: Array, k: int) -> None:
    """J rose at step k: raise if η is to blame, which above 2/L it is."""
    steepest, _ = _steepest(X, objective)
    if np.isfinite(history[k, 0]) and eta * steepest <= 2.0:
        return
    before = history[max(k - 1, 0), 0]
    raise DivergenceError(
        f"gradient descent diverges with eta={eta:g}: J went from {before:.6g} to "
        f"{history[k, 0]:.6g} at step {k}. The largest safe eta is 2/L = "
        f"{2.0 / steepest:.6g}, with L = {steepest:.6g} the largest curvature of J; "
        "eta=None takes 1/L"
    )

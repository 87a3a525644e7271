"""The article's functions, on its own scale: `lam` (λ) and `eta` (η).

    J(θ) = 1/(2m) Σ_i (x_iᵀθ + b − y_i)² + λ/(2m) Σ_j θ_j² + λ₁/m Σ_j │θ_j│
    ∇J(θ) = (Xᵀ(Xθ + b − y) + λθ)/m

`sklearn.linear_model.Ridge(alpha=lam)` has the same minimiser.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastreg import kernels
from fastreg.design import Design, as_design, as_target, as_vector, nonfinite_message
from fastreg.objectives import Objective, check_domain, check_target, family_of
from fastreg.penalties import L1
from fastreg.solvers import descent
from fastreg.solvers.descent import Callback, Descent

Array = np.ndarray


def objective(
    X: Any,
    y: Any,
    theta: Any,
    lam: float,
    *,
    l1: float = 0.0,
    intercept: float = 0.0,
    family: Any = "gaussian",
) -> float:
    """J(θ), in one pass over X.

    Parameters
    ----------
    X : (m, n) array, memory map, sparse matrix or frame; see `fastreg.design.as_design`
    y : (m,) array
    theta : (n,) array
    lam : float ≥ 0, in units of y²/θ²
    l1 : float ≥ 0, in units of y²/θ
    intercept : float, in units of y; never penalised
    family : "gaussian", "binomial" or a loss of `fastreg.losses`, which takes the place of the
        squares: ℓ(x_iᵀθ + b; y_i) for ½(x_iᵀθ + b − y_i)²

    Raises
    ------
    ValueError
        A shape does not fit, or a value is negative, NaN or infinite.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 7.0])
    >>> fastreg.objective(X, y, [2.0], lam=0.3)        # (0 + 0 + 1)/6 + 0.3·4/6
    0.36666666666666664
    """
    value, _, _ = _evaluate(X, y, theta, lam, l1, intercept, None, family)
    return value


def gradient(
    X: Any,
    y: Any,
    theta: Any,
    lam: float,
    *,
    intercept: float | None = None,
    out: Array | None = None,
    family: Any = "gaussian",
) -> Any:
    """∇J(θ) = (Xᵀ(Xθ + b − y) + λθ)/m, in one fused pass over X.

    Parameters
    ----------
    X, y, theta, lam : as in `objective`
    intercept : float or None
        With a number b, the derivative by b is returned as well.
    out : (n,) float64 array or None, overwritten with the gradient
    family : as in `objective`

    Returns
    -------
    (n,) float64, which is `out` where given; with an intercept the pair
    (gradient, derivative by b = 1/m Σ_i (x_iᵀθ + b − y_i)).

    Raises
    ------
    ValueError
        A shape does not fit, or a value is negative, NaN or infinite.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 7.0])
    >>> fastreg.gradient(X, y, [2.0], lam=0.3)          # (3·(6 − 7) + 0.3·2)/3
    array([-0.8])
    """
    _, slope, g = _evaluate(X, y, theta, lam, 0.0, intercept or 0.0, out, family)
    return g if intercept is None else (g, slope)


def descend(
    X: Any,
    y: Any,
    *,
    lam: float,
    l1: float = 0.0,
    eta: float | None = None,
    n_iter: int = 1000,
    tol: float = 0.0,
    theta0: Any = None,
    fit_intercept: bool = False,
    family: Any = "gaussian",
    callback: Callback | None = None,
) -> Descent:
    """The article's loop, θ ← θ − η∇J(θ), beside the certified optimum.

    Parameters
    ----------
    X, y, lam, l1 : as in `objective`; an L1 term takes a proximal step
    eta : float > 0 or None
        Step length. None is 1/L, L the largest curvature of J by power iteration; any
        step below 2/L converges.
    n_iter : int ≥ 1, steps
    tol : float ≥ 0
        Stop when the certified gap J(θ) − J* is at most `tol` times the null objective,
        looked at every 64 steps. 0 takes all steps.
    theta0 : (n,) array or None for zeros; not changed
    fit_intercept : whether b, from 0, descends as well
    family : as in `objective`
    callback : called as callback(k, J(θ_k), ‖∇J(θ_k)‖) after every step of a large X, after
        every 64th or sooner of a small one

    Returns
    -------
    `fastreg.Descent`: theta, intercept, objectives, gradient_norms, eta, n_iter,
    certificate, optimum.

    Raises
    ------
    ValueError
        An argument is out of range.
    fastreg.DivergenceError
        J rose because eta exceeds 2/L; the message states 2/L.

    Notes
    -----
    The article's code steps along 2∇J (it has 2/m where its formula says 1/(2m)): the same
    as twice the eta here.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 1))
    >>> y = 2 * X[:, 0] + 1 + 0.5 * rng.standard_normal(100)
    >>> run = fastreg.descend(X, y, lam=0.01, eta=0.1, fit_intercept=True)
    >>> bool(abs(run.theta - run.optimum.theta)[0] < 1e-12)
    True
    >>> bool(np.all(np.diff(run.objectives) <= 1e-15))
    True
    """
    design = as_design(X)
    m, n = design.shape
    target = as_target(y, m)
    if target.ndim != 1:
        raise ValueError(f"y must have shape ({m},), got {target.shape}")
    if callback is not None and not callable(callback):
        raise ValueError(f"callback must be callable, got {callback!r}")
    if not isinstance(fit_intercept, bool | np.bool_):
        raise ValueError(f"fit_intercept must be True or False, got {fit_intercept!r}")
    if isinstance(n_iter, bool) or not isinstance(n_iter, int | np.integer) or n_iter < 1:
        raise ValueError(f"n_iter must be an integer of at least 1, got {n_iter!r}")
    if eta is not None and nonnegative(eta, "eta") == 0.0:
        raise ValueError("eta must be positive, got 0")
    theta = np.zeros(n) if theta0 is None else as_vector(theta0, n, "theta0").copy()
    if not kernels.survey(design.storage).finite:
        raise ValueError(nonfinite_message(design))
    objective = Objective(
        np.full((1, 1), nonnegative(lam, "lam") / m),
        L1(nonnegative(l1, "l1") / m),
        fit_intercept=bool(fit_intercept),
        loss=family_of(family),
    )
    check_target(objective, target)
    return descent.run(
        design,
        np.ascontiguousarray(target),
        theta,
        objective,
        eta=None if eta is None else float(eta),
        n_iter=int(n_iter),
        tol=nonnegative(tol, "tol"),
        callback=callback,
    )


def check_predictions(X: Design, predictions: Array) -> None:
    """ValueError that names the first NaN or infinity of X, if there is one.

    Columns of a sparse X whose coefficients are zero are not read by a prediction.
    """
    seen = np.isfinite(predictions).all() and not (
        X.is_sparse and not np.isfinite(X.storage.data).all()
    )
    message = "" if seen else nonfinite_message(X)
    if message:
        raise ValueError(message)


def nonnegative(value: Any, name: str) -> float:
    """A finite number ≥ 0 as float, or ValueError with its name."""
    number = _finite(value, name)
    if number < 0:
        raise ValueError(f"{name} must be a finite number ≥ 0, got {value!r}")
    return number


def _evaluate(
    X: Any,
    y: Any,
    theta: Any,
    lam: float,
    l1: float,
    intercept: float,
    out: Array | None,
    family: Any,
) -> tuple[float, float, Array]:
    """(J, ∂J/∂b, ∇J of the smooth part)."""
    design = as_design(X)
    m, n = design.shape
    target = as_target(y, m)
    if target.ndim != 1:
        raise ValueError(f"y must have shape ({m},), got {target.shape}")
    loss = family_of(family)
    check_domain(loss, target)
    if out is None:
        out = np.empty(n)
    elif not isinstance(out, np.ndarray) or out.shape != (n,) or out.dtype != np.float64:
        raise ValueError(f"out must be a float64 array of shape ({n},)")
    elif not (out.flags.writeable and out.flags.c_contiguous):
        raise ValueError("out must be contiguous and writeable")
    theta = as_vector(theta, n, "theta")
    for name, array in (("X", design.matrix), ("y", target)):
        if isinstance(array, np.ndarray) and np.may_share_memory(out, array):
            raise ValueError(f"out must not share memory with {name}")
    value, slope = kernels.gradient(
        design.storage,
        np.ascontiguousarray(target),
        theta.copy() if np.may_share_memory(out, theta) else theta,
        offset=_finite(intercept, "intercept"),
        scale=1.0 / m,
        l2=nonnegative(lam, "lam") / m,
        penalty=L1(nonnegative(l1, "l1") / m),
        loss=loss,
        out=out,
    )
    if not math.isfinite(value):
        message = nonfinite_message(design)
        if message:
            raise ValueError(message)
    return value, slope, out


def _finite(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, str | bytes) or not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return number

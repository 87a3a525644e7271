"""The article's functions, on its own scale: `lam` (λ) and `eta` (η).

    J(θ) = 1/(2m) Σ_i (x_iᵀθ + b − y_i)² + λ/(2m) Σ_j θ_j² + λ₁/m Σ_j │θ_j│
    ∇J(θ) = (Xᵀ(Xθ + b − y) + λθ)/m

`sklearn.linear_model.Ridge(alpha=lam)` has the same minimiser. Any differentiable loss ℓ takes the
place of the squares: J(θ) = 1/m Σ_i ℓ(x_iᵀθ + b; y_i) + …, ∇J(θ) = (Xᵀℓ′ + λθ)/m.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastreg import kernels
from fastreg.design import Design, as_design, as_target, as_vector, nonfinite_message
from fastreg.losses import Logistic, Poisson, Squared, steepest, traits
from fastreg.objectives import Objective, check_domain, check_target, family_of
from fastreg.penalties import L1
from fastreg.solvers import descent
from fastreg.solvers.descent import Callback, Descent, DivergenceError

Array = np.ndarray
LOSSES = {"squared": Squared(), "logistic": Logistic(), "poisson": Poisson()}
_UNBOUNDED = ("descend needs a loss of bounded curvature", "steepest is not defined")


def objective(
    X: Any,
    y: Any,
    theta: Any,
    lam: float,
    *,
    l1: float = 0.0,
    intercept: float = 0.0,
    loss: Any = None,
    family: Any = None,
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
    loss : "squared", "logistic", "poisson" or a loss of `fastreg.losses`; None is the squares
        ℓ(x_iᵀθ + b; y_i) takes the place of ½(x_iᵀθ + b − y_i)²; "logistic" is for y in [0, 1],
        "poisson" for y ≥ 0. A loss of one's own is a few lines: see `docs/any-loss.md`.
    family : "gaussian", "binomial", "poisson" or a loss
        Another name for `loss`: give one of them.

    Raises
    ------
    ValueError
        A shape does not fit, a value is negative, NaN or infinite, y is none of the loss, or loss
        and family differ.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 7.0])
    >>> fastreg.objective(X, y, [2.0], lam=0.3)        # (0 + 0 + 1)/6 + 0.3·4/6
    0.36666666666666664
    >>> value = fastreg.objective(X, [0.0, 1.0, 1.0], [0.0], lam=0.3, loss="logistic")
    >>> bool(np.isclose(value, np.log(2.0)))
    True
    """
    value, _, _ = _evaluate(X, y, theta, lam, l1, intercept, None, _chosen_loss(loss, family))
    return value


def gradient(
    X: Any,
    y: Any,
    theta: Any,
    lam: float,
    *,
    intercept: float | None = None,
    out: Array | None = None,
    loss: Any = None,
    family: Any = None,
) -> Any:
    """∇J(θ) = (Xᵀ(Xθ + b − y) + λθ)/m, in one fused pass over X.

    Parameters
    ----------
    X, y, theta, lam : as in `objective`
    intercept : float or None
        With a number b, the derivative by b is returned as well.
    out : (n,) float64 array or None, overwritten with the gradient
    loss, family : as in `objective`

    Returns
    -------
    (n,) float64, which is `out` where given; with an intercept the pair
    (gradient, derivative by b = 1/m Σ_i (x_iᵀθ + b − y_i)).

    Raises
    ------
    ValueError
        As `objective`, or out is not such an array.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 7.0])
    >>> fastreg.gradient(X, y, [2.0], lam=0.3)          # (3·(6 − 7) + 0.3·2)/3
    array([-0.8])
    """
    _, slope, g = _evaluate(
        X, y, theta, lam, 0.0, intercept or 0.0, out, _chosen_loss(loss, family)
    )
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
    loss: Any = None,
    family: Any = None,
    callback: Callback | None = None,
) -> Descent:
    """The article's loop, θ ← θ − η∇J(θ), beside the certified optimum.

    Parameters
    ----------
    X, y, lam, l1 : as in `objective`; an L1 term takes a proximal step
    eta : float > 0 or None
        Step length. None is 1/L, L the largest curvature of J by power iteration; any
        step below 2/L converges. A loss whose curvature has no known bound, such as "poisson",
        needs a step of your own.
    n_iter : int ≥ 1, steps
    tol : float ≥ 0
        Stop when the certified gap J(θ) − J* is at most `tol` times the null objective,
        looked at every 64 steps. 0 takes all steps.
    theta0 : (n,) array or None for zeros; not changed
    fit_intercept : whether b, from 0, descends as well
    loss, family : as in `objective`
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
        J rose because eta exceeds 2/L; the message states 2/L where the loss has one.

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
    chosen = _chosen_loss(loss, family)
    bounded = _is_bounded(chosen)
    if eta is None and not bounded:
        raise ValueError(
            f"eta must be given: the curvature of {type(chosen).__name__} has no known bound, from "
            "which a step could be taken; losses.steepest registers one"
        )
    theta = np.zeros(n) if theta0 is None else as_vector(theta0, n, "theta0").copy()
    if not kernels.survey(design.storage).finite:
        raise ValueError(nonfinite_message(design))
    objective = Objective(
        np.full((1, 1), nonnegative(lam, "lam") / m),
        L1(nonnegative(l1, "l1") / m),
        fit_intercept=bool(fit_intercept),
        loss=chosen,
    )
    check_target(objective, target)
    options: dict[str, Any] = {
        "n_iter": int(n_iter),
        "tol": nonnegative(tol, "tol"),
        "callback": callback,
    }
    step = None if eta is None else float(eta)
    try:
        return descent.run(
            design, np.ascontiguousarray(target), theta, objective, eta=step, **options
        )
    except (ValueError, TypeError) as error:
        # Where J rises the loop asks for the longest safe step, which needs a bound.
        if bounded or not str(error).startswith(_UNBOUNDED):
            raise
        raise DivergenceError(
            f"gradient descent diverges with eta={step:g}: J rose. The curvature of "
            f"{type(chosen).__name__} has no known bound, so the longest safe eta is not known: "
            "take a smaller one"
        ) from None


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
    loss: Any,
) -> tuple[float, float, Array]:
    """(J, ∂J/∂b, ∇J of the smooth part)."""
    design = as_design(X)
    m, n = design.shape
    target = as_target(y, m)
    if target.ndim != 1:
        raise ValueError(f"y must have shape ({m},), got {target.shape}")
    check_domain(loss, target)
    theta = as_vector(theta, n, "theta")
    if out is None:
        out = np.empty(n)
    else:
        theta = _apart(out, theta, design, target)
    value, slope = kernels.gradient(
        design.storage,
        np.ascontiguousarray(target),
        theta,
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


def _apart(out: Any, theta: Array, X: Design, y: Array) -> Array:
    """θ (n,), a copy where `out` is its memory; ValueError where `out` cannot take a gradient."""
    n = len(theta)
    if not isinstance(out, np.ndarray) or out.shape != (n,) or out.dtype != np.float64:
        raise ValueError(f"out must be a float64 array of shape ({n},)")
    if not (out.flags.writeable and out.flags.c_contiguous):
        raise ValueError("out must be contiguous and writeable")
    for name, array in (("X", X.matrix), ("y", y)):
        if isinstance(array, np.ndarray) and np.may_share_memory(out, array):
            raise ValueError(f"out must not share memory with {name}")
    return theta.copy() if np.may_share_memory(out, theta) else theta


def _chosen_loss(loss: Any, family: Any) -> Any:
    """The loss of either name; squares where none is given."""
    if loss is None:
        return family_of("gaussian" if family is None else family)
    chosen = _loss_of(loss)
    if family is not None and not _are_equal(family_of(family), chosen):
        raise ValueError(f"loss={loss!r} and family={family!r} are different losses: give one")
    return chosen


def _are_equal(loss: Any, other: Any) -> bool:
    """Of one class with the same parameters: tuples without any are equal in every class."""
    pairs = zip(loss, other, strict=False)
    return type(loss) is type(other) and all(np.array_equal(a, b) for a, b in pairs)


def _is_bounded(loss: Any) -> bool:
    """Whether a bound of ℓ″ is known."""
    try:
        return math.isfinite(steepest(loss))
    except TypeError:
        return False


def _loss_of(loss: Any) -> Any:
    if isinstance(loss, str):
        if loss not in LOSSES:
            known = ", ".join(LOSSES)
            raise ValueError(f"loss must be one of {known}, or a loss, got {loss!r}")
        return LOSSES[loss]
    try:
        traits(loss)
    except TypeError as error:
        raise ValueError(f"loss must be a loss of fastreg.losses: {error}") from None
    return loss


def _finite(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, str | bytes) or not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return number

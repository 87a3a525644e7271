"""The objective J, its gradient and gradient descent, with `lam` (λ) and `eta` (η).

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
from fastreg.losses import (
    Gamma,
    Logistic,
    Poisson,
    Squared,
    SquaredHinge,
    steepest,
    traits,
)
from fastreg.objectives import Objective, check_domain, check_target, family_of
from fastreg.penalties import L1
from fastreg.solvers import descent
from fastreg.solvers.descent import Callback, Descent, DivergenceError

Array = np.ndarray
LOSSES = {
    "squared": Squared(),
    "logistic": Logistic(),
    "poisson": Poisson(),
    "gamma": Gamma(),
    "squared_hinge": SquaredHinge(),
}
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
    """Compute the objective J(θ).

    It takes one pass over X.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features. Memory maps and data frames work too.
    y : array-like of shape (n_samples,)
        Target.
    theta : array-like of shape (n_features,)
        Coefficients θ.
    lam : float
        Strength λ of the ridge penalty, at least 0.
    l1 : float, default=0.0
        Strength λ₁ of the L1 penalty, at least 0.
    intercept : float, default=0.0
        Intercept b. It is never penalised.
    loss : {"squared", "logistic", "poisson", "gamma", "squared_hinge"}, loss or None, default=None
        Loss ℓ. None means "squared". "logistic" and "squared_hinge" need y in [0, 1], "poisson" y
        of at least 0, and "gamma" y above 0. A loss is one of `fastreg.losses`, or your own.
    family : str, loss or None, default=None
        Other name of `loss`, one of those of `path`. Set only one of the two.

    Returns
    -------
    float
        The value of J.

    Raises
    ------
    ValueError
        A shape does not fit, or a value is negative, NaN or infinite. Or y does not suit the loss,
        or `loss` and `family` differ.

    See Also
    --------
    gradient : Compute the gradient of J.
    descend : Minimise J by gradient descent.

    Notes
    -----
    The objective is::

        J(θ) = 1/m Σ_i ℓ(x_iᵀθ + b; y_i) + λ/(2m) Σ_j θ_j² + λ₁/m Σ_j |θ_j|

    m is n_samples, and ℓ(z; y) = ½(z − y)² by default. For squares and λ₁ = 0 its minimiser is that
    of `Ridge` with ``alpha=lam``.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 7.0])
    >>> round(fastreg.objective(X, y, [2.0], lam=0.3), 6)  # (0 + 0 + 1)/6 + 0.3·4/6
    0.366667
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
    """Compute the gradient of the objective J(θ), without an L1 term.

    It takes one pass over X.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features. Memory maps and data frames work too.
    y : array-like of shape (n_samples,)
        Target.
    theta : array-like of shape (n_features,)
        Coefficients θ.
    lam : float
        Strength λ of the ridge penalty, at least 0.
    intercept : float or None, default=None
        Intercept b. A number also returns the derivative by b.
    out : ndarray of shape (n_features,) or None, default=None
        Float64 array to write the gradient to.
    loss : {"squared", "logistic", "poisson", "gamma", "squared_hinge"}, loss or None, default=None
        Loss ℓ. None means "squared". "logistic" and "squared_hinge" need y in [0, 1], "poisson" y
        of at least 0, and "gamma" y above 0. A loss is one of `fastreg.losses`, or your own.
    family : str, loss or None, default=None
        Other name of `loss`, one of those of `path`. Set only one of the two.

    Returns
    -------
    gradient : ndarray of shape (n_features,)
        The gradient by θ; it is `out` if that was given.
    slope : float
        The derivative by b. Returned only if `intercept` is a number.

    Raises
    ------
    ValueError
        A shape does not fit, or a value is negative, NaN or infinite. Or y does not suit the loss,
        `loss` and `family` differ, or `out` is not such an array.

    See Also
    --------
    objective : Compute J.
    descend : Minimise J by gradient descent.

    Notes
    -----
    For squares::

        ∇J(θ) = (Xᵀ(Xθ + b − y) + λθ)/m
        ∂J/∂b = 1/m Σ_i (x_iᵀθ + b − y_i)

    Other losses have ℓ′(x_iᵀθ + b; y_i) in place of the residuals.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 7.0])
    >>> fastreg.gradient(X, y, [2.0], lam=0.3)  # (3·(6 − 7) + 0.3·2)/3
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
    """Minimise J by gradient descent, and compare with the exact minimum.

    An L1 term takes a proximal step.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features. Memory maps and data frames work too.
    y : array-like of shape (n_samples,)
        Target.
    lam : float
        Strength λ of the ridge penalty, at least 0.
    l1 : float, default=0.0
        Strength λ₁ of the L1 penalty, at least 0.
    eta : float or None, default=None
        Length of a step, above 0. None means 1/L, with L found by power iteration. A loss without a
        known bound of its curvature, such as "poisson", needs a number.
    n_iter : int, default=1000
        Largest number of steps, at least 1.
    tol : float, default=0.0
        Relative gap at which to stop, at least 0: J(θ) − min J ≤ tol·N, with N the null objective
        of `Certificate`. It is checked every 64 steps. 0 takes all steps.
    theta0 : array-like of shape (n_features,) or None, default=None
        Start of θ. None means zeros. It is not changed.
    fit_intercept : bool, default=False
        Whether to fit an intercept, from 0. It is never penalised.
    loss : {"squared", "logistic", "poisson", "gamma", "squared_hinge"}, loss or None, default=None
        Loss ℓ. None means "squared". "logistic" and "squared_hinge" need y in [0, 1], "poisson" y
        of at least 0, and "gamma" y above 0. A loss is one of `fastreg.losses`, or your own.
    family : str, loss or None, default=None
        Other name of `loss`, one of those of `path`. Set only one of the two.
    callback : callable or None, default=None
        Function of (step, J, length of the gradient). It is called after every step for a large X,
        and at least every 64 steps for a small one.

    Returns
    -------
    Descent
        The last θ, the values of J on the way, and the minimum.

    Raises
    ------
    ValueError
        An argument is out of range.
    DivergenceError
        J rose because `eta` is too long. The message states the longest safe step, if it is known.

    See Also
    --------
    objective : Compute J.
    gradient : Compute the gradient of J.

    Notes
    -----
    A step is::

        θ ← θ − η∇J(θ)

    with the J of `objective`. Any η below 2/L converges, where L is the largest curvature of J. For
    the proximal step see [1]_.

    References
    ----------
    .. [1] Daubechies I., Defrise M., De Mol C., "An iterative thresholding algorithm for linear
       inverse problems with a sparsity constraint", Commun. Pure Appl. Math. 57, 2004.

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
            f"eta must be a number: the curvature of {type(chosen).__name__} has no known bound, "
            "so that there is no default step; losses.steepest registers a bound"
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

"""Fit paths with scikit-learn's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.paths.fitting import path

_ACCEPTED = {"precompute", "Xy", "copy_X", "coef_init", "verbose", "check_input", "random_state"}


def enet_path(
    X: Any,
    y: Any,
    *,
    l1_ratio: float = 0.5,
    eps: float = 1e-3,
    n_alphas: int = 100,
    alphas: Any = None,
    tol: float = 1e-4,
    positive: bool = False,
    sample_weight: Any = None,
    return_n_iter: bool = False,
    max_iter: int = 1000,
    **ignored: Any,
) -> tuple[Any, ...]:
    """Fit an elastic-net path with the signature of scikit-learn.

    It has no intercept. `path` has more options.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features. Data frames, and whatever else `fastreg.read` takes, work too.
    y : array-like of shape (n_samples,)
        Target.
    l1_ratio : float, default=0.5
        Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
    eps : float, default=1e-3
        Least alpha divided by the largest, above 0 and at most 1.
    n_alphas : int, default=100
        Number of strengths, if `alphas` is None.
    alphas : int, array-like of shape (n_alphas,) or None, default=None
        Number of strengths, or the strengths. None means `n_alphas`.
    tol : float, default=1e-4
        Relative duality gap that every fit must reach, at least 0.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means a weight of 1 for all.
    return_n_iter : bool, default=False
        Whether to return the numbers of steps as well.
    max_iter : int, default=1000
        Largest number of steps at each strength.
    **ignored : dict
        Ignored: `precompute`, `Xy`, `copy_X`, `coef_init`, `verbose`, `check_input` and other
        arguments of scikit-learn. X is never copied and never changed.

    Returns
    -------
    alphas : ndarray of shape (n_alphas,)
        Strengths, in descending order.
    coefs : ndarray of shape (n_features, n_alphas)
        Coefficients at each strength.
    dual_gaps : ndarray of shape (n_alphas,)
        Certified bounds on the objective less its minimum.
    n_iters : ndarray of shape (n_alphas,)
        Numbers of steps. Returned only with ``return_n_iter=True``.

    Raises
    ------
    TypeError
        There is no such argument.
    ValueError
        An argument is out of range, or a shape does not fit. The message names it.

    See Also
    --------
    path : Fit a path with an intercept, weights and other losses.
    lasso_path : Fit a lasso path.

    Notes
    -----
    Each point minimises the objective of `ElasticNet` without an intercept::

        P(w) = ‖y − Xw‖²/(2m) + alpha·l1_ratio·‖w‖₁ + ½·alpha·(1 − l1_ratio)·‖w‖²

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0, 2.0, 3.1], [2.3, 5.4, 4.3]]).T, np.array([1.0, 2.0, 3.1])
    >>> alphas, coefs, gaps = fastreg.enet_path(X, y, alphas=[5.0, 1.0, 0.5], l1_ratio=1.0)
    >>> coefs.round(3)
    array([[0.   , 0.   , 0.469],
           [0.216, 0.443, 0.237]])
    """
    _check_ignored(ignored)
    grid = n_alphas if alphas is None else alphas
    found = path(
        X,
        y,
        l1_ratio=l1_ratio,
        alphas=grid,
        eps=eps if isinstance(grid, int | np.integer) else None,
        tol=tol,
        fit_intercept=False,
        positive=positive,
        sample_weight=sample_weight,
        max_iter=max_iter,
    )
    out = (found.alphas, found.coefs, found.certificate.gap)
    return (*out, np.full(len(found.alphas), found.n_iter)) if return_n_iter else out


def lasso_path(X: Any, y: Any, **options: Any) -> tuple[Any, ...]:
    """Fit a lasso path with the signature of scikit-learn.

    It has no intercept. `path` has more options.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features. Data frames, and whatever else `fastreg.read` takes, work too.
    y : array-like of shape (n_samples,)
        Target.
    **options : dict
        Arguments of `enet_path`, except `l1_ratio`.

    Returns
    -------
    alphas : ndarray of shape (n_alphas,)
        Strengths, in descending order.
    coefs : ndarray of shape (n_features, n_alphas)
        Coefficients at each strength.
    dual_gaps : ndarray of shape (n_alphas,)
        Certified bounds on the objective less its minimum.
    n_iters : ndarray of shape (n_alphas,)
        Numbers of steps. Returned only with ``return_n_iter=True``.

    See Also
    --------
    path : Fit a path with an intercept, weights and other losses.
    enet_path : Fit an elastic-net path.

    Notes
    -----
    Each point minimises the objective of `Lasso` without an intercept::

        P(w) = ‖y − Xw‖²/(2m) + alpha·‖w‖₁

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0, 2.0, 3.1], [2.3, 5.4, 4.3]]).T, np.array([1.0, 2.0, 3.1])
    >>> alphas, coefs, gaps = fastreg.lasso_path(X, y, alphas=[5.0, 1.0, 0.5])
    >>> coefs.round(3)
    array([[0.   , 0.   , 0.469],
           [0.216, 0.443, 0.237]])
    """
    return enet_path(X, y, l1_ratio=1.0, **options)


def _check_ignored(options: dict[str, Any]) -> None:
    unknown = sorted(set(options) - _ACCEPTED - {"selection"})
    if unknown:
        raise TypeError(f"enet_path got unexpected arguments: {', '.join(unknown)}")

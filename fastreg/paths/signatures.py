"""Paths with scikit-learn's signatures."""

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
    """`path` with the signature of `sklearn.linear_model.enet_path`: no intercept.

    Parameters
    ----------
    X, y, l1_ratio, eps, tol, positive, sample_weight, max_iter : as in `path`
    n_alphas : int, number of strengths if `alphas` is None
    alphas : array, int or None
    return_n_iter : bool, return the iterations as well
    ignored : precompute, Xy, copy_X, coef_init, verbose, check_input and whatever else
        scikit-learn takes; without effect. X is never copied and never changed.

    Returns
    -------
    (alphas (K,) descending, coefs (n, K), dual_gaps (K,)), and n_iters (K,) if asked for.
    The gaps are certified bounds in units of P.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0, 2.0, 3.1], [2.3, 5.4, 4.3]]).T, np.array([1.0, 2.0, 3.1])
    >>> alphas, coefs, gaps = fastreg.lasso_path(X, y, alphas=[5.0, 1.0, 0.5])
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
    """`enet_path` with l1_ratio = 1, the signature of `sklearn.linear_model.lasso_path`."""
    return enet_path(X, y, l1_ratio=1.0, **options)


def _check_ignored(options: dict[str, Any]) -> None:
    unknown = sorted(set(options) - _ACCEPTED - {"selection"})
    if unknown:
        raise TypeError(f"enet_path got unexpected arguments: {', '.join(unknown)}")

"""Fit a path: one problem at many strengths."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fastreg import kernels, losses
from fastreg._warnings import warn_of_convergence
from fastreg.certificate import KKT, Certificate
from fastreg.design import Design, as_design, as_target, as_weights
from fastreg.functional import nonnegative
from fastreg.grids import LEAST_RATIO, Grid, least_share, strengths_of
from fastreg.objectives import Objective, check_target, family_of, offset_of
from fastreg.paths.arguments import (
    check_bool,
    factors_of,
    names_of,
    penalty_of,
    progress_of,
    ratio_of,
)
from fastreg.paths.factors import Factors, spread_of
from fastreg.paths.of_classes import ClassPath, ClassRows, shares_of
from fastreg.paths.origins import InMemory
from fastreg.paths.results import Path
from fastreg.solvers import METHODS, Solution, solve
from fastreg.solvers.working_set import Progress
from fastreg.sources.blocks import Source as RowsInBlocks

Array = np.ndarray


def path(
    X: Any,
    y: Any = None,
    *,
    l1_ratio: float = 1.0,
    alphas: Any = 100,
    eps: float | None = None,
    tol: float = 1e-4,
    fit_intercept: bool = True,
    sample_weight: Any = None,
    positive: bool = False,
    bounds: Any = None,
    penalty_factor: Any = None,
    standardize: bool = False,
    max_iter: int = 1000,
    solver: str = "auto",
    family: Any = "gaussian",
    offset: Any = None,
    callback: Progress | None = None,
    verbose: bool = False,
) -> Path:
    """Fit the elastic net at many strengths of the penalty.

    Each point has a certificate. With the default ``l1_ratio=1.0`` it is the lasso.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features) or Source
        Features. A `Source` from `fastreg.read` works for families other than "gaussian". All
        strengths then share each read of it.
    y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
        Target. For "multinomial" the labels of the classes, or their shares in each row. None where
        X is a source, which has it.
    l1_ratio : float, default=1.0
        Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
    alphas : int or array-like of shape (n_alphas,), default=100
        Number of strengths, or the strengths. A number gives a geometric grid. It starts at the
        least alpha that holds all coefficients at zero. For an l1_ratio below 1e-3, that is the one
        for 1e-3.
    eps : float or None, default=None
        Least alpha divided by the largest, above 0 and at most 1. None means 0.01 if n_features >
        n_samples, else 0.001.
    tol : float, default=1e-4
        Relative duality gap that every fit must reach, at least 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means a weight of 1 for all.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    bounds : tuple of (low, high) or None, default=None
        Range of the coefficients, with low ≤ 0 ≤ high. Each end is a number or an array of shape
        (n_features,). An infinite end is no bound.
    penalty_factor : array-like of shape (n_features,) or None, default=None
        Factor of the penalty on each feature, at least 0. None means a factor of 1 for all. A
        feature with factor 0 is not penalised. Factors are not rescaled to mean 1, as glmnet does.
    standardize : bool, default=False
        Whether to measure each column in its standard deviation for the penalty, as glmnet
        does. Coefficients and bounds stay in the units of X. Constant columns stay at zero.
    max_iter : int, default=1000
        Largest number of steps at each strength.
    solver : str, default="auto"
        Algorithm, one of `fastreg.solvers.METHODS`. "auto" chooses by the shape of X.
    family : str or loss, default="gaussian"
        Loss ℓ: "gaussian", "binomial", "multinomial", "poisson", "gamma", "inverse_gaussian" or
        "squared_hinge", or one of `fastreg.losses`, such as ``Tweedie(1.5)``, or your own.
        "binomial" and "squared_hinge" need y in [0, 1], "poisson" y of at least 0, "gamma" and
        "inverse_gaussian" y above 0. "multinomial" has a coefficient of each class for each
        feature.
    offset : array-like, int or None, default=None
        Known part of the prediction, added to Xw + b, of shape (n_samples,); for "multinomial" of
        shape (n_samples, n_classes). None means zeros. If X is a source of two targets, the number
        0 or 1 of the one that is the offset. "gaussian" has none: subtract it from y.
    callback : callable or None, default=None
        Function of (points done, all points), called along the path.
    verbose : bool, default=False
        Whether to draw a progress bar on standard error.

    Returns
    -------
    Path or ClassPath
        The fits. Its `select` chooses one of them, and its `plot` draws them. A `ClassPath` for
        "multinomial".

    Raises
    ------
    ValueError
        An argument is out of range, or a shape does not fit. The message names it.

    Warns
    -----
    ConvergenceWarning
        A point did not reach `tol`. The message states how far it came.

    See Also
    --------
    enet_path : Fit a path with scikit-learn's signature.
    LassoCV : Choose a strength by cross-validation.

    Notes
    -----
    Each point minimises::

        P(w, b) = (1/S) Σ_i s_i ℓ(o_i + b + x_iᵀw; y_i)
                  + alpha·Σ_j f_j (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²)

    S is the sum of the sample weights s. o are the offsets and f the factors `penalty_factor`. The
    loss is ℓ(z; y) = ½(z − y)² for "gaussian", log(1 + exp z) − yz for "binomial" and exp z − yz
    for "poisson". `fastreg.losses` has the formulas of the others.

    "multinomial" has z_k for each class k and ℓ = log Σ_k exp z_k − Σ_k y_k z_k. The penalty is a
    sum over the classes too.

    "inverse_gaussian", and a Tweedie loss of a power outside of [1, 2], are not convex. Their
    certificate is the KKT residual.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((50, 200))
    >>> y = X[:, 0] - X[:, 1] + 0.1 * rng.standard_normal(50)
    >>> path = fastreg.path(X, y, alphas=20)
    >>> path.coefs.shape, bool(path.gaps.max() <= 1e-4)
    ((200, 20), True)
    """
    if isinstance(X, RowsInBlocks):
        from fastreg.paths.by_reads import path_of_source  # not part of a first fit

        return path_of_source(
            X, l1_ratio=l1_ratio, alphas=alphas, eps=eps, tol=tol, fit_intercept=fit_intercept,
            positive=positive, bounds=bounds, penalty_factor=penalty_factor, max_iter=max_iter,
            standardize=standardize, family=family, offset=offset,
            given={"y": y, "sample_weight": sample_weight},
        )  # fmt: skip
    design = as_design(X)
    m, n = design.shape
    weights, several = as_weights(sample_weight, m), is_several(family)
    if several:
        target, classes = shares_of(y, m, weights, family)
        loss, outputs = losses.Multinomial(len(classes)), len(classes)
    else:
        target, loss, outputs = as_target(y, m), family_of(family), 1
        if target.ndim != 1:
            raise ValueError(
                f"y must have shape ({m},), got {target.shape}: fit a path for each target"
            )
    check_bool(
        fit_intercept=fit_intercept, positive=positive, standardize=standardize, verbose=verbose
    )
    if callback is not None and not callable(callback):
        raise ValueError(f"callback must be callable, got {callback!r}")
    ratio = ratio_of(l1_ratio)
    if isinstance(max_iter, bool) or not isinstance(max_iter, int | np.integer) or max_iter < 1:
        raise ValueError(f"max_iter must be an integer of at least 1, got {max_iter!r}")
    if solver not in METHODS:
        raise ValueError(f"solver must be one of {', '.join(METHODS)}, got {solver!r}")
    given = factors_of(penalty_factor, n)
    factors = Factors(given, given, penalty_of(bounds, positive, n))
    if standardize:
        factors = factors.standardised(spread_of(design, weights), bool(fit_intercept))
    strengths, count = strengths_of(alphas)
    grid = None
    if count:
        least = least_share(eps, wide=n > m)
        grid = Grid(count, least, factors.penalty(max(ratio, LEAST_RATIO)))
    elif eps is not None:
        raise ValueError(
            f"eps must be None if alphas holds strengths, got {eps!r}: leave one of them out"
        )
    objective = Objective(
        l2=factors.ridge(ratio),
        penalty=factors.penalty(ratio),
        weights=weights,
        fit_intercept=bool(fit_intercept),
        strength=strengths,
        loss=loss,
        offset=offset_of(offset, m, outputs),
    )
    if not several:
        check_target(objective, target)
    return fitted(
        design,
        target,
        objective,
        tol=nonnegative(tol, "tol"),
        max_iter=int(max_iter),
        ratio=ratio,
        names=names_of(X),
        method=solver,
        grid=grid,
        progress=progress_of(callback, verbose),
        classes=classes if several else None,
    )


def is_several(family: Any) -> bool:
    return family == "multinomial" or isinstance(family, losses.Multinomial)


def fitted(
    X: Design, y: Array, objective: Objective, *, tol: float, max_iter: int, ratio: float,
    names: list[str] | None, classes: Array | None = None, **how: Any,
) -> Path:  # fmt: skip
    """Fit the path of an objective. Warn if a point did not reach `tol`.

    Parameters
    ----------
    y : (m,), or (m, K) of several classes
    how : arguments method, grid and progress of `solve`
    """
    target = y[:, None] if classes is None else y
    solution = solve(X, target, objective, tol=tol, max_iter=max_iter, **how)
    certificate = solution.certificate
    separable = "" if classes is not None else _separable(X, y, objective, solution, names)
    if separable:
        warn_of_convergence(f"path: {separable}.")
    else:
        warn(certificate, solution.exhausted, max_iter)
    known: dict[str, Any] = {
        "alphas": solution.strength, "coefs": solution.coef, "intercepts": solution.intercept,
        "gaps": certificate.relative_gap, "l1_ratio": ratio, "certificate": certificate,
        "n_iter": solution.n_iter, "feature_names": names,
    }  # fmt: skip
    if classes is None:
        return Path(**known, data=InMemory.of(X, y, objective, max_iter))
    known["intercepts"] = solution.intercept - solution.intercept.mean(axis=0)
    data = ClassRows.of_classes(X, y, objective, max_iter, classes)
    return ClassPath(**known, data=data, classes=classes)


def _separable(X: Design, y: Array, objective: Objective, solution: Solution, names: Any) -> str:
    """Return a warning if unpenalised features separate the data at the last point, else ""."""
    if losses.traits(objective.loss).quadratic:
        return ""
    from fastreg.selection import separation  # not part of a first fit

    last = dataclasses.replace(objective, strength=solution.strength[-1:])
    if not separation.is_free(last, X.shape[1]):
        return ""
    z = np.empty(X.shape[0])
    coef = np.ascontiguousarray(solution.coef[:, -1])
    kernels.predict(X.storage, coef, offset=solution.intercept[-1], out=z)
    z = z if objective.offset is None else z + objective.offset
    return separation.complaint(X, y, z, last, solution.exhausted, names)


def warn(certificate: Certificate, exhausted: bool, max_iter: int) -> None:
    if certificate.converged or certificate.tol == 0.0:
        return
    missed = ~certificate.met
    if np.isinf(certificate.relative_gap[missed]).any():  # nothing shows a gap there
        measure, found, asked = "KKT residual", certificate.kkt, min(certificate.tol, KKT)
        rounding = "rounding stopped it: centre and scale the columns of X"
    else:
        measure, found, asked = "relative gap", certificate.relative_gap, certificate.tol
        rounding = "rounding stopped it: raise tol"
    advice = f"raise max_iter, now {max_iter}" if exhausted else rounding
    warn_of_convergence(
        f"{np.count_nonzero(missed)} of {len(missed)} points of the path did not reach a {measure} "
        f"of {asked:.2e}: the worst has {found[missed].max():.2e}; {advice}."
    )

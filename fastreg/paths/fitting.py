"""The fit of a path: one problem at many strengths."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fastreg import kernels, losses
from fastreg._warnings import warn_of_convergence
from fastreg.certificate import Certificate
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
    """The elastic net (l1_ratio = 1: the lasso) at many strengths, each certified.

    Parameters
    ----------
    X : (m, n) array, memory map, sparse matrix or frame; see `fastreg.design.as_design`
        Or a source of `fastreg.read`, for families other than "gaussian": all strengths then share
        every read of it, and `select("cv")` reads it for all folds at once.
    y : (m,) array; None where X is a source, which has it
    l1_ratio : float in [0, 1], share of L1
    alphas : int or array
        A number of strengths, geometric from the least that holds all coefficients at zero
        (for an l1_ratio below 1e-3, that of 1e-3); or the strengths, put in descending order.
    eps : float in (0, 1] or None, least over largest alpha; None is 0.01 if n > m, else 0.001
    tol : float ≥ 0, certified relative gap to reach at every point
    fit_intercept : bool, whether b is free; it is never penalised
    sample_weight : (m,) array ≥ 0 or None
    positive : bool, require w ≥ 0
    bounds : (low, high) or None
        Require low ≤ w ≤ high, floats or (n,) arrays each, low ≤ 0 ≤ high; ∞ is no bound.
    penalty_factor : (n,) array ≥ 0 or None
        f: 0 leaves a feature unpenalised. Not rescaled to mean 1, as glmnet does.
    standardize : bool
        Penalise each coefficient in units of the standard deviation of its column, with weights and
        1/m, as glmnet does unless told otherwise. Coefficients and bounds stay in the units of X,
        which is read once more, not copied. Constant columns stay at zero. Folds of `select` have
        the deviations of all rows.
    max_iter : int, steps at each point
    solver : str, one of `fastreg.solvers.METHODS`
    family : "gaussian", "binomial", "poisson" or a loss of `fastreg.losses`
        What takes the place of the squares: for "binomial", y in [0, 1], the logistic loss; for
        "poisson", y ≥ 0, the Poisson loss.
    offset : (m,) array or None, added to every prediction; not of "gaussian", where it is a part of
        y. Of a source the number of the one of its two targets that is the offset
    callback : called as callback(points done, points in all) along the path, or None
    verbose : bool, draw a bar on standard error

    Returns
    -------
    `fastreg.Path`

    Raises
    ------
    ValueError
        An argument is out of range, or a shape does not fit; the message names it.

    Warns
    -----
    fastreg.ConvergenceWarning
        A point did not reach `tol`; the message says how far it came.

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
    target = as_target(y, m)
    if target.ndim != 1:
        raise ValueError(
            f"y must have shape ({m},), got {target.shape}: a path has one target, call it for each"
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
    weights = as_weights(sample_weight, m)
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
        raise ValueError("eps is without use where alphas are given")
    objective = Objective(
        l2=factors.ridge(ratio),
        penalty=factors.penalty(ratio),
        weights=weights,
        fit_intercept=bool(fit_intercept),
        strength=strengths,
        loss=family_of(family),
        offset=offset_of(offset, m),
    )
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
    )


def fitted(
    X: Design, y: Array, objective: Objective, *, tol: float, max_iter: int, ratio: float,
    names: list[str] | None, **how: Any,
) -> Path:  # fmt: skip
    """The path of an objective, with a warning where a point is not what was asked.

    Parameters
    ----------
    how : method, grid and progress of `solve`
    """
    solution = solve(X, y[:, None], objective, tol=tol, max_iter=max_iter, **how)
    certificate = solution.certificate
    separable = _separable(X, y, objective, solution, names)
    if separable:
        warn_of_convergence(f"path: {separable}.")
    else:
        warn(certificate, solution.exhausted, max_iter)
    return Path(
        alphas=solution.strength,
        coefs=solution.coef,
        intercepts=solution.intercept,
        gaps=certificate.relative_gap,
        l1_ratio=ratio,
        certificate=certificate,
        n_iter=solution.n_iter,
        data=InMemory.of(X, y, objective, max_iter),
        feature_names=names,
    )


def _separable(X: Design, y: Array, objective: Objective, solution: Solution, names: Any) -> str:
    """What to warn of where nothing holds coefficients that separate the data, at the last one."""
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
    worst = float(certificate.relative_gap.max())
    missed = int(np.count_nonzero(certificate.relative_gap > certificate.tol))
    advice = f"raise max_iter, now {max_iter}" if exhausted else "rounding stopped it: raise tol"
    warn_of_convergence(
        f"{missed} of {len(certificate.gap)} points of the path did not reach a relative gap of "
        f"{certificate.tol:.2e}: the worst has {worst:.2e}; {advice}."
    )

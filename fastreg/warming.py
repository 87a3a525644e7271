"""Compiling beforehand: for images, for CI, before the first fit.

Kernels are compiled for a type of data when it is met first, and kept on disk (decision 2). Here
small fits of each type meet them, in processes of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

FAMILIES = (
    "gaussian", "binomial", "poisson", "gamma", "tweedie", "inverse_gaussian", "negative_binomial",
    "squared_hinge",
)  # fmt: skip
_ALIKE = {"inverse_gaussian": "tweedie"}  # kernels are of a loss, whatever its number
_WITHOUT_CV = ("squared_hinge",)  # no estimator chooses their strength: paths do
_STORAGES = ("rows", "columns", "csr", "csc")


def warmup(
    families: Iterable[str] | str | None = None, processes: int | None = None
) -> dict[str, float]:
    """Compile the kernels, so that no later fit has to.

    Parameters
    ----------
    families : str, iterable of str or None, default=None
        Families to compile, of "gaussian", "binomial", "poisson", "gamma", "tweedie",
        "inverse_gaussian", "negative_binomial" and "squared_hinge". None means all.
    processes : int or None, default=None
        Number of processes that compile at once. None means one for each core.

    Returns
    -------
    dict
        Seconds that each part took. Parts that were on disk take little.

    Raises
    ------
    ValueError
        There is no such family, or `processes` is not a positive integer.
    OSError
        No folder for machine code can be written, or a part fails (ChildProcessError). The message
        states why.

    Notes
    -----
    Machine code is kept in ``NUMBA_CACHE_DIR``, beside the package, or in the user's cache. It is
    used again while the kernels, Python, NumPy, Numba, llvmlite, the compiler's settings and the
    processor stay the same.

    Examples
    --------
    >>> import fastreg
    >>> seconds = fastreg.warmup("gaussian")  # doctest: +SKIP
    """
    from fastreg._jit.cache import cache_directory

    names = _names(families)
    if processes is None:
        processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    elif not isinstance(processes, int) or isinstance(processes, bool) or processes < 1:
        raise ValueError(f"processes must be a positive integer or None, got {processes!r}")
    if cache_directory() is None:
        raise OSError(
            "no folder for machine code can be written, or FASTREG_CACHE=0: "
            "set NUMBA_CACHE_DIR to one"
        )
    with ThreadPoolExecutor(processes or os.cpu_count()) as pool:
        return dict(zip(names, pool.map(_apart, names), strict=True))


def _names(families: Iterable[str] | str | None) -> list[str]:
    given = FAMILIES if families is None else families
    given = [given] if isinstance(given, str) else list(given)
    for name in given:
        if name not in FAMILIES:
            raise ValueError(f"families must be of {', '.join(FAMILIES)}, got {name!r}")
    kernels = {_ALIKE.get(name, name) for name in given}
    return [name for name in PARTS if name.partition(" ")[0] in kernels]


def _apart(name: str) -> float:
    """A part in a process of its own; the seconds that it took."""
    start = time.perf_counter()
    program = f"from fastreg.warming import PARTS; PARTS[{name!r}]()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ChildProcessError(f"{name} was not compiled: {done.stderr.strip().splitlines()[-1]}")
    return time.perf_counter() - start


# ---------------------------------------------------------------- parts


def _stored(X: Any, storage: str) -> Any:
    if storage in ("rows", "columns"):
        return np.asfortranarray(X) if storage == "columns" else np.ascontiguousarray(X)
    import scipy.sparse  # not part of `import fastreg`

    return scipy.sparse.csr_array(X) if storage == "csr" else scipy.sparse.csc_array(X)


def _data(m: int, n: int, family: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, n))
    z = X[:, 0] + 0.5 * rng.standard_normal(m)
    if family == "gaussian":
        return X, z
    if family in ("binomial", "squared_hinge"):
        return X, 1 * (z > 0)
    amounts = np.exp(z) if family in ("gamma", "tweedie") else rng.poisson(np.exp(z))
    return X, amounts


def _small(family: str) -> None:
    """Fits of a few rows, and their predictions."""
    X, y = _data(40, 5, family)
    for model in _models(family):
        model.fit(X, y).predict(X[:1])


def _large(family: str, storage: str) -> None:
    """Fits of many rows or columns, and a path with its folds."""
    import fastreg

    for m, n in ((900, 200), (60, 700)):
        X, y = _data(m, n, family)
        X = _stored(X, storage)
        for model in _models(family):
            model.fit(X, y).predict(X)
        fastreg.path(X, y, family=_loss(family), alphas=9)
    if family in _WITHOUT_CV:
        fastreg.path(*_data(900, 20, family), family=_loss(family), alphas=9).select("cv", cv=3)
    else:
        _chooser(family).fit(*_data(900, 20, family))


def _loss(family: str) -> Any:
    """What `fastreg.path` takes."""
    from fastreg import losses

    numbered = {"tweedie": losses.Tweedie(1.5), "negative_binomial": losses.NegativeBinomial(1.0)}
    return numbered.get(family, family)


def _models(family: str) -> list[Any]:
    import fastreg

    if family == "gaussian":
        return [fastreg.Ridge(), fastreg.Lasso(alpha=0.1), fastreg.Lasso(alpha=0.1, positive=True)]
    if family == "binomial":
        return [
            fastreg.LogisticRegression(),
            fastreg.LogisticRegression(l1_ratio=1.0),
            fastreg.LogisticRegression(C=np.inf),
        ]
    if family == "squared_hinge":
        return [fastreg.LinearSVC(), fastreg.LinearSVC("l1")]
    name, given = _ESTIMATORS[family]
    estimator = getattr(fastreg, name)
    models = [estimator(**given), estimator(alpha=0.1, l1_ratio=1.0, **given)]
    return [*models, estimator(power=3.0)] if family == "tweedie" else models


_ESTIMATORS: dict[str, tuple[str, dict[str, float]]] = {
    "poisson": ("PoissonRegressor", {}),
    "gamma": ("GammaRegressor", {}),
    "tweedie": ("TweedieRegressor", {"power": 1.5}),
    "negative_binomial": ("NegativeBinomialRegressor", {"theta": 1.0}),
}


def _chooser(family: str) -> Any:
    import fastreg

    if family == "gaussian":
        return fastreg.LassoCV(cv=3)
    if family == "binomial":
        return fastreg.LogisticRegressionCV(cv=3)
    name, given = _ESTIMATORS[family]
    return getattr(fastreg, f"{name}CV")(cv=3, **given)


def _parts() -> dict[str, Callable[[], None]]:
    parts: dict[str, Callable[[], None]] = {}
    for family in FAMILIES:
        if family in _ALIKE:
            continue
        parts[f"{family} small"] = lambda own=family: _small(own)  # type: ignore[misc]
        for storage in _STORAGES:
            parts[f"{family} {storage}"] = lambda own=family, of=storage: _large(own, of)  # type: ignore[misc]
    return parts


PARTS = _parts()

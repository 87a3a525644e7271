"""Classes, counts and amounts of real data: certificates, objectives beside scikit-learn's.

    python -m tests.family_sets FOLDER [NAME …]   of .npz files with X (or a CSR matrix), y, task

Lasso, elastic net and ridge at three strengths of each set are to be certified to 1e-9. Ridges are
to be within 1e-9 of scikit-learn's objective or below it, and so are lassos of two classes, where
its solver comes to an end. Columns are scaled, without which those solvers stand still. Counts with
an exposure are rates of that weight. Amounts that stand beside them get the gamma loss where they
are above zero, and Tweedie's of power 1.5 as they are. Where R has glmnet, coefficients of sets
with more rows than columns that are not large are to be within 1e-6 of its, at thresh=1e-16, or its
objective is above.
"""

from __future__ import annotations

import signal
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.special import logsumexp
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    TweedieRegressor,
)

import fastreg
from benchmarks.versus import glmnet

NEAR, LARGE, SECONDS = 1e-6, 1_000_000, 60
CLOSE, WIDE = 1e-9, 3000
POWER = 1.5
AMOUNTS = {"gamma": "gamma", "tweedie": fastreg.losses.Tweedie(POWER)}


class Case(NamedTuple):
    """family : a name; w : weights (m,) or None"""

    X: Any
    y: np.ndarray
    family: str
    w: np.ndarray | None = None


def load(path: Path) -> Iterator[Case]:
    """The cases of a set, none if it is another task."""
    with np.load(path, allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    task, y = str(held["task"]), held["y"]
    if task not in ("binary", "multiclass", "count"):
        return
    if str(held["format"]) == "csr":
        shape = tuple(int(v) for v in held["shape"])
        X = sp.csr_matrix((held["data"], held["indices"], held["indptr"]), shape=shape)
    else:
        X = held["X"]
    X = scaled(X.astype(np.float64))
    w = held["exposure"].astype(float) if "exposure" in held else None
    if task == "binary":
        yield Case(X, (y == np.unique(y)[-1]) * 1.0, "binomial")
    elif task == "multiclass":
        yield Case(X, np.unique(y, return_inverse=True)[1], "multinomial")
    else:
        yield Case(X, y / (1.0 if w is None else w), "poisson", w)
    if "amount" in held and w is not None:
        amount = held["amount"].astype(float)
        some = amount > 0.0
        yield Case(scaled(X[some]), amount[some] / amount[some].mean(), "gamma")
        yield Case(X, amount / w / amount.mean(), "tweedie", w)


def scaled(X: Any) -> Any:
    """Columns over their standard deviations."""
    if sp.issparse(X):
        size = np.sqrt(np.asarray(X.multiply(X).mean(axis=0)).ravel())
        return (X @ sp.diags(1.0 / np.where(size > 0, size, 1.0))).tocsr()
    size = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(size > 0, size, 1.0)


def compare(case: Case, ratio: float) -> str:
    X, y, family, w = case
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = fastreg.path(
            X, y, family=AMOUNTS.get(family, family), l1_ratio=ratio, alphas=3, eps=0.01, tol=1e-9,
            sample_weight=w,
        )  # fmt: skip
        seconds, worst = time.perf_counter() - start, -np.inf
        for k, alpha in enumerate(path.alphas):
            fitted = peer(case, ratio, alpha)
            if fitted is not None:
                mine = value(case, path.coefs[..., k], path.intercepts[..., k], alpha, ratio)
                worst = max(worst, mine - value(case, *fitted, alpha, ratio))
        apart, above = from_glmnet(case, ratio)
    good = path.certificate.converged and worst <= CLOSE and (apart <= NEAR or above > 0.0)
    beside = "" if worst == -np.inf else f", P less scikit-learn's {worst:+.1e}"
    if apart > 0.0:
        beside += f", from glmnet {apart:.1e}, its P above by {above:+.1e}"
    return (
        f"{family:11} l1_ratio {ratio:<3g} {seconds:7.2f} s, gaps to {path.gaps.max():.1e}{beside} "
        f"{'ok' if good else 'FAILED'}"
    )


def peer(case: Case, ratio: float, alpha: float) -> Any:
    """(coef, intercept) of scikit-learn, None where nothing of it is quick enough."""
    X, y, family, w = case
    wide = X.shape[1] > WIDE
    if ratio == 0.0 and not wide:
        dense = X.toarray() if sp.issparse(X) else X
        if family in ("binomial", "multinomial"):
            large = family == "multinomial" and X.shape[1] * (y.max() + 1) > WIDE
            solver = "lbfgs" if large else "newton-cholesky"
            model = LogisticRegression(C=1.0 / (alpha * len(y)), solver=solver)
        elif family == "tweedie":
            model = TweedieRegressor(alpha=alpha, power=POWER, solver="newton-cholesky")
        else:
            kind = PoissonRegressor if family == "poisson" else GammaRegressor
            model = kind(alpha=alpha, solver="newton-cholesky")
        model.set_params(tol=1e-10, max_iter=5000).fit(dense, y, w)
    elif ratio == 1.0 and family == "binomial" and X.shape[0] * X.shape[1] < 2_000_000:
        model = LogisticRegression(
            l1_ratio=1.0, C=1.0 / (alpha * len(y)), solver="saga", tol=1e-8, max_iter=300
        ).fit(X, y)
    else:
        return None
    if family == "multinomial":
        return model.coef_.T, model.intercept_
    return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])


def from_glmnet(case: Case, ratio: float) -> tuple[float, float]:
    """(how far coefficients are from glmnet's, by how much its P is above ours, at most); zeros
    where there is no glmnet, or it is not done in a minute."""
    X, y, family, w = case
    if w is not None or family not in ("binomial", "poisson"):
        return 0.0, 0.0
    if glmnet.version() is None or X.shape[0] * X.shape[1] > LARGE or X.shape[1] > X.shape[0]:
        return 0.0, 0.0
    dense = np.asfortranarray(X.toarray() if sp.issparse(X) else X)
    options = {"family": family, "l1_ratio": ratio}
    path = fastreg.path(dense, y, alphas=3, eps=0.01, tol=1e-14, **options)
    server = glmnet.Server(dense, y, path.alphas, True, "Newton", **options)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    try:
        theirs = server.fit(1e-16).coefs
    except TimeoutError:
        return 0.0, 0.0
    finally:
        signal.alarm(0)
    apart, above = 0.0, 0.0
    for k, alpha in enumerate(path.alphas):
        apart = max(apart, float(np.abs(theirs[:, k] - path.coefs[:, k]).max()))
        ours = value(case, path.coefs[:, k], path.intercepts[k], alpha, ratio)
        rest = X @ theirs[:, k]
        b = float(fastreg.path(np.zeros((len(y), 1)), y, alphas=[1.0], offset=rest,
                               family=family, tol=1e-14).intercepts[0])  # fmt: skip
        above = max(above, value(case, theirs[:, k], b, alpha, ratio) - ours)
    return apart, above


def _too_long(*_: Any) -> None:
    raise TimeoutError


def value(case: Case, coef: np.ndarray, b: Any, alpha: float, ratio: float) -> float:
    X, y, family, w = case
    z = X @ coef + b
    penalty = ratio * np.abs(coef).sum() + 0.5 * (1.0 - ratio) * (coef * coef).sum()
    return float(np.average(LOSSES[family](z, y), weights=w) + alpha * penalty)


LOSSES = {
    "binomial": lambda z, y: np.logaddexp(0.0, z) - y * z,
    "multinomial": lambda z, y: logsumexp(z, axis=1) - z[np.arange(len(y)), y],
    "poisson": lambda z, y: np.exp(z) - y * z,
    "gamma": lambda z, y: z + y * np.exp(-z),
    "tweedie": lambda z, y: (
        np.exp((2.0 - POWER) * z) / (2.0 - POWER) - y * np.exp((1.0 - POWER) * z) / (1.0 - POWER)
    ),
}


def main(folder: str, *names: str) -> int:
    failed = 0
    for path in sorted(Path(folder).glob("*.npz")):
        for case in load(path) if path.stem in names or not names else ():
            m, n = case.X.shape
            for ratio in (1.0, 0.5, 0.0):
                line = compare(case, ratio)
                failed += "FAILED" in line
                print(f"{path.stem:18} {m:6} x {n:<6} {line}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

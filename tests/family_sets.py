"""Classes and counts of real data sets: certificates, and objectives beside scikit-learn's.

    python -m tests.family_sets FOLDER [NAME …]   of .npz files with X (or a CSR matrix), y, task

Lasso, elastic net and ridge at three strengths of each set are to be certified to 1e-9. Ridges are
to be within 1e-9 of scikit-learn's objective or below it, and so are lassos of classes, where its
solver comes to an end. Columns are scaled, without which those solvers stand still. Where R has
glmnet, coefficients of sets with more rows than columns that are not large are to be within 1e-6 of
its, at thresh=1e-16, or its objective is above.
"""

from __future__ import annotations

import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression, PoissonRegressor

import fastreg
from benchmarks.versus import glmnet

NEAR, LARGE, SECONDS = 1e-6, 1_000_000, 60
CLOSE, WIDE = 1e-9, 3000
FAMILIES = {"binary": "binomial", "count": "poisson"}


def load(path: Path) -> tuple[Any, np.ndarray, str] | None:
    """(X, y, family), None if the set is another task."""
    with np.load(path, allow_pickle=False) as file:
        family = FAMILIES.get(str(file["task"]))
        if family is None:
            return None
        y = file["y"]
        if str(file["format"]) == "csr":
            shape = tuple(int(v) for v in file["shape"])
            X = sp.csr_matrix((file["data"], file["indices"], file["indptr"]), shape=shape)
        else:
            X = file["X"]
    y = (y == np.unique(y)[-1]) * 1.0 if family == "binomial" else y.astype(float)
    return scaled(X.astype(np.float64)), y, family


def scaled(X: Any) -> Any:
    """Columns over their standard deviations."""
    if sp.issparse(X):
        size = np.sqrt(np.asarray(X.multiply(X).mean(axis=0)).ravel())
        return (X @ sp.diags(1.0 / np.where(size > 0, size, 1.0))).tocsr()
    size = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(size > 0, size, 1.0)


def compare(X: Any, y: np.ndarray, family: str, ratio: float) -> str:
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = fastreg.path(X, y, family=family, l1_ratio=ratio, alphas=3, eps=0.01, tol=1e-9)
        seconds, worst = time.perf_counter() - start, -np.inf
        for k, alpha in enumerate(path.alphas):
            fitted = peer(X, y, family, ratio, alpha)
            if fitted is not None:
                mine = value(X, y, family, path.coefs[:, k], path.intercepts[k], alpha, ratio)
                worst = max(worst, mine - value(X, y, family, *fitted, alpha, ratio))
        apart, above = from_glmnet(X, y, family, ratio)
    good = path.certificate.converged and worst <= CLOSE and (apart <= NEAR or above > 0.0)
    beside = "" if worst == -np.inf else f", P less scikit-learn's {worst:+.1e}"
    if apart > 0.0:
        beside += f", from glmnet {apart:.1e}, its P above by {above:+.1e}"
    return (
        f"l1_ratio {ratio:<3g} {seconds:7.2f} s, gaps to {path.gaps.max():.1e}{beside} "
        f"{'ok' if good else 'FAILED'}"
    )


def peer(X: Any, y: np.ndarray, family: str, ratio: float, alpha: float) -> Any:
    """(coef, intercept) of scikit-learn, None where nothing of it is quick enough."""
    wide = X.shape[1] > WIDE
    if ratio == 0.0 and not wide:
        dense = X.toarray() if sp.issparse(X) else X
        if family == "binomial":
            model = LogisticRegression(C=1.0 / (alpha * len(y)), solver="newton-cholesky")
        else:
            model = PoissonRegressor(alpha=alpha, solver="newton-cholesky")
        model.set_params(tol=1e-10, max_iter=500).fit(dense, y)
    elif ratio == 1.0 and family == "binomial" and X.shape[0] * X.shape[1] < 2_000_000:
        model = LogisticRegression(
            l1_ratio=1.0, C=1.0 / (alpha * len(y)), solver="saga", tol=1e-8, max_iter=300
        ).fit(X, y)
    else:
        return None
    return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])


def from_glmnet(X: Any, y: np.ndarray, family: str, ratio: float) -> tuple[float, float]:
    """(how far coefficients are from glmnet's, by how much its P is above ours, at most); zeros
    where there is no glmnet, or it is not done in a minute."""
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
        ours = value(X, y, family, path.coefs[:, k], path.intercepts[k], alpha, ratio)
        rest = X @ theirs[:, k]
        b = float(fastreg.path(np.zeros((len(y), 1)), y, alphas=[1.0], offset=rest,
                               family=family, tol=1e-14).intercepts[0])  # fmt: skip
        above = max(above, value(X, y, family, theirs[:, k], b, alpha, ratio) - ours)
    return apart, above


def _too_long(*_: Any) -> None:
    raise TimeoutError


def value(X: Any, y: np.ndarray, family: str, coef: np.ndarray, b: float, alpha: float,
          ratio: float) -> float:  # fmt: skip
    z = X @ coef + b
    loss = np.logaddexp(0.0, z) if family == "binomial" else np.exp(z)
    penalty = ratio * np.abs(coef).sum() + 0.5 * (1.0 - ratio) * (coef @ coef)
    return float(np.mean(loss - y * z) + alpha * penalty)


def main(folder: str, *names: str) -> int:
    failed = 0
    for path in sorted(Path(folder).glob("*.npz")):
        found = load(path) if path.stem in names or not names else None
        if found is None:
            continue
        X, y, family = found
        for ratio in (1.0, 0.5, 0.0):
            line = compare(X, y, family, ratio)
            failed += "FAILED" in line
            print(f"{path.stem:18} {X.shape[0]:6} x {X.shape[1]:<6} {line}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

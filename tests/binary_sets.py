"""Logistic lasso paths on binary data sets beside scikit-learn, and their certificates.

    python -m tests.binary_sets FOLDER [NAME …]   of .npz files with X (or a CSR matrix), y, task

At three strengths of each set P is to be within 1e-9 of scikit-learn's or below it.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

import fastreg

CLOSE = 1e-9


def load(path: Path) -> tuple[Any, np.ndarray] | None:
    """(X, y of 0 and 1), None if the set is another task."""
    with np.load(path, allow_pickle=False) as file:
        if str(file["task"]) != "binary":
            return None
        y = file["y"]
        if str(file["format"]) == "csr":
            shape = tuple(int(v) for v in file["shape"])
            X = sp.csr_matrix((file["data"], file["indices"], file["indptr"]), shape=shape)
        else:
            X = file["X"]
    return X.astype(np.float64), (y == np.unique(y)[-1]).astype(float)


def scaled(X: Any) -> Any:
    """Columns over their standard deviations, without which scikit-learn's solvers stand still."""
    if sp.issparse(X):
        size = np.sqrt(np.asarray(X.multiply(X).mean(axis=0)).ravel())
        return (X @ sp.diags(1.0 / np.where(size > 0, size, 1.0))).tocsr()
    size = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(size > 0, size, 1.0)


def compare(X: Any, y: np.ndarray) -> str:
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = fastreg.path(X, y, family="binomial", alphas=10, eps=0.05, tol=1e-8)
    seconds, worst = time.perf_counter() - start, -np.inf
    for k in (3, 6, 9):
        peer = LogisticRegression(
            l1_ratio=1.0, C=1.0 / (path.alphas[k] * len(y)), solver="saga", tol=1e-8, max_iter=300
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer.fit(X, y)
        mine = _value(X, y, path.coefs[:, k], path.intercepts[k], path.alphas[k])
        theirs = _value(X, y, peer.coef_[0], peer.intercept_[0], path.alphas[k])
        worst = max(worst, mine - theirs)
    worth = "ok" if worst <= CLOSE and path.certificate.converged else "FAILED"
    gaps = f"{seconds:8.2f} s, gaps to {path.gaps.max():.1e}"
    return f"{gaps}, P less scikit-learn's {worst:+.1e} {worth}"


def _value(X: Any, y: np.ndarray, coef: np.ndarray, b: float, alpha: float) -> float:
    z = X @ coef + b
    return float(np.mean(np.logaddexp(0.0, z) - y * z) + alpha * np.abs(coef).sum())


def main(folder: str, *names: str) -> int:
    failed = 0
    for path in sorted(Path(folder).glob("*.npz")):
        found = load(path) if path.stem in names or not names else None
        if found is None:
            continue
        X, y = found
        line = compare(scaled(X), y)
        failed += "FAILED" in line
        print(f"{path.stem:20} {X.shape[0]:6} x {X.shape[1]:<6} {line}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Lasso paths of several classes beside glmnet's, as decision 19 tells of them.

    python -m benchmarks.paths_of_classes [--data FOLDER] [NAMES]

100 strengths down to 1/20 of the largest, to a relative gap of 1e-4 at each, which is computed
outside of both. Ours is given that gap; of glmnet the loosest threshold that reaches it counts, or
the last that was tried before it took 20 times as long. glmnet measures its own time, in R. NAMES
are digits, which scikit-learn bundles, or files of the folder: classes `y`, and `X`, or the parts
of a CSR matrix of counts.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

import fastreg
from benchmarks.versus import glmnet
from benchmarks.versus.problems import stored, weighted
from fastreg.certificate import certify_coupled
from fastreg.certificate.coupled import null_levels
from fastreg.design import as_design
from fastreg.objectives import Objective
from fastreg.penalties import L1

Array = np.ndarray
REACH, POINTS, RATIO, PATIENCE, ROUNDS = 1e-4, 100, 0.05, 20.0, 4
LONG = 10.0  # s, of which one round after the first is enough
THRESHOLDS = [10.0**-k for k in range(6, 13)]


def data_of(name: str, folder: Path | None) -> tuple[Any, Array]:
    """X and labels."""
    if name == "digits":
        return load_digits(return_X_y=True)  # type: ignore[no-any-return]
    if folder is None:
        raise SystemExit(f"{name} needs --data FOLDER, with {name}.npz in it")
    with np.load(folder / f"{name}.npz") as file:
        if "X" in file:
            return np.asfortranarray(file["X"], float), file["y"]
    counts, labels = stored(folder / f"{name}.npz")
    return weighted(counts), labels


def gap(X: Any, Y: Array, coefs: Array, alphas: Array) -> float:
    """The largest relative gap of coefficients (n, K, points), with the best intercepts."""
    m, K = Y.shape
    intercepts = np.empty((K, len(alphas)))
    for t in range(len(alphas)):
        z = X @ np.ascontiguousarray(coefs[:, :, t])
        intercepts[:, t] = null_levels(Y, np.full(m, 1.0 / m), z, fit_intercept=True)
    objective = Objective(
        np.zeros((1, 1)), L1(np.float64(1.0)), None, True, alphas, fastreg.losses.Multinomial(K)
    )
    found = certify_coupled(
        as_design(X), Y, coefs, intercepts, objective, tol=REACH, method="", passes=0
    )
    return float(found.relative_gap.max())


def ours(X: Any, labels: Array) -> tuple[float, Any]:
    """(least seconds, path)."""
    least, rounds = np.inf, 0
    while rounds < (ROUNDS if least < LONG else 2):
        begin = time.perf_counter()
        path = fastreg.path(X, labels, family="multinomial", alphas=POINTS, eps=RATIO, tol=REACH)
        least, rounds = min(least, time.perf_counter() - begin), rounds + 1
    return least, path


def theirs(X: Any, Y: Array, alphas: Array, patience: float) -> str:
    """What glmnet does, in words."""
    if glmnet.version() is None:
        return "glmnet: not installed"
    codes = Y.argmax(axis=1).astype(float)
    server = glmnet.Server(X, codes, alphas, True, "none", family="multinomial", targets=Y.shape[1])
    said = "nothing"
    for threshold in THRESHOLDS:
        fit = server.fit(threshold)
        coefs = fit.coefs.reshape(Y.shape[1], X.shape[1], -1).transpose(1, 0, 2)
        reached = gap(X, Y, np.ascontiguousarray(coefs), alphas)
        said = f"{fit.seconds:8.3f} s, threshold {threshold:.0e}, gap {reached:.1e}"
        if reached <= REACH or fit.seconds > patience:
            break
    server.close()
    return f"glmnet {said}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=["digits"])
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in given.names:
        X, labels = data_of(name, given.data)
        seconds, path = ours(X, labels)
        Y = np.eye(len(path.classes))[np.searchsorted(path.classes, labels)]
        reached = gap(X, Y, path.coefs, path.alphas)
        print(f"{name:10} fastreg {seconds:8.3f} s, gap {reached:.1e}", flush=True)
        print(f"{'':10} {theirs(X, Y, path.alphas, PATIENCE * seconds)}", flush=True)


if __name__ == "__main__":
    main()

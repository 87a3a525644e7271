"""Choosing alpha: fastreg against scikit-learn, and strengths of groups against one for all.

    python -m benchmarks.selection --size full     minutes; quick is seconds
    python -m benchmarks.selection --data FOLDER   AdaptiveRidge on `.npz` files with dense X and y

The first races both libraries on the same data, in Fortran order, which scikit-learn likes best,
and says whether they choose the same alpha; where glmnet and adelie are installed, their
cross-validations run on the widest shape as well. The second splits rows into halves, fits to
one and takes the error on the other: contiguous groups of columns against the best common alpha.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.linear_model

import fastreg
from benchmarks.environment import describe

Array = np.ndarray
LASSO = {
    "quick": ((2000, 20), (200, 100), (40, 200)),
    "full": ((200_000, 200), (20_000, 1000), (200, 20_000)),
}
RIDGE = {"quick": ((2000, 20),), "full": ((200_000, 200),)}
ALPHAS = np.geomspace(1e-2, 1e6, 50)
GROUPS, SPLITS = 10, 10


def data(m: int, n: int) -> tuple[Array, Array]:
    """Neighbouring columns correlate by 0.6; a fifth of the coefficients, 100 at most; SNR 3."""
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((m, n)))
    for j in range(1, n):
        X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
    coef = np.zeros(n)
    used = rng.choice(n, min(100, n // 5), replace=False)
    coef[used] = rng.standard_normal(len(used))
    signal, noise = X @ coef, rng.standard_normal(m)
    return X, signal + noise * np.linalg.norm(signal) / (3.0 * np.linalg.norm(noise))


def least(call: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """(least seconds, result); the pause lets threads of BLAS come to rest."""
    seconds, result = [], None
    for _ in range(runs):
        time.sleep(0.3)
        start = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def race(name: str, shape: tuple[int, int], **options: Any) -> str:
    X, y = data(*shape)
    ours, theirs = (getattr(library, name) for library in (fastreg, sklearn.linear_model))
    least(lambda: ours(**options).fit(X, y), 1)  # compiled, or read from the disk
    mine, model = least(lambda: ours(**options).fit(X, y), 3)
    other, peer = least(lambda: theirs(**options).fit(X, y), 1)
    extent, told = "x".join(map(str, shape)), "same alpha"
    if not np.isclose(model.alpha_, peer.alpha_):
        told = "another alpha"
        if name == "LassoCV":  # its default tolerance may stop far from the minimum
            peer = theirs(**options, tol=1e-8).fit(X, y)
            if np.isclose(model.alpha_, peer.alpha_):
                told = "same alpha as theirs at tol=1e-8, another at their 1e-4"
    return f"{name:10} {extent:>12} {mine:9.3f} {other:13.3f} {other / mine:7.1f}   {told}"


def race_adelie(shape: tuple[int, int]) -> str:
    """adelie's cross-validation of the same path: to its default tolerance, without early exits.

    The last race: after its import every OpenMP spins, see `benchmarks/versus/peers.py`.
    """
    os.environ.setdefault("OMP_PROC_BIND", "FALSE")
    try:
        import adelie
    except ImportError:
        return "adelie is not installed"
    X, y = data(*shape)

    def fit() -> Any:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
            return adelie.cv_grpnet(
                X=X, glm=adelie.glm.gaussian(y), n_folds=10, n_threads=2, lmda_path_size=100,
                min_ratio=1e-3, early_exit=False, progress_bar=False,
            )  # fmt: skip

    seconds, _ = least(fit, 2)
    return f"adelie     {'x'.join(map(str, shape)):>12} {seconds:9.3f}"


GLMNET = """
suppressPackageStartupMessages(library(glmnet))
a <- commandArgs(trailingOnly = TRUE); m <- as.integer(a[2]); n <- as.integer(a[3])
numbers <- readBin(a[1], "double", n = m * (n + 1))
y <- numbers[1:m]; X <- matrix(numbers[-(1:m)], m, n)
glmnet.control(fdev = 0, devmax = 1)
fit <- function() system.time(cv.glmnet(X, y, nfolds = 10, nlambda = 100, lambda.min.ratio = 1e-3,
                                        standardize = FALSE))[["elapsed"]]
cat(min(fit(), fit()))
"""


def race_glmnet(shape: tuple[int, int]) -> str:
    """glmnet's cross-validation of the same path, at its default threshold, timed within R."""
    X, y = data(*shape)
    with tempfile.NamedTemporaryFile() as file:
        file.write(y.tobytes() + X.tobytes("F"))
        file.flush()
        command = ["Rscript", "-e", GLMNET, file.name, *map(str, shape)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return "glmnet is not installed"
    return f"glmnet     {'x'.join(map(str, shape)):>12} {float(done.stdout):9.3f}"


def on_groups(path: Path) -> str:
    with np.load(path, allow_pickle=False) as file:
        X, y = np.asarray(file["X"], float), np.asarray(file["y"], float)
    n = X.shape[1]
    groups = np.arange(n) * min(GROUPS, n) // n
    size = X.std(axis=0)
    X = X[:, size > 0] / size[size > 0]
    groups = groups[size > 0]
    ratios = []
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(y))
        train, test = order[: len(y) // 2], order[len(y) // 2 :]
        models = [
            fastreg.AdaptiveRidge(groups=each).fit(X[train], y[train]) for each in (groups, None)
        ]
        errors = [((y[test] - model.predict(X[test])) ** 2).mean() for model in models]
        ratios.append(errors[0] / errors[1])
    wins = int(np.sum(np.array(ratios) < 1.0))
    middle = float(np.median(ratios))
    found = f"error ÷ common alpha's {middle:.3f}, better in {wins}/{SPLITS}"
    return f"{path.stem:20} {len(y):6} x {n:<6} {found}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("quick", "full"), default="quick")
    parser.add_argument("--data", type=Path, nargs="*", help="files for AdaptiveRidge")
    options = parser.parse_args(arguments)
    for key, value in describe().items():
        print(f"{key}: {value}")
    warnings.simplefilter("ignore")  # of scikit-learn's convergence
    if options.data:
        for path in options.data:
            print(on_groups(path), flush=True)
        return
    print(f"\n{'':10} {'':>12} {'fastreg s':>9} {'scikit-learn s':>13} {'ratio':>7}")
    for shape in LASSO[options.size]:
        print(race("LassoCV", shape, cv=10), flush=True)
    for shape in RIDGE[options.size]:
        print(race("RidgeCV", shape, alphas=ALPHAS), flush=True)
    for peer in (race_glmnet, race_adelie):
        print(peer(LASSO[options.size][-1]), flush=True)


if __name__ == "__main__":
    main()

"""Choosing the strength of a logistic or Poisson fit: cross-validation of everyone, raced.

python -m benchmarks.versus.selection_families --size full --json selection.json

Ten folds, or as many as --folds says, and a hundred strengths, the same for all: the folds are
those that adelie draws from its seed, the strengths fall from λmax for L1, and from 100·λmax for
L2, which ends at a tenth of L1's. Everyone runs at its default tolerance, without early exits, and
chooses the strength of the least mean deviance; the table says which. scikit-learn runs in one
process with threads of BLAS, and in as many processes of one thread each; it has one C for all
folds, which are of one size.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.versus.__main__ import describe, limit_pools, threads

Array = np.ndarray
STRENGTHS, SEED = 100, 0
SHAPES = {"quick": ((2000, 20), (100, 200)), "full": ((200_000, 100), (200, 20_000))}
CASES = (("logistic", "L2"), ("logistic", "L1"), ("poisson", "L1"))
NAMES = {"logistic": "binomial", "poisson": "poisson"}  # as most peers call them
WIDEST = 5000  # columns whose Hessian newton-cholesky may factorise, once a step
LONG = 30.0  # s: what takes longer runs once


class Task(NamedTuple):
    """X (m, n) in Fortran order, y (m,), alphas (K,), falling; order (m,): rows, fold by fold;
    count: of folds."""

    family: str
    penalty: str
    X: Array
    y: Array
    alphas: Array
    ratio: float
    order: Array
    threads: int
    count: int

    @property
    def folds(self) -> list[tuple[Array, Array]]:
        """(training rows, test rows)"""
        rows = np.arange(len(self.y))
        parts = np.array_split(self.order, self.count)
        return [(np.setdiff1d(rows, part), np.sort(part)) for part in parts]


def task(family: str, penalty: str, shape: tuple[int, int], threads: int, count: int = 10) -> Task:
    from benchmarks.versus import families
    from benchmarks.versus.problems import Problem

    ratio = 0.05 if shape[1] > shape[0] else 0.001
    make = functools.partial(families.dense, family, *shape)
    problem = Problem("", family, make, ratio, STRENGTHS)
    ridge = problem.largest * np.geomspace(100, ratio / 10, STRENGTHS)
    alphas = problem.alphas if penalty == "L1" else ridge
    np.random.seed(SEED)  # noqa: NPY002 (adelie's folds)
    order = np.random.choice(shape[0], shape[0], replace=False)  # noqa: NPY002
    X, y = problem.design.X, problem.design.y
    return Task(family, penalty, X, y, alphas, ratio, order, threads, count)


# ---------------------------------------------------------------- everyone
# A task → a call that is timed; it returns mean deviances (K,), and its own seconds or None.

Call = Callable[[], tuple[Array, float | None]]


def fastreg(given: Task) -> Call | None:
    import fastreg

    folds, share = given.folds, 1.0 if given.penalty == "L1" else 0.0
    common = {"family": NAMES[given.family], "alphas": given.alphas, "l1_ratio": share}

    def call() -> tuple[Array, None]:
        return fastreg.path(given.X, given.y, **common).select("cv", cv=folds).values, None

    return call


def scikit_learn(solver: str, split: bool, given: Task) -> Call | None:
    import joblib
    from sklearn.linear_model import LogisticRegressionCV

    if (given.family, given.penalty) != ("logistic", "L2"):
        return None
    if solver == "newton-cholesky" and given.X.shape[1] > WIDEST:
        return None
    X, costs = (
        np.ascontiguousarray(given.X),
        1 / (given.alphas * len(given.y) * (1 - 1 / given.count)),
    )
    common = {"Cs": costs, "cv": given.folds, "solver": solver, "max_iter": 100_000}
    common |= {"scoring": "neg_log_loss", "refit": False}
    common["n_jobs"] = given.threads if split else 1

    def call() -> tuple[Array, None]:
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            found = LogisticRegressionCV(**common).fit(X, given.y).scores_
        scores = next(iter(found.values())) if isinstance(found, dict) else found
        return -np.asarray(scores).reshape(given.count, -1).mean(axis=0), None

    return call


def adelie(given: Task) -> Call | None:
    import adelie as ad

    if given.penalty == "L2":
        return None
    loss = getattr(ad.glm, NAMES[given.family])(y=given.y)
    common = {"n_folds": given.count, "seed": SEED, "min_ratio": given.ratio, "early_exit": False}
    common |= {"lmda_path_size": STRENGTHS, "n_threads": given.threads, "progress_bar": False}

    def call() -> tuple[Array, None]:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
            return ad.cv_grpnet(given.X, loss, adev_tol=1, **common).avg_losses, None

    return call


GLMNET = """
suppressPackageStartupMessages(library(glmnet))
a <- commandArgs(trailingOnly = TRUE); m <- as.integer(a[2]); n <- as.integer(a[3])
K <- as.integer(a[4])
numbers <- readBin(a[1], "double", n = m * (n + 2) + K)
y <- numbers[1:m]; fold <- numbers[m + 1:m]; lambda <- numbers[2 * m + 1:K]
X <- matrix(numbers[-(1:(2 * m + K))], m, n)
glmnet.control(fdev = 0, devmax = 1)
start <- Sys.time()
fit <- cv.glmnet(X, y, family = a[5], alpha = as.numeric(a[6]), lambda = lambda, foldid = fold,
                 standardize = FALSE)
cat(as.numeric(Sys.time() - start, units = "secs"), fit$cvm)
"""


def glmnet(given: Task) -> Call | None:
    """Its time is taken within R."""
    fold = np.empty(len(given.y))
    for k, (_, test) in enumerate(given.folds):
        fold[test] = k + 1
    share = "1" if given.penalty == "L1" else "0"
    words = [*map(str, (*given.X.shape, STRENGTHS)), NAMES[given.family], share]

    def call() -> tuple[Array, float]:
        with tempfile.NamedTemporaryFile() as file:
            for part in (given.y, fold, given.alphas, given.X.T):
                file.write(np.ascontiguousarray(part).tobytes())
            file.flush()
            command = ["Rscript", "-e", GLMNET, file.name, *words]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, *deviances = map(float, done.stdout.split())
        return np.array(deviances), seconds

    return call


PEERS: dict[str, Callable[[Task], Call | None]] = {
    "fastreg": fastreg,
    "scikit-learn lbfgs": functools.partial(scikit_learn, "lbfgs", False),
    "scikit-learn lbfgs, processes": functools.partial(scikit_learn, "lbfgs", True),
    "scikit-learn newton-cholesky": functools.partial(scikit_learn, "newton-cholesky", False),
    "scikit-learn newton-cholesky, processes": functools.partial(
        scikit_learn, "newton-cholesky", True
    ),
    "glmnet": glmnet,
    "adelie": adelie,  # the last: see `peers.load`
}


# ---------------------------------------------------------------- race


def least(call: Call, runs: int) -> tuple[float, Array]:
    """(seconds, deviances); the pause lets threads of BLAS come to rest."""
    seconds: list[float] = []
    deviances = np.empty(0)
    while len(seconds) < runs and (not seconds or seconds[0] < LONG):
        time.sleep(0.3)
        start = time.perf_counter()
        deviances, own = call()
        seconds.append(time.perf_counter() - start if own is None else own)
    return min(seconds), deviances


def race(name: str, given: Task, small: Task, runs: int) -> dict[str, Any] | None:
    """A row, or None for a peer that does not take part."""
    try:
        call, warm_up = PEERS[name](given), PEERS[name](small)
        if call is None or warm_up is None:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence, and of what will be renamed
            warm_up()
            seconds, deviances = least(call, runs)
    except (ImportError, OSError, subprocess.CalledProcessError) as error:
        return {"peer": name, "seconds": None, "status": f"failed: {error}".split("\n")[0]}
    chosen = int(np.argmin(deviances))
    return {"peer": name, "seconds": seconds, "chosen": chosen, "alpha": given.alphas[chosen]}


def line(row: dict[str, Any]) -> str:
    head = f"{row['case']:12}{row['shape']:>12}  {row['peer']:40}"
    if row["seconds"] is None:
        return f"{head}{'–':>9}  {row['status']}"
    return f"{head}{row['seconds']:9.3f}  {row['chosen'] + 1:3} of {STRENGTHS}  {row['alpha']:.3g}"


def races(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of what was asked for, printed as they come."""
    rows = []
    for family, penalty in CASES:
        for k, shape in enumerate(SHAPES[chosen.size]):
            about = {"case": f"{family} {penalty}", "shape": "x".join(map(str, shape))}
            if not _wanted(chosen.only, " ".join(about.values())):
                continue
            given = task(family, penalty, shape, chosen.threads, chosen.folds)
            quick = SHAPES["quick"][k]
            small = task(family, penalty, quick, chosen.threads, chosen.folds)
            for name in PEERS:
                row = race(name, given, small, chosen.rounds) if _wanted(chosen.peers, name) else {}
                if row:
                    rows.append(about | row)
                    print(line(rows[-1]), flush=True)
    return rows


def _wanted(parts: list[str], name: str) -> bool:
    return not parts or any(part in name for part in parts)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versus.selection_families")
    parser.add_argument("--size", choices=tuple(SHAPES), default="quick")
    parser.add_argument("--only", nargs="+", default=[], metavar="SUBSTRING", help="cases")
    parser.add_argument("--peers", nargs="+", default=[], metavar="SUBSTRING")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2, help="of what takes less than 30 s")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    chosen = arguments(argv)
    os.environ.setdefault("OMP_PROC_BIND", "FALSE")
    options = argparse.Namespace(**vars(chosen), budget=np.inf, pause=0.3)
    with threads(chosen.threads):
        about = describe([], options)
        print(*(f"{key}: {value}" for key, value in about.items()), sep="\n")
        print(f"\n{'':12}{'':>12}  {'':40}{'seconds':>9}  chosen strength")
        rows = races(chosen)
    if chosen.json:
        text = json.dumps({"environment": about, "rows": rows}, indent=1)
        chosen.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    limit_pools(arguments().threads)
    main()

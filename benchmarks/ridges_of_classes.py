"""Ridges of several classes beside scikit-learn's, as decision 19 tells of them.

    python -m benchmarks.ridges_of_classes

Milliseconds of `LogisticRegression()` and `LogisticRegressionCV()`, each with its own defaults,
warm, in turn, the least of some rounds. scikit-learn's stop at a slope; ours have a certified gap.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import linear_model as peers
from sklearn.datasets import load_digits

import fastreg

Array = np.ndarray
SHAPES = ((100, 10), (500, 10), (1000, 50), (20_000, 100))
CLASSES, ROUNDS, MOST = 4, 5, 1000


def drawn(m: int, n: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    X, B = rng.standard_normal((m, n)), rng.standard_normal((n, CLASSES))
    return X, (X @ B + rng.gumbel(size=(m, CLASSES))).argmax(axis=1)


def digits() -> tuple[Array, Array]:
    X, y = load_digits(return_X_y=True)
    return (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9), y


def least(works: list[Callable[[], Any]]) -> list[float]:
    """Milliseconds of each, by turns after one that warms up."""
    for work in works:
        work()
    times = np.empty((ROUNDS, len(works)))
    for row in times:
        for k, work in enumerate(works):
            begin = time.perf_counter()
            work()
            row[k] = time.perf_counter() - begin
    return (1e3 * times.min(axis=0)).tolist()


def main() -> None:
    warnings.simplefilter("ignore")
    sets = {f"{m} x {n}, {CLASSES} classes": drawn(m, n) for m, n in SHAPES}
    sets["digits"] = digits()
    for name, (X, y) in sets.items():
        ours, theirs = fastreg.LogisticRegression(), peers.LogisticRegression(max_iter=MOST)
        found = least([lambda: ours.fit(X, y), lambda: theirs.fit(X, y)])  # noqa: B023
        print(f"{name:26} {found[0]:8.1f} ms, scikit-learn {found[1]:8.1f} ms")
    X, y = digits()
    cv = peers.LogisticRegressionCV(
        l1_ratios=(0.0,), scoring="neg_log_loss", max_iter=MOST, use_legacy_attributes=False
    )
    found = least([lambda: fastreg.LogisticRegressionCV().fit(X, y), lambda: cv.fit(X, y)])
    print(f"{'digits, 5 folds of 10 C':26} {found[0]:8.1f} ms, scikit-learn {found[1]:8.1f} ms")


if __name__ == "__main__":
    main()

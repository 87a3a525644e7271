"""Small fits against scikit-learn's, in a warm process: the figures of decision 16.

    python -m benchmarks.small [--calls 300]

Medians of calls, in turn, the least of three rounds; milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sklearn.linear_model
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastreg

SHAPES = ((100, 10), (442, 10), (1000, 50))
SIDES = (fastreg, sklearn.linear_model)
ROUNDS = 3
Call = Callable[[], Any]


def data(m: int, n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, n))
    return X, X @ rng.standard_normal(n) + rng.standard_normal(m)


def pairs() -> Iterator[tuple[str, int, list[Call]]]:
    """(name, calls in the time of one fit, the call of each side)."""
    for m, n in SHAPES:
        X, y = data(m, n)
        alpha = 0.1 * float(np.abs(X.T @ (y - y.mean())).max()) / m
        given = {"Ridge": {}, "Lasso": {"alpha": alpha}, "ElasticNet": {"alpha": alpha}}
        for name, options in (given | {"LogisticRegression": {}}).items():
            target = (y > np.median(y)).astype(int) if name == "LogisticRegression" else y
            models = [getattr(side, name)(**options) for side in SIDES]
            yield f"{name} {m} x {n}", 1, [_fit(each, X, target) for each in models]
    X, y = data(442, 10)
    models = [side.Lasso(alpha=0.1).fit(X, y) for side in SIDES]
    yield "predict of one row", 1, [_predict(each, X[:1]) for each in models]
    for name, parameter in (("Lasso", "alpha"), ("Ridge", "alpha"), ("LogisticRegression", "C")):
        target = (y > 0).astype(int) if parameter == "C" else y
        grid = {f"{name.lower()}__{parameter}": np.geomspace(1e-3, 10.0, 30)}
        searches = [
            GridSearchCV(make_pipeline(StandardScaler(), getattr(side, name)()), grid, cv=5)
            for side in SIDES
        ]
        yield f"GridSearchCV of {name}", 150, [_fit(each, X, target) for each in searches]


def _fit(model: Any, X: Any, y: Any) -> Call:
    return lambda: model.fit(X, y)


def _predict(model: Any, X: Any) -> Call:
    return lambda: model.predict(X)


def medians(calls: Sequence[Call], count: int) -> list[float]:
    """Milliseconds of each call: the median of some, the least of the rounds, in turn."""
    best = [np.inf] * len(calls)
    for call in calls:
        call()  # compiles
    for _ in range(ROUNDS):
        for k, call in enumerate(calls):
            times = []
            for _ in range(count):
                start = time.perf_counter()
                call()
                times.append(time.perf_counter() - start)
            best[k] = min(best[k], 1e3 * statistics.median(times))
    return best


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small", description=__doc__)
    parser.add_argument("--calls", type=int, default=300, help="of each side, divided by fits")
    given = parser.parse_args(argv)
    print(f"{'ms':32s} {'fastreg':>9s} {'sklearn':>9s} {'ratio':>6s}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a peer's, of its tolerance
        for name, fits, calls in pairs():
            ours, theirs = medians(calls, max(1, given.calls // ROUNDS // fits))
            print(f"{name:32s} {ours:9.3f} {theirs:9.3f} {ours / theirs:6.2f}", flush=True)


if __name__ == "__main__":
    main()

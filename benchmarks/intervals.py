"""How often 95 % intervals of `summary` cover what they say they cover.

    python -m benchmarks.intervals --repeats 1000

Each row draws y again and again on a fixed X, under the assumptions of its intervals.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

import fastreg

Array = np.ndarray
OFFSET = 3.0


def design(rng: np.random.Generator, m: int, n: int) -> tuple[Array, Array]:
    """(X, w): correlated columns off centre, three coefficients that are not zero."""
    X = rng.standard_normal((m, n)) @ (np.eye(n) + 0.3) + OFFSET
    return X, np.where(np.arange(n) < 3, rng.standard_normal(n), 0.0)


def least_squares(method: str, repeats: int) -> tuple[int, int]:
    """(intervals that cover, intervals): of least squares, with variances that differ for
    "sandwich"."""
    rng = np.random.default_rng(0)
    X, w = design(rng, 200, 6)
    spread = np.exp(0.7 * X[:, 0] - 2.0) + 0.5 if method == "sandwich" else np.ones(len(X))

    def once() -> tuple[fastreg.Inference, Array]:
        y = X @ w + 2.0 + spread * rng.standard_normal(len(X))
        model = fastreg.Ridge(alpha=0.0).fit(X, y)
        return model.summary(X, y, method=method), np.append(2.0, w)

    return _count(once, repeats)


def posterior(repeats: int) -> tuple[int, int]:
    """The same of ridge, coefficients drawn from its prior."""
    rng = np.random.default_rng(0)
    X, _ = design(rng, 60, 10)
    alpha = 15.0

    def once() -> tuple[fastreg.Inference, Array]:
        w = rng.standard_normal(10) / np.sqrt(alpha)
        y = X @ w + rng.standard_normal(len(X))
        model = fastreg.Ridge(alpha=alpha).fit(X, y)
        return model.summary(X, y, method="bayesian"), np.append(0.0, w)

    return _count(once, repeats)


def selective(ratio: float, n: int, noise: float | None, repeats: int) -> tuple[int, int]:
    """The same of what a lasso, or an elastic net, keeps: the best model in those features."""
    rng = np.random.default_rng(0)
    X, w = design(rng, 80, n)
    mean, centred = X @ w, X - X.mean(axis=0)

    def once() -> tuple[fastreg.Inference, Array]:
        y = mean + rng.standard_normal(len(X))
        model = fastreg.ElasticNet(alpha=0.25, l1_ratio=ratio).fit(X, y)
        table = model.summary(X, y, noise=noise)
        return table, np.linalg.lstsq(centred[:, table.features], mean, rcond=None)[0]

    return _count(once, repeats)


def _count(once: Callable[[], tuple[fastreg.Inference, Array]], repeats: int) -> tuple[int, int]:
    hits = total = 0
    for _ in range(repeats):
        table, truth = once()
        hits += int(((table.lower <= truth) & (truth <= table.upper)).sum())
        total += len(truth)
    return hits, total


ROWS: dict[str, Callable[[int], tuple[int, int]]] = {
    "classical, alpha = 0": lambda repeats: least_squares("classical", repeats),
    "sandwich, alpha = 0, variances that differ": lambda repeats: least_squares(
        "sandwich", repeats
    ),
    "bayesian, coefficients drawn from the prior": posterior,
    "selective, lasso, 80 x 10, σ estimated": lambda repeats: selective(1.0, 10, None, repeats),
    "selective, lasso, 80 x 100, σ given": lambda repeats: selective(1.0, 100, 1.0, repeats),
    "selective, elastic net, 80 x 10, σ given": lambda repeats: selective(0.7, 10, 1.0, repeats),
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args(arguments).repeats
    for name, simulate in ROWS.items():
        hits, total = simulate(repeats)
        print(f"{name:45} {100 * hits / total:5.1f} % of {total}", flush=True)


if __name__ == "__main__":
    main()

"""SHA-256 of coefficients and intercepts over a list of least-squares problems.

    python -m tests.recorded > before.txt      # on one commit
    python -m tests.recorded --against before.txt

Bits are those of one machine: the list is for a change that is to leave them as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

import fastreg

SHAPES = {"tall": (400, 12), "square": (60, 60), "wide": (50, 300), "set": (300, 900)}
STORAGES: dict[str, Any] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "csr": sp.csr_matrix,
    "csc": sp.csc_matrix,
}


def data(shape: tuple[int, int], storage: str, seed: int = 0) -> tuple[Any, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, *shape])
    X = rng.standard_normal(shape) * 10.0 ** rng.uniform(-2, 2, shape[1])
    X[:, ::3] += 5.0
    if storage.startswith("cs"):
        X[rng.random(shape) < 0.7] = 0.0
    coef = rng.standard_normal(shape[1]) * (rng.random(shape[1]) < 0.3) / (1 + np.abs(X).max(0))
    y = X @ coef + rng.standard_normal(shape[0])
    return STORAGES[storage](X), y, rng.uniform(0.1, 2.0, shape[0])


def problems() -> Iterator[tuple[str, Any]]:
    """(name, fitted numbers)."""
    for size, shape in SHAPES.items():
        for storage in STORAGES:
            X, y, w = data(shape, storage)
            for name, fit in fits(X, y, w, shape).items():
                yield f"{size} {storage} {name}", fit()
    yield from others()


def fits(X: Any, y: np.ndarray, w: np.ndarray, shape: tuple[int, int]) -> dict[str, Any]:
    n = shape[1]
    factor = np.ones(n)
    factor[::4] = 0.0

    def fitted(model: Any, **more: Any) -> Any:
        return lambda: _numbers(model.fit(X, y, **more))

    def path(**options: Any) -> Any:
        def fit() -> list[Any]:
            found = fastreg.path(X, y, **options)
            return [found.coefs, found.intercepts]

        return fit

    return {
        "ridge": fitted(fastreg.Ridge(alpha=0.1)),
        "ridge weighted": fitted(fastreg.Ridge(alpha=2.0), sample_weight=w),
        "lasso": fitted(fastreg.Lasso(alpha=0.05)),
        "lasso weighted": fitted(fastreg.Lasso(alpha=0.1, tol=1e-8), sample_weight=w),
        "positive": fitted(fastreg.Lasso(alpha=0.05, positive=True)),
        "net": fitted(fastreg.ElasticNet(alpha=0.1, l1_ratio=0.4, fit_intercept=False)),
        "path": path(alphas=20),
        "ridge path": path(l1_ratio=0.0, alphas=[1.0, 0.1, 0.01]),
        "factors": path(alphas=10, penalty_factor=factor, sample_weight=w),
        "bounds": path(alphas=10, bounds=(-0.1, 0.2)),
        "cv": fitted(fastreg.LassoCV(cv=3, alphas=20)),
        "ridge cv": fitted(fastreg.RidgeCV()),
    }


def others() -> Iterator[tuple[str, Any]]:
    X, y, w = data((400, 12), "C")
    Y = np.column_stack([y, y[::-1]])
    yield "targets ridge", _numbers(fastreg.Ridge().fit(X, Y))
    yield "targets lasso", _numbers(fastreg.Lasso(alpha=0.1).fit(X, Y))
    yield "adaptive ridge", _numbers(fastreg.AdaptiveRidge().fit(X, y))
    yield "adaptive net", _numbers(fastreg.AdaptiveElasticNet().fit(X, y))
    yield "adaptive lasso", _numbers(fastreg.AdaptiveLasso().fit(X, y))
    source = fastreg.read(lambda: [(X[i : i + 50], y[i : i + 50]) for i in range(0, 400, 50)])
    source.memory = 0
    yield "blocks lasso", _numbers(fastreg.Lasso(alpha=0.1).fit(source))
    yield "blocks cv", _numbers(fastreg.LassoCV(cv=4).fit(source))
    statistics = fastreg.SufficientStatistics(12).update(X, y, sample_weight=w)
    found = statistics.path(alphas=10)
    yield "statistics path", [found.coefs, found.intercepts]
    yield "gradient", [*fastreg.gradient(X, y, np.ones(12), 0.1)]
    descent = fastreg.descend(X, y, lam=0.1, n_iter=50)
    yield "descend", [descent.theta]


def _numbers(model: Any) -> list[Any]:
    return [model.coef_, model.intercept_]


def digest(numbers: list[Any]) -> str:
    sha = hashlib.sha256()
    for each in numbers:
        sha.update(np.ascontiguousarray(np.asarray(each, np.float64)).tobytes())
    return sha.hexdigest()[:32]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", help="a file that this has written on another commit")
    options = parser.parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: digest(numbers) for name, numbers in problems()}
    if options.against is None:
        print("\n".join(f"{sha} {name}" for name, sha in found.items()))
        return 0
    with open(options.against, encoding="utf-8") as file:
        before = {line[33:].strip(): line[:32] for line in file}
    other = [name for name in before if found.get(name) != before[name]]
    print(f"{len(before)} problems, {len(other)} of other bits", *other, sep="\n  ")
    return int(bool(other))


if __name__ == "__main__":
    raise SystemExit(main())

"""Attack on paths of weak strengths of losses that are no squares.

    python -m tests.weak --count 400 --seed 0

Classes that are separable or nearly so, and counts: columns with heavy tails, outliers, columns and
rows that are there twice, offsets up to ±1000, weights over six decades, bounds, any penalty, C
from 1e-6 to 1e8. A path is at fault if it takes more than three times the steps of the slowest of
its points alone, or misses a gap of 1e-4 that a point alone meets.
"""

from __future__ import annotations

import argparse
import warnings
from typing import NamedTuple

import numpy as np

import fastreg

TOL = 1e-4


class Found(NamedTuple):
    """Most steps and gaps (k,) of the path, and of its points alone."""

    steps: int
    gaps: np.ndarray
    steps_alone: int
    gaps_alone: np.ndarray

    @property
    def is_slow(self) -> bool:
        return self.steps > 3 * self.steps_alone

    @property
    def misses(self) -> bool:
        return bool(np.any((self.gaps > TOL) & (self.gaps_alone <= TOL)))


def draw(seed):
    """X, y, descending strengths, options of `path`."""
    rng = np.random.default_rng([seed, 77])
    family = "binomial" if rng.random() < 0.75 else "poisson"
    X = columns(rng, int(rng.integers(15, 300)), int(rng.integers(1, 45)))
    m, n = X.shape
    Z = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-300)
    z = Z @ (rng.standard_normal(n) * (rng.random(n) < 0.5)) + 0.2 * rng.standard_normal()
    y = classes(rng, z) if family == "binomial" else counts(rng, z)
    if rng.random() < 0.3:
        X[rng.integers(0, m, 2)] *= 10.0 ** rng.uniform(0, 2)
    options = {
        "family": family,
        "l1_ratio": float(rng.choice([1.0, 1.0, 0.5, 0.0])),
        "tol": TOL,
        "fit_intercept": bool(rng.random() < 0.85),
    }
    if rng.random() < 0.3:
        options["sample_weight"] = 10.0 ** rng.uniform(-3, 3, m)
    if rng.random() < 0.35:
        size = 10.0 ** rng.uniform(0, 3)
        along = rng.standard_normal(m) if rng.random() < 0.5 else rng.choice([-1.0, 1.0], m)
        if family == "poisson":
            size, along = min(size, 30.0), np.clip(along, -2, 2)
        options["offset"] = np.clip(size * along, -1000, 1000)
    if rng.random() < 0.15:
        options["bounds"] = (-(10.0 ** rng.uniform(-2, 2)), 10.0 ** rng.uniform(-2, 2))
    count, low = int(rng.integers(4, 21)), rng.uniform(-6, 0)
    C = np.logspace(low, rng.uniform(max(low, 1) + 1, 8), count)
    return X, y, 1 / (C * m), options


def columns(rng, m, n):
    X = rng.standard_normal((m, n))
    if rng.random() < 0.4:
        far = rng.random(n) < 0.5
        X[:, far] = rng.standard_t(1.0, (m, int(far.sum())))
    if rng.random() < 0.3:
        X = X @ (np.eye(n) + 0.5 * rng.standard_normal((n, n)))
    if rng.random() < 0.3:
        X[:, rng.integers(n)] = X[:, 0]
    if rng.random() < 0.3:
        X = X * 10.0 ** rng.uniform(-2, 2, n)
    if rng.random() < 0.2:
        X[m // 2 : 2 * (m // 2)] = X[: m // 2]
    return X


def classes(rng, z):
    """Separable, but for a few rows, drawn, or proportions."""
    kind, m = rng.random(), len(z)
    if kind < 0.4:
        y = (z > np.median(z)) * 1.0
    elif kind < 0.7:
        y = (z > np.quantile(z, rng.uniform(0.1, 0.9))) * 1.0
        few = rng.integers(0, m, rng.integers(1, 4))
        y[few] = 1 - y[few]
    elif kind < 0.95:
        steep = 5.0 if kind < 0.85 else 1.0
        chance = 1 / (1 + np.exp(-(np.clip(5 * z, -50, 50) if steep == 5.0 else z)))
        y = (rng.random(m) < chance) * 1.0
    else:
        y = rng.random(m)
    y[0], y[1] = 0, 1
    return y


def counts(rng, z):
    size = z * rng.choice([0.3, 1.0]) + rng.choice([-2.0, 0, 3, 8, 14])
    y = rng.poisson(np.exp(np.clip(size, -20, 20))).astype(float)
    if y.max() == 0:
        y[0] = 1
    return y


def attack(seed: int) -> Found:
    """The path of a problem, and its points alone."""
    X, y, alphas, options = draw(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = fastreg.path(X, y, alphas=alphas, **options)
        alone = [fastreg.path(X, y, alphas=[alpha], **options) for alpha in alphas]
    gaps = np.array([each.gaps[0] for each in alone])
    return Found(path.n_iter, path.gaps, max(each.n_iter for each in alone), gaps)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    found = {s: attack(s) for s in range(options.seed, options.seed + options.count)}
    slow = [seed for seed, each in found.items() if each.is_slow]
    missed = [seed for seed, each in found.items() if each.misses]
    steps = sum(each.steps for each in found.values())
    print(f"{len(found)} paths, {steps} steps; slow: {slow}; missed: {missed}")
    return int(bool(slow or missed))


if __name__ == "__main__":
    raise SystemExit(main())

"""The problems of the race: data, penalties, and the gap to reach.

| kind | minimise over w and, with an intercept, b | reach |
|---|---|---|
| path | ‖y − Xw − b‖²/2m + α_k‖w‖₁ for every α_k | gap ≤ 1e-4 and 1e-7 at every k |
| single | the same for one α, dense or sparse | gap ≤ 1e-6 |
| ridge | ‖y − Xw − b‖² + α‖w‖² | (objective − minimum) ÷ minimum ≤ 1e-10 |
| logistic, … | Σv·ℓ(Xw + b; y)/Σv + α_k‖w‖₁ for every α_k | gap ≤ 1e-4 and 1e-7 at every k |
| poisson ridge, … | the same with α‖w‖²/2 for one α | gap ≤ 1e-4 and 1e-7 |

The last two are in `families.py`: of logistic, poisson, gamma and tweedie losses.

Dense designs are autoregressive, x_j = ρ x_{j−1} + √(1 − ρ²) ε, with ρ = 0.6; 100 coefficients
are not zero; the noise has a third of the norm of the signal.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

Array = np.ndarray
SIZES = ("quick", "full")
TARGETS = {
    "path": (1e-4, 1e-7),
    "single": (1e-6,),
    "ridge": (1e-10,),
    "logistic": (1e-4, 1e-7),
    "poisson": (1e-4, 1e-7),
    "poisson ridge": (1e-4, 1e-7),
    "gamma": (1e-4, 1e-7),
    "gamma ridge": (1e-4, 1e-7),
    "tweedie": (1e-4, 1e-7),
    "tweedie ridge": (1e-4, 1e-7),
}
# The losses beside squares, and p of the slope (μ − y)/μ^(p − 1) where all means are μ.
POWERS = {"logistic": 1.0, "poisson": 1.0, "gamma": 2.0, "tweedie": 1.5}

CORRELATION, NONZERO, SNR = 0.6, 100, 3.0
POPULAR = 2000  # the columns of a sparse matrix that may bear a coefficient
POINTS = {"quick": 20, "full": 100}  # of a path
STRENGTHS = (20, 100)  # λmax ÷ λ of the single problems
RIDGE = 0.01  # alpha ÷ m
TEXT = ("news20", "reuters_train", "polarity_bi")  # looked for as NAME.npz

# Shapes at full and at quick size; the quick one is also the warm-up of the full one.
PATHS = (
    ((200, 20_000), (30, 300), 0.01),
    ((1000, 10_000), (60, 300), 0.01),
    ((500, 100_000), (40, 1000), 0.01),
    ((5000, 5000), (100, 100), 0.01),
    ((20_000, 500), (400, 30), 0.001),
    ((200_000, 200), (1000, 20), 0.001),
)
SINGLES = (((5000, 5000), (100, 100)), ((1000, 100_000), (50, 1000)))
SPARSE = (((20_000, 200_000, 200), (200, 1000, 20)),)  # the last is words a row
RIDGES = (
    ((200_000, 200), (1000, 20)),
    ((20_000, 5000), (300, 60)),
    ((2000, 20_000), (60, 400)),
)


class Design:
    """X (m, n), float64, Fortran order or CSC, y (m,), and weights (m,) or None.

    Other layouts are made when asked for.

    Layouts are named by words: order or format, then `centred` (columns and y less their means)
    and `float32`. What was made is kept.
    """

    def __init__(self, X: Any, y: Array, weights: Array | None = None):
        self.y = y
        self.weights = weights
        self.sparse = scipy.sparse.issparse(X)
        self.X = X
        self._made = {"CSC" if self.sparse else "F": X}

    def layout(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def target(self, name: str) -> Array:
        return self.y - self.y.mean() if "centred" in name else self.y

    def _make(self, name: str) -> Any:
        if name == "CSR":
            return self.X.tocsr()
        order, *words = name.split()
        X = self.X - self.X.mean(axis=0) if "centred" in words else self.X
        return np.asarray(X, dtype="float32" if "float32" in words else "float64", order=order)


@dataclass(frozen=True)
class Problem:
    """One thing to solve.

    Attributes
    ----------
    name : unique
    kind : a key of TARGETS
    make : draws or reads the design; memoised
    ratio : smallest α ÷ λmax, or α ÷ m for a ridge
    points : number of α, from λmax down
    intercept : whether b is free; not for squares and sparse X, where not every peer has it
    small : a problem of the same kind and layout to warm up on, None for the problem itself
    absolute : whether the ratio is α itself
    """

    name: str
    kind: str
    make: functools.partial[Design]
    ratio: float
    points: int = 1
    intercept: bool = True
    small: Problem | None = None
    absolute: bool = False

    @property
    def targets(self) -> tuple[float, ...]:
        return TARGETS[self.kind]

    @property
    def family(self) -> str:
        """A key of POWERS, "" for squares."""
        word = self.kind.split()[0]
        return word if word in POWERS else ""

    @property
    def design(self) -> Design:
        return self.make()

    @functools.cached_property
    def largest(self) -> float:
        """λmax: the least λ for which w = 0 is the minimiser."""
        X, y, weights = self.design.X, self.design.y, self.design.weights
        mean = np.average(y, weights=weights)
        centred = y - mean if self.intercept else y
        if self.family:
            centred = centred * mean ** (1.0 - POWERS[self.family])
        if weights is None:
            return float(np.max(np.abs(X.T @ centred))) / len(y)
        return float(np.max(np.abs(X.T @ (weights * centred)))) / float(weights.sum())

    @functools.cached_property
    def alphas(self) -> Array:
        """(points,), falling; a ridge has one, beside the sum of squares."""
        if self.kind == "ridge":
            return np.array([self.ratio * len(self.design.y)])
        return self.descent(self.points)

    def descent(self, points: int) -> Array:
        """α (points,), geometric, from λmax to the smallest; the latter alone if `points` is 1."""
        least = self.ratio if self.absolute else self.ratio * self.largest
        return np.geomspace(self.largest, least, points) if points > 1 else np.array([least])


# ---------------------------------------------------------------- data
# A design is kept for the neighbours of a problem, and the small one beside it.


@functools.lru_cache(maxsize=2)
def dense(m: int, n: int) -> Design:
    """An autoregressive design in Fortran order."""
    rng = np.random.default_rng(0)
    X = autoregressive(rng, m, n)
    return Design(X, _response(rng, X, np.arange(n)))


def autoregressive(rng: np.random.Generator, m: int, n: int) -> Array:
    """X (m, n) in Fortran order; neighbouring columns correlate by CORRELATION."""
    columns = np.empty((n, m))
    columns[0] = rng.standard_normal(m)
    for j in range(1, n):
        noise = rng.standard_normal(m)
        columns[j] = CORRELATION * columns[j - 1] + np.sqrt(1 - CORRELATION**2) * noise
    return columns.T


@functools.lru_cache(maxsize=2)
def sparse(m: int, n: int, stored: int) -> Design:
    """Weighted counts of words, and y of popular ones."""
    rng = np.random.default_rng(0)
    X, words = bags(rng, m, n, stored)
    return Design(X, _response(rng, X, words[:POPULAR]))


def bags(rng: np.random.Generator, m: int, n: int, stored: int) -> tuple[Any, Array]:
    """(X, words): `stored` words a row, the k-th popular one, words[k], with a chance of ~1/k."""
    ranks = (n ** rng.random(m * stored)).astype(np.int32) - 1
    words = rng.permutation(n).astype(np.int32)
    indptr = np.arange(0, m * stored + 1, stored, dtype=np.int32)
    ones = np.ones(m * stored)
    return weighted(scipy.sparse.csr_matrix((ones, words[ranks], indptr), shape=(m, n))), words


@functools.lru_cache(maxsize=2)
def text(path: Path) -> Design:
    """Weighted term counts of a file and ±1 of its classes."""
    counts, classes = stored(path)
    middle = (classes.min() + classes.max()) / 2
    return Design(weighted(counts), np.where(classes > middle, 1.0, -1.0))


def stored(path: Path) -> tuple[Any, Array]:
    """CSR of a file's `data`, `indices`, `indptr` and `shape`, and its classes `y`."""
    with np.load(path, allow_pickle=False) as file:
        parts = file["data"].astype(float), file["indices"], file["indptr"]
        X = scipy.sparse.csr_matrix(parts, shape=tuple(int(k) for k in file["shape"]))
        return X, file["y"].astype(float)


def weighted(counts: Any) -> Any:
    """CSC of (1 + log count)·(1 + log((1 + m)/(1 + rows with the word))), rows of length 1."""
    counts.sum_duplicates()
    m, n = counts.shape
    rows = np.bincount(counts.indices, minlength=n)
    X = counts.copy()
    X.data = (1 + np.log(counts.data)) * (1 + np.log((1 + m) / (1 + rows)))[counts.indices]
    lengths = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    lengths[lengths == 0] = 1.0
    return scipy.sparse.csc_matrix(scipy.sparse.diags(1 / lengths) @ X)


def _response(rng: np.random.Generator, X: Any, columns: Array) -> Array:
    """y (m,) = Xw + noise."""
    fitted = signal(rng, X, columns)
    noise = rng.standard_normal(X.shape[0])
    return fitted + noise * np.linalg.norm(fitted) / (SNR * np.linalg.norm(noise))


def signal(rng: np.random.Generator, X: Any, columns: Array) -> Array:
    """Xw (m,), w on at most NONZERO of the `columns`, a fifth of them at most."""
    w = np.zeros(X.shape[1])
    count = min(NONZERO, max(1, len(columns) // 5))
    w[rng.choice(columns, count, replace=False)] = rng.standard_normal(count)
    return X @ w


# ---------------------------------------------------------------- the table


def table(size: str, folder: Path | None = None) -> list[Problem]:
    """Every problem of a size, and those on text if `folder` has any; neighbours share data."""
    points = POINTS[size]
    out = []
    for full, quick, ratio in PATHS:
        build = functools.partial(_dense, "path", ratio=ratio, points=points)
        out.append(sized(size, full, quick, build))
    for full, quick in SINGLES:
        out += [
            sized(size, full, quick, functools.partial(_dense, "single", ratio=1 / k))
            for k in STRENGTHS
        ]
    for full, quick in SPARSE:
        out += [sized(size, full, quick, functools.partial(_sparse, k)) for k in STRENGTHS]
    for name in TEXT if folder else ():
        path = Path(folder, f"{name}.npz")
        out += [_text(path, k) for k in STRENGTHS if path.exists()]
    for full, quick in RIDGES:
        out.append(sized(size, full, quick, functools.partial(_dense, "ridge", ratio=RIDGE)))
    return out


def sized(size: str, full: Any, quick: Any, build: Any) -> Problem:
    small = build(quick)
    return small if size == "quick" else replace(build(full), small=small)


def _dense(kind: str, shape: tuple[int, int], *, ratio: float, points: int = 1) -> Problem:
    name = f"{kind} {extent(shape)}"
    name += f" /{1 / ratio:.0f}" if kind == "single" else ""
    return Problem(name, kind, functools.partial(dense, *shape), ratio, points)


def _sparse(strength: int, shape: tuple[int, int, int]) -> Problem:
    name = f"sparse {extent(shape[:2])} /{strength}"
    make = functools.partial(sparse, *shape)
    return Problem(name, "single", make, 1 / strength, intercept=False)


def _text(path: Path, strength: int) -> Problem:
    name, make = f"text {path.stem} /{strength}", functools.partial(text, path)
    small = _sparse(strength, SPARSE[0][1])
    return Problem(name, "single", make, 1 / strength, intercept=False, small=small)


def extent(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))

"""Problems of the race with other losses than squares: lasso paths, and an insurer's table.

Dense and sparse designs are those of `problems.py`; z = Xw is scaled to a standard deviation,
SPREAD, so that tall classes are not separable:

    logistic  y ~ Bernoulli(σ(z + SHIFT))        poisson  y ~ Poisson(μ),  μ = e^z ÷ mean of e^z
    gamma     y ~ Γ of shape 2 and mean μ        tweedie  Poisson(2√μ) amounts of mean √μ/2

A tweedie y has variance μ^1.5, and its loss the power 1.5; it is zero with a chance of e^(−2√μ).
Gamma and tweedie have a lasso path, a lasso and a ridge of one α on each design.

Text: the class with the highest code against the rest.

The table is of the kind that glum's benchmarks have as "wide-insurance"
(github.com/Quantco/glum, `src/glum_benchmarks/data/create_insurance.py`: French motor liability,
freMTPL2): claims a year with the exposure as weight, eight factors one-hot without a level left
out, and numbers. It is drawn here, with as many levels as the data have, nearly: 318 columns, and
4 numbers. Factors are cuts of normal variates that correlate by a third.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from scipy.special import expit, ndtr

from benchmarks.versus import problems
from benchmarks.versus.problems import POINTS, Design, Problem, extent, sized

Array = np.ndarray
SPREAD = {"logistic": 2.0, "poisson": 0.7, "gamma": 0.7, "tweedie": 0.7}
SHIFT = -0.5

# Shapes at full and at quick size, and the smallest α ÷ λmax.
DENSE = (
    ((20_000, 500), (400, 30), 0.001),
    ((200_000, 100), (1000, 20), 0.001),
    ((200, 20_000), (40, 300), 0.05),
)
SPARSE = (((20_000, 30_000, 100), (200, 1000, 20), 0.05),)
TEXT = (("reuters_train", 0.05), ("news20", 0.05))
BINARY = (("a9a", 0.001),)  # columns of zeros and ones, which are left as they are

AMOUNTS = ("gamma", "tweedie")
OF_AMOUNTS = (((200_000, 100), (1000, 20), 0.05), ((200, 20_000), (40, 300), 0.05))

ROWS = {"full": 600_000, "quick": 6000}
STRENGTHS = {"poisson ridge": 1e-3, "poisson": 1e-4}  # α of single fits to the table
PATH = 0.01  # the smallest α ÷ λmax of its path
NUMBERS, LARGEST_COUNT, RATE = 4, 4, 0.1


class Factor(NamedTuple):
    """levels; slope: of the log rate along them; decay: a level is e^−decay as frequent as the one
    before; noise: standard deviation of a level's own effect"""

    levels: int
    slope: float
    decay: float
    noise: float


FACTORS = {
    "area": Factor(6, 0.4, 0.1, 0.02),
    "power": Factor(12, 0.2, 0.3, 0.05),
    "vehicle age": Factor(70, -1.0, 0.1, 0.05),
    "driver age": Factor(83, -0.5, 0.03, 0.1),
    "bonus malus": Factor(112, 2.5, 0.08, 0.1),
    "brand": Factor(11, 0.0, 0.4, 0.1),
    "fuel": Factor(2, 0.1, 0.1, 0.0),
    "region": Factor(22, 0.0, 0.15, 0.1),
}


class Table(Design):
    """numbers (m, NUMBERS) and codes (m,) of each factor, whose columns X holds in this order."""

    def __init__(self, numbers: Array, codes: list[Array], y: Array, weights: Array):
        parts = [scipy.sparse.csc_matrix(numbers)]
        parts += [one_hot(c, f.levels) for c, f in zip(codes, FACTORS.values(), strict=True)]
        super().__init__(scipy.sparse.csc_matrix(scipy.sparse.hstack(parts)), y, weights)
        self.numbers, self.codes = numbers, codes


def one_hot(codes: Array, levels: int) -> Any:
    """CSR (m, levels)."""
    m = len(codes)
    return scipy.sparse.csr_matrix((np.ones(m), (np.arange(m), codes)), shape=(m, levels))


# ---------------------------------------------------------------- data


def response(family: str, rng: np.random.Generator, z: Array) -> Array:
    """y (m,) of a signal."""
    z = (z - z.mean()) * (SPREAD[family] / z.std())
    if family == "logistic":
        return (rng.random(len(z)) < expit(z + SHIFT)).astype(float)
    mean = np.exp(z) / np.exp(z).mean()
    if family == "poisson":
        return rng.poisson(mean).astype(float)
    if family == "gamma":
        return rng.gamma(2.0, mean / 2)
    number = rng.poisson(2 * np.sqrt(mean))
    return np.where(number > 0, rng.gamma(np.maximum(number, 1), np.sqrt(mean) / 2), 0.0)


@functools.lru_cache(maxsize=2)
def dense(family: str, m: int, n: int) -> Design:
    """An autoregressive design in Fortran order."""
    rng = np.random.default_rng(0)
    X = problems.autoregressive(rng, m, n)
    return Design(X, response(family, rng, problems.signal(rng, X, np.arange(n))))


@functools.lru_cache(maxsize=2)
def sparse(family: str, m: int, n: int, stored: int) -> Design:
    """Weighted counts of words, as CSC."""
    rng = np.random.default_rng(0)
    X, words = problems.bags(rng, m, n, stored)
    return Design(X, response(family, rng, problems.signal(rng, X, words[: problems.POPULAR])))


@functools.lru_cache(maxsize=2)
def text(path: Path, *, weigh: bool) -> Design:
    """A file of text or of binary columns, as CSC, and 1 for the highest class."""
    X, classes = problems.stored(path)
    X = problems.weighted(X) if weigh else scipy.sparse.csc_matrix(X)
    return Design(X, (classes == classes.max()).astype(float))


@functools.lru_cache(maxsize=2)
def insurance(m: int) -> Table:
    """Claims a year of m policies; the weights are their years, at most one."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal(m)
    latent = (common + np.sqrt(2) * rng.standard_normal((len(FACTORS) + NUMBERS, m))) / np.sqrt(3)
    codes, rate = [], np.full(m, np.log(RATE))
    for factor, z in zip(FACTORS.values(), latent, strict=False):
        chances = np.exp(-factor.decay * np.arange(factor.levels))
        edges = np.cumsum(chances / chances.sum())[:-1]
        codes.append(np.searchsorted(edges, ndtr(z)))
        effects = factor.slope * np.linspace(0, 1, factor.levels)
        effects += factor.noise * rng.standard_normal(factor.levels)
        rate += effects[codes[-1]] - effects[codes[-1]].mean()
    numbers = np.asfortranarray(latent[len(FACTORS) :].T)
    rate += numbers @ np.linspace(-0.1, 0.1, NUMBERS)
    years = np.where(rng.random(m) < 0.25, 1.0, rng.uniform(0.02, 1.0, m))
    claims = np.minimum(rng.poisson(np.exp(rate) * years), LARGEST_COUNT)
    return Table(numbers, codes, claims / years, years)


# ---------------------------------------------------------------- the table


def table(size: str, folder: Path | None = None) -> list[Problem]:
    """Every problem of a size, and those on text if `folder` has any; neighbours share data."""
    out = []
    for family in ("logistic", "poisson"):
        for full, quick, ratio in DENSE:
            build = functools.partial(_path, family, dense, ratio, POINTS[size])
            out.append(sized(size, full, quick, build))
        for full, quick, ratio in SPARSE:
            build = functools.partial(_path, family, sparse, ratio, POINTS[size])
            out.append(sized(size, full, quick, build))
    for family in AMOUNTS:
        for full, quick, ratio in OF_AMOUNTS:
            build = functools.partial(_path, family, dense, ratio, POINTS[size])
            out.append(sized(size, full, quick, build))
            for kind in (family, f"{family} ridge"):
                build = functools.partial(_one_strength, kind, ratio)
                out.append(sized(size, full, quick, build))
    for name, ratio in TEXT + BINARY if folder else ():
        path = Path(folder, f"{name}.npz")
        if path.exists():
            out.append(_text(path, ratio, POINTS[size], weigh=(name, ratio) in TEXT))
    builds = (_ridge, _lasso, functools.partial(_insurance_path, POINTS[size]))
    return out + [sized(size, ROWS["full"], ROWS["quick"], build) for build in builds]


def _path(family: str, draw: Any, ratio: float, points: int, shape: tuple[int, ...]) -> Problem:
    name = f"{family}{' sparse' if draw is sparse else ''} {extent(shape[:2])}"
    return Problem(name, family, functools.partial(draw, family, *shape), ratio, points)


def _one_strength(kind: str, ratio: float, shape: tuple[int, ...]) -> Problem:
    family, *ridge = kind.split()
    name = f"{family} {'ridge' if ridge else 'lasso'} {extent(shape)} /{1 / ratio:.0f}"
    return Problem(name, kind, functools.partial(dense, family, *shape), ratio)


def _text(path: Path, ratio: float, points: int, *, weigh: bool) -> Problem:
    make = functools.partial(text, path, weigh=weigh)
    small = _path("logistic", sparse, ratio, POINTS["quick"], SPARSE[0][1])
    return Problem(f"logistic {path.stem}", "logistic", make, ratio, points, small=small)


def _ridge(m: int) -> Problem:
    return _single("poisson ridge", f"insurance ridge {m}", m)


def _lasso(m: int) -> Problem:
    return _single("poisson", f"insurance lasso {m}", m)


def _single(kind: str, name: str, m: int) -> Problem:
    make = functools.partial(insurance, m)
    return Problem(name, kind, make, STRENGTHS[kind], absolute=True)


def _insurance_path(points: int, m: int) -> Problem:
    make = functools.partial(insurance, m)
    return Problem(f"insurance path {m}", "poisson", make, PATH, points)

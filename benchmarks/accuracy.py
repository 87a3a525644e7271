"""How accurate the elementary functions are: `python -m benchmarks.accuracy [points]`.

Prints, for each function, the largest error found and where it lies, in units in the last
place of the exact result: the gap between neighbouring float64 at it, 2⁻¹⁰⁷⁴ below the normal
numbers. The exact result is taken in long double; from its 64 bits of significand on, that
costs less than 0.01 units.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fastreg import elementary

LONG = np.longdouble
WIDE_ENOUGH = np.finfo(LONG).nmant >= 63

_K = np.arange(-1075.0, 1026.0)
_TURNS = (_K + 0.5) * np.log(2.0)  # where the reduction of exp takes the next power of two
_POWERS = np.ldexp(1.0, np.arange(-53, 1024))


class Function(NamedTuple):
    """One elementary function, with what it is measured against and where.

    Attributes
    ----------
    into : (x, out) → None, the kernel
    exact : long double → long double
    lowest, highest : beyond these the result no longer changes, or is no number
    places : where something happens: a threshold, a boundary of the reduction, a zero
    """

    into: Callable[[np.ndarray, np.ndarray], None]
    exact: Callable[[np.ndarray], np.ndarray]
    lowest: float
    highest: float
    places: np.ndarray


FUNCTIONS = {
    "exp": Function(
        elementary.exp_into,
        np.exp,
        -746.0,
        710.0,
        np.r_[_TURNS, _K * np.log(2.0), 709.782712893384, -708.3964185322641, -745.1332191019411],
    ),
    "log1p": Function(
        elementary.log1p_into,
        np.log1p,
        np.nextafter(-1.0, 0.0),
        np.finfo(float).max,
        np.r_[-1.0, _POWERS - 1.0, _POWERS * np.sqrt(2.0) - 1.0, 2.0**53],
    ),
    "sigmoid": Function(
        elementary.sigmoid_into,
        lambda x: 1 / (1 + np.exp(-x)),
        -746.0,
        40.0,
        np.r_[_TURNS, 36.7368005696771, 37.42994775023705, -708.3964185322641, -745.1332191019411],
    ),
    "tanh": Function(
        elementary.tanh_into,
        np.tanh,
        -20.5,
        20.5,
        np.r_[_TURNS / 2.0, 1e-8, -1e-8, 19.06154746539849, 20.0, -20.0],
    ),
}


def points(function: Function, count: int, seed: int = 0) -> np.ndarray:
    """About (count,) float64 in the range: spread evenly, over all magnitudes, and about places."""
    rng = np.random.default_rng(seed)
    n = count // 4
    low, high = function.lowest, function.highest
    even = rng.uniform(max(low, -1000.0), min(high, 1000.0), n)
    size = np.ldexp(rng.uniform(1.0, 2.0, n), rng.integers(-1075, 1024, n))
    near_one = np.ldexp(rng.uniform(1.0, 2.0, n), rng.integers(-30, 10, n))
    place = rng.choice(function.places, n) if n >= 20 * len(function.places) else function.places
    apart = rng.choice([-1.0, 1.0], len(place)) * 2.0 ** rng.uniform(-53.0, -3.0, len(place))
    magnitudes = np.r_[size, near_one] * rng.choice([-1.0, 1.0], 2 * n)
    x = np.r_[even, magnitudes, place * (1.0 + apart), function.places]
    return x[(x >= low) & (x <= high)]


def errors(function: Function, x: np.ndarray) -> np.ndarray:
    """(n,) │result − exact│ in units in the last place of the exact result."""
    result = np.empty(len(x))
    with np.errstate(all="ignore"):
        function.into(x, result)
        return units(result, function.exact(x.astype(LONG)))


def units(result: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """(n,) │result − exact│ in units; ∞ counts as 2¹⁰²⁴, what would follow the largest float64."""
    end = np.ldexp(LONG(1.0), 1024)
    with np.errstate(over="ignore"):
        size = np.minimum(np.abs(exact.astype(float)), np.finfo(float).max)
    apart = np.clip(result.astype(LONG), -end, end) - np.clip(exact, -end, end)
    return (np.abs(apart) / np.spacing(size)).astype(float)


def main(count: int = 4_000_000) -> None:
    """Print the table."""
    if not WIDE_ENOUGH:
        sys.exit("long double is no wider than float64 here: nothing to measure against")
    print("| function | points | max error, units in the last place | at |\n|---|---|---|---|")
    for name, function in FUNCTIONS.items():
        x = points(function, count)
        error = errors(function, x)
        worst = int(np.argmax(error))
        print(f"| {name} | {len(x)} | {error[worst]:.3f} | {float(x[worst])!r} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

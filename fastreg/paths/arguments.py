"""Check the arguments of paths."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastreg._progress import draw_bar
from fastreg.design import feature_names
from fastreg.functional import nonnegative
from fastreg.penalties import L1, Bounded
from fastreg.solvers.working_set import Progress

Array = np.ndarray


def check_bool(**values: Any) -> None:
    for name, value in values.items():
        if not isinstance(value, bool | np.bool_):
            raise ValueError(f"{name} must be True or False, got {value!r}")


def ratio_of(l1_ratio: Any) -> float:
    ratio = nonnegative(l1_ratio, "l1_ratio")
    if ratio > 1.0:
        raise ValueError(f"l1_ratio must be between 0 and 1, got {l1_ratio!r}")
    return ratio


def penalty_of(bounds: Any, positive: bool, n: int) -> Callable[[Array], Any]:
    """Return the function from L1 strengths (n,) to the penalty."""
    if bounds is None:
        bounds = (0.0, math.inf) if positive else None
    elif positive:
        raise ValueError("positive=True and bounds exclude each other: set one of them")
    if bounds is None:
        return L1
    try:
        low, high = (np.broadcast_to(np.asarray(end, float), n).copy() for end in bounds)
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds must be (low, high), numbers or arrays of {n} each, got {bounds!r}"
        ) from None
    if not (np.all(low <= 0.0) and np.all(high >= 0.0)):
        raise ValueError(f"bounds must satisfy low ≤ 0 ≤ high for every feature, got {bounds!r}")
    return lambda l1: Bounded(l1, low, high)


def factors_of(factors: Any, n: int) -> Array:
    if factors is None:
        return np.ones(n)
    array = np.asarray(factors, float)
    if array.shape != (n,) or not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"penalty_factor must hold {n} finite numbers ≥ 0, got {factors!r}")
    return array


def names_of(X: Any) -> list[str] | None:
    """Return the column names of a data frame if all are strings, else None."""
    names = feature_names(X)
    return names if names is not None and all(isinstance(name, str) for name in names) else None


def progress_of(callback: Progress | None, verbose: bool) -> Progress | None:
    """Return a function that calls the callback and, with `verbose`, draws the progress bar."""
    if not verbose:
        return callback

    def tell(done: int, total: int) -> None:
        draw_bar(done, total)
        if callback is not None:
            callback(done, total)

    return tell

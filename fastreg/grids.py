"""Strengths of a path: those given, checked, or a geometric grid.

alpha_k = alpha_max·share^(k/(K − 1)),   alpha_max the least that holds all coefficients at zero
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

Array = np.ndarray
LEAST_RATIO = 1e-3  # l1_ratio that stands in for a smaller one when alphas are chosen


@dataclass(frozen=True, eq=False)
class Grid:
    """Strengths to choose: `count`, from the least with which `gauge`, the penalty or what stands
    in for one without L1, holds all coefficients at zero, to `share` of that."""

    count: int
    share: float
    gauge: Any

    def below(self, largest: float) -> Array:
        """(count,) descending."""
        return geometric(largest, self.share, self.count)


def geometric(largest: float, share: float, count: int) -> Array:
    """(count,) from the largest to its share; from 1 where nothing has to be held."""
    out: Array = (largest or 1.0) * np.geomspace(1.0, share, count)
    return out


def is_count(alphas: Any) -> bool:
    """Whether alphas is a number of strengths."""
    return isinstance(alphas, Integral) and not isinstance(alphas, bool | np.bool_)


def check_alphas(alphas: Any, *, zero: bool = True) -> Array:
    """(K,) strengths as they are given.

    Parameters
    ----------
    alphas : number or 1-D array of numbers
    zero : whether 0 is one

    Raises
    ------
    TypeError, ValueError
        Some are no finite numbers of at least, or above, 0: the message has the place of the first.
    """
    if isinstance(alphas, str) or np.ndim(alphas) > 1 or not np.size(alphas):
        raise ValueError(f"alphas must be one or several numbers, got {alphas!r}")
    numbers = np.atleast_1d(np.asarray(alphas))
    if numbers.dtype.kind not in "fiu":  # as they are, to be named
        numbers = np.atleast_1d(np.asarray(alphas, object))
    for index, alpha in enumerate(() if _are_right(numbers, zero) else numbers):
        name = f"alphas[{index}]"
        if not isinstance(alpha, Real):
            raise TypeError(f"{name} must be an instance of float, not {type(alpha).__name__}.")
        number = float(alpha)
        if number < 0.0 or (number == 0.0 and not zero):
            raise ValueError(f"{name} == {alpha}, must be {'>=' if zero else '>'} 0.0.")
        if not np.isfinite(number):
            raise ValueError(f"{name} == {alpha}, must be finite.")
    return numbers.astype(float)


def _are_right(numbers: Array, zero: bool) -> bool:
    """One by one, 50 would take longer than all other checks of a fit."""
    if numbers.dtype == object or not np.isfinite(numbers).all():
        return False
    return bool((numbers >= 0.0 if zero else numbers > 0.0).all())


def strengths_of(alphas: Any) -> tuple[Array | None, int]:
    """(descending strengths, 0), or (None, count) where they are to be chosen."""
    if not is_count(alphas):
        return np.sort(check_alphas(alphas))[::-1].copy(), 0
    if alphas < 1:
        raise ValueError(f"alphas must be a positive number of strengths, got {alphas}")
    return None, int(alphas)


def least_share(eps: Any, *, wide: bool) -> float:
    """Least over largest strength, 0.01 or 0.001 where `eps` is None."""
    if eps is None:
        return 1e-2 if wide else 1e-3
    share = float(eps) if not isinstance(eps, bool) and isinstance(eps, Real) else np.nan
    if not 0.0 < share <= 1.0:
        raise ValueError(f"eps must be above 0 and at most 1, got {eps!r}")
    return share

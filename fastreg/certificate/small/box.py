"""Penalties of which the small certificate knows everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastreg.penalties import L1, Bounded

Array = np.ndarray


class Box(NamedTuple):
    """Σ l1_j│θ_j│ over low ≤ θ ≤ high, (n,) each."""

    l1: Array
    low: Array
    high: Array


def box_of(penalty: Any, n: int) -> Box | None:
    """The penalty as a box, None if it is none; what is derived from one may be something else."""
    make = _BOXES.get(type(penalty))
    return None if make is None else make(penalty, n)


def _of_l1(penalty: L1, n: int) -> Box:
    return Box(_each(penalty.l1, n), np.full(n, -np.inf), np.full(n, np.inf))


def _of_bounded(penalty: Bounded, n: int) -> Box:
    return Box(*(_each(value, n) for value in penalty))


def _each(value: Any, n: int) -> Array:
    out = np.empty(n)
    out[:] = value
    return out


_BOXES: dict[type, Callable[[Any, int], Box]] = {L1: _of_l1, Bounded: _of_bounded}

"""Penalties of which the small certificate knows everything."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from fastreg.penalties import L1, Bounded

Array = np.ndarray


class Box(NamedTuple):
    """Σ l1_j│θ_j│ over low ≤ θ ≤ high, (n,) each."""

    l1: Array
    low: Array
    high: Array


@functools.singledispatch
def box_of(penalty: Any, n: int) -> Box | None:
    """The penalty as a box, None if it is none."""
    return None


@box_of.register
def _(penalty: L1, n: int) -> Box:
    return Box(_each(penalty.l1, n), np.full(n, -np.inf), np.full(n, np.inf))


@box_of.register
def _(penalty: Bounded, n: int) -> Box:
    return Box(*(_each(value, n) for value in penalty))


def _each(value: Any, n: int) -> Array:
    out = np.empty(n)
    out[:] = value
    return out

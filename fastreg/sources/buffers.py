"""Memory that blocks share: to touch new pages costs as much as to fill old ones twice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_KEPT = 3  # a block in use, one that waits, one that is made


class Buffers:
    """Arrays in turn: what is taken is free again at the next but two."""

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = [np.empty(0)] * _KEPT
        self._turn = 0

    def take(self, shape: tuple[int, ...], dtype: Any, order: Any = "C") -> np.ndarray:
        """An array of that shape, with anything in it."""
        self._turn = (self._turn + 1) % _KEPT
        size, kept = math.prod(shape), self._arrays[self._turn]
        if kept.size < size or kept.dtype != dtype:
            kept = self._arrays[self._turn] = np.empty(size, dtype)
        return kept[:size].reshape(shape, order=order)

"""The least strength at which every coefficient that a penalty can hold is zero."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastreg import kernels

Array = np.ndarray
_ONE = np.ones(1)
_STRONG = 8.0  # times the critical strength: only what is not penalised is in use


def never_held(penalty: object, n: int) -> Array:
    """(n,) bool: features that no strength of the penalty holds at zero."""
    up, down = (
        kernels.critical_strength(penalty, np.full((n, 1), end), _ONE) == 0.0 for end in (1.0, -1.0)
    )
    out: Array = up & down
    return out


def critical_strength(penalty: object, c: Array, refit: Callable[[float], Array]) -> float:
    """From c (n,), the negative gradient of the null model.

    Parameters
    ----------
    refit : strength ↦ c (n,) of the minimum there: features that are never held are then fitted
    """
    held = float(kernels.critical_strength(penalty, c[:, None], _ONE).max())
    free = never_held(penalty, len(c))
    if held > 0.0 and free.any() and c[free].any():
        c = refit(_STRONG * held)
        held = float(kernels.critical_strength(penalty, c[:, None], _ONE).max())
    return held

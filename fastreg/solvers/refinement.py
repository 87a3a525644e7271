"""What factorisations share: a factor for each strength, and corrections while they shrink."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastreg import _factor
from fastreg.problems.in_memory import InMemoryProblem

Array = np.ndarray
Result = tuple[Array, Array | None, int, str]  # β (n, k), intercepts or None, steps, method
_EPS = float(np.finfo(np.float64).eps)
_MAX_REFINEMENTS = 20


def refine(solution: Array, correct: Callable[[], Array], apply: Callable[[Array], None]) -> int:
    """Apply corrections while each is at most half the last one; the number of them.

    `correct()` is the correction at the current `solution`, which `apply` changes in place.
    """
    last = np.inf
    for step in range(_MAX_REFINEMENTS):
        correction = correct()
        top, size = np.abs(solution).max(), np.abs(correction).max()
        relative = size / top if top > 0 else (np.inf if size > 0 else 0.0)
        if step and not relative < 0.5 * last:
            return step
        apply(correction)
        # Each is about as much smaller than the one before as that was: the next is not needed.
        shrinkage, last = relative / min(last, 1.0), relative
        if last <= _EPS or (step and last * shrinkage <= _EPS):
            break
    return step + 1


def for_each_strength(
    problem: InMemoryProblem, factorise: Callable[[Array], Any]
) -> Iterator[tuple[int, Any]]:
    """(t, factorise(l2 of target t)), made again only where the strengths change."""
    last = None
    for t in range(problem.n_points):
        l2 = problem.ridge(t)
        if last is None or not np.array_equal(l2, last):
            factor, last = factorise(l2), l2
        yield t, factor


def inverse_root(R: Array, l2: Array, size: int) -> Array:
    """H with H Hᵀ = (RᵀR + diag l2)⁺, columns scaled to length 1 before ranks are judged."""
    stacked = np.vstack([R, np.diag(np.sqrt(l2))]) if l2.any() else R
    lengths = np.sqrt((stacked * stacked).sum(axis=0))
    inverse = np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    sigma, Vt = _factor.singular(stacked * inverse)
    keep = sigma > size * _EPS * sigma.max(initial=0.0)
    root: Array = (inverse[:, None] * Vt[keep].T) / sigma[keep]
    return root

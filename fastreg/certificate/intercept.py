"""The best intercept beside predictions, and the model that is nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastreg._jit import run_blocks
from fastreg.certificate import losses
from fastreg.losses import traits

Array = np.ndarray
CLOSE = 1e-8  # a step that is the last: the next would be its square
_STEPS = 200  # doubling reaches 1e30, halving comes back
_QUICK = 0.3  # of a slope, which Newton's method leaves where it may go on
_ENTRIES = 1 << 16  # of a block of rows: 512 kB; with fewer two threads wait for each other
_PARTS = 8  # sums over blocks


def null_model(
    loss: Any, y: Array, w: Array | None, offset: Array | None = None, fit_intercept: bool = True
) -> tuple[float, Array]:
    """(b, predictions (m, 1)) of the best intercept beside the offset (m,), or of the offset.

    y (m, 1) targets, w (m,) weights of any sum, of which rows of weight zero do not count.
    """
    z = np.zeros(y.shape) if offset is None else offset[:, None]
    if not fit_intercept:
        return 0.0, z
    w = np.ones(len(y)) if w is None else w
    w = w / w.sum()
    seen = w > 0.0
    if offset is None and traits(loss).affine:  # ℓ = A(z) − y B(z) asks for the mean of y alone
        mean = np.full((1, 1), w[seen] @ y[seen, 0])
        known = losses.level(loss, float(mean[0, 0]))
        if known is not None:
            return known, z + known
        (level,), _ = shifted(loss, np.zeros((1, 1)), mean, np.ones(1), CLOSE)
        return float(level), z + level
    known = losses.level(loss, float(w[seen] @ y[seen, 0]))
    start = 0.0 if known is None else known - float(w[seen] @ z[seen, 0])
    (level,), _ = shifted(loss, z + start, y, w, CLOSE)
    return start + float(level), z + (start + level)


def shifted(loss: Any, z: Array, y: Array, w: Array, close: float) -> tuple[Array, Array]:
    """(δ (g,) that minimises Σ w ℓ(z + δ), Σ w ℓ′(z) (g,)) by Newton's method, over the rows that
    have a weight: on the way 0·∞ would be no number.

    By halving, or doubling where there is no bound yet, where a step leaves the bounds or lessens
    the slope by little: 300 above its best, an exponential lets Newton's method come down by 1 a
    step. A step of Newton's as short as `close` is the last: the next would be its square.
    """
    g, seen = z.shape[1], w > 0.0
    if not seen.all():
        z, y, w = z[seen], y[seen], w[seen]
    low, high, best, width = np.full(g, -np.inf), np.full(g, np.inf), np.zeros(g), np.ones(g)
    first, before = best, np.full(g, np.inf)

    def work(i: slice) -> Array:
        u, h = losses.derivatives(loss, z[i] + best, y[i])
        return np.stack([w[i] @ u, w[i] @ h])

    for step in range(_STEPS):
        slope, bend = summed(work, z)
        first = slope if step == 0 else first
        low, high = np.where(slope < 0.0, best, low), np.where(slope > 0.0, best, high)
        bounded = np.isfinite(low) & np.isfinite(high)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            new = best - slope / bend
            at_end = np.abs(new - best) <= close * np.maximum(1.0, np.abs(best))
            quick = np.abs(slope) <= _QUICK * before
            near = (new > low) & (new < high) & (bounded | (np.abs(new - best) <= width))
            inside = near & (quick | (at_end & ~bounded))
            other = np.where(bounded, 0.5 * (low + high), best - np.sign(slope) * width)
        width = np.where(inside, width, 2.0 * width)
        new = np.where(slope == 0.0, best, np.where(inside, new, other))
        moved, best, before = np.abs(new - best), new, np.abs(slope)
        last = np.where(inside, close, 4e-16)
        if (moved <= last * np.maximum(1.0, np.abs(best))).all():
            break
    return best, first


def summed(work: Callable[[slice], Array], like: Array) -> Array:
    """Σ of `work(rows)` over blocks of rows of an array (m, g), on all threads, in order."""
    m, g = like.shape
    height = max(1, _ENTRIES // g)
    count = -(-m // height)
    parts = min(_PARTS, count)
    cuts = [count * p // parts for p in range(parts + 1)]
    sums: list[Any] = [0.0] * parts

    def run(first: int, last: int) -> None:
        for p in range(first, last):
            for k in range(cuts[p], cuts[p + 1]):
                sums[p] = sums[p] + work(slice(k * height, min((k + 1) * height, m)))

    run_blocks(run, parts, step=1)
    out: Array = sum(sums[1:], sums[0])
    return out

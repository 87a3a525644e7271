"""The first read of rows that arrive in blocks: moments of folds, and a sample of rows.

The sample has the rows with the least hashes of their numbers, whatever the blocks.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from fastreg import gathering
from fastreg.certificate import losses as certified
from fastreg.gathering import Gather
from fastreg.sources.rows import MOST_CLASSES, Block, Layout

Array = np.ndarray
Classes = dict[int, dict[float, float]]  # fold, label, weight
_WHOLE = 2.0**53
_HASH = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ over the golden ratio (Knuth)


class Sample(NamedTuple):
    """Some rows: X (r, n), y, weights, offset or None, fold and hash (r,) of each."""

    X: Any
    y: Array
    weights: Array
    offset: Array | None
    fold: Array
    hashes: Array

    @staticmethod
    def of(parts: list[Sample], most: int) -> Sample:
        """Those of all parts with the least hashes, in their order."""
        kept = np.argsort(np.concatenate([each.hashes for each in parts]), kind="stable")[:most]
        _, *sides = zip(*parts, strict=True)
        chosen: Any = (None if s[0] is None else np.concatenate(s)[kept] for s in sides)
        return Sample(_rows_of([part.X for part in parts], kept), *chosen)


def _rows_of(parts: list[Any], kept: Array) -> Any:
    """Some rows of matrices one below the other, dense ones copied once."""
    if scipy.sparse.issparse(parts[0]):
        return scipy.sparse.vstack(parts).tocsr()[kept]
    out, first = np.empty((len(kept), parts[0].shape[1])), 0
    for part in parts:
        here = np.flatnonzero((kept >= first) & (kept < first + len(part)))
        out[here] = part[kept[here] - first]
        first += len(part)
    return out


class First(NamedTuple):
    """What the first read says."""

    parts: gathering.Parts  # moments of the folds
    least: float  # Σ w min ℓ
    low: float
    high: float  # of y
    sample: list[Sample]  # parts, put together where they are many: each time is a copy
    classes: Classes | None  # of the folds, where y is labels; None of too many, or of fractions


@dataclass(frozen=True, eq=False)
class FirstRead:
    gather: Gather
    layout: Layout
    loss: Any
    most: int
    limit: float  # of hashes, as a share of all
    has_labels: bool = False  # whether y is labels, 0 and 1 or other whole numbers

    def __copy__(self) -> FirstRead:
        """With a `Gather` of its own, which notes what it has seen."""
        return replace(self, gather=copy.copy(self.gather))

    def __call__(self, block: Block, row: int) -> First | None:
        parts = self.gather(block, row)
        if not parts:
            return None
        rows = self.layout.check(block)
        w = np.ones(len(rows.Y)) if rows.weights is None else rows.weights
        y, counts = rows.Y[:, 0], w > 0
        seen = y[counts]
        with np.errstate(all="ignore"):  # of y out of range, which an error tells at the end
            least = float(w[counts] @ certified.saturated(self.loss, seen[:, None])[:, 0])
        hashes, fold = _hashed(row, len(y)), self.gather.folds.of_rows(row, len(y))
        chosen = np.flatnonzero(counts & (hashes <= self.limit * 2.0**64))
        chosen = chosen[np.argsort(hashes[chosen], kind="stable")[: self.most]]
        X = rows.X.matrix[chosen]
        sample = Sample(
            X if rows.X.is_sparse else np.array(X, float), y[chosen], w[chosen],
            None if rows.offset is None else rows.offset[chosen], fold[chosen], hashes[chosen],
        )  # fmt: skip
        classes = _classes_of(seen, w[counts], fold[counts]) if self.has_labels else None
        return First(parts, least, float(seen.min()), float(seen.max()), [sample], classes)

    def add(self, a: First | None, b: First | None) -> First | None:
        """The sums of both, and both samples, or of these the rows with the least hashes."""
        if a is None or b is None:
            return a if b is None else b
        sample = a.sample + b.sample
        if sum(len(part.y) for part in sample) > 1.5 * self.most:
            sample = [Sample.of(sample, self.most)]
        return First(
            gathering.add(a.parts, b.parts), a.least + b.least,
            min(a.low, b.low), max(a.high, b.high), sample, _together(a.classes, b.classes),
        )  # fmt: skip


def _classes_of(y: Array, w: Array, fold: Array) -> Classes | None:
    """Weights of the labels of each fold."""
    if ((y == 0.0) | (y == 1.0)).all():  # as most are: it takes no sort
        found, codes = np.array([0.0, 1.0]), (y == 1.0).astype(np.int64)
    else:
        found, codes = np.unique(y, return_inverse=True)
        beyond = np.abs(found).max() >= _WHOLE  # where neighbours are one number
        if len(found) > MOST_CLASSES or beyond or (found != np.floor(found)).any():
            return None
    out: Classes = {}
    for f in np.unique(fold).tolist():
        own = fold == f
        weights = np.bincount(codes[own], w[own], len(found))
        some = weights > 0.0
        out[f] = dict(zip(found[some].tolist(), weights[some].tolist(), strict=True))
    return out


def _together(a: Classes | None, b: Classes | None) -> Classes | None:
    """The weights of both."""
    if a is None or b is None:
        return None
    out = {f: dict(own) for f, own in a.items()}
    for f, own in b.items():
        mine = out.setdefault(f, {})
        for label, weight in own.items():
            mine[label] = mine.get(label, 0.0) + weight
    return out if len({label for own in out.values() for label in own}) <= MOST_CLASSES else None


def _hashed(row: int, count: int) -> Array:
    """Of the numbers of rows: as good as random, and the same however rows are cut into blocks."""
    with np.errstate(over="ignore"):
        mixed = np.arange(row, row + count, dtype=np.uint64) * _HASH
        mixed ^= mixed >> np.uint64(32)
        return mixed * _HASH

"""Blocks that stay in memory as float32 once they are read: half the bytes, for solvers that read
many times. What is fitted is the rounded X, from the first read on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastreg.sources.blocks import Source
from fastreg.sources.rows import Block

_SHARED = (
    "kind", "n_features", "n_targets", "n_rows", "n_bytes", "feature_names", "encoding", "labels",
    "is_sparse", "flat", "has_weights", "advice",
)  # fmt: skip


class Cached(Source):
    """Another source, read once."""

    def __init__(self, source: Source) -> None:
        for name in _SHARED:
            setattr(self, name, getattr(source, name))
        self._source = source
        self._kept: list[Block] | None = None

    @property
    def size(self) -> int | None:
        return self._source.size

    def _in_full(self, error: ValueError) -> ValueError:
        return self._source._in_full(error)

    @property
    def identity(self) -> tuple[Any, ...]:
        return ("float32", *self._source.identity)

    def blocks(self, first: int = 0) -> Iterator[Block]:
        if self._kept is not None:
            yield from self._kept[first:]
            return
        kept: list[Block] = []
        for block in self._source.read():
            kept.append(_narrow(block))
            if len(kept) > first:
                yield kept[-1]
        self._kept = kept  # only now: a read that was stopped has not seen them all


def _narrow(block: Block) -> Block:
    """A copy, which outlives the buffers of the reader."""
    y = None if block.y is None else np.array(block.y)
    weights = None if block.weights is None else np.array(block.weights)
    return block._replace(X=block.X.astype(np.float32, copy=True), y=y, weights=weights)

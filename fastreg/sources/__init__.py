"""Data that is read block by block: arrays, files, streams, clusters.

| given | read by |
|---|---|
| arrays, memory maps, sparse matrices, HDF5 and zarr; `.npy`, `.npz` | `arrays` |
| iterables of (X, y) or (X, y, sample_weight) | `streams` |
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastreg.sources.arrays import Arrays, open_npy
from fastreg.sources.blocks import MEMORY, Source
from fastreg.sources.streams import Stream


def read(
    data: Any,
    target: Any = None,
    *,
    weights: Any = None,
    memory: int = MEMORY,
    progress: bool = False,
) -> Source:
    """A data set to be read block by block.

    Parameters
    ----------
    data : path, array, memory map, sparse matrix, HDF5 or zarr array, or blocks
    target : y
    weights : of the rows
    memory : int, bytes of X up to which a fit holds all rows; beyond, it reads them in blocks
    progress : bool, draw a bar of rows, bytes and time left on standard error at every read

    Returns
    -------
    `Source`: `fit` of the estimators, `SufficientStatistics.collect` and `fastreg.path` take it.

    Raises
    ------
    ValueError, OSError
        There is no such data, or it cannot be read; the message names it.
    """
    source = _source(data, target, weights)
    source.memory, source.progress = memory, progress
    return source


def as_source(X: Any, y: Any = None, sample_weight: Any = None) -> Source | None:
    """The source of what `fit` is given, or None if that is in memory."""
    if isinstance(X, Source):
        if y is not None or sample_weight is not None:
            raise ValueError("X is a source, which has y and weights: give them to fastreg.read")
        return X
    if isinstance(X, str | os.PathLike) or callable(X) or hasattr(X, "__next__"):
        return read(X, y, weights=sample_weight)
    return None


def as_features(X: Any, encoding: Any, names: Any) -> Source | None:
    """The source of what `predict` is given, or None if that is in memory."""
    if isinstance(X, Source):
        return X
    if isinstance(X, str | os.PathLike):
        return _source(X, None, None)
    return None


def _source(data: Any, target: Any, weights: Any) -> Source:
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        if isinstance(target, str | os.PathLike):
            target = open_npy(Path(target), "an array")
        return Arrays(open_npy(path, "an array"), target, weights, kind=".npy", place=path.name)
    if hasattr(data, "shape"):
        return Arrays(data, target, weights)
    if isinstance(data, Iterable) or callable(data):
        return Stream(data)
    raise ValueError(f"data must be an array, a path or blocks, got {type(data).__name__}")


__all__ = ["Source", "as_features", "as_source", "read"]

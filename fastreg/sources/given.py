"""Whether `fit` and `predict` are given what is in memory, or what is read block by block.

No reader is loaded to tell: a first fit in memory needs none of them (0.03 s of imports, and 0.15 s
where Python may not keep bytecode).
"""

from __future__ import annotations

import os
from typing import Any

from fastreg.design import feature_names
from fastreg.sources.blocks import Source


def as_source(X: Any, y: Any = None, sample_weight: Any = None) -> Source | None:
    """The source of what `fit` is given, or None if that is in memory."""
    if isinstance(X, Source):
        if y is not None or sample_weight is not None:
            raise ValueError("X is a source, which has y and weights: give them to fastreg.read")
        return X
    if not is_read(X, y):
        return None
    from fastreg.sources.opening import read

    return read(X, y, weights=sample_weight)


def as_features(X: Any, encoding: Any, names: Any, n_features: int) -> Source | None:
    """The source of what `predict` is given, or None if that is in memory.

    `encoding`, `names` and `n_features` are those of the model, the first two may be None. A row
    in which something is missing has no prediction: it is refused, unless an indicator marks it.
    """
    if isinstance(X, Source):
        return X
    if not (isinstance(X, str | os.PathLike) or is_dask(X)):
        there = None if encoding is None else feature_names(X)
        if there is None or there == list(names):
            return None
    from fastreg.sources.opening import features

    return features(X, encoding, names, n_features)


def is_dask(data: Any) -> bool:
    """Whether data is a dask collection, judged without importing dask, or delayed blocks."""
    if isinstance(data, list | tuple):
        return bool(data) and all(is_dask(item) for item in data)
    library = type(data).__module__.partition(".")[0]
    return library in {"dask", "dask_expr"} and hasattr(data, "__dask_graph__")


def are_paths(data: Any) -> bool:
    if not isinstance(data, list | tuple) or not data:
        return False
    return all(isinstance(item, str | os.PathLike) for item in data)


def is_read(X: Any, y: Any = None) -> bool:
    """Whether X is files, dask's, blocks, or a frame that holds y."""
    if isinstance(X, str | os.PathLike) or (are_paths(X) and isinstance(y, str)):
        return True
    if is_dask(X) or (y is None and _are_blocks(X)):
        return True
    return isinstance(y, str) and feature_names(X) is not None


def _are_blocks(X: Any) -> bool:
    """Whether X is a stream of (X, y), or makes one."""
    if hasattr(X, "shape") or isinstance(X, type):
        return False
    if isinstance(X, list | tuple):
        return bool(X) and isinstance(X[0], tuple) and getattr((*X[0], 0)[0], "ndim", 0) == 2
    return hasattr(X, "__next__") or callable(X)

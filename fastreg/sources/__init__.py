"""Readers of data in blocks: arrays, files, tables, streams and clusters.

| given | read by |
|---|---|
| arrays, memory maps, sparse matrices, HDF5 and zarr arrays; `.npy` | `arrays` |
| `.npz`, `.h5`, `.hdf5`, `.zarr` of arrays X and y | `archives` |
| `.csv`, also packed, `.parquet`, `.pq`, `.arrow`, `.feather`, folders of them, frames | `tables` |
| `.svm`, `.svmlight`, `.libsvm`, `.txt` | `svmlight` |
| iterables of (X, y) or (X, y, sample_weight) | `streams` |
| dask arrays, data frames, delayed blocks | `cluster` |
"""

from __future__ import annotations

from typing import Any

from fastreg.sources.blocks import Source, weight_of
from fastreg.sources.given import as_features, as_source, is_read

__all__ = ["Source", "as_features", "as_source", "is_read", "read", "weight_of"]


def __getattr__(name: str) -> Any:
    """`read`, which loads the readers, once somebody asks for it."""
    if name != "read":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fastreg.sources.opening import read

    return read

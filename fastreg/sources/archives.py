"""Files of named arrays: `.npz`, HDF5 and zarr, with X under the key "X" and y under "y"."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from fastreg._files import marks
from fastreg.sources.arrays import Arrays
from fastreg.sources.formats import needed
from fastreg.sources.names import check_names, guarded, quoted

Array = np.ndarray
SUFFIXES = (".npz", ".h5", ".hdf5", ".zarr")


def open_archive(
    path: Path, target: str | None, weights: str | None, drop: Collection[str]
) -> Arrays:
    """X, and y and weights where asked for; X of HDF5 and zarr stays in its file.

    Parameters
    ----------
    target, weights : keys of y and of the weights, or None
    drop : features to leave out, which the key `feature_names` names
    """
    opened = marks([path])
    arrays = _OPENED[path.suffix.lower()](path)
    sparse = {"data", "shape", "format"} <= arrays.keys()
    if not sparse and "X" not in arrays:
        raise ValueError(
            f"{path} has neither the key 'X' nor those of scipy.sparse.save_npz; "
            f"there is {quoted(arrays) if arrays else 'none'}"
        )
    X = guarded(str(path), lambda: _sparse(path, arrays), "a sparse matrix") if sparse else None
    X = arrays["X"] if X is None else X
    if len(X.shape) != 2 or 0 in X.shape:
        raise ValueError(f"{path}: X must have rows and columns, its shape is {X.shape}")
    check_names(arrays, [key for key in (target, weights) if key], str(path), "key")
    y, w = (_vector(arrays, key, X.shape[0], path) for key in (target, weights))
    names = _names(arrays, X.shape[1], path)
    kind = {".npz": "NumPy archive", ".zarr": "zarr"}.get(path.suffix.lower(), "HDF5")
    kind += ", sparse" if sparse else ""
    found = Arrays(X, y, w, feature_names=names, kind=kind, place=str(path), marks=opened)
    return found.select(_left(names, drop, path)) if drop else found


def _npz(path: Path) -> dict[str, Array]:
    def load() -> dict[str, Array]:
        with open(path, "rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it is a single array")
            return {key: archive[key] for key in archive.files}

    found: dict[str, Array] = guarded(str(path), load, "a .npz archive of arrays")
    return found


def _hdf5(path: Path) -> dict[str, Any]:
    h5py = needed("h5py", str(path), "pip install h5py")
    file = guarded(str(path), lambda: h5py.File(path, "r"), "HDF5")
    return {key: file[key] for key in file if hasattr(file[key], "shape")}


def _zarr(path: Path) -> dict[str, Any]:
    zarr = needed("zarr", str(path), "pip install zarr")
    group = guarded(str(path), lambda: zarr.open_group(str(path), mode="r"), "zarr")
    return dict(group.arrays())


_OPENED: dict[str, Any] = {".npz": _npz, ".h5": _hdf5, ".hdf5": _hdf5, ".zarr": _zarr}


def _sparse(path: Path, arrays: dict[str, Array]) -> Any:
    import scipy.sparse

    form = arrays["format"].item()
    form = form.decode("ascii") if isinstance(form, bytes) else form
    if form not in ("csr", "csc", "coo"):  # the others are unpacked by code that trusts them
        raise ValueError(f"its format is {form!r}; convert it with .tocsr()")
    with open(path, "rb") as stream:
        return scipy.sparse.load_npz(stream)


def _vector(arrays: dict[str, Any], key: str | None, n_rows: int, path: Path) -> Array | None:
    if key is None:
        return None
    values = np.asarray(arrays[key][()])
    if values.shape not in ((n_rows,), (n_rows, 1)):
        raise ValueError(f"{path}: {key!r} has shape {values.shape}, X has {n_rows} rows")
    return values.reshape(n_rows)


def _names(arrays: dict[str, Any], n_features: int, path: Path) -> list[str] | None:
    if "feature_names" not in arrays:
        return None
    names = np.asarray(arrays["feature_names"][()])
    names = names.astype("U") if names.dtype.kind in "OST" else names  # HDF5 has texts as bytes
    if names.dtype.kind != "U" or names.shape != (n_features,) or len(set(names)) != n_features:
        raise ValueError(f"{path}: feature_names must hold {n_features} different texts")
    return [str(name) for name in names]


def _left(names: list[str] | None, drop: Collection[str], path: Path) -> list[str]:
    if names is None:
        raise ValueError(f"{path}: drop needs the key feature_names")
    check_names(names, drop, str(path), "feature")
    kept = [name for name in names if name not in set(drop)]
    if not kept:
        raise ValueError(f"{path} has no feature beside {quoted(drop)}")
    return kept

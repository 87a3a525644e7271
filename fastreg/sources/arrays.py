"""Arrays, memory maps, `.npy` files, sparse matrices, HDF5 and zarr: whatever has rows to slice.

What a map shows is read from its file into buffers that are used again: from the page cache
20 GB/s, where touching new pages of the map brings 4 (12 GB, two cores).
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from fastreg._files import Mark
from fastreg.design import as_design, as_target, as_weights
from fastreg.sources.blocks import BLOCK_BYTES, Source, rows_of_block
from fastreg.sources.buffers import Buffers
from fastreg.sources.names import check_names
from fastreg.sources.rows import Block, digest_of

Array = np.ndarray
_MAPS = "/proc/self/maps"
_SAMPLE = 64  # rows that a checkpoint knows X by, beside its file


class Arrays(Source):
    """(m, n) X of anything with a shape and rows to slice, y (m,) or (m, k), weights (m,)."""

    def __init__(
        self,
        X: Any,
        y: Any,
        weights: Any = None,
        *,
        feature_names: list[str] | None = None,
        block_bytes: int = BLOCK_BYTES,
        kind: str = "array",
        place: str = "",
        marks: tuple[Mark, ...] = (),
    ) -> None:
        shape = getattr(X, "shape", None)
        if shape is None or len(shape) != 2 or 0 in shape:
            raise ValueError(f"X must have rows and columns, its shape is {shape}")
        kind_of_values = getattr(getattr(X, "dtype", None), "kind", "f")
        if kind_of_values not in "fiubO":
            where = f"{place}: " if place else ""
            raise ValueError(f"{where}X holds {X.dtype}, not real numbers")
        if scipy.sparse.issparse(X):
            X = as_design(X).matrix.tocsr()  # sound first: SciPy follows indices as they are
        self._X, self._place, self.is_sparse = X, place, scipy.sparse.issparse(X)
        self.marks = marks or marks_of_maps(X, y, weights)
        self.kind = kind  # type: ignore[misc]
        self.n_rows, self.n_features = int(shape[0]), int(shape[1])
        self.feature_names = feature_names
        self._y = None if y is None else as_target(y, self.n_rows)
        if self._y is not None and self._y.ndim == 2:
            self.n_targets, self.flat = self._y.shape[1], False
        self._weights = as_weights(weights, self.n_rows)
        self.has_weights = self._weights is not None
        nnz = getattr(X, "nnz", None)
        width = 8 * self.n_features if nnz is None else 12 * nnz // self.n_rows + 8
        self._width = width
        self._rows = rows_of_block(width, self.n_features, block_bytes)
        item = getattr(getattr(X, "dtype", None), "itemsize", 8)
        self._row_bytes = item * self.n_features if nnz is None else width
        self.n_bytes = self._row_bytes * self.n_rows

    def select(self, names: list[str]) -> Arrays:
        """With these features only, in this order."""
        there = self.feature_names or []
        check_names(there, names, self._place, "feature")
        X = _columns(self._X, [there.index(name) for name in names])
        return Arrays(
            X, self._y, self._weights, feature_names=names, kind=self.kind, place=self._place,
            marks=self.marks,
        )  # fmt: skip

    def check_files(self) -> None:
        """Raise OSError if a file is not what it was, or too short for what X maps of it."""
        _check_length(self._X)
        super().check_files()

    @property
    def size(self) -> int:
        assert self.n_rows is not None
        return self._width * self.n_rows

    @property
    def identity(self) -> tuple[Any, ...]:
        file = file_of(self._X)
        named = None if file is None else file_identity(Path(file[0]))
        some = np.unique(np.linspace(0, (self.n_rows or 1) - 1, _SAMPLE).astype(int))
        rows = [self._X[i : i + 1] for i in some.tolist()]
        sides = [part for part in (self._y, self._weights) if part is not None]
        shape = (self.n_rows, self.n_features, self._rows, self.feature_names)
        return ("arrays", *shape, named, digest_of(*rows, *sides))

    def blocks(self, first: int = 0) -> Iterator[Block]:
        assert self.n_rows is not None
        with contextlib.closing(reader_of(self._X, self.marks)) as read:
            for start in range(first * self._rows, self.n_rows, self._rows):
                rows = slice(start, min(start + self._rows, self.n_rows))
                weights = None if self._weights is None else self._weights[rows]
                size = self._row_bytes * (rows.stop - rows.start)
                y = None if self._y is None else self._y[rows]
                yield Block(read.rows(rows), y, weights, start, self._place, size)


def _columns(X: Any, positions: list[int]) -> Any:
    """X[:, positions] in memory, X itself where that is all of it."""
    if positions == list(range(X.shape[1])):
        return X
    # Sound first: SciPy copies by indices as they are.
    return as_design(X[()] if hasattr(X, "chunks") else X).matrix[:, positions]


def file_of(X: Any) -> tuple[str, int] | None:
    """(name, offset in bytes) where X is rows of a mapped file, and not changed in memory."""
    root = _root(X)
    # A map for copying on write has changes that its file does not have.
    if root is None or not X.flags.c_contiguous or X.size == 0 or root.mode == "c":
        return None
    away = X.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    return os.fspath(root.filename), int(root.offset) + away


def _check_length(X: Any) -> None:
    """Raise OSError if the file has become too short: to read such a map ends the process."""
    file = file_of(X)
    if file is None or not os.path.exists(file[0]):
        return
    needed, found = file[1] + X.nbytes, os.path.getsize(file[0])
    if found < needed:
        raise OSError(f"X maps {file[0]}, which has {found} bytes where {needed} are needed")


def _root(X: Any) -> Any:
    """The array that maps a file of which X is a part, or None."""
    root: Any = X
    while isinstance(root, np.memmap) and isinstance(root.base, np.memmap):
        root = root.base
    whole = isinstance(root, np.memmap) and isinstance(root.base, mmap.mmap)
    return root if whole and root.filename is not None else None


def marks_of_maps(*arrays: Any) -> tuple[Mark, ...]:
    """Those of the files that arrays map, where the system tells which these are.

    Raises
    ------
    OSError
        The name that was mapped leads to another file now.
    """
    roots = [root for root in map(_root, arrays) if root is not None]
    mapped = _mapped([root.__array_interface__["data"][0] for root in roots])
    return tuple(_mark(root, *mapped[k]) for k, root in enumerate(roots) if k in mapped)


def _mark(root: Any, inode: int, name: str) -> Mark:
    if not os.path.exists(root.filename):
        raise OSError(f"{root.filename} was removed since it was mapped")
    mark = Mark.of(root.filename)
    # Layered file systems have inodes of their own; names tell as well, until one is used again.
    if mark.inode != inode and os.path.realpath(root.filename) != name:
        raise OSError(
            f"{root.filename} was replaced since it was mapped: open it again to read what it "
            "holds now"
        )
    return mark


def _mapped(addresses: list[int]) -> dict[int, tuple[int, str]]:
    """{number of an address: (inode, name) of the file that is mapped there}, from Linux."""
    found: dict[int, tuple[int, str]] = {}
    if not addresses or not os.path.exists(_MAPS):
        return found
    with open(_MAPS, errors="surrogateescape") as lines:
        for line in lines:
            span, _, _, _, inode, *name = line.rstrip("\n").split(maxsplit=5)
            low, high = (int(end, 16) for end in span.split("-"))
            for k, address in enumerate(addresses):
                if low <= address < high:
                    found[k] = int(inode), "".join(name)
    return found


class _Slices:
    """Rows as they are sliced."""

    def __init__(self, X: Any) -> None:
        self._X = X

    def rows(self, part: slice) -> Any:
        return self._X[part]

    def close(self) -> None:
        pass


class _FileRows:
    """Rows of a file from byte `offset` on, read into buffers that are used in turn."""

    def __init__(self, X: Array, name: str, offset: int) -> None:
        self._name, self._offset, self._dtype, self._n = name, offset, X.dtype, X.shape[1]
        self._width = X.dtype.itemsize * X.shape[1]
        self._buffers, self._file = Buffers(), os.open(name, os.O_RDONLY)

    def rows(self, part: slice) -> Array:
        values = self._buffers.take((part.stop - part.start, self._n), self._dtype)
        view, at = memoryview(values.data).cast("B"), self._offset + self._width * part.start
        while len(view):
            count = os.preadv(self._file, [view], at)
            if count == 0:
                raise OSError(f"{self._name} has become shorter while it was read")
            view, at = view[count:], at + count
        return values

    def close(self) -> None:
        os.close(self._file)


def reader_of(X: Any, marks: tuple[Mark, ...]) -> _Slices | _FileRows:
    """What reads rows of X: from its file where it maps one that is known to be that file."""
    file = file_of(X)
    known = file is not None and any(os.path.samefile(file[0], mark.path) for mark in marks)
    if file is None or not known or not hasattr(os, "preadv"):
        return _Slices(X)
    return _FileRows(X, *file)


def file_identity(path: Path) -> tuple[str, int, int]:
    """Name, size and time of the last change."""
    found = path.stat()
    return path.name, found.st_size, found.st_mtime_ns


def open_npy(path: Path, name: str) -> Array:
    """The array of a `.npy` file, mapped."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{path} cannot be read as {name}: {error}") from None

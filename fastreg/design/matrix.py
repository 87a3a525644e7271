"""`as_design`: the one door to every kernel.

A jitted loop has no bounds checks, so what stands behind this door must be sound: two
dimensions, float32 or float64, sparse indices in range (checked entry by entry, a tenth
of the cost of one pass), files as long as their maps.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from fastreg._jit import jit
from fastreg.design import storages
from fastreg.design.frames import frame_values, is_frame

_BLOCK_BYTES = 1 << 20  # blocks handed to NumPy: one megabyte stays in cache


@dataclass(frozen=True)
class Design:
    """A validated matrix: what kernels read (`storage`) and what NumPy reads (`matrix`)."""

    storage: Any
    matrix: Any = field(repr=False)
    shape: tuple[int, int]
    nnz: int
    is_sparse: bool

    def blocks(self) -> Iterator[tuple[slice, slice, Any]]:
        """Rows, columns and values (an array, or scipy sparse) of pieces that cover X."""
        for rows, columns in self.pieces():
            yield rows, columns, self.block(rows, columns)

    def pieces(self) -> list[tuple[slice, slice]]:
        """Rows and columns of pieces that cover X: either all rows, or all columns."""
        m, n = self.shape
        by_columns = storages.by_columns(self.storage)
        count = -(-8 * self.nnz // _BLOCK_BYTES)
        if self.is_sparse:  # a product of a piece has the width of X, for each of many points
            count = min(count, self.nnz // (4 * m if by_columns else 16 * n))
        count = max(1, count)
        wide = not self.is_sparse and n > m  # sums over rows then need the least memory
        if wide or by_columns:
            return [(slice(0, m), columns) for columns in _ranges(n, count)]
        return [(rows, slice(0, n)) for rows in _ranges(m, count)]

    def block(self, rows: slice, columns: slice) -> Any:
        """The values of a piece, which shares the entries of X."""
        if self.is_sparse:
            by_columns = isinstance(self.storage, storages.CSC)
            return _window(self.matrix, columns if by_columns else rows)
        return self.matrix[rows, columns]


def _window(matrix: Any, part: slice) -> Any:
    """Rows of a CSR, or columns of a CSC."""
    indptr = matrix.indptr[part.start : part.stop + 1]
    entries = slice(indptr[0], indptr[-1])
    arrays = matrix.data[entries], matrix.indices[entries], indptr - indptr[0]
    length, (m, n) = len(indptr) - 1, matrix.shape
    return _sharing(type(matrix), arrays, (length, n) if matrix.format == "csr" else (m, length))


def transposed(matrix: Any) -> Any:
    """The transpose of a scipy matrix, CSR or CSC, or of an array."""
    if isinstance(matrix, np.ndarray):
        return matrix.T
    kind = scipy.sparse.csc_array if matrix.format == "csr" else scipy.sparse.csr_array
    return _sharing(kind, (matrix.data, matrix.indices, matrix.indptr), matrix.shape[::-1])


def _sharing(kind: Any, arrays: tuple[Any, Any, Any], shape: tuple[int, int]) -> Any:
    """A scipy matrix of these arrays; its constructor copies what is a small part of another."""
    data, indices, indptr = arrays
    if indices.dtype != indptr.dtype:  # which scipy's loops do not take
        fits = indptr[-1] <= np.iinfo(indices.dtype).max
        indptr = indptr.astype(indices.dtype) if fits else indptr
        indices = indices.astype(indptr.dtype, copy=False)
    out = kind(shape, dtype=data.dtype)
    out.data, out.indices, out.indptr = data, indices, indptr
    return out


def _ranges(length: int, pieces: int) -> list[slice]:
    step = -(-length // min(pieces, length))
    return [slice(a, min(a + step, length)) for a in range(0, length, step)]


def as_design(X: Any) -> Design:
    """Check X and describe it to the kernels; X is neither copied nor changed.

    Parameters
    ----------
    X : (m, n) array, memory map, scipy sparse matrix, or pandas, polars or pyarrow frame
        float32 and float64 are read in place, in any layout. Other real types (integers,
        bool, float16, longdouble, foreign byte order) are converted to float64, sparse
        formats other than CSR and CSC to CSR. A pandas frame of sparse columns stays sparse.

    Raises
    ------
    ValueError
        X is not two-dimensional, is empty, complex, masked, not numeric, or its sparse
        structure is unsound.
    OSError
        X maps a file that has become too short.
    """
    if isinstance(X, Design):
        return X
    values = frame_values(X) if is_frame(X) else X
    return _sparse_design(values) if scipy.sparse.issparse(values) else _dense_design(values)


def _check_shape(X: Any) -> None:
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {X.ndim}D array instead: X has shape {X.shape}. "
            "Reshape your data using X.reshape(-1, 1) for one feature "
            "or X.reshape(1, -1) for one row"
        )
    for axis, noun in enumerate(("sample", "feature")):
        if X.shape[axis] == 0:
            raise ValueError(
                f"Found array with 0 {noun}(s) (shape={X.shape}) while a minimum of 1 is "
                "required for X."
            )


def real_array(values: Any, name: str) -> np.ndarray:
    """`values` as a float32 or float64 array: itself where it is one, else converted."""
    if scipy.sparse.issparse(values):
        raise ValueError(f"{name} is a sparse matrix; it must be dense, as {name}.toarray()")
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array; fill or drop the masked entries first")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array of numbers: {error}") from None
    _check_file(array, name)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {array.dtype}")
    if array.dtype.kind == "O":
        if any(isinstance(value, str | bytes) for value in array.flat):
            raise ValueError(f"{name} holds text; convert it to numbers first")
        try:
            array = array.astype(np.float64)
        except TypeError as error:
            raise TypeError(f"{name} holds something that is no number: {error}") from None
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{name} holds something that is no float64: {error}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} has dtype {array.dtype}, which is not numeric")
    if array.dtype.newbyteorder("=") not in (np.float32, np.float64) or not array.dtype.isnative:
        with np.errstate(over="ignore"):  # a longdouble too large becomes inf, refused later
            array = array.astype(np.float64)
    return array


def _dense_design(X: Any) -> Design:
    values = real_array(X, "X")
    _check_shape(values)
    values = _read_only(values)
    row_stride, column_stride = np.abs(values.strides)
    by_columns = values.shape[0] > 1 and row_stride < column_stride
    kind = storages.DenseColumns if by_columns else storages.DenseRows
    return Design(kind(values), values, values.shape, values.size, is_sparse=False)


def _read_only(array: np.ndarray) -> np.ndarray:
    """A view that kernels cannot write: one type, and one specialisation, for all sources."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


def _check_file(array: np.ndarray, name: str) -> None:
    """Reading a map beyond the end of its file kills the process: compare the lengths."""
    base: Any = array
    while isinstance(base, np.ndarray) and not (
        isinstance(base, np.memmap) and isinstance(base.base, mmap.mmap)
    ):
        base = base.base
    filename = getattr(base, "filename", None)
    if isinstance(base, np.memmap) and filename is not None and os.path.exists(filename):
        needed, found = base.offset + base.nbytes, os.path.getsize(filename)
        if found < needed:
            raise OSError(
                f"{name} maps {filename}, which has {found} bytes where {needed} are needed"
            )


def _sparse_design(X: Any) -> Design:
    if X.ndim != 2:
        X = X.reshape(1, -1) if X.ndim < 1 else X
        raise ValueError(
            f"Expected 2D array, got {X.ndim}D sparse array instead. Reshape your data"
        )
    _check_shape(X)
    if X.format not in ("csr", "csc"):
        X = X.tocsr()
    data = real_array(X.data, "X")
    by_rows = X.format == "csr"
    length, width = X.shape if by_rows else X.shape[::-1]
    indptr = np.ascontiguousarray(X.indptr, dtype=np.int64)
    indices = X.indices if X.indices.dtype in (np.int32, np.int64) else X.indices.astype(np.int64)
    indices, data = np.ascontiguousarray(indices), np.ascontiguousarray(data)
    if len(indptr) != length + 1 or len(indices) != len(data):
        raise ValueError(
            f"X is not a sound {X.format} matrix: indptr has {len(indptr)} entries where "
            f"{length + 1} are needed, indices {len(indices)} and data {len(data)}"
        )
    fault = _index_fault(indptr, indices, width)
    if fault:
        raise ValueError(f"X is not a sound {X.format} matrix: {_FAULTS[fault]}")
    kind = storages.CSR if by_rows else storages.CSC
    storage = kind(_read_only(data), _read_only(indices), _read_only(indptr), width)
    if X.data is not data:
        X = type(X)((data, indices, indptr), shape=X.shape)
    return Design(storage, X, X.shape, int(indptr[-1]), is_sparse=True)


_FAULTS = {
    1: "indptr does not start at 0",
    2: "indptr decreases",
    3: "indptr ends beyond the stored entries",
    4: "an index is negative or too large",
}


@jit
def _index_fault(indptr: np.ndarray, indices: np.ndarray, width: int) -> int:
    """0 if a kernel may follow these indices blindly, else a key of _FAULTS."""
    if indptr[0] != 0:
        return 1
    for k in range(indptr.shape[0] - 1):
        if indptr[k + 1] < indptr[k]:
            return 2
    if indptr[-1] > indices.shape[0]:
        return 3
    outside = 0
    for p in range(indptr[-1]):
        outside += (indices[p] < 0) | (indices[p] >= width)
    return 4 if outside else 0


def full_columns(X: Design) -> np.ndarray:
    """(n,) bool: the columns of a sparse X of which every row is stored exactly once.

    Only then is the range of the stored entries the range of the column.
    """
    m, n = X.shape
    indptr, indices = X.storage.indptr, X.storage.indices
    if isinstance(X.storage, storages.CSC):
        counts = np.diff(indptr)
    else:
        counts = np.zeros(n, np.int64)
        for start in range(0, int(indptr[-1]), 1 << 18):  # bincount copies what it counts
            stop = min(start + (1 << 18), int(indptr[-1]))
            counts += np.bincount(indices[start:stop], minlength=n)
    full = counts == m
    if full.any() and not is_canonical(X):
        for j in np.flatnonzero(full):
            column = X.matrix[:, [j]].tocoo()
            full[j] = len(np.unique(column.row)) == m
    return full


def is_canonical(X: Design) -> bool:
    """Whether no entry of a sparse X is stored twice and indices are sorted: one read of these."""
    return bool(_is_increasing(X.storage.indptr, X.storage.indices))


@jit
def _is_increasing(indptr: np.ndarray, indices: np.ndarray) -> bool:
    """Whether the indices of each row, or column, increase."""
    first, last = indptr[0], indptr[-1]
    before, after = indices[first:last], indices[first + 1 : last]
    drops = 0  # views from zero on: the loop is in lanes, 1 ms instead of 7 for 3 million entries
    for p in range(after.shape[0]):
        drops += after[p] <= before[p]
    for k in range(1, indptr.shape[0] - 1):  # less those between two rows
        p = indptr[k] - first - 1
        if 0 <= p < after.shape[0] and indptr[k] > indptr[k - 1]:
            drops -= after[p] <= before[p]
    return drops == 0


def nonfinite_message(X: Design) -> str:
    """Where the first NaN or infinity stands, "" if there is none."""
    spot = first_nonfinite(X)
    if spot is None:
        return ""
    i, j, value = spot
    return f"Input X contains {nonfinite_kind(value)}. The first is in row {i}, column {j}"


def nonfinite_kind(value: float) -> str:
    """What a value is that is no finite number."""
    return "NaN" if np.isnan(value) else "infinity or a value too large for dtype('float64')"


def first_nonfinite(X: Design) -> tuple[int, int, float] | None:
    """Row, column and value of the first NaN or infinity, None if there is none."""
    for rows, columns, block in X.blocks():
        block = block.tocoo() if X.is_sparse else block
        values = block.data if X.is_sparse else np.asarray(block)
        if np.isfinite(values).all():
            continue
        if X.is_sparse:
            first = int(np.argmax(~np.isfinite(block.data)))
            where, value = (block.row[first], block.col[first]), block.data[first]
        else:
            where = tuple(np.argwhere(~np.isfinite(values))[0])
            value = values[where]
        return rows.start + int(where[0]), columns.start + int(where[1]), float(value)
    return None


__all__ = [
    "Design",
    "as_design",
    "first_nonfinite",
    "full_columns",
    "is_canonical",
    "nonfinite_kind",
    "nonfinite_message",
    "real_array",
    "transposed",
]

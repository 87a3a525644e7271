"""Frames of pandas, polars and pyarrow as tables of pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from fastreg.sources.complaints import ComplaintError
from fastreg.sources.names import check_different

Note = Callable[[ComplaintError], None]


def as_arrow(frame: Any, drop: Collection[str] = (), note: Note | None = None) -> Any:
    """A pyarrow table of a pandas, polars or pyarrow frame.

    Parameters
    ----------
    drop : columns that nobody needs: they need not be readable
    note : is told of columns that are not readable, and nulls stand for them; None raises the error

    Raises
    ------
    ValueError
        A column is mixed, or of a type that nothing becomes of; the message names it.
    """
    library = type(frame).__module__.partition(".")[0]
    if library == "polars":
        return frame.to_arrow()
    return _of_pandas(frame, drop, note) if library == "pandas" else frame


def _of_pandas(frame: Any, drop: Collection[str], note: Note | None) -> Any:
    import pyarrow as pa

    names = [str(name) for name in frame.columns]
    check_different(names, "the frame")
    columns = [
        pa.nulls(len(frame)) if name in drop else _column(name, column, note)
        for name, (_, column) in zip(names, frame.items(), strict=True)
    ]
    return pa.table(columns, names) if names else pa.Table.from_pandas(frame)


def _column(name: str, column: Any, note: Note | None) -> Any:
    import pyarrow as pa

    try:
        return pa.array(_plain(column), from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
    message = f"the frame: column {name!r} holds {column.dtype}, which cannot be read: {reason}"
    if note is None:
        raise ComplaintError(message, name, "kind")
    note(ComplaintError(message, name, "kind"))
    return pa.nulls(len(column))


def _plain(column: Any) -> Any:
    """A column of pandas that pyarrow takes: intervals by their names, periods by their first day,
    what is stored sparse in full."""
    import pandas as pd

    kind = column.dtype
    if isinstance(kind, np.dtype):
        return column.to_numpy()  # of a Series pyarrow asks more, which counts where columns do
    if isinstance(kind, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if isinstance(kind, pd.IntervalDtype):
        return column.astype("category").cat.rename_categories(str)
    if isinstance(kind, pd.CategoricalDtype) and kind.categories.dtype.kind == "O":
        return column.cat.rename_categories(str)
    return column.sparse.to_dense() if isinstance(kind, pd.SparseDtype) else column

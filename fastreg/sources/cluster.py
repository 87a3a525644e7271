"""dask: arrays, data frames and delayed blocks, worked on where they are.

Every chunk is reduced by whoever holds it; what travels are sums of n² or n numbers, added up in a
tree that the number of chunks alone decides, so that a lost worker, or another number of them,
changes no bit. Within a chunk the passes are serial: dask has threads of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from fastreg._jit import serial, single_threaded_blas
from fastreg.design import as_design, as_target
from fastreg.sources import scan
from fastreg.sources.blocks import Source, Whole, worked
from fastreg.sources.columns import Options, Reading
from fastreg.sources.complaints import Complaints
from fastreg.sources.conversion import Conversion, conversion_of
from fastreg.sources.frames import as_arrow
from fastreg.sources.given import is_dask
from fastreg.sources.judging import reading
from fastreg.sources.rows import Block, Layout, row_of
from fastreg.sources.streams import parts_of

Array = np.ndarray
T = TypeVar("T")
_FAN = 8  # sums that are added up at once


class Cluster(Source):
    """Chunks of rows that dask makes.

    Parameters
    ----------
    blocks : delayed `Block` of each chunk, or of None if it has no rows
    rows : number of rows of each chunk, or None where that is not known
    """

    in_order = False

    def __init__(
        self,
        blocks: list[Any],
        rows: list[int] | None,
        n_features: int,
        n_targets: int,
        *,
        kind: str,
        flat: bool = True,
        is_sparse: bool = False,
        names: list[str] | None = None,
        encoding: Any = None,
        has_weights: bool = True,
        advice: str = "",
    ) -> None:
        self.has_weights, self.advice = has_weights, advice
        self._blocks, self._rows = blocks, rows
        self.n_features, self.n_targets, self.flat = n_features, n_targets, flat
        self.is_sparse, self.feature_names, self.encoding = is_sparse, names, encoding
        self.kind = kind  # type: ignore[misc]
        self.n_rows = None if rows is None else sum(rows)

    @property
    def identity(self) -> tuple[Any, ...]:
        return ("dask", [block.key for block in self._blocks])

    @property
    def fits(self) -> bool:
        """Whether a fit takes all rows to where it is called: what is wide, and small."""
        return super().fits and self.n_features > (self.n_rows or 0)

    def blocks(self, first: int = 0) -> Iterator[Block]:
        import dask

        for delayed in self._blocks[first:]:
            (block,) = dask.compute(delayed)
            if block is not None:
                yield block

    def whole(self) -> tuple[Any, Array, Array | None]:
        rows, row = Whole(self), 0
        for block in self.blocks():
            row += rows.keep(block, row)
        return rows.result()

    def reduce(self, work: Callable[[Block, int], T], add: Callable[[T, T], T]) -> T:
        """work(block, row) of every chunk, added up in a tree; `row` is the number of its first
        row, or where that is not known, of the chunk."""
        import dask

        # One task holds `work`, with all that it has to know: it goes to each worker once.
        shared = dask.delayed(work, pure=False, traverse=False)
        run, join = dask.delayed(_worked, pure=False), dask.delayed(_added, pure=False)
        sums = [
            run(shared, block, at) for block, at in zip(self._blocks, self._starts(), strict=True)
        ]
        while len(sums) > 1:
            sums = [join(sums[i : i + _FAN], add) for i in range(0, len(sums), _FAN)]
        # Held here too: to set the limit takes 4 ms, for every chunk on threads of this process.
        with _bar(self.progress), single_threaded_blas:
            (total,) = dask.compute(sums[0])
        if total is None:
            raise ValueError(f"{self.kind} has no rows")
        return total

    def _starts(self) -> list[int]:
        if self._rows is None:
            return list(range(len(self._blocks)))
        return [int(start) for start in np.cumsum([0, *self._rows])[:-1]]

    def map(self, work: Callable[[Any], Array], n_outputs: int = 0) -> Any:
        """A dask array of work(X) of every chunk; nothing is computed yet."""
        import dask
        import dask.array

        shared = dask.delayed(work, pure=False, traverse=False)
        run, layout = dask.delayed(_mapped, pure=False), self.layout
        rows: Sequence[Any] = self._rows or [np.nan] * len(self._blocks)
        tail = (n_outputs,) if n_outputs else ()
        parts = [
            dask.array.from_delayed(run(shared, block, tail, layout), (count, *tail), float)
            for block, count in zip(self._blocks, rows, strict=True)
        ]
        return dask.array.concatenate(parts, allow_unknown_chunksizes=True)


def _worked(work: Callable[[Block, int], T], block: Block | None, at: int) -> T | None:
    if block is None:
        return None
    with serial(), single_threaded_blas:
        return copy.copy(work)(block, at)  # it may note what it has seen, and others use it


def _added(parts: list[T | None], add: Callable[[T, T], T]) -> T | None:
    some = [part for part in parts if part is not None]
    total = some[0] if some else None
    for part in some[1:]:
        total = add(total, part)  # type: ignore[arg-type]
    return total


def _mapped(
    work: Callable[[Any], Array], block: Block | None, tail: tuple[int, ...], layout: Layout
) -> Array:
    if block is None:
        return np.empty((0, *tail))
    with serial(), single_threaded_blas:
        return worked(work, block, layout)


def _bar(shown: bool) -> Any:
    import contextlib

    if not shown:
        return contextlib.nullcontext()
    from dask.diagnostics import ProgressBar

    return ProgressBar()


# ---------------------------------------------------------------- arrays


def of_arrays(X: Any, y: Any, weights: Any) -> Cluster:
    """(m, n) X, y (m,) or (m, k), weights (m,); y and weights may be in memory."""
    import dask

    if X.ndim != 2:
        raise ValueError(f"X must have rows and columns, its shape is {X.shape}")
    if X.numblocks[1] != 1:
        raise ValueError(
            f"X is cut into {X.numblocks[1]} chunks of columns; every chunk must hold whole rows: "
            "X.rechunk({1: -1})"
        )
    if np.isnan(X.shape[1]):
        raise ValueError("X has an unknown number of columns: X.compute_chunk_sizes()")
    rows = X.chunks[0]
    y, weights = (_beside(each, name, X) for each, name in ((y, "y"), (weights, "sample_weight")))
    known = not np.isnan(rows).any()
    starts = np.cumsum([0, *rows])[:-1].astype(int) if known else [0] * len(rows)
    columns = [
        [None] * len(rows) if part is None else list(part.to_delayed().ravel())
        for part in (X, y, weights)
    ]
    make = dask.delayed(_block_of)
    blocks = [
        make(*parts, int(start), f"chunk {i}")
        for i, (start, *parts) in enumerate(zip(starts, *columns, strict=True))
    ]
    sparse = type(X._meta).__module__.startswith("scipy.sparse")
    return Cluster(
        blocks,
        [int(count) for count in rows] if known else None,
        int(X.shape[1]),
        1 if y is None or y.ndim == 1 else int(y.shape[1]),
        kind="dask array",
        has_weights=weights is not None,
        flat=y is None or y.ndim == 1,
        is_sparse=sparse,
    )


def _beside(values: Any, name: str, X: Any) -> Any:
    """y or weights as a dask array whose chunks of rows are those of X."""
    import dask.array

    if values is None:
        return None
    if hasattr(values, "to_dask_array"):
        values = values.to_dask_array()
    rows = X.chunks[0]
    if not is_dask(values):
        if np.isnan(rows).any():
            raise ValueError(
                f"X has chunks of unknown sizes, and {name} is one array: X.compute_chunk_sizes(), "
                f"or give {name} as a dask array of the same chunks"
            )
        values = as_target(values, int(sum(rows)), name=name)
        values = dask.array.from_array(values, chunks=(rows, *values.shape[1:]))
    if values.ndim == 2 and values.numblocks[1] != 1:
        raise ValueError(f"{name} is cut into chunks of columns: {name}.rechunk({{1: -1}})")
    if len(values.chunks[0]) != len(rows) or not np.array_equal(
        values.chunks[0], rows, equal_nan=True
    ):
        raise ValueError(
            f"{name} has chunks of {_some(values.chunks[0])} rows, X of {_some(rows)}: "
            f"{name}.rechunk({{0: X.chunks[0]}})"
        )
    return values


def _some(counts: Sequence[Any]) -> str:
    shown = ", ".join(str(count) for count in counts[:4])
    return f"{shown}, …" if len(counts) > 4 else shown


def _block_of(X: Any, y: Any, weights: Any, start: int, place: str) -> Block | None:
    if X.shape[0] == 0:
        return None
    return Block(X, y, weights, start, place, getattr(X, "nbytes", 0))


# ---------------------------------------------------------------- blocks


def of_delayed(blocks: Sequence[Any]) -> Cluster:
    """Delayed (X, y) or (X, y, sample_weight); the first is computed to see how wide they are."""
    import dask

    make = dask.delayed(_given_block)
    made = [make(block, i) for i, block in enumerate(blocks)]
    shape = dask.delayed(_look_of)
    looks = (dask.compute(shape(block))[0] for block in made)
    seen = next((look for look in looks if look is not None), None)
    if seen is None:
        raise ValueError("the delayed blocks have no rows")
    n_features, n_targets, flat, is_sparse = seen
    return Cluster(
        made, None, n_features, n_targets, kind="delayed blocks", flat=flat, is_sparse=is_sparse
    )


def _given_block(item: Any, number: int) -> Block | None:
    X, y, weights = parts_of(item, number)
    if not getattr(X, "shape", (1,))[0]:
        return None
    try:
        X = as_design(X).matrix
        y = as_target(y, X.shape[0])
    except (TypeError, ValueError) as error:
        raise ValueError(f"block {number}: {error}") from None
    return Block(X, y, weights, 0, f"block {number}", getattr(X, "nbytes", 0))


def _look_of(block: Block | None) -> tuple[int, int, bool, bool] | None:
    if block is None:
        return None
    y = np.asarray(block.y)
    return block.X.shape[1], y[:1].size, y.ndim == 1, not isinstance(block.X, np.ndarray)


# ---------------------------------------------------------------- data frames


def of_frame(frame: Any, target: Any, weights: str | None, options: Options) -> Cluster:
    """A dask data frame, read as `tables.Table` reads a frame."""
    import dask
    from dask.dataframe.utils import meta_nonempty

    parts, look = frame.to_delayed(), dask.delayed(_seen_of)
    options.text.check()
    options.text.check_use("the data frame", "frame", list(frame.columns))
    change = conversion_of(options.how)

    def seen(kinds: dict[str, str]) -> scan.Seen:
        found = [look(part, kinds, change, f"partition {i}") for i, part in enumerate(parts)]
        join = dask.delayed(_added)
        while len(found) > 1:
            found = [join(found[i : i + _FAN], scan.merge) for i in range(0, len(found), _FAN)]
        (total,) = dask.compute(found[0])
        return total

    schema = change.schema(as_arrow(meta_nonempty(frame._meta), options.drop).schema)
    how = reading(schema, target, weights, options, seen, Complaints("the data frame"))
    make = dask.delayed(_frame_block)
    return Cluster(
        [make(part, how, change, f"partition {i}") for i, part in enumerate(parts)],
        None,
        len(how.encoding.features),
        len(how.targets) or 1,
        kind="dask data frame",
        flat=how.flat,
        is_sparse=how.encoding.is_sparse,
        names=how.encoding.features,
        advice=how.advice,
        encoding=how.encoding,
    )


def beside(frame: Any, target: Any, weights: Any, options: Options) -> Cluster:
    """A data frame with y, and weights, in series of the same partitions."""
    given = {"(target)": target} | ({} if weights is None else {"(sample_weight)": weights})
    weight = None if weights is None else "(sample_weight)"
    return of_frame(frame.assign(**given), "(target)", weight, options)


def _seen_of(part: Any, kinds: dict[str, str], change: Conversion, place: str) -> scan.Seen:
    try:
        return scan.look([_table_of(part, list(kinds), change, place)], kinds)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _frame_block(part: Any, how: Reading, change: Conversion, place: str) -> Block | None:
    return how.block(_table_of(part, how.needed, change, place), 0, place, None)


def _table_of(part: Any, columns: list[str], change: Conversion, place: str) -> Any:
    return change.batch(as_arrow(part[columns]), lambda i: row_of(place, i))

"""Rows that arrive in blocks: what every source of data comes down to."""

from __future__ import annotations

import copy
import hashlib
import itertools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

import numpy as np

from fastreg._files import Mark
from fastreg._progress import Meter
from fastreg.design import first_nonfinite
from fastreg.sources.ahead import ahead
from fastreg.sources.rows import Block, Layout

Array = np.ndarray
T = TypeVar("T")
BLOCK_BYTES = 1 << 24  # of X in float64; 8 MB cost a Gram matrix a fifth more, 32 MB no less
_TALL = 4  # n over the rows of a block at most, where moments are kept: they are n² each time
_WIDEST = 12_000  # features up to which they are
MEMORY = 1 << 29  # bytes of X up to which a fit reads everything at once


class Source(ABC):
    """Rows (x, y, w) of a data set, in blocks that can be read again and again.

    `fastreg.read` makes one; estimators and `SufficientStatistics.collect` take it.

    Attributes
    ----------
    kind : str, for people
    n_features, n_targets : int
    n_rows : int, or None where only reading can tell
    n_bytes : int, of a read, or None
    feature_names : list of str, or None
    encoding : `fastreg.sources.encoding.Encoding` of the columns of a table, or None
    labels : the two texts that y has 0 and 1 for, or None
    memory : int, bytes of X up to which a fit holds all rows
    progress : bool, whether reads draw a bar
    is_sparse : bool, of the blocks of X
    flat : bool, whether y is a vector, not a matrix of one column
    has_weights : bool, whether blocks may have weights
    in_order : bool, whether blocks are read one after the other
    marks : of the files that it reads, as they were when they were opened
    advice : str, what to do about a missing value
    offset : int, number of the target that is an offset of predictions, or None
    """

    kind: ClassVar[str]
    n_features: int
    n_targets: int = 1
    n_rows: int | None = None
    n_bytes: int | None = None
    feature_names: list[str] | None = None
    encoding: Any = None
    labels: tuple[str, ...] | None = None
    advice: str = ""  # about a missing value
    memory: int = MEMORY
    progress: bool = False
    is_sparse: bool = False
    flat: bool = True  # whether y is a vector, not a matrix of one column
    has_weights: bool = False
    in_order: bool = True  # whether blocks are read one after the other
    marks: tuple[Mark, ...] = ()  # of the files that it reads, as they were opened
    offset: int | None = None  # the target that is none, but an offset

    @abstractmethod
    def blocks(self, first: int = 0) -> Iterator[Block]:
        """The blocks, from number `first` of those with rows on. Each is valid until the next but
        two is asked for."""

    def read(self, first: int = 0) -> Iterator[Block]:
        """`blocks` of files that are what they were when they were opened, from the first block
        to the last.

        Raises
        ------
        OSError
            A file was replaced, or changed; the message names it.
        """
        self.check_files()
        try:
            yield from self.blocks(first)
        except Exception:
            self.check_files()  # which explains whatever was wrong with a block
            raise
        self.check_files()

    def check_files(self) -> None:
        """Raise OSError if a file is not what it was when it was opened."""
        for mark in self.marks:
            mark.check()

    @property
    @abstractmethod
    def identity(self) -> tuple[Any, ...]:
        """What tells this data set from others, and this way to cut it."""

    @property
    def layout(self) -> Layout:
        """What every block must look like."""
        return Layout(self.n_features, self.n_targets, self.feature_names, self.advice, self.offset)

    def with_offset(self, target: int | np.integer[Any]) -> Source:
        """The same rows with one of two targets as offset of predictions.

        Raises
        ------
        ValueError
            There are not two targets, or the number is none of theirs.
        """
        if isinstance(target, bool) or not isinstance(target, int | np.integer):
            raise ValueError(
                f"offset must be the number of a target where X is a source, of kind {self.kind}: "
                f"0 or 1 of fastreg.read(…, [y, offset]), got {type(target).__name__}"
            )
        if self.n_targets != 2 or not 0 <= target < 2:
            raise ValueError(
                f"offset={target} must be 0 or 1, and y have two columns, the target and the "
                f"offset: {self.kind} has {self.n_targets}"
            )
        out = copy.copy(self)
        out.offset = int(target)
        return out

    @property
    def fingerprint(self) -> str:
        """A digest of `identity`."""
        return hashlib.sha256(repr(self.identity).encode()).hexdigest()

    @property
    def size(self) -> int | None:
        """Bytes of X once it is read, or None."""
        return None if self.n_rows is None else 8 * self.n_rows * self.n_features

    @property
    def fits(self) -> bool:
        """Whether a fit may hold all rows."""
        return self.size is not None and self.size <= self.memory

    def reduce(self, work: Callable[[Block, int], T], add: Callable[[T, T], T]) -> T:
        """work(block, row) + …, of all blocks; `row` is the number of its first row in all."""
        return self.fold(work, add)

    def fold(
        self,
        work: Callable[[Block, int], T],
        add: Callable[[T, T], T],
        *,
        first: int = 0,
        row: int = 0,
        start: T | None = None,
        after: Callable[[int, int, T], None] | None = None,
    ) -> T:
        """`reduce` in the order of the blocks, each read while the one before is worked on.

        Parameters
        ----------
        first, row, start : block to begin with, its first row, and the sum of those before
        after : called with (blocks, rows, sum) so far
        """
        total = start
        meter = Meter(self.n_rows, self.n_bytes, shown=self.progress)
        with meter, ahead(self.read(first)) as blocks:
            for number in itertools.count(first + 1):
                block = next(blocks, None)
                if block is None:
                    break
                part = work(block, row)
                total = part if total is None else add(total, part)
                size = block.n_rows
                row += size
                meter.advance(size, block.n_bytes)
                if after is not None:
                    after(number, row, total)
        if total is None:
            raise ValueError(f"{self.kind} has no rows")
        return total

    def map(self, work: Callable[[Any], Array], n_outputs: int = 0) -> Any:
        """work(X) of every block, one below the other: (m,), or (m, n_outputs) if that is not 0."""
        with ahead(self.read()) as blocks:
            return _stacked([worked(work, block, self.layout) for block in blocks])

    def whole(self) -> tuple[Any, Array, Array | None]:
        """(X, y, weights) of all rows, in memory: X (m, n) as its blocks are, y float64.

        Raises
        ------
        ValueError
            A value is not acceptable; the message has its place.
        """
        rows = Whole(self)
        self.reduce(rows.keep, operator.add)
        return rows.result()


class Whole:
    """All rows, put together block by block, in their order."""

    def __init__(self, source: Source) -> None:
        self._source, self._layout = source, source.layout
        self._known = source.n_rows is not None and not source.is_sparse
        self._parts: list[Any] = []
        self._sides: list[tuple[Array, Array | None]] = []

    def keep(self, block: Block, row: int) -> int:
        """Add a block; returns its number of rows."""
        if first_nonfinite(self._layout.check(block).X) is not None:
            raise ValueError(self._layout.fault(block))
        if self._known:  # in place: two copies at once would take twice the memory
            if not self._parts:
                order: Any = "F" if block.X.flags.f_contiguous else "C"
                shape = (self._source.n_rows, self._source.n_features)
                self._parts.append(np.empty(shape, block.X.dtype, order=order))
            self._parts[0][row : row + block.n_rows] = block.X
        else:
            self._parts.append(block.X.copy() if self._source.is_sparse else np.array(block.X))
        weights = None if block.weights is None else np.array(block.weights)
        self._sides.append((np.array(block.y), weights))
        return block.n_rows

    def result(self) -> tuple[Any, Array, Array | None]:
        """(X, y, weights)."""
        if not self._sides:
            raise ValueError(f"{self._source.kind} has no rows")
        ys, ws = zip(*self._sides, strict=True)
        weights = None
        if any(each is not None for each in ws):  # a block without weights has ones
            pairs = zip(ws, ys, strict=True)
            weights = np.concatenate([np.ones(len(y)) if w is None else w for w, y in pairs])
        return _stacked(self._parts), np.concatenate(ys), weights


def worked(work: Callable[[Any], Array], block: Block, layout: Layout) -> Array:
    """work(X), a fault of it with its place."""
    try:
        return work(block.X)
    except ValueError as error:
        raise ValueError(layout.fault(block) or str(error)) from None


def rows_of_block(width: int, n: int, block_bytes: int = BLOCK_BYTES) -> int:
    """Rows, of `width` bytes and n features each, that a block has."""
    least = n // _TALL if n <= _WIDEST else 1
    return max(1, least, block_bytes // width)


def weight_of(source: Source) -> float:
    """Σ w of all rows; another read, unless they are counted and have no weights."""
    if source.n_rows is not None and not source.has_weights:
        return float(source.n_rows)
    return source.reduce(_weight, operator.add)


def _weight(block: Block, row: int) -> float:
    return float(block.n_rows if block.weights is None else np.sum(block.weights))


def _stacked(parts: list[Any]) -> Any:
    """Blocks of X one below the other."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    import scipy.sparse

    return scipy.sparse.vstack(parts, format="csr")

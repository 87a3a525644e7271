"""Rows that arrive in blocks: what every source of data comes down to."""

from __future__ import annotations

import contextlib
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
from fastreg.sources.complaints import ComplaintError
from fastreg.sources.rows import Block, Layout

Array = np.ndarray
T = TypeVar("T")
BLOCK_BYTES = 1 << 24  # of X in float64; 8 MB cost a Gram matrix a fifth more, 32 MB no less
_TALL = 4  # n over the rows of a block at most, where moments are kept: they are n² each time
_WIDEST = 12_000  # features up to which they are
MEMORY = 1 << 29  # bytes of X up to which a fit reads everything at once


class Source(ABC):
    """Hold the rows of a data set, in blocks that can be read many times.

    `fastreg.read` makes one. Estimators and `SufficientStatistics.collect` take it.

    Attributes
    ----------
    kind : str
        Name of the kind of data, for messages.
    n_features : int
        Number of features.
    n_targets : int
        Number of targets.
    n_rows : int or None
        Number of rows. None if only a read can tell.
    n_bytes : int or None
        Number of bytes of a read, if it is known.
    feature_names : list of str or None
        Names of the features.
    encoding : Encoding or None
        How the columns of a table became features.
    labels : tuple of str or None
        Texts that y has 0, 1 and so on for.
    memory : int
        Largest number of bytes of X for which a fit holds all rows.
    progress : bool
        Whether reads draw a progress bar.
    is_sparse : bool
        Whether the blocks of X are sparse.
    flat : bool
        Whether y is a vector.
    has_weights : bool
        Whether blocks may have weights.
    in_order : bool
        Whether blocks are read one after the other.
    marks : tuple of Mark
        State of the files when they were opened.
    advice : str
        What to do about a missing value.
    offset : int or None
        Number of the target that is an offset of predictions.

    See Also
    --------
    read : Open a data set.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> source = fastreg.read(np.eye(3), np.array([1.0, 2.0, 3.0]))
    >>> source.n_rows, source.n_features, source.fits
    (3, 3, True)
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
        """Yield the blocks of rows.

        A block is valid until the next but two is asked for.

        Parameters
        ----------
        first : int, default=0
            Number of the first block to read, of those with rows.

        Yields
        ------
        Block
            Rows (X, y, weights).
        """

    def read(self, first: int = 0) -> Iterator[Block]:
        """Yield the blocks of rows, and check that their files did not change.

        Parameters
        ----------
        first : int, default=0
            Number of the first block to read, of those with rows.

        Yields
        ------
        Block
            Rows (X, y, weights).

        Raises
        ------
        OSError
            A file was replaced, or changed. The message names it.
        """
        self.check_files()
        try:
            yield from self.blocks(first)
        except Exception:
            self.check_files()  # which explains whatever was wrong with a block
            raise
        self.check_files()

    def check_files(self) -> None:
        """Check that the files are as they were when they were opened.

        Raises
        ------
        OSError
            A file was replaced, or changed. The message names it.
        """
        for mark in self.marks:
            mark.check()

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """A fault that the body meets in the rows is told with all others."""
        try:
            yield
        except ComplaintError as error:
            raise self._in_full(error) from None

    def _in_full(self, error: ValueError) -> ValueError:
        """All that is wrong with the rows, where a read met one fault: a table looks for others."""
        return error

    @property
    @abstractmethod
    def identity(self) -> tuple[Any, ...]:
        """What tells this data set, and its blocks, from others."""

    def labels_of(self, y: Array) -> Array:
        """Name the labels that numbers stand for.

        Parameters
        ----------
        y : ndarray of shape (m,)
            Whole numbers, as a target of this source has them.

        Returns
        -------
        ndarray of shape (m,)
            Texts from `labels`. Without these the numbers themselves, as int64.
        """
        codes = y.astype(np.int64)
        return codes if self.labels is None else np.array(self.labels)[codes]

    @property
    def layout(self) -> Layout:
        """Shape and names that every block must have."""
        return Layout(self.n_features, self.n_targets, self.feature_names, self.advice, self.offset)

    def with_offset(self, target: int | np.integer[Any]) -> Source:
        """Return the same rows, with one of two targets as offset of predictions.

        Parameters
        ----------
        target : int
            Number of the target that is the offset.

        Returns
        -------
        Source
            The rows with an offset.

        Raises
        ------
        ValueError
            There are not two targets, or `target` is not 0 or 1.
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
        """Digest of `identity`."""
        return hashlib.sha256(repr(self.identity).encode()).hexdigest()

    @property
    def size(self) -> int | None:
        """Number of bytes of X in memory, or None if it is not known."""
        return None if self.n_rows is None else 8 * self.n_rows * self.n_features

    @property
    def fits(self) -> bool:
        """Whether a fit may hold all rows in memory."""
        return self.size is not None and self.size <= self.memory

    def reduce(self, work: Callable[[Block, int], T], add: Callable[[T, T], T]) -> T:
        """Add up a result of every block.

        Parameters
        ----------
        work : callable
            Function of (block, row), with the number of the first row of the block.
        add : callable
            Function that adds two results.

        Returns
        -------
        object
            The sum of the results.

        Raises
        ------
        ValueError
            There are no rows.
        """
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
        """Add up a result of every block, in the order of the blocks.

        Each block is read while the one before is worked on.

        Parameters
        ----------
        work : callable
            Function of (block, row), with the number of the first row of the block.
        add : callable
            Function that adds two results.
        first : int, default=0
            Number of the first block to read.
        row : int, default=0
            Number of the first row of that block.
        start : object, default=None
            Sum of the results of earlier blocks. None means none.
        after : callable or None, default=None
            Function of (blocks, rows, sum), called after each block.

        Returns
        -------
        object
            The sum of the results.

        Raises
        ------
        ValueError
            There are no rows.
        """
        total = start
        meter = Meter(self.n_rows, self.n_bytes, shown=self.progress)
        with self._telling(), meter, ahead(self.read(first)) as blocks:
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
        """Apply a function to X of every block, and stack the results.

        Parameters
        ----------
        work : callable
            Function of X.
        n_outputs : int, default=0
            Number of columns of a result; 0 means a vector.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The results.
        """
        with self._telling(), ahead(self.read()) as blocks:
            return _stacked([worked(work, block, self.layout) for block in blocks])

    def whole(self) -> tuple[Any, Array, Array | None]:
        """Read all rows into memory.

        Returns
        -------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Features, dense or sparse as the blocks are.
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Targets, in float64.
        weights : ndarray of shape (n_samples,) or None
            Weights of the rows.

        Raises
        ------
        ValueError
            A value is wrong. The message states its place.
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
            raise self._layout.error(block)
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
        raise layout.error(block, error) from None


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

"""svmlight files: lines of `label feature:value …`, read some megabytes at a time.

A feature is named by its number in the file, which keeps apart files that count from 0 and
from 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastreg._files import marks
from fastreg.sources.arrays import file_identity
from fastreg.sources.blocks import Source
from fastreg.sources.names import guarded, quoted
from fastreg.sources.rows import Block, Lines

Array = np.ndarray
SUFFIXES = (".svm", ".svmlight", ".libsvm", ".txt")
_BLOCK_TEXT = 1 << 24  # bytes of text at a time
_MOST_FEATURES = 10**8  # a file of a few bytes may name feature 10¹⁸
_ANY_WIDTH = 1 << 62


class SvmLight(Source):
    """Sparse rows of a file; `names` and `n_features` are those of a model to read them for."""

    kind = "svmlight"
    is_sparse = True

    def __init__(
        self,
        path: Path,
        names: list[str] | None = None,
        n_features: int | None = None,
        *,
        block_bytes: int = _BLOCK_TEXT,
    ) -> None:
        if not path.is_file():
            raise ValueError(f"{path}: {'is not a file' if path.exists() else 'no such file'}")
        self._path, self._step = path, block_bytes
        self.marks = marks([path])
        self.n_bytes = path.stat().st_size
        rows = width = nnz = 0
        self._width, least = 0, 1
        for X, _ in self._pieces():  # a first read, to know how many features and rows there are
            rows, width, nnz = rows + X.shape[0], max(width, X.shape[1]), nnz + X.nnz
            least = 0 if X.nnz and X.indices.min() == 0 else least
        self.n_rows, self._size = rows, 12 * nnz + 8 * rows
        if n_features is None and (width <= least or not rows):
            raise ValueError(f"{path} has no {'features' if rows else 'rows'}")
        self._base = least if names is None else int(names[:1] != ["0"])
        self._width = width if n_features is None else self._base + n_features
        self.n_features = self._width - self._base
        self.feature_names = [str(j + self._base) for j in range(self.n_features)]
        if names is not None:
            self._check(names, least)

    def _check(self, names: list[str], least: int) -> None:
        if names != self.feature_names:
            raise ValueError(
                f"{self._path} has numbered features, the model has {quoted(names)}: it was not "
                "fitted to an svmlight file"
            )
        if self._base > least:
            raise ValueError(f"{self._path} has a feature 0, but the model's features count from 1")
        if not self.n_rows:
            raise ValueError(f"{self._path} has no rows")

    @property
    def size(self) -> int:
        return self._size

    @property
    def identity(self) -> tuple[Any, ...]:
        return ("svmlight", self._step, self._width, file_identity(self._path))

    def blocks(self, first: int = 0) -> Iterator[Block]:
        row, share = 0, (self.n_bytes or 0) / max(self.n_rows or 0, 1)
        place = Lines(str(self._path), self._line_of)
        for number, (X, y) in enumerate(self._pieces()):
            if number >= first:
                # Columns that nobody stored are zero, those the model does not know are left out.
                X.resize((X.shape[0], self._width))
                size = int(share * len(y))
                yield Block(X[:, self._base :], y, None, row, place, size)
            row += len(y)

    def _line_of(self, number: int) -> int:
        with open(self._path, "rb") as stream:
            lines = (i for i, line in enumerate(stream, 1) if line.partition(b"#")[0].strip())
            return next(itertools.islice(lines, number, None), number)

    def _pieces(self) -> Iterator[tuple[Any, Array]]:
        """(X, y) of the lines that begin in each part of the file, feature j in column j."""
        from sklearn.datasets import load_svmlight_file

        for start in range(0, max(self.n_bytes or 0, 1), self._step):
            X, y = guarded(
                str(self._path),
                lambda start=start: load_svmlight_file(
                    str(self._path),
                    n_features=_ANY_WIDTH,
                    zero_based=True,
                    offset=start,
                    length=self._step,
                ),
                "svmlight",
            )
            top = int(X.indices.max(initial=-1))
            if top >= _MOST_FEATURES:
                raise ValueError(f"{self._path} names feature {top}; {_MOST_FEATURES} is the most")
            X.resize((X.shape[0], top + 1))
            if X.shape[0]:
                yield X, y

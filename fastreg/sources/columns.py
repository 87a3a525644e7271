"""How a table is to be read, and blocks of its rows. What its columns are says `judging`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastreg.sources.buffers import Buffers
from fastreg.sources.csv_files import Known
from fastreg.sources.encoding import Category, Encoding, numbers
from fastreg.sources.rows import Block
from fastreg.sources.text import PLAIN, Text

Array = np.ndarray


@dataclass(frozen=True)
class Options:
    """How a table is to be read; see `fastreg.read`.

    only : columns of numbers that are all the features, in their order, or None
    labels : whether the first target may hold texts
    progress : whether the first read of files, which looks for levels, draws a bar
    """

    drop: Collection[str] = ()
    categories: Mapping[str, Any] | Collection[str] = ()
    missing: str | None = None
    unknown: str | None = None
    standardize: bool = False
    encoding: Encoding | None = None
    text: Text = PLAIN
    only: Sequence[str] | None = None
    labels: bool = False
    progress: bool = False

    @property
    def how(self) -> Text:
        """How texts are read: as is said, and for the rest as in the fit."""
        return self.text if self.encoding is None else self.text.over(self.encoding.text)

    @property
    def known(self) -> Known:
        """Columns whose kind is given, whatever they look like."""
        given: Any = self.categories
        levels = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, ())
        columns = () if self.encoding is None else self.encoding.columns
        levels |= {each.name: each.levels for each in columns if isinstance(each, Category)}
        of = {kind: [c.name for c in columns if c.kind == kind] for kind in ("number", "date")}
        numbers = frozenset([*of["number"], *(self.only or ())])
        return Known(levels, numbers, frozenset(of["date"]), frozenset(self.drop))


@dataclass(frozen=True)
class Reading:
    """Rows of a table as X, y and weights: plain data, that travels to where the rows are.

    label : the texts of the first target, read as 0, 1 and so on, None of numbers
    """

    encoding: Encoding
    targets: tuple[str, ...]
    flat: bool
    weight: str | None
    dtype: Any = field(default=np.float64)
    note: str = ""  # about what is missing
    label: Category | None = None

    @property
    def aside(self) -> list[str]:
        """Columns that are no features."""
        return [*self.targets, *([self.weight] if self.weight else [])]

    @property
    def needed(self) -> list[str]:
        return list(dict.fromkeys([*(c.name for c in self.encoding.columns), *self.aside]))

    @property
    def row_bytes(self) -> int:
        """Of X."""
        if self.encoding.is_sparse:
            return 12 * self.encoding.entries + 4
        return 8 * len(self.encoding.features)

    def block(self, part: Any, row: int, place: str, buffers: Buffers | None) -> Block | None:
        """Rows from number `row` on, None if none is left of them.

        Parameters
        ----------
        part : pyarrow table with the columns `needed`
        buffers : where X is put if it is dense, None for memory of its own
        """
        size, numbered = part.nbytes, np.arange(row, row + part.num_rows)
        part, numbered = self.kept(part, numbered)
        if part.num_rows == 0:
            return None
        empty = Block(None, None, None, numbered, place, size)
        X = self.encoding.encode(part, empty.row, self.dtype, self.advice, buffers or Buffers())
        y = None
        if self.targets:
            y = np.column_stack([self.values(part, name) for name in self.targets])
            y = np.ascontiguousarray(y[:, 0] if self.flat else y, np.float64)
        weights = None if self.weight is None else numbers(part.column(self.weight))
        return empty._replace(X=X, y=y, weights=weights)

    def kept(self, part: Any, numbered: Array) -> tuple[Any, Array]:
        """The rows of a part that count, and their numbers."""
        if self.encoding.missing == "error":
            return part, numbered
        kept = ~self._lost(part)
        return (part, numbered) if kept.all() else (_filtered(part, kept), numbered[kept])

    def without(self, columns: Collection[str]) -> Reading:
        """The same, of the other columns."""
        left = tuple(each for each in self.encoding.columns if each.name not in columns)
        return replace(
            self,
            encoding=replace(self.encoding, columns=left),
            targets=tuple(name for name in self.targets if name not in columns),
            weight=None if self.weight in columns else self.weight,
        )

    def values(self, part: Any, name: str) -> Array:
        """(b,) numbers of a column that is no feature, NaN where there is none."""
        if self.label is None or name != self.label.name:
            return numbers(part.column(name))
        (piece,) = self.label.pieces(part.column(name), lambda absent: None)
        return np.where(piece.values > 0.0, piece.codes, np.nan)

    @property
    def advice(self) -> str:
        """What to do about a missing value."""
        if self.targets:
            return f"missing='drop' leaves such rows out, missing='indicator' marks them{self.note}"
        if self.encoding.missing == "indicator":
            return f"the fit saw no gap there: fill it, or fit to rows with gaps{self.note}"
        return f"fill it, or fit with missing='indicator'{self.note}"

    def keeps(self, part: Any) -> bool:
        """Whether a row of the part is left."""
        return self.encoding.missing == "error" or not self._lost(part).all()

    def _lost(self, part: Any) -> Array:
        """Rows without a target or weight, and with missing="drop" without a feature."""
        lost = np.zeros(part.num_rows, bool)
        for name in self.aside:
            lost |= np.isnan(self.values(part, name))
        return lost | self.encoding.is_lost(part) if self.encoding.missing == "drop" else lost


def _filtered(part: Any, kept: Array) -> Any:
    import pyarrow as pa

    return part.filter(pa.array(kept))

"""Tables: CSV, Parquet and Arrow files, folders of them, and frames."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fastreg._files import marks
from fastreg._progress import Meter
from fastreg.sources import formats, scan
from fastreg.sources.arrays import file_identity
from fastreg.sources.blocks import BLOCK_BYTES, Source, rows_of_block
from fastreg.sources.buffers import Buffers
from fastreg.sources.columns import Options, Reading
from fastreg.sources.complaints import Complaints, LateError
from fastreg.sources.encoding import Encoding
from fastreg.sources.judging import reading
from fastreg.sources.row_faults import note_rows
from fastreg.sources.rows import Block

_SAMPLE = 1000  # rows that a checkpoint knows a frame by
_WORDS = "; keep_default_na=False keeps words such as NA as they are"
_QUICK = 1 << 28  # bytes of files up to which a wrong name is told with what is wrong with the rows
_LOOKED_AT = 1 << 16  # rows at a time of a first read


class Table(Source):
    """Rows of a table; features are its columns but for the target, the weights and `drop`.

    Parameters
    ----------
    data : path or paths of files, a folder of such, or a pandas, polars or pyarrow frame
    target : column or columns of y, or None to read features only
    weights : column of weights, or None
    """

    def __init__(
        self,
        data: Any,
        target: str | Sequence[str] | None,
        weights: str | None = None,
        options: Options = Options(),
        *,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        options.text.check()
        self._found = found = formats.find(data, options.how, options.known, options.drop)
        self._shown = options.progress and bool(found.files)
        self.marks = marks(found.files)  # before the first read, which fixes levels
        self.kind = found.kind  # type: ignore[misc]
        complaints = self._complaints()
        with complaints.noting():
            options.text.check_use(found.name, found.kind, found.read.names)
        look = functools.partial(self._look, complaints)
        how = reading(found.schema, target, weights, options, look, complaints, found.near)
        self._reading = self._noted(how)
        self.encoding: Encoding = self._reading.encoding
        self.feature_names, self.advice = self.encoding.features, self._reading.advice
        self.n_features, self.is_sparse = len(self.feature_names), self.encoding.is_sparse
        self.n_targets, self.flat = len(self._reading.targets) or 1, self._reading.flat
        self.labels = None if how.label is None else how.label.levels
        self.has_weights = weights is not None
        self._rows = rows_of_block(self._reading.row_bytes, self.n_features, block_bytes)
        self._most = found.count_rows()
        if self._most == 0:
            raise ValueError(f"{found.name} has no rows")
        self.n_rows = self._most if self.encoding.missing == "error" else None
        self.n_bytes = found.n_bytes

    def _complaints(self) -> Complaints:
        """Those about the first rows, to which others are added."""
        found = self._found
        patient = (found.n_bytes or 0) <= _QUICK
        out = Complaints(found.name, found.place_of, self._note_rows, patient=patient)
        for doubt in found.doubts:
            out.add_of_column(doubt)
        return out

    def _noted(self, how: Reading) -> Reading:
        return replace(how, note=_WORDS if self._found.kind == "CSV" else "")

    def _note_rows(self, how: Reading, complaints: Complaints) -> None:
        note_rows(self._found, self._noted(how), complaints)

    def _in_full(self, error: ValueError) -> ValueError:
        complaints = Complaints(self._found.name)
        self._note_rows(self._reading, complaints)
        return complaints.error if len(complaints) > 1 else error

    def _look(self, complaints: Complaints, kinds: dict[str, str]) -> scan.Seen:
        """What columns hold. One that changes later is noted, and the others are read again."""
        left = dict(kinds)
        while True:
            try:
                return self._seen(left, complaints)
            except LateError as error:
                complaints.add_of_column(error)
                left.pop(error.topic[0])
                if not left:
                    raise

    def _seen(self, kinds: dict[str, str], complaints: Complaints) -> scan.Seen:
        found, shown = self._found, self._shown
        rows = found.count_rows() if shown else None
        size = None if found.is_packed else found.n_bytes
        with Meter(rows, size, shown=shown) as meter:
            parts = found.parts(list(kinds), _LOOKED_AT, meter.advance, complaints.add)
            return scan.look((batch for _, batches in parts for batch in batches), kinds)

    @property
    def size(self) -> int | None:
        most = self._found.most_rows if self._most is None else self._most
        return None if most is None else self._reading.row_bytes * most

    @property
    def identity(self) -> tuple[Any, ...]:
        files = [file_identity(Path(file)) for file in self._found.files]
        aside = (*self._reading.aside, self.encoding.to_plain())
        return ("table", self.kind, self._rows, self._most, files, self._sample(), aside)

    def _sample(self) -> Any:
        """Some rows of a frame, which no file tells from others."""
        if self._found.files:
            return None
        some = np.unique(np.linspace(0, self._found.data.num_rows - 1, _SAMPLE).astype(int))
        return str(self._found.data.take(some).to_pydict())

    def blocks(self, first: int = 0) -> Iterator[Block]:
        number, seen, buffers = 0, False, Buffers()
        for place, batches in self._found.parts(self._reading.needed, self._rows):
            row = 0
            for part in _rechunked(batches, self._rows):
                # Numbers are those of blocks with rows left: a checkpoint counts these.
                if number >= first:
                    block = self._reading.block(part, row, place, buffers)
                    number += block is not None
                    if block is not None:
                        yield block
                else:
                    number += self._reading.keeps(part)
                row, seen = row + part.num_rows, True
        if number == 0:
            lost = "something is missing in every row" if seen else "there are no rows"
            raise ValueError(f"{self._found.name} has no rows to read: {lost}")


def _rechunked(batches: Iterator[Any], rows: int) -> Iterator[Any]:
    """The same rows, about `rows` at a time: pieces are put together up to half of that, and cut
    only where one has more than twice."""
    waiting: list[Any] = []
    count = 0
    for batch in batches:
        for start in range(0, batch.num_rows, _step(batch.num_rows, rows)):
            waiting.append(batch.slice(start, _step(batch.num_rows, rows)))
            count += waiting[-1].num_rows
            if 2 * count >= rows:
                yield _joined(waiting)
                waiting, count = [], 0
    if waiting:
        yield _joined(waiting)


def _step(count: int, rows: int) -> int:
    return count if count <= 2 * rows else rows


def _joined(parts: list[Any]) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches(parts)

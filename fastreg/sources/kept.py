"""Columns of a table as they are written, to stand beside what is computed from its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastreg._files import marks
from fastreg.sources import formats
from fastreg.sources.csv_files import Csv, Known
from fastreg.sources.names import check_names
from fastreg.sources.text import Text

_ROWS = 1 << 16  # at a time, of files that are no CSV


class Kept:
    """Columns of the files of a table, in the order that is asked for.

    Parameters
    ----------
    path : file or folder
    columns : names
    text : how texts are read

    Raises
    ------
    ValueError
        There is no such file or column, or the values have no text.
    """

    def __init__(self, path: Path, columns: Sequence[str], text: Text) -> None:
        found = formats.find(path, text, Known({}))
        check_names(found.read.names, columns, found.name, "column")
        self.columns = list(columns)
        self._marks = marks(found.files)
        if found.kind == "CSV":
            self._found = replace(found, data=_as_written(found.data, self.columns))
        else:
            self._found = found
            self._check_kinds()

    def _check_kinds(self) -> None:
        import pyarrow as pa

        for name in self.columns:
            kind = self._found.read.field(name).type
            try:
                pa.nulls(0, kind).cast(pa.string())
            except pa.ArrowException:
                raise ValueError(
                    f"{self._found.name}: column {name!r} holds {kind}, which has no text to keep"
                ) from None

    def blocks(self) -> Iterator[list[list[str]]]:
        """The texts of the columns, some rows at a time; "" where a value is missing.

        Raises
        ------
        OSError
            A file has changed since it was opened.
        """
        for _, batches in self._found.written(self.columns, _ROWS):
            for batch in batches:
                yield [_texts(batch.column(name)) for name in self.columns]
        for mark in self._marks:
            mark.check()


def _as_written(how: Csv, columns: list[str]) -> Csv:
    """How to read the same rows, with these columns as they are written."""
    import pyarrow as pa

    schema = pa.schema([pa.field(name, pa.string()) for name in columns])
    return replace(how, schema=schema, words=[])


def _texts(column: Any) -> list[str]:
    import pyarrow as pa

    found: list[str] = column.cast(pa.string()).fill_null("").to_pylist()
    return found

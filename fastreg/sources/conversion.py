"""Columns of texts as the numbers and dates that they stand for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.sources.complaints import ComplaintError
from fastreg.sources.suspects import reading_of
from fastreg.sources.text import Text, is_text, microseconds_of, number_of

Note = Callable[[ValueError], None]


@dataclass(frozen=True)
class Conversion:
    """Columns of texts that become something else; plain data, that travels.

    lost : words that stand for what is missing, or {column: words}
    numbers : columns; formats : {column: `date_format`}
    decimal, thousands : of the numbers
    """

    lost: Mapping[str, Collection[str]] | Collection[str]
    numbers: frozenset[str] = frozenset()
    formats: Mapping[str, str] | None = None
    decimal: str = "."
    thousands: str | None = None

    def schema(self, schema: Any) -> Any:
        """The types that columns have afterwards."""
        import pyarrow as pa

        return pa.schema([self._field(field) for field in schema])

    def _field(self, field: Any) -> Any:
        import pyarrow as pa

        if not is_text(field.type):
            return field
        if field.name in self.numbers:
            return pa.field(field.name, pa.float64())
        return pa.field(field.name, pa.timestamp("us")) if self._form(field.name) else field

    def _words(self, name: str) -> Collection[str]:
        return self.lost.get(name, ()) if isinstance(self.lost, Mapping) else self.lost

    def _form(self, name: str) -> str | None:
        return (self.formats or {}).get(name)

    def batch(self, batch: Any, place: Callable[[int], str], note: Note | None = None) -> Any:
        """The columns of a record batch or table, converted.

        Parameters
        ----------
        place : the name of row i, for messages
        note : is told of texts that are not what they should be, and 0 stands for them; None
            raises the error
        """
        for k, name in enumerate(batch.schema.names):
            if is_text(batch.schema.field(k).type) and self._has(name):
                column = self._column(name, batch.column(k), place, note)
                batch = batch.set_column(k, name, column)
        return batch

    def _has(self, name: str) -> bool:
        return name in self.numbers or bool(self._form(name)) or bool(self._words(name))

    def _column(
        self, name: str, column: Any, place: Callable[[int], str], note: Note | None
    ) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = column.cast(pa.string())
        words = self._words(name)
        if words:
            lost = pc.is_in(column, value_set=pa.array(list(words), pa.string()))
            column = pc.if_else(lost, pa.scalar(None, pa.string()), column)
        read: Any
        if name in self.numbers:
            read = functools.partial(number_of, decimal=self.decimal, thousands=self.thousands)
            return _mapped(column, read, pa.float64(), _refusal(name, "a number", place), note)
        form = self._form(name)
        if form is None:
            return column
        read = functools.partial(microseconds_of, form=form)
        noun = f"a date of the format {form!r}"
        refusal = _refusal(name, noun, place)
        return _mapped(column, read, pa.int64(), refusal, note).cast("timestamp[us]")


def conversion_of(text: Text) -> Conversion:
    """Of texts in a table that is no CSV file."""
    return Conversion(
        text.na_values or (),
        frozenset(text.numbers or ()),
        text.date_format,
        text.decimal or ".",
        text.thousands,
    )


def _refusal(name: str, noun: str, place: Callable[[int], str]) -> Any:
    """The error of row i, given the texts that are not of this kind, its own before others."""

    def error(i: int, texts: list[str]) -> ValueError:
        found = reading_of(name, dict.fromkeys(texts, 1))
        missing = f"if it stands for what is missing: na_values=[{texts[0]!r}]"
        way = missing if found is None else f"{' and '.join(found.options)} reads such texts"
        message = f"{place(i)}, {name!r}: {texts[0]!r} is not {noun}; {way}"
        return ComplaintError(message, name, "texts")

    return error


def _mapped(
    column: Any, read: Callable[[str], Any], kind: Any, refusal: Any, note: Note | None
) -> Any:
    """read(text) of each value, None of a null; it is called once a different text."""
    import pyarrow as pa

    column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    coded = column.dictionary_encode()
    texts = coded.dictionary.to_pylist()
    values = [None if not text.strip() else read(text) for text in texts]
    wrong = [k for k, value in enumerate(values) if value is None and texts[k].strip()]
    if wrong:
        codes = np.asarray(coded.indices.fill_null(-1))
        error = refusal(int(np.argmax(codes == wrong[0])), [texts[k] for k in wrong])
        if note is None:
            raise error
        note(error)
        values = [0 if k in {*wrong} else value for k, value in enumerate(values)]
    return pa.array(values, kind).take(coded.indices)

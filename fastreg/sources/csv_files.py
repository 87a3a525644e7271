"""CSV files, read some megabytes at a time by pyarrow, and what to do where that fails.

The first block of a file decides what its columns are. What later rows hold besides is refused by
line and column.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastreg.sources.conversion import Conversion
from fastreg.sources.csv_lines import (
    check_head,
    check_separator,
    header,
    in_words,
    line_of,
    records,
    without_comments,
)
from fastreg.sources.rows import Lines
from fastreg.sources.suspects import levels_of
from fastreg.sources.text import BLANKS, ISO, MISSING_WORDS, Text, is_text

BLOCK_BYTES = 1 << 24  # of text at a time
_LEADING_ZERO = r"^\s*[-+]?0[0-9]"
_CODE = re.compile("[A-Z]{2}")
_INVALID = re.compile(
    r"In CSV column #(\d+): .*?conversion error to (\S+): invalid value '(.*)'", re.S
)


@dataclass(frozen=True)
class Known:
    """Columns whose kind is given before a file is read.

    levels : {column: its levels, if they are known}, read as texts
    numbers, dates, dropped : columns
    """

    levels: Mapping[str, Collection[str]]
    numbers: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Csv:
    """How CSV files are read: the types of columns, the words for what is missing in all of them,
    and what is converted afterwards."""

    text: Text
    schema: Any
    words: list[str]
    conversion: Conversion

    def batches(self, path: str, columns: list[str]) -> Iterator[Any]:
        types = {field.name: field.type for field in self.schema}
        everywhere = not self.conversion.lost
        with _opened(path, self.text, types, self.words, everywhere, columns) as reader:
            yield from self._told(path, reader)

    def _told(self, path: str, reader: Any) -> Iterator[Any]:
        try:
            yield from reader
        except ValueError as error:
            found = _INVALID.search(str(error))
            if found is None:
                raise ValueError(in_words(error, path, self.text)) from None
            names = header(path, self.text)
            raise self._late(path, names[int(found[1])], found[3], found[2]) from None

    def _late(self, path: str, name: str, value: str, kind: str) -> ValueError:
        """Of a value that is not of the kind that the first rows have."""
        line = self.line_of_value(path, name, value)
        return ValueError(
            f"line {line}, {name!r}: {value!r} is no {kind}, as what is before it: "
            f"na_values=[{value!r}] reads it as missing; {levels_of(name)}"
        )

    def place(self, path: str) -> Lines:
        return Lines(path, functools.partial(line_of, path, self.text))

    def line_of_value(self, path: str, column: str, value: str) -> int:
        """The first line of the file with this value in a column, 0 for none."""
        at = header(path, self.text).index(column)
        rows = records(path, self.text)
        there = (line for line, row in rows if len(row) > at and row[at].strip() == value.strip())
        return next(there, 0)


def inspect(path: str, text: Text, known: Known) -> Csv:
    """What the columns of a file hold, by its first block."""
    import pyarrow as pa

    check_head(path, text)
    own = _own_words(text)
    words = [*text.everywhere, *itertools.chain.from_iterable(own.values())]
    head = _head(path, text)
    found = _parsed(head, path, text, {}, words, None).schema
    check_separator(found, path, text)
    given = {*known.levels, *(text.numbers or ()), *(text.date_format or ())}
    sure = given | known.numbers | known.dropped
    whole = [f.name for f in found if pa.types.is_integer(f.type) and f.name not in sure]
    words_of = [f.name for f in found if is_text(f.type) and f.name not in known.dropped]
    raw = dict.fromkeys([*whole, *words_of], pa.string())
    if raw:
        written = _parsed(head, path, text, raw, [], list(raw))
        _check_words(written.select(words_of), text, known)
    codes = _led_by_zero(written.select(whole)) if whole else set()
    kinds = {f.name: _kind_of(f) for f in found if f.name in own and f.name not in given | codes}
    apart = {name: kind for name, kind in kinds.items() if kind}
    schema = pa.schema([_widened(f, {*given, *apart}, codes, known) for f in found])
    conversion = Conversion(
        _lost(text, schema, known),
        frozenset([*(text.numbers or ()), *(n for n, kind in apart.items() if kind == "number")]),
        {n: ISO for n, kind in apart.items() if kind == "date"} | dict(text.date_format or {}),
        text.decimal or ".",
        text.thousands,
    )
    shared = [word for name, kind in kinds.items() if not kind for word in own[name]]
    return Csv(text, schema, [*text.everywhere, *shared], conversion)


def _own_words(text: Text) -> dict[str, list[str]]:
    """{column: words for what is missing in it alone}, of those that have some."""
    given = text.na_values if isinstance(text.na_values, Mapping) else {}
    return {name: list(words) for name, words in given.items() if words}


def _kind_of(field: Any) -> str:
    """What a column with words of its own is read as: "number", "date", "text", or "" where
    pyarrow reads it, with these words in all columns: truths and times of day."""
    from pyarrow import types

    if types.is_date(field.type) or types.is_timestamp(field.type):
        return "date"
    if types.is_integer(field.type) or types.is_floating(field.type):
        return "number"
    return "text" if is_text(field.type) else ""


def _lost(text: Text, schema: Any, known: Known) -> dict[str, list[str]]:
    """{column: words that stand for what is missing} of texts, where columns differ in them."""
    everywhere = text.everywhere
    levels = {
        name: set(each) & {*MISSING_WORDS, *everywhere} for name, each in known.levels.items()
    }
    if not isinstance(text.na_values, Mapping) and not any(levels.values()):
        return {}
    out = {}
    for field in schema:
        if is_text(field.type):
            words = [*everywhere, *text.words_of(field.name)]
            out[field.name] = [word for word in words if word not in levels.get(field.name, ())]
    return out


def _widened(field: Any, texts: Collection[str], codes: Collection[str], known: Known) -> Any:
    """A column whose first rows alone are known: what looks whole may not stay so."""
    import pyarrow as pa

    name, kind = field.name, field.type
    if name in texts or name in codes:
        return pa.field(name, pa.string())
    if pa.types.is_null(kind) and name in known.dates:
        return pa.field(name, pa.timestamp("us"))
    if pa.types.is_date(kind):
        return pa.field(name, pa.timestamp("us"))
    whole = pa.types.is_integer(kind) or pa.types.is_null(kind)
    return pa.field(name, pa.float64() if whole else kind)


def _check_words(table: Any, text: Text, known: Known) -> None:
    """ValueError if NA may be one of the codes of two letters that a column holds: Namibia."""
    if text.keep_default_na is not None or "NA" in (text.na_values or ()):
        return
    for name in table.column_names:
        if not known.levels.get(name):
            values = set(table.column(name).unique().to_pylist()) - {*BLANKS, "", None}
            others = [value for value in values if value != "NA"]
            if len(others) < len(values) and others and all(map(_CODE.fullmatch, others)):
                raise ValueError(
                    f"column {name!r} holds 'NA' among codes such as {min(others)!r}: "
                    "keep_default_na=False makes it one of them, na_values=['NA'] what is missing"
                )


def _led_by_zero(table: Any) -> set[str]:
    """Columns of whole numbers in which one is written with a leading zero, as codes are."""
    import pyarrow.compute as pc

    return {
        name
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pc.any(pc.match_substring_regex(column, _LEADING_ZERO)).as_py()
    }


def _head(path: str, text: Text) -> bytes:
    """The first block of a file, in whole lines of UTF-8."""
    import pyarrow as pa

    try:
        if text.charset or text.comment:
            with contextlib.closing(without_comments(path, text)) as stream:
                head = stream.read(BLOCK_BYTES)
        else:
            with pa.input_stream(path, compression="detect") as stream:
                head = stream.read(BLOCK_BYTES)
    except ValueError as error:
        raise ValueError(in_words(error, path, text)) from None
    return head if len(head) < BLOCK_BYTES else head[: head.rfind(b"\n") + 1] or head


def _parsed(
    head: bytes, path: str, text: Text, types: dict[str, Any], words: list[str], columns: Any
) -> Any:
    """The first block of a file as a table of pyarrow."""
    import pyarrow.csv as pc

    options = _options(text, types, words, True, columns)
    options["read_options"] = pc.ReadOptions(block_size=len(head) + 1, use_threads=False)
    try:
        found = pc.read_csv(io.BytesIO(head), **options)
        found.column_names  # noqa: B018 (that of a name which is not UTF-8 is an error)
        return found
    except ValueError as error:
        raise ValueError(in_words(error, path, text)) from None


def _opened(
    path: str, text: Text, types: dict[str, Any], words: list[str], everywhere: bool, columns: Any
) -> Any:
    import pyarrow.csv as pc

    source = without_comments(path, text) if text.comment else path
    options = _options(text, types, words, everywhere, columns)
    charset = "utf8" if text.comment else text.charset or "utf8"
    options["read_options"] = pc.ReadOptions(
        block_size=BLOCK_BYTES, use_threads=False, encoding=charset
    )
    return pc.open_csv(source, **options)


def _options(
    text: Text, types: dict[str, Any], words: list[str], everywhere: bool, columns: Any
) -> dict[str, Any]:
    import pyarrow.csv as pc

    return {
        "parse_options": pc.ParseOptions(
            delimiter=text.sep or ",", invalid_row_handler=_blank_lines
        ),
        "convert_options": pc.ConvertOptions(
            column_types=types,
            null_values=words,
            strings_can_be_null=everywhere,
            decimal_point=text.decimal or ".",
            include_columns=columns,
        ),
    }


def _blank_lines(row: Any) -> str:
    return "error" if row.text.strip() else "skip"

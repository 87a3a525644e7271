"""CSV files, read some megabytes at a time by pyarrow, and what to do where that fails.

The first block of a file decides what its columns are. What later rows hold besides is refused by
line and column.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastreg._interrupts import out_of_main
from fastreg._jit import get_num_threads
from fastreg.sources import csv_blocks
from fastreg.sources.complaints import ComplaintError, LateError
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
from fastreg.sources.encoding import kind_of
from fastreg.sources.rows import Lines
from fastreg.sources.scan import near_up_to
from fastreg.sources.suspects import levels_of
from fastreg.sources.text import BLANKS, ISO, MISSING_WORDS, Text, is_text

BLOCK_BYTES = 1 << 24  # of text at a time
Advance = Callable[[int, int], None]  # told of (rows, bytes) that were read
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
    """How CSV files are read.

    schema : the types of columns; words : for what is missing in all of them
    conversion : what is done afterwards
    near : {column of numbers: rows up to which its mean is near zero by those of the first block}
    doubts : about columns whose words may be levels, or stand for what is missing
    """

    text: Text
    schema: Any
    words: list[str]
    conversion: Conversion
    near: dict[str, float]
    doubts: list[ComplaintError]

    def batches(self, path: str, columns: list[str], advance: Advance) -> Iterator[Any]:
        done = 0
        with contextlib.closing(
            csv_blocks.parsed(path, BLOCK_BYTES, self._parse(columns))
        ) as blocks:
            # With `charset` or `comment` what is parsed are not the bytes of the file.
            while not (self.text.charset or self.text.comment):
                try:
                    found, size = next(blocks)
                except StopIteration:
                    return
                except Exception:  # the reader below counts rows, and says which one is at fault
                    break
                for batch in found:
                    yield batch
                    done += batch.num_rows
                    advance(batch.num_rows, size)
        with _opened(path, self.text, self._converting(columns)) as reader:
            for batch in _after(done, self._told(path, reader)):
                yield batch
                advance(batch.num_rows, BLOCK_BYTES)

    def _converting(self, columns: list[str]) -> dict[str, Any]:
        types = {field.name: field.type for field in self.schema}
        return _options(self.text, types, self.words, not self.conversion.lost, columns)

    def _parse(self, columns: list[str]) -> csv_blocks.Parse:
        """What reads these columns of a block."""
        options = self._converting(columns)

        def parse(block: Any, length: int, heading: bytes) -> list[Any]:
            names = _names(heading, options["parse_options"]) if heading else None
            return _rows_of(block, length, names, options)

        return parse

    def _told(self, path: str, reader: Any) -> Iterator[Any]:
        try:
            yield from reader
        except ValueError as error:
            found = _INVALID.search(str(error))
            if found is None:
                raise ValueError(in_words(error, path, self.text)) from None
            names = header(path, self.text)
            raise self._late(path, names[int(found[1])], found[3], found[2]) from None

    def _late(self, path: str, name: str, value: str, kind: str) -> LateError:
        """Of a value that is not of the kind that the first rows have."""
        line = self.line_of_value(path, name, value)
        return LateError(
            f"line {line}, {name!r}: {value!r} is no {kind}, as what is before it: "
            f"na_values=[{value!r}] reads it as missing; {levels_of(name)}",
            name,
            "texts",
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
    table = _parsed(head, path, text, {}, words, None)
    found, held = table.schema, dict(zip(table.column_names, table.columns, strict=True))
    check_separator(found, path, text)
    given = {*known.levels, *(text.numbers or ()), *(text.date_format or ())}
    sure = given | known.numbers | known.dropped
    whole = [f.name for f in found if pa.types.is_integer(f.type) and f.name not in sure]
    words_of = [f.name for f in found if is_text(f.type) and f.name not in known.dropped]
    doubted = [name for name in words_of if _is_doubted(held[name], text, known, name)]
    raw = dict.fromkeys([*whole, *doubted], pa.string())
    if raw:
        written = _parsed(head, path, text, raw, [], list(raw))
    codes = _led_by_zero(written.select(whole)) if whole else set()
    doubts = _doubts(written.select(doubted)) if doubted else []
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
    near = {f.name: near_up_to(held[f.name]) for f in schema if kind_of(f) == "number"}
    return Csv(text, schema, [*text.everywhere, *shared], conversion, near, doubts)


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


def _is_doubted(column: Any, text: Text, known: Known, name: str) -> bool:
    """Whether a column has codes of two letters, of which NA may be one, and something missing."""
    if text.keep_default_na is not None or "NA" in (text.na_values or ()):
        return False
    if known.levels.get(name) or not column.null_count:
        return False
    return _are_codes(column.unique().drop_null().to_pylist())


def _are_codes(values: list[str]) -> bool:
    return bool(values) and all(map(_CODE.fullmatch, values))


def _doubts(table: Any) -> list[ComplaintError]:
    """About NA among the codes of two letters that a column holds: Namibia."""
    out = []
    for name in table.column_names:
        values = set(table.column(name).unique().to_pylist()) - {*BLANKS, "", None}
        others = [value for value in values if value != "NA"]
        if len(others) < len(values) and _are_codes(others):
            message = (
                f"column {name!r} holds 'NA' among codes such as {min(others)!r}: "
                "keep_default_na=False makes it one of them, na_values=['NA'] what is missing"
            )
            out.append(ComplaintError(message, name, "words"))
    return out


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
    size = len(head) + 1
    with contextlib.suppress(ValueError):  # told by one thread, which counts rows
        how = pc.ReadOptions(block_size=size, use_threads=get_num_threads() > 1)
        return _table(head, how, options)
    try:
        return _table(head, pc.ReadOptions(block_size=size, use_threads=False), options)
    except ValueError as error:
        raise ValueError(in_words(error, path, text)) from None


def _table(head: bytes, how: Any, options: dict[str, Any]) -> Any:
    found = _read(head, read_options=how, **options)
    found.column_names  # noqa: B018 (that of a name which is not UTF-8 is an error)
    return found


def _read(text: bytes, **options: Any) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pc

    return out_of_main(lambda: pc.read_csv(pa.BufferReader(text), **options))


def _opened(path: str, text: Text, options: dict[str, Any]) -> Any:
    import pyarrow.csv as pc

    source = without_comments(path, text) if text.comment else path
    charset = "utf8" if text.comment else text.charset or "utf8"
    how = pc.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, encoding=charset)
    return pc.open_csv(source, read_options=how, **options)


def _names(heading: bytes, how: Any) -> list[str]:
    """The columns that the first line of a file names."""
    return list(_read(heading, parse_options=how).column_names)


def _rows_of(
    block: Any, length: int, names: list[str] | None, options: dict[str, Any]
) -> list[Any]:
    """The batch of a block, of which what is behind its length is another block to pyarrow.

    ValueError if that has a row: then a value between quotes goes on there.
    """
    import pyarrow as pa
    import pyarrow.csv as pc

    how = pc.ReadOptions(block_size=length, use_threads=False, column_names=names)
    with pc.open_csv(pa.BufferReader(block), read_options=how, **options) as reader:
        found = list(reader)
    if length < len(block) and found and found[-1].num_rows:
        raise ValueError("a value goes on in the next block")
    return [batch for batch in found if batch.num_rows]


def _after(done: int, batches: Iterator[Any]) -> Iterator[Any]:
    """The rows but the first so many."""
    for batch in batches:
        if batch.num_rows > done:
            yield batch.slice(done)
        done = max(done - batch.num_rows, 0)


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

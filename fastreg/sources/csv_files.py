"""CSV files, read some megabytes at a time by pyarrow, and what to do where that fails.

The first block of a file decides what its columns are. What later rows hold besides is refused by
line and column.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastreg.sources.conversion import Conversion
from fastreg.sources.rows import Lines
from fastreg.sources.suspects import levels_of
from fastreg.sources.text import BLANKS, MISSING_WORDS, Text, is_text

BLOCK_BYTES = 1 << 24  # of text at a time
PACKED = (".gz", ".bz2", ".zst", ".lz4")
_LEADING_ZERO = r"^\s*[-+]?0[0-9]"
_CODE = re.compile("[A-Z]{2}")
_INVALID = re.compile(
    r"In CSV column #(\d+): .*?conversion error to (\S+): invalid value '(.*)'", re.S
)
_HEADS = {
    b"\x1f\x8b": "it is compressed by gzip: let its name end in .csv.gz",
    b"PK": "it is a zip archive, or a sheet of Excel: unpack it, or save it as CSV",
    b"\xff\xfe": "it is UTF-16: charset='utf-16' reads it",
    b"\xfe\xff": "it is UTF-16: charset='utf-16' reads it",
    b"PAR1": "it is a Parquet file: let its name end in .parquet",
}  # fmt: skip


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
    """How CSV files are read: the types of columns, and what is converted afterwards."""

    text: Text
    schema: Any
    words_everywhere: bool
    conversion: Conversion

    def batches(self, path: str, columns: list[str]) -> Iterator[Any]:
        types = {field.name: field.type for field in self.schema}
        words = self.text.everywhere
        with _opened(path, self.text, types, words, self.words_everywhere, columns) as reader:
            yield from self._told(path, reader)

    def _told(self, path: str, reader: Any) -> Iterator[Any]:
        try:
            yield from reader
        except ValueError as error:
            found = _INVALID.search(str(error))
            if found is None:
                raise ValueError(_in_words(error, path, self.text)) from None
            names = _header(path, self.text)
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
        at = _header(path, self.text).index(column)
        rows = _records(path, self.text)
        there = (line for line, row in rows if len(row) > at and row[at].strip() == value.strip())
        return next(there, 0)


def inspect(path: str, text: Text, known: Known) -> Csv:
    """What the columns of a file hold, by its first block."""
    import pyarrow as pa

    _check_head(path, text)
    own = text.na_values if isinstance(text.na_values, Mapping) else {}
    words = [*text.everywhere, *(word for each in own.values() for word in each)]
    head = _head(path, text)
    found = _parsed(head, path, text, {}, words, None).schema
    _check_separator(found, path, text)
    texts = {*known.levels, *(text.numbers or ()), *(text.date_format or ()), *own}
    sure = texts | known.numbers | known.dropped
    whole = [f.name for f in found if pa.types.is_integer(f.type) and f.name not in sure]
    words_of = [f.name for f in found if is_text(f.type) and f.name not in known.dropped]
    raw = dict.fromkeys([*whole, *words_of], pa.string())
    if raw:
        written = _parsed(head, path, text, raw, [], list(raw))
        _check_words(written.select(words_of), text, known)
    codes = _led_by_zero(written.select(whole)) if whole else set()
    schema = pa.schema([_widened(field, texts, codes, known) for field in found])
    lost = _lost(text, schema, known)
    numbers = {*(text.numbers or ()), *_number_columns(found, own)}
    conversion = Conversion(
        lost, frozenset(numbers), text.date_format, text.decimal or ".", text.thousands
    )
    return Csv(text, schema, not lost, conversion)


def _number_columns(schema: Any, own: Mapping[str, Any]) -> set[str]:
    """Those with words of their own that hold numbers otherwise."""
    from pyarrow import types

    kinds = {field.name: field.type for field in schema if field.name in own}
    return {n for n, k in kinds.items() if types.is_integer(k) or types.is_floating(k)}


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
            with contextlib.closing(_without_comments(path, text)) as stream:
                head = stream.read(BLOCK_BYTES)
        else:
            with pa.input_stream(path, compression="detect") as stream:
                head = stream.read(BLOCK_BYTES)
    except ValueError as error:
        raise ValueError(_in_words(error, path, text)) from None
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
        raise ValueError(_in_words(error, path, text)) from None


def _opened(
    path: str, text: Text, types: dict[str, Any], words: list[str], everywhere: bool, columns: Any
) -> Any:
    import pyarrow.csv as pc

    source = _without_comments(path, text) if text.comment else path
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


# ---------------------------------------------------------------- lines


def _stream(path: str, text: Text, errors: str = "replace") -> Any:
    """The text of a file, unpacked."""
    import pyarrow as pa

    raw = io.BufferedReader(pa.input_stream(path, compression="detect"))
    charset = text.charset or "utf-8-sig"
    return io.TextIOWrapper(raw, encoding=charset, errors=errors, newline="")


def _lines(path: str, text: Text, errors: str = "replace") -> Iterator[str]:
    """Those of a file, a comment as an empty one."""
    with contextlib.closing(_stream(path, text, errors)) as stream:
        for line in stream:
            yield "\n" if text.comment and line.startswith(text.comment) else line


def _records(path: str, text: Text, header: bool = False) -> Iterator[tuple[int, list[str]]]:
    """(line as an editor counts, values) of each row."""
    reader = csv.reader(_lines(path, text), delimiter=text.sep or ",")
    line, begun = 1, header
    with contextlib.suppress(csv.Error):  # no line is better than another error
        for row in reader:
            blank = not row or (len(row) == 1 and not row[0].strip())
            if not blank and begun:
                yield line, row
            begun, line = begun or not blank, reader.line_num + 1


def line_of(path: str, text: Text, number: int) -> int:
    """The line of row `number`, of which the first is 0."""
    for row, (line, _) in enumerate(_records(path, text)):
        if row == number:
            return line
    return number


def _header(path: str, text: Text) -> list[str]:
    return next(_records(path, text, header=True), (0, []))[1]


class _Encoded(io.RawIOBase):
    """Lines of text as the bytes that are asked for."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._pieces, self._left = (line.encode() for line in lines), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self._left) < len(buffer):
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._left += piece
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def _without_comments(path: str, text: Text) -> Any:
    """A file in UTF-8, without its comments."""
    return io.BufferedReader(_Encoded(_lines(path, text, "strict")), 1 << 16)


# ---------------------------------------------------------------- advice


def _check_head(path: str, text: Text) -> None:
    """ValueError if a file is known not to be CSV by how it begins."""
    if Path(path).suffix.lower() in PACKED:
        return
    with open(path, "rb") as stream:
        head = stream.read(4)
    for begin, reason in _HEADS.items():
        if head.startswith(begin) and not (text.charset and "16" in text.charset):
            raise ValueError(reason)


def _check_separator(schema: Any, path: str, text: Text) -> None:
    advice = _advice(path, text) if len(schema) == 1 else ""
    if advice:
        raise ValueError(f"it has one column, {schema.names[0]!r}: {advice}")


def _in_words(error: Exception, path: str, text: Text) -> str:
    reason = " ".join(str(error).split())
    if isinstance(error, UnicodeDecodeError) or "UTF8" in reason or "utf-8" in reason:
        return f"it is not UTF-8: charset='cp1252' reads what Windows wrote in Europe ({reason})"
    advice = _advice(path, text)
    return f"{reason}; {advice}" if advice else reason


def _advice(path: str, text: Text) -> str:
    """What the first lines look like."""
    lines = [line.strip() for line in itertools.islice(_lines(path, text), 50)]
    first, *rest = [line for line in lines if line] or [""]
    for mark in ("#", "%", "//", "sep="):
        if first.startswith(mark) and text.comment is None:
            return f"its first line is {first[:40]!r}: comment={mark!r} leaves such lines out"
    if (text.sep or ",") in first:
        return ""
    sep = next((each for each in ";\t|" if each in first), None)
    if sep is None:
        return ""
    decimal = rest and text.decimal is None and re.search(r"\d,\d", rest[0])
    return f"give sep={sep!r}" + (" and decimal=','" if decimal else "")

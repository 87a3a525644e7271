"""The lines of CSV files, as an editor counts them, and what they look like where a read fails."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fastreg.sources.text import Text

_DECIMAL_COMMA = re.compile(r"\d,(?!\d{3}(?!\d))\d")  # 1,5 and not 1,234
_RAGGED = re.compile(r"Expected (\d+) columns, got \d+")
PACKED = (".gz", ".bz2", ".zst", ".lz4")
_HEADS = {
    b"\x1f\x8b": "it is compressed by gzip: let its name end in .csv.gz",
    b"PK": "it is a zip archive, or a sheet of Excel: unpack it, or save it as CSV",
    b"\xff\xfe": "it is UTF-16: charset='utf-16' reads it",
    b"\xfe\xff": "it is UTF-16: charset='utf-16' reads it",
    b"PAR1": "it is a Parquet file: let its name end in .parquet",
}  # fmt: skip


def _stream(path: str, text: Text, errors: str = "replace") -> Any:
    """The text of a file, unpacked."""
    import pyarrow as pa

    raw = io.BufferedReader(pa.input_stream(path, compression="detect"))
    charset = text.charset or "utf-8-sig"
    return io.TextIOWrapper(raw, encoding=charset, errors=errors, newline="")


def lines_of(path: str, text: Text, errors: str = "replace") -> Iterator[str]:
    """Those of a file, a comment as an empty one."""
    with contextlib.closing(_stream(path, text, errors)) as stream:
        for line in stream:
            yield "\n" if text.comment and line.startswith(text.comment) else line


def records(path: str, text: Text, heading: bool = False) -> Iterator[tuple[int, list[str]]]:
    """(line as an editor counts, values) of each row."""
    reader = csv.reader(lines_of(path, text), delimiter=text.sep or ",")
    line, begun = 1, heading
    with contextlib.suppress(csv.Error):  # no line is better than another error
        for row in reader:
            blank = not row or (len(row) == 1 and not row[0].strip())
            if not blank and begun:
                yield line, row
            begun, line = begun or not blank, reader.line_num + 1


def line_of(path: str, text: Text, number: int) -> int:
    """The line of row `number`, of which the first is 0."""
    for row, (line, _) in enumerate(records(path, text)):
        if row == number:
            return line
    return number


def header(path: str, text: Text) -> list[str]:
    return next(records(path, text, heading=True), (0, []))[1]


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


def without_comments(path: str, text: Text) -> Any:
    """A file in UTF-8, without its comments."""
    return io.BufferedReader(_Encoded(lines_of(path, text, "strict")), 1 << 16)


# ---------------------------------------------------------------- advice


def check_head(path: str, text: Text) -> None:
    """ValueError if a file is known not to be CSV by how it begins."""
    if Path(path).suffix.lower() in PACKED:
        return
    with open(path, "rb") as stream:
        head = stream.read(4)
    for begin, reason in _HEADS.items():
        if head.startswith(begin) and not (text.charset and "16" in text.charset):
            raise ValueError(reason)


def check_separator(schema: Any, path: str, text: Text) -> None:
    advice = _advice(path, text) if len(schema) == 1 else ""
    if advice:
        raise ValueError(f"it has one column, {schema.names[0]!r}: {advice}")


def in_words(error: Exception, path: str, text: Text) -> str:
    reason = " ".join(str(error).split())
    if isinstance(error, UnicodeDecodeError) or "UTF8" in reason or "utf-8" in reason:
        return f"it is not UTF-8: charset='cp1252' reads what Windows wrote in Europe ({reason})"
    ragged = _RAGGED.search(reason)
    reason = _ragged(path, text, int(ragged[1]), reason) if ragged else reason
    advice = _advice(path, text)
    return f"{reason}; {advice}" if advice else reason


def _ragged(path: str, text: Text, wanted: int, reason: str) -> str:
    """Where the first row stands that has not as many values as the header."""
    rows = records(path, text)
    line, row = next((found for found in rows if len(found[1]) != wanted), (0, []))
    if not line:
        return reason
    return (
        f"line {line} has {len(row)} values, the header has {wanted}: put a value that holds "
        f"{text.sep or ','!r} between quotes, or mend the line"
    )


def _advice(path: str, text: Text) -> str:
    """What the first lines look like."""
    lines = [line.strip() for line in itertools.islice(lines_of(path, text), 50)]
    first, *rest = [line for line in lines if line] or [""]
    for mark in ("#", "%", "//", "sep="):
        if first.startswith(mark) and text.comment is None:
            return f"its first line is {first[:40]!r}: comment={mark!r} leaves such lines out"
    if (text.sep or ",") in first:
        return ""
    sep = next((each for each in ";\t|" if each in first), None)
    if sep is None:
        return ""
    values = rest[0] if rest and text.decimal is None else ""
    decimal = _DECIMAL_COMMA.search(values)
    return f"give sep={sep!r}" + (" and decimal=','" if decimal else "")

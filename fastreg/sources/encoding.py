"""Columns of a table as features: numbers as they are, texts one-hot, dates in parts.

| column | features |
|---|---|
| numbers, booleans; times of day and durations in seconds | itself |
| texts, and what `categories` names | one for each level, 1 where the row has it |
| dates and times | days since the first, and one for each month, weekday and hour |

What a table is read into is fixed by the first read: other rows, and other files, give the same
features in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastreg.sources.buffers import Buffers
from fastreg.sources.complaints import ComplaintError
from fastreg.sources.spelling import spelled
from fastreg.sources.text import PLAIN, Text, is_text, text_of

Array = np.ndarray
MISSING = "(missing)"
MOST_LEVELS = 10_000
_SPARSE = 8  # features by entry of a row, from which rows are stored sparse
_DAY = 86400.0
_PARTS = {
    "month": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "weekday": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "hour": [str(i) for i in range(24)],
}


class Piece(NamedTuple):
    """`size` neighbouring features, of which a row has one: value (b,) in feature code (b,)."""

    size: int
    values: Any
    codes: Any = 0


@dataclass(frozen=True)
class Number:
    """(x − origin)/unit, or `fill` and an indicator where x is missing; `fill` None: never."""

    name: str
    origin: float = 0.0
    unit: float = 1.0
    fill: float | None = None
    kind: ClassVar[str] = "number"

    @property
    def features(self) -> list[str]:
        return [self.name] if self.fill is None else [self.name, f"{self.name} {MISSING}"]

    @property
    def entries(self) -> int:
        return len(self.features)

    @property
    def marks(self) -> bool:
        return self.fill is not None

    def missing(self, column: Any) -> Array:
        return np.isnan(numbers(column))

    def pieces(self, column: Any, unknown: Callable[[Array], None]) -> list[Piece]:
        return _filled(_measured(numbers(column), self.origin, self.unit), self.fill)


@dataclass(frozen=True)
class Category:
    """1 in the feature of the row's level; with `marks`, `MISSING` is the last of them."""

    name: str
    levels: tuple[str, ...]
    marks: bool = False
    kind: ClassVar[str] = "category"
    entries: ClassVar[int] = 1

    @property
    def features(self) -> list[str]:
        return [f"{self.name}={level}" for level in self.levels]

    def missing(self, column: Any) -> Array:
        return _is_null(column)

    def pieces(self, column: Any, unknown: Callable[[Array], None]) -> list[Piece]:
        codes = self._codes(column)
        absent = codes < 0
        if absent.any():
            null = self.missing(column)
            absent = self._respelled(column, codes, absent & ~null)
            unknown(absent)
            if self.marks:
                codes[null] = len(self.levels) - 1
        return [Piece(len(self.levels), (codes >= 0).astype(float), np.maximum(codes, 0))]

    def _codes(self, column: Any) -> Array:
        """(b,) number of the level, −1 for another."""
        import pyarrow.compute as pc

        found = pc.index_in(texts(column), value_set=_array(self.levels))
        return np.array(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)

    def _respelled(self, column: Any, codes: Array, absent: Array) -> Array:
        """Levels written in another way, put into `codes`; (b,) bool, what is none of them."""
        rows = np.flatnonzero(absent)
        by_spelling = {spelled(level): code for code, level in enumerate(self.levels)}
        found = [
            by_spelling.get(spelled(text), -1) for text in texts(column.take(rows)).to_pylist()
        ]
        codes[rows] = found
        return absent & (codes < 0)


@dataclass(frozen=True)
class Date:
    """Days since `origin` (days from 1970 on) over `unit`, and which month, weekday and, if
    `hours`, hour."""

    name: str
    origin: float = 0.0
    unit: float = 1.0
    hours: bool = False
    fill: float | None = None
    kind: ClassVar[str] = "date"

    @property
    def _parts(self) -> list[str]:
        return list(_PARTS) if self.hours else list(_PARTS)[:2]

    @property
    def features(self) -> list[str]:
        missing = [] if self.fill is None else [f"{self.name} {MISSING}"]
        parts = [f"{self.name} {part}={level}" for part in self._parts for level in _PARTS[part]]
        return [f"{self.name} days", *missing, *parts]

    @property
    def entries(self) -> int:
        return 1 + (self.fill is not None) + len(self._parts)

    @property
    def marks(self) -> bool:
        return self.fill is not None

    def missing(self, column: Any) -> Array:
        return _is_null(column)

    def pieces(self, column: Any, unknown: Callable[[Array], None]) -> list[Piece]:
        import pyarrow.compute as pc

        read = {"month": pc.month, "weekday": pc.day_of_week, "hour": pc.hour}
        out = _filled(_measured(days(column), self.origin, self.unit), self.fill)
        for part in self._parts:
            codes = numbers(read[part](column)) - (part == "month")
            known = ~np.isnan(codes)
            codes = np.where(known, codes, 0).astype(np.int64)
            out.append(Piece(len(_PARTS[part]), known.astype(float), codes))
        return out


Column = Number | Category | Date
_KINDS: dict[str, Any] = {kind.kind: kind for kind in (Number, Category, Date)}


@dataclass(frozen=True)
class Encoding:
    """How the columns of a table become features, and what becomes of rows that are not whole.

    columns : of features, in their order
    text : how texts of a table are read
    missing : "error", "drop" (such rows are left out) or "indicator"
    unknown : "error" or "ignore" (no level is 1), of a level that is none of those fixed
    """

    columns: tuple[Column, ...]
    missing: str = "error"
    unknown: str = "error"
    text: Text = PLAIN

    @property
    def features(self) -> list[str]:
        return [feature for column in self.columns for feature in column.features]

    @property
    def entries(self) -> int:
        """Of a row: what is stored where it is sparse."""
        return sum(column.entries for column in self.columns)

    @property
    def is_sparse(self) -> bool:
        return len(self.features) > _SPARSE * self.entries

    def is_lost(self, batch: Any) -> Array:
        """(b,) bool: rows in which something is missing."""
        lost = np.zeros(batch.num_rows, bool)
        for column in self.columns:
            lost |= column.missing(batch.column(column.name))
        return lost

    def encode(
        self, batch: Any, row: Callable[[int], str], dtype: Any, advice: str, buffers: Buffers
    ) -> Any:
        """X of rows, (b, n), dense in Fortran order or CSR.

        Parameters
        ----------
        batch : pyarrow record batch or table
        row, advice : the name of row i, and what to do about a missing value, for messages
        """
        pieces = [
            piece for column in self.columns for piece in self._pieces(batch, column, row, advice)
        ]
        if self.is_sparse:
            return _sparse(pieces, batch.num_rows, dtype)
        return _dense(pieces, batch.num_rows, dtype, buffers)

    def _pieces(
        self, batch: Any, column: Column, row: Callable[[int], str], advice: str
    ) -> list[Piece]:
        import pyarrow as pa

        values = batch.column(column.name)

        def unknown(where: Array) -> None:
            if self.unknown == "error" and where.any():
                i = int(np.argmax(where))
                raise ComplaintError(
                    f"{row(i)}, {column.name!r}: {str(values[i])!r} is none of its levels; read it "
                    "with unknown='ignore' to let no level stand for it"
                )

        # NaN among numbers is found by whoever sums them up: to look here is another read.
        own = isinstance(column, Number) or column.marks
        lost = np.zeros(0, bool) if own else column.missing(values)
        if lost.any():
            where = f"{row(int(np.argmax(lost)))}, {column.name!r}"
            raise ComplaintError(f"{where}: the value is missing (NaN); {advice}")
        try:
            return column.pieces(values, unknown)
        except pa.ArrowException as error:  # a zone that nobody knows, a year that is out of range
            raise ValueError(f"{row(0)} or later, {column.name!r}: {error}") from None

    def to_plain(self) -> dict[str, Any]:
        """As JSON has it."""
        columns = [{"kind": column.kind, **asdict(column)} for column in self.columns]
        text = {"text": self.text.given} if self.text.given else {}
        return {"missing": self.missing, "unknown": self.unknown, "columns": columns, **text}

    @classmethod
    def from_plain(cls, plain: Any) -> Encoding:
        """Of what `to_plain` gave; ValueError if it is not that."""
        try:
            columns = []
            for entry in plain["columns"]:
                values = {key: value for key, value in entry.items() if key != "kind"}
                if "levels" in values:
                    values["levels"] = tuple(_text(level) for level in _list(values["levels"]))
                for key in ("origin", "unit", "fill"):
                    if values.get(key) is not None:
                        values[key] = _finite(values[key], least=0.0 if key == "unit" else -np.inf)
                columns.append(_KINDS[entry["kind"]](**values | {"name": _text(values["name"])}))
            text = text_of(plain.get("text", {}))
            out = cls(tuple(columns), plain["missing"], plain["unknown"], text)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"its encoding is not sound: {error}") from None
        out.check()
        return out

    def check(self) -> None:
        """ValueError that names the option."""
        if self.missing not in ("error", "drop", "indicator"):
            raise ValueError(
                f"missing must be 'error', 'drop' or 'indicator', got {self.missing!r}"
            )
        if self.unknown not in ("error", "ignore"):
            raise ValueError(f"unknown must be 'error' or 'ignore', got {self.unknown!r}")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is no list")
    return list(value)


def _finite(value: Any, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    if not (np.isfinite(value) and value > least):
        raise ValueError(f"{value!r} is out of range")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


# ---------------------------------------------------------------- rows of features


def _dense(pieces: list[Piece], b: int, dtype: Any, buffers: Buffers) -> Array:
    X = buffers.take((b, sum(piece.size for piece in pieces)), dtype, "F")
    at, rows = 0, np.arange(b)
    for size, values, codes in pieces:
        if size == 1:
            X[:, at] = values
        else:
            X[:, at : at + size] = 0.0
            X[rows, at + codes] = values
        at += size
    return X


def _sparse(pieces: list[Piece], b: int, dtype: Any) -> Any:
    """CSR with as many entries in every row, zeros among them."""
    import scipy.sparse

    shape = (b, len(pieces))
    data, indices, at = np.empty(shape, dtype), np.empty(shape, np.int32), 0
    for k, (size, values, codes) in enumerate(pieces):
        data[:, k] = values
        indices[:, k] = at + codes
        at += size
    indptr = np.arange(b + 1, dtype=np.int32) * len(pieces)
    return scipy.sparse.csr_matrix((data.ravel(), indices.ravel(), indptr), shape=(b, at))


def _measured(values: Array, origin: float, unit: float) -> Array:
    values = values - origin if origin else values
    return values if unit == 1.0 else values / unit


def _filled(values: Array, fill: float | None) -> list[Piece]:
    if fill is None:
        return [Piece(1, values)]
    lost = np.isnan(values)
    return [Piece(1, np.where(lost, fill, values)), Piece(1, lost.astype(float))]


# ---------------------------------------------------------------- columns of pyarrow


def _array(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(list(values), pa.string())


def _is_null(column: Any) -> Array:
    return np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool)


def texts(column: Any) -> Any:
    """Whatever a category is made of, as strings."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column if column.type == pa.string() else column.cast(pa.string())


def numbers(column: Any) -> Array:
    """(b,) float, NaN where there is none; seconds of a time or a duration."""
    import pyarrow as pa
    from pyarrow import types

    kind, unit = column.type, 1.0
    if types.is_time(kind) or types.is_duration(kind):
        unit = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[kind.unit]
        column = column.cast(pa.int32() if types.is_time32(kind) else pa.int64())
    elif types.is_decimal(kind) or types.is_boolean(kind):
        column = column.cast(pa.float64())
    if column.null_count and types.is_integer(column.type):
        column = column.cast(pa.float64(), safe=False)
    values = np.asarray(column.to_numpy(zero_copy_only=False))
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    return values if unit == 1.0 else values * unit


def days(column: Any) -> Array:
    """(b,) days since 1970, NaN where there is none."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_date(column.type):
        return numbers(column.cast(pa.date32()).cast(pa.int32()))
    unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[column.type.unit]
    return numbers(column.cast(pa.int64())) / (unit * _DAY)


def kind_of(field: Any) -> str:
    """What becomes of a column: "number", "date", "category", "text" that may be one, or "" for
    none of these."""
    from pyarrow import types

    kind = field.type
    plain = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)
    if plain or types.is_decimal(kind) or types.is_time(kind) or types.is_duration(kind):
        return "number"
    if types.is_date(kind) or types.is_timestamp(kind):
        return "date"
    if is_text(kind):
        return "text"
    return "category" if types.is_dictionary(kind) else ""

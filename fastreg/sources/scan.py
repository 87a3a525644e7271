"""A first read of a table, to fix the features that its columns become."""

from __future__ import annotations

import contextlib
import copy
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from fastreg._jit import single_threaded_blas
from fastreg.sources.complaints import ComplaintError, Complaints
from fastreg.sources.encoding import (
    MISSING,
    MOST_LEVELS,
    Category,
    Column,
    Date,
    Encoding,
    Number,
    days,
    numbers,
    texts,
)
from fastreg.sources.spelling import one_spelling
from fastreg.sources.suspects import identity, is_identity, misread, reading_of

Array = np.ndarray
_FAR = 100.0  # spreads: a mean farther from zero is subtracted where rows are stored sparse


class How(NamedTuple):
    """How columns are encoded: with marks for what is missing, numbers in standard deviations,
    rows stored sparse."""

    marked: bool
    standardize: bool
    sparse: bool = False


@dataclass
class Numbers:
    """Number, mean, spread and missing values of a column."""

    name: str
    count: int = 0
    lost: int = 0
    first: float | None = None
    total: float = 0.0
    squares: float = 0.0

    def add(self, column: Any) -> None:
        self.note(numbers(column))

    def note(self, values: Array) -> None:
        finite, known = np.isfinite(values), values
        if not finite.all():  # the copies took 0.8 ms for 139 000 values, the rest 0.2
            self.lost += int(np.isnan(values).sum())
            known = values[finite]
        known = known.astype(np.float64, copy=False)
        if not len(known):
            return
        self.first = float(known[0]) if self.first is None else self.first
        with np.errstate(over="ignore", invalid="ignore"):
            away = known - self.first
            self.count += len(known)
            self.total += float(away.sum())
            self.squares += float(away @ away)

    @property
    def mean(self) -> float:
        return (self.first or 0.0) + self.total / max(self.count, 1)

    @property
    def spread(self) -> float:
        away = self.total / max(self.count, 1)
        return float(np.sqrt(max(self.squares / max(self.count, 1) - away**2, 0.0)))

    def merge(self, other: Any) -> None:
        """With the values that `other` has seen."""
        self.lost += other.lost
        if other.first is None:
            return
        self.first = other.first if self.first is None else self.first
        away = other.first - self.first
        self.squares += other.squares + 2.0 * away * other.total + other.count * away**2
        self.total += other.total + other.count * away
        self.count += other.count

    def column(self, how: How) -> Column:
        far = how.sparse and abs(self.mean) > _FAR * self.spread
        origin = self.mean if far else 0.0
        return Number(self.name, origin, *self._unit_and_fill(origin, how))

    def _unit_and_fill(self, origin: float, how: How) -> tuple[float, float | None]:
        unit = self.spread if how.standardize and 0.0 < self.spread < np.inf else 1.0
        return unit, (self.mean - origin) / unit if how.marked and self.lost else None


def near_up_to(column: Any) -> float:
    """The number of values up to which a column that begins with these has a mean within `_FAR`
    spreads of zero, whatever the others are.

    For a share f of values with mean μ and spread σ, and others with mean μ + d, the mean of all is
    μ + (1 − f)·d and the variance at least f·σ² + f·(1 − f)·d², so that by Cauchy and Schwarz
    mean² ≤ (μ²/σ² + 1 − f)/f · variance. Rounding has a tenth of the spreads.
    """
    values = numbers(column)
    known = values[np.isfinite(values)].astype(np.float64, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = (known.mean(), known.std()) if len(known) else (0.0, 0.0)
        if not 0.0 < spread < np.inf:
            return 0.0
        return float(len(known) * (0.9 * _FAR) ** 2 / ((mean / spread) ** 2 + 1.0))


@dataclass
class Levels:
    """The different texts of a column."""

    name: str
    found: Counter[str] = field(default_factory=Counter)  # {text: rows}
    lost: int = 0
    too_many: bool = False  # of them: no more are looked at

    def add(self, column: Any) -> None:
        if self.too_many:
            return
        self.lost += column.null_count
        coded = texts(column).dictionary_encode()
        for part in getattr(coded, "chunks", [coded]):
            codes = np.asarray(part.indices.drop_null())
            counts = np.bincount(codes, minlength=len(part.dictionary)).tolist()
            self.found.update(dict(zip(part.dictionary.to_pylist(), counts, strict=True)))
        self._check()

    def merge(self, other: Any) -> None:
        """With the values that `other` has seen."""
        self.lost += other.lost
        self.found = self.found + other.found
        self.too_many = self.too_many or other.too_many
        self._check()

    def _check(self) -> None:
        self.too_many = self.too_many or len(self.found) > MOST_LEVELS

    def column(self, how: How) -> Column:
        if self.too_many:
            self.refuse(feature=True)
            message = (
                f"column {self.name!r} has more than {MOST_LEVELS} different values, each of which "
                "would be a feature: leave it out with drop, or group them first"
            )
            raise ComplaintError(message, self.name, "kind")
        marked = how.marked and self.lost > 0
        return _category(self.name, one_spelling(self.found), marked)

    def refuse(self, *, feature: bool = False) -> None:
        """MisreadError if the texts look like something else."""
        reading = reading_of(self.name, self.found)
        if reading is not None:
            raise misread(self.name, reading, self.found, feature=feature)


@dataclass
class Texts(Levels):
    """Of a column that nobody has named a category."""

    def column(self, how: How) -> Column:
        self.refuse(feature=True)
        if not self.too_many and is_identity(self.found):
            raise identity(self.name, self.found)
        return super().column(how)


@dataclass
class Sample(Levels):
    """The first of them, of a column that must be numbers."""

    def add(self, column: Any) -> None:
        if len(self.found) < MOST_LEVELS:
            super().add(column[:MOST_LEVELS])

    def _check(self) -> None:
        pass


@dataclass
class Dates(Numbers):
    """Numbers of days, and whether the hour differs."""

    hours: bool = False
    least: float = np.inf

    def add(self, column: Any) -> None:
        values = days(column)
        self.note(values)
        known = values[np.isfinite(values)]
        if len(known):
            self.least = min(self.least, float(known.min()))
            self.hours = self.hours or bool((known % 1.0).any())

    def merge(self, other: Any) -> None:
        """With the values that `other` has seen."""
        super().merge(other)
        self.hours, self.least = self.hours or other.hours, min(self.least, other.least)

    def column(self, how: How) -> Column:
        origin = float(np.floor(self.least)) if self.count else 0.0
        unit, fill = self._unit_and_fill(origin, how)
        return Date(self.name, origin, unit, self.hours, fill)


_SEEN: dict[str, Any] = {
    "number": Numbers, "category": Levels, "text": Texts, "date": Dates, "sample": Sample,
}  # fmt: skip


Seen = dict[str, Any]  # column: what was seen of it


def unseen(kinds: dict[str, str]) -> Seen:
    """Of columns of these kinds, before any row is seen."""
    return {name: _SEEN[kind](name) for name, kind in kinds.items()}


def look(batches: Iterable[Any], kinds: dict[str, str]) -> Seen:
    """What columns hold, from one read of them.

    Parameters
    ----------
    batches : record batches with these columns
    kinds : of each column, see `encoding.kind_of`
    """
    seen = unseen(kinds)
    with _bits_of_one_thread(kinds):
        for batch in batches:
            for name, each in seen.items():
                each.add(batch.column(name))
    return seen


def _bits_of_one_thread(kinds: Mapping[str, str]) -> Any:
    """Squares of numbers by one thread of BLAS: beside another reader two took 7 ms for 139 000,
    one 0.02."""
    measured = not {*kinds.values()} <= {"text", "category", "sample"}
    return single_threaded_blas if measured else contextlib.nullcontext()


def merge(a: Seen, b: Seen) -> Seen:
    """What either has seen; both stay as they are, for a task may be run again."""
    out = {name: copy.copy(each) for name, each in a.items()}
    for name, each in out.items():
        each.merge(b[name])
    return out


def columns_of(
    kinds: Mapping[str, str],
    seen: Seen,
    levels: Mapping[str, Any],
    how: How,
    complaints: Complaints,
) -> tuple[Column, ...]:
    """Columns as they were seen, or with the levels that are given. What is wrong is noted, and a
    column without levels stands for one that is no feature."""
    out: list[Column] = []
    for name, kind in kinds.items():
        found = _blank(name, kind, marked=how.marked)
        with complaints.noting():
            given = name in levels
            found = _category(name, levels[name], how.marked) if given else seen[name].column(how)
        out.append(found)
    return tuple(out)


def _blank(name: str, kind: str, *, marked: bool) -> Column:
    """A column of which nothing but its kind is known."""
    fill = 0.0 if marked else None
    if kind == "number":
        return Number(name, fill=fill)
    return Date(name, fill=fill) if kind == "date" else Category(name, (), marked)


def near_zero(encoding: Encoding, seen: Seen, *, standardize: bool) -> Encoding:
    """The same, of rows that are stored sparse: numbers far from zero less their mean."""
    how = How(encoding.missing == "indicator", standardize, sparse=True)
    columns = [
        seen[column.name].column(how) if isinstance(column, Number) else column
        for column in encoding.columns
    ]
    return replace(encoding, columns=tuple(columns))


def _category(name: str, levels: Iterable[Any], marked: bool) -> Category:
    import pyarrow as pa

    given = list(levels)
    found = given if all(isinstance(v, str) for v in given) else texts(pa.array(given)).to_pylist()
    if len(set(found)) < len(found):
        raise ValueError(f"categories of {name!r} holds a level twice")
    if marked:  # what is called so is missing as well
        found = [*(level for level in found if level != MISSING), MISSING]
    return Category(name, tuple(found), marked)

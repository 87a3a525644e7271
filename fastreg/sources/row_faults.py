"""Values that no fit takes, in all rows of a table.

A read ends at the first of them. This one goes on, so that a person mends all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastreg.sources.columns import Reading
from fastreg.sources.complaints import ComplaintError, Complaints, LateError
from fastreg.sources.encoding import Category, Number, numbers
from fastreg.sources.formats import Found
from fastreg.sources.rows import row_of

Array = np.ndarray
_ROWS = 1 << 16  # at a time


def note_rows(found: Found, how: Reading, complaints: Complaints) -> None:
    """Note the faults of each column. The first is told with its place, others are counted."""
    while True:
        seen = _Seen(how.without(complaints.spare), how)
        try:
            seen.read(found, complaints.add)
        except LateError as error:
            complaints.add_of_column(error)
            continue
        except ValueError as error:  # no more of the table can be read
            complaints.add(error)
        seen.tell(complaints.add)
        return


@dataclass
class _First:
    """Where a fault of a column was seen first, and how many rows have it."""

    place: str
    row: int
    value: str
    count: int = 0


@dataclass
class _Seen:
    """The faults of rows that were read.

    how : how the columns that can be judged are read; whole : how all are
    """

    how: Reading
    whole: Reading
    faults: dict[tuple[str, str], _First] = field(default_factory=dict)  # (column, what): first

    def read(self, found: Found, note: Callable[[ValueError], None]) -> None:
        columns = self.how.needed
        for place, batches in found.parts(columns, _ROWS, note=note) if columns else ():
            row = 0
            for batch in batches:
                numbered = np.arange(row, row + batch.num_rows)
                self._add(*self.how.kept(batch, numbered), place)
                row += batch.num_rows

    def _add(self, part: Any, numbered: Array, place: str) -> None:
        for name, what, where in _faults(self.how, part):
            if where.any():
                i = int(np.argmax(where))
                first = _First(place, int(numbered[i]), str(part.column(name)[i]))
                self.faults.setdefault((name, what), first).count += int(where.sum())

    def tell(self, note: Callable[[ValueError], None]) -> None:
        for (name, what), first in self.faults.items():
            others = first.count - 1
            more = f", and in {others} more row{'s' * (others > 1)}" if others else ""
            text, advice = self._words(name, what, first.value)
            place = row_of(first.place, first.row)
            note(ComplaintError(f"{place}, {name!r}: {text}{more}; {advice}", name, what))

    def _words(self, name: str, what: str, value: str) -> tuple[str, str]:
        """What is wrong, and what to do."""
        if what == "missing":
            return "the value is missing (NaN)", self._advice(name)
        if what == "unknown":
            advice = "read it with unknown='ignore' to let no level stand for it"
            return f"{value!r} is none of its levels", advice
        if what == "negative":
            return f"the weight is negative, {value}", "mend it, or leave the row out"
        way = "leave the row out" if name in self.how.aside else f"drop=[{name!r}] leaves it out"
        return "the value is infinite, or too large", f"mend it, or {way}"

    def _advice(self, name: str) -> str:
        if name in self.how.aside:
            return "missing='drop' leaves such rows out"
        columns = self.whole.encoding.columns
        numeric = any(each.name == name and isinstance(each, Number) for each in columns)
        # The note is about words such as NA, which stand in texts.
        return (replace(self.whole, note="") if numeric else self.whole).advice


def _faults(how: Reading, part: Any) -> Iterator[tuple[str, str, Array]]:
    """(column, what is wrong, rows where it is)."""
    for column in how.encoding.columns:
        values = part.column(column.name)
        if not column.marks:
            yield column.name, "missing", column.missing(values)
        if isinstance(column, Number):
            yield column.name, "infinite", np.isinf(numbers(values))
        if isinstance(column, Category) and column.levels and how.encoding.unknown == "error":
            yield column.name, "unknown", _unknown(column, values)
    for name in how.aside:
        known = how.values(part, name)
        yield name, "missing", np.isnan(known)
        yield name, "infinite", np.isinf(known)
        if name == how.weight:
            yield name, "negative", known < 0.0


def _unknown(column: Category, values: Any) -> Array:
    found = [np.zeros(len(values), bool)]
    column.pieces(values, found.append)
    return found[-1]

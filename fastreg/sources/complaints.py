"""What is wrong with a table: noted one by one, told at once.

A reader notes a complaint and goes on. At the end one error tells what was noted: a single
complaint as it is, several with a line for each.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any


class ComplaintError(ValueError):
    """One thing that is wrong with a table.

    topic : the column, and what is wrong with it; of one topic the first complaint is told
    """

    def __init__(self, message: str, *topic: str) -> None:
        super().__init__(message)
        self.topic = topic


class LateError(ComplaintError):
    """A value of a column is not of the kind that the rows before it have."""


class MisreadError(ComplaintError):
    """A column is not what it seems to be.

    column, value : whose place in the data is to be told, after `before`
    """

    def __init__(self, column: str, value: str, before: str, after: str) -> None:
        super().__init__(before + after, column, "kind")
        self.column, self.value, self.before, self.after = column, value, before, after

    def at(self, place: str) -> MisreadError:
        """The same, with the place of the value."""
        return MisreadError(self.column, self.value, f"{self.before} ({place})", self.after)


class ComplaintsError(ValueError):
    """Several things that are wrong with a table: a line that names it, and one for each."""


class Complaints:
    """What was noted about a table.

    Parameters
    ----------
    name : of the table, for messages
    place : the place of a value in a column, None where nobody looks for it
    read : notes what is wrong with the values of rows, given how they are read
    patient : whether to read rows where names are wrong already

    Attributes
    ----------
    spare : columns that are not judged: what they hold is not known
    """

    def __init__(
        self,
        name: str,
        place: Callable[[str, str], str] | None = None,
        read: Callable[[Any, Complaints], None] | None = None,
        *,
        patient: bool = True,
    ) -> None:
        self.name, self.patient = name, patient
        self.spare: set[str] = set()
        self._place, self._read = place, read
        self._found: dict[Any, ValueError] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, error: ValueError) -> None:
        self._found.setdefault(getattr(error, "topic", ()) or str(error), error)

    def add_of_column(self, error: ComplaintError) -> None:
        """Note what leaves unknown what a column holds."""
        self.add(error)
        self.spare.add(error.topic[0])

    @contextlib.contextmanager
    def noting(self, *spare: str) -> Iterator[None]:
        """Note a ValueError of the body, and spare these columns then."""
        try:
            yield
        except ValueError as error:
            self.add(error)
            self.spare.update(spare)

    def check(self, how: Any = None) -> None:
        """Raise what was noted, and what is wrong with rows that are read as `how` says."""
        if not self._found:
            return
        if how is not None and self._read is not None:
            self._read(how, self)
        raise self.error from None

    @property
    def error(self) -> ValueError:
        """What was noted, as one error."""
        told = [self._told(error) for error in self._found.values()]
        if len(told) == 1:
            return told[0]
        lines = [" ".join(self._short(str(error)).splitlines()) for error in told]
        return ComplaintsError("\n  ".join([f"{self.name} has {len(lines)} faults:", *lines]))

    def _told(self, error: ValueError) -> ValueError:
        """An error with the name of the table."""
        if isinstance(error, MisreadError):
            if self._place is None:
                return error
            place = self._place(error.column, error.value).removeprefix(f"{self.name}, ")
            return ValueError(f"{self.name}: {error.at(place)}")
        known = str(error).startswith(self.name)
        return error if known else ValueError(f"{self.name}: {error}")

    def _short(self, message: str) -> str:
        """A message without the name of the table, where nothing but a place follows."""
        name = re.escape(self.name)
        message = re.sub(rf"^{name}(?:: |, | cannot be read as \w+: )", "", message)
        return re.sub(rf"^{name}(?= has )", "it", message)

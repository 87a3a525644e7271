"""Texts that stand for numbers and dates: the options of reading them, and what they mean.

| option | of |
|---|---|
| sep, comment, charset | CSV files |
| decimal | CSV files, and columns of `numbers` |
| thousands | columns of `numbers` |
| na_values, keep_default_na | CSV files; na_values of texts in other tables as well |
| numbers, date_format | columns of texts, in any table |
"""

from __future__ import annotations

import codecs
import datetime
import functools
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from fastreg.sources.names import check_names

# What pandas.read_csv takes as missing, and blanks.
MISSING_WORDS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
BLANKS = tuple(" " * count for count in range(1, 17))
ISO = "ISO8601"  # a `date_format`
_OF_FILES = ("sep", "decimal", "thousands", "comment", "charset", "keep_default_na")
_SIGN = r"[$€£¥₹₽₩₺%‰]|USD|EUR|GBP|CHF|JPY|CAD|AUD|INR|Rs\.?|kr\.?"
_SIGNED = re.compile(rf"^([-+−]?)\s*(?:{_SIGN})?\s*(.*?)\s*(?:{_SIGN})?\s*$", re.DOTALL)
_ISO_DATE = datetime.datetime.fromisoformat
_EPOCH = datetime.datetime(1970, 1, 1)


@dataclass(frozen=True)
class Text:
    """How texts are read, see `fastreg.read`; None is not given."""

    sep: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    comment: str | None = None
    charset: str | None = None
    na_values: Any = None
    keep_default_na: bool | None = None
    numbers: Collection[str] | None = None
    date_format: Mapping[str, str] | None = None

    @property
    def given(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    def over(self, other: Text) -> Text:
        """What is given here, and for the rest what is given there. Words of missing values add up:
        a new file may have one more."""
        found = Text(**(other.given | self.given))
        lists = isinstance(self.na_values, Collection) and isinstance(other.na_values, Collection)
        if not lists or isinstance(self.na_values, Mapping) or isinstance(other.na_values, Mapping):
            return found
        return replace(found, na_values=list(dict.fromkeys([*other.na_values, *self.na_values])))

    def check(self) -> None:
        """ValueError that names the option."""
        for name in ("sep", "decimal", "thousands"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and len(value) == 1):
                raise ValueError(f"{name} must be one character, got {value!r}")
        points = [self.decimal or ".", *([self.thousands] if self.thousands else [])]
        if len({*points, self.sep or None}) < len(points) + 1:
            raise ValueError("sep, decimal and thousands must be different characters")
        if self.comment is not None and not (isinstance(self.comment, str) and self.comment):
            raise ValueError(f"comment must be what a line begins with, got {self.comment!r}")
        if self.keep_default_na not in (None, True, False):
            raise ValueError(f"keep_default_na must be True or False, got {self.keep_default_na!r}")
        self._check_charset()
        self._check_columns()

    def _check_charset(self) -> None:
        try:
            codecs.lookup(self.charset or "utf-8")
        except (LookupError, TypeError):
            raise ValueError(
                f"charset must be one that Python knows, got {self.charset!r}"
            ) from None

    def _check_columns(self) -> None:
        if not _are_texts(self.numbers or ()):
            raise ValueError(f"numbers must be names of columns, got {self.numbers!r}")
        given = self.na_values
        lists = given.values() if isinstance(given, Mapping) else [given or ()]
        if not all(_are_texts(each) for each in lists):
            raise ValueError(f"na_values must be texts, or {{column: texts}}, got {given!r}")
        formats = {} if self.date_format is None else self.date_format
        if not isinstance(formats, Mapping) or not _are_texts([*formats, *formats.values()]):
            raise ValueError(
                f"date_format must be {{column: format}}, such as {{'day': '%d/%m/%Y'}}, got "
                f"{formats!r}"
            )
        twice = set(formats) & set(self.numbers or ())
        if twice:
            raise ValueError(f"column {min(twice)!r} is in numbers and in date_format")

    def check_use(self, name: str, kind: str, columns: Collection[str]) -> None:
        """ValueError if something is given that a table of this kind has no use for."""
        check_names(columns, self.columns, name, "column")
        for option in () if kind == "CSV" else _OF_FILES:
            # Columns of `numbers` are texts in other tables too.
            shared = option in ("decimal", "thousands") and self.numbers
            if getattr(self, option) is not None and not shared:
                raise ValueError(f"{option} is for CSV files, {name} is none")

    # ------------------------------------------------------------ what is missing

    @property
    def everywhere(self) -> list[str]:
        """Words that stand for a missing value, in any column."""
        default = MISSING_WORDS if self.keep_default_na is not False else ("",)
        listed = () if isinstance(self.na_values, Mapping) else self.na_values or ()
        return [*default, *BLANKS, *listed]

    def words_of(self, column: str) -> list[str]:
        """Those of one column alone."""
        return list(self.na_values.get(column, ())) if isinstance(self.na_values, Mapping) else []

    @property
    def columns(self) -> list[str]:
        """Columns that are named."""
        own = self.na_values if isinstance(self.na_values, Mapping) else ()
        return [*(self.numbers or ()), *(self.date_format or ()), *own]


PLAIN = Text()


def is_text(kind: Any) -> bool:
    """Whether a type of pyarrow is text."""
    from pyarrow import types

    return types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view"


# ---------------------------------------------------------------- what texts mean


@functools.lru_cache
def _grammar(decimal: str, thousands: str | None) -> re.Pattern[str]:
    point = re.escape(decimal)
    whole = r"\d+"
    if thousands:  # lakhs have groups of two
        t = re.escape(thousands)
        whole = rf"(?:\d{{1,3}}(?:{t}\d{{2,3}})*{t}\d{{3}}|\d+)"
    return re.compile(rf"(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?|inf|nan")


def number_of(text: str, decimal: str = ".", thousands: str | None = None) -> float | None:
    """The number that a person reads, None if it is none.

    Signs of currency and percent are left out, brackets are a minus: "$1,234" is 1234,
    "12.5 %" is 12.5, "(3)" is −3.
    """
    text = text.strip()
    bracketed = text[:1] == "(" and text[-1:] == ")"
    minus, digits = _SIGNED.match(text[1:-1] if bracketed else text).groups()  # type: ignore[union-attr]
    if not minus and digits[:1] in ("-", "−", "+"):  # behind the sign of the currency
        minus, digits = digits[0], digits[1:]
    if not _grammar(decimal, thousands).fullmatch(digits):
        return None
    plain = digits.replace(thousands, "") if thousands else digits
    value = float(plain.replace(decimal, "."))
    return -value if bracketed or minus in ("-", "−") else value


def microseconds_of(text: str, form: str) -> int | None:
    """From 1970 on, in UTC where the text has a zone; None if it is no date of this format."""
    try:
        text = text.strip()
        iso = form == ISO
        found = _ISO_DATE(text) if iso else datetime.datetime.strptime(text, form)
    except ValueError:
        return None
    if found.tzinfo is not None:
        found = found.astimezone(datetime.UTC).replace(tzinfo=None)
    return (found - _EPOCH) // datetime.timedelta(microseconds=1)


def _are_texts(values: Any) -> bool:
    several = isinstance(values, Collection) and not isinstance(values, str | bytes)
    return several and all(isinstance(value, str) for value in values)


def text_of(plain: Any) -> Text:
    """Of what `Text.given` gave; ValueError if it is not that."""
    if not isinstance(plain, dict) or not plain.keys() <= {each.name for each in fields(Text)}:
        raise ValueError("its options of reading are not sound")
    out = Text(**plain)
    out.check()
    return out

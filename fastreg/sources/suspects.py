"""Texts that a person would not take for levels: numbers, dates and names of single rows.

A column of texts becomes a feature for each value, so one that is misread becomes hundreds. What
nearly all of it looks like is found from its different values, and told with the option that reads
it so.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastreg.sources.complaints import MisreadError
from fastreg.sources.names import quoted
from fastreg.sources.text import ISO, MISSING_WORDS, microseconds_of, number_of

_NEARLY_ALL = 0.8  # of the values, or of the different ones
_IDENTITY = 0.9  # different values by rows, from which each names a row
_FEW = 20  # rows, of which that says nothing
_SAMPLE = 50  # different values that formats of dates are tried on
_WORDS = frozenset(
    {
        "",
        "?",
        "??",
        "-",
        "--",
        "---",
        "–",
        "—",
        ".",
        "..",
        "...",
        "*",
        "**",
        "#",
        "x",
        "nil",
        "none",
    }
    | {"na", "n/a", "n.a.", "n.a", "#n/a", "n.d.", "nd", "n/d", "nan", "nat", "<na>", "null", "inf"}
    | {"missing", "(missing)", "unknown", "unk", "undefined", "tbd", "error", "-inf", "#value!"}
    | {"#div/0!", "#ref!", "#name?", "#num!", "#null!"}
)
_POINTS = ((".", ","), (",", None), (",", "."), *itertools.product(".,", "'’ \u00a0\u202f\u2009_"))
_DATE = re.compile(
    r"\d{1,4}\s?[-/. ]\s?(\d{1,2}|[^\W\d]{3,9}\.?)\b"
    r"|\d{1,2}[^\W\d]{3}\d{2,4}\b"
    r"|[^\W\d]{3,9}\.? \d{1,2}\b"
    r"|\d{1,2}:\d\d\b"
)
_DAYS = (
    *(f"{a}{s}{b}{s}{c}" for s in "/-." for a, b, c in ("dmY", "mdY", "Ymd", "dmy", "mdy", "ymd")),
    *(f"d{s}{m}{s}{y}" for s in " -/" for m in "bB" for y in "Yy"),
    "b d, Y", "B d, Y", "b d Y", "dbY", "dby", "Y-m", "Y/m", "m/Y", "m-Y", "b Y", "B Y", "b-y",
    "a b d Y", "a, d b Y",
)  # fmt: skip
_TIMES = ("", "H:M", "H:M:S", "H:M:S.f", "I:M p", "I:M:S p", "H:M:Sz", "H:M:S z")


@dataclass(frozen=True)
class Reading:
    """What texts look like.

    noun : "numbers" or "dates"
    options : that read them so, as they are written
    others : texts that are none of these, first those of most rows
    """

    noun: str
    options: tuple[str, ...]
    others: tuple[str, ...] = ()


def reading_of(name: str, counts: Mapping[str, int]) -> Reading | None:
    """What nearly all values of a column are, None if they are texts.

    Parameters
    ----------
    counts : {text: number of rows that hold it}
    """
    texts = {text: count for text, count in counts.items() if text.strip()}
    rest = [text for text in texts if text.strip().casefold() not in _WORDS]
    if not rest or _are_codes(rest):
        return None
    for found in (_numbers(name, rest, texts), _dates(name, rest, texts)):
        if found is not None:
            return found
    return None


def is_identity(counts: Mapping[str, int]) -> bool:
    """Whether nearly every row has a text of its own."""
    rows = sum(counts.values())
    return rows >= _FEW and len(counts) >= _IDENTITY * rows


def _are_codes(texts: Iterable[str]) -> bool:
    """Digits with leading zeros, all of one length: postcodes are no numbers."""
    digits = [text for text in texts if text.isdecimal()]
    led = any(text[0] == "0" and len(text) > 1 for text in digits)
    return led and len({len(text) for text in digits}) == 1


def _numbers(name: str, rest: list[str], texts: Mapping[str, int]) -> Reading | None:
    used = set().union(*rest)
    plain = (".", None)
    points = [pair for pair in _POINTS if used.issuperset({*pair} - {".", None})]
    decimal, thousands = max(
        (plain, *points), key=lambda pair: sum(number_of(t, *pair) is not None for t in rest)
    )
    like = {text for text in rest if number_of(text, decimal, thousands) is not None}
    if not _nearly_all(like, rest, texts):
        return None
    options = [f"numbers=[{name!r}]"]
    options += [f"decimal={decimal!r}"] if decimal != "." else []
    options += [f"thousands={thousands!r}"] if thousands else []
    return Reading("numbers", tuple(options), _others(like, texts))


def _dates(name: str, rest: list[str], texts: Mapping[str, int]) -> Reading | None:
    shaped = [text for text in rest if _DATE.match(text.strip())]
    if not _nearly_all(shaped, rest, texts):
        return None
    some = shaped[:: max(1, len(shaped) // _SAMPLE)]
    used = set().union(*some)
    fits = {
        form: sum(microseconds_of(t, form) is not None for t in some)
        for form, points in _FORMATS.items()
        if used.issuperset(points)
    }
    most = max(fits.values())
    best = [form for form, count in fits.items() if count == most]
    like = {text for text in shaped if microseconds_of(text, best[0]) is not None}
    if not most or not _nearly_all(like, rest, texts):
        return None
    several = 1 if best[0] == ISO else 2  # day or month first: the texts do not tell
    shown = [f"date_format={{{name!r}: {form!r}}}" for form in best[:several]]
    return Reading("dates", (" or ".join(shown),), _others(like, texts))


def _forms() -> dict[str, set[str]]:
    """{format: what stands between its parts} of dates, of times, and of dates with times."""
    out = [ISO, "%H:%M", "%H:%M:%S", "%I:%M %p", "%M:%S.%f"]
    for day, time in itertools.product(_DAYS, _TIMES):
        letters = f"{day} {time}".strip() if time else day
        out.append(re.sub(r"[A-Za-z]", lambda found: f"%{found.group()}", letters))
    return {form: set() if form == ISO else set(re.sub(r"%.|\s", "", form)) for form in out}


_FORMATS = _forms()


def _nearly_all(like: Iterable[str], rest: list[str], texts: Mapping[str, int]) -> bool:
    like = set(like)
    rows = sum(texts[text] for text in rest)
    share = max(len(like) / len(rest), sum(texts[text] for text in like) / rows)
    return bool(like) and share >= _NEARLY_ALL


def _others(like: set[str], texts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted((text for text in texts if text not in like), key=lambda t: -texts[t]))


def misread(name: str, found: Reading, counts: Mapping[str, int], *, feature: bool) -> MisreadError:
    """Of a column of texts that looks like something else."""
    value = found.others[0] if found.others else next(iter(counts))
    options = list(found.options)
    if found.others:
        before = f"column {name!r} is text for {value!r}"
        after = f", and nearly all of it {found.noun}: "
        words = f"[{quoted(found.others)}]"
        own = set(found.others) & {*MISSING_WORDS}  # which another column may have as a level
        options.append(f"na_values={{{name!r}: {words}}}" if own else f"na_values={words}")
    else:
        before, after = (
            f"column {name!r} is text such as {value!r}",
            f" that looks like {found.noun}: ",
        )
    after += " and ".join(options) + f" reads it as {found.noun}"
    after += f"; {levels_of(name)}" if feature else ""
    return MisreadError(name, value, before, after)


def levels_of(name: str) -> str:
    return f"categories=[{name!r}] keeps a feature for each text, drop=[{name!r}] leaves it out"


def identity(name: str, counts: Mapping[str, int]) -> MisreadError:
    """Of a column of texts that names rows."""
    value, rows = next(iter(counts)), sum(counts.values())
    after = f", has {len(counts)} different texts in {rows} rows: {levels_of(name)}"
    return MisreadError(name, value, f"column {name!r}, such as {value!r}", after)

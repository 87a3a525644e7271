"""Levels that tables write in several ways, and are one."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PLAIN = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d*)?")
_DAY_OF = re.compile(r"\d{4}-\d\d-\d\d")
_MIDNIGHT = re.compile(rf"{_DAY_OF.pattern}[ T]00:00(?::00(?:\.0+)?)?")


def spelled(text: str) -> str:
    """One spelling of what tables write in several ways: true and false, numbers, and midnight.

    A text with leading zeros is no number.
    """
    if text.casefold() in ("true", "false"):
        return text.casefold()
    if _MIDNIGHT.fullmatch(text):
        return text[:10]
    return repr(float(text)).removesuffix(".0") if _PLAIN.fullmatch(text) else text


def one_spelling(found: Iterable[str]) -> list[str]:
    """Levels, in order; all of them in one spelling where they are all of such a kind."""
    by_spelling = {text: spelled(text) for text in found}
    values = set(by_spelling.values())
    plain = values <= {"true", "false"} or all(
        _PLAIN.fullmatch(text) or _DAY_OF.fullmatch(text) for text in values
    )
    return sorted(values if plain else by_spelling)

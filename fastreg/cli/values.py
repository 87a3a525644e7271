"""Values of options, as the command line has them."""

from __future__ import annotations

import argparse
import csv
import math


class UsageError(ValueError):
    """The command line itself is at fault, whatever the files hold: exit status 2."""


def truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false, got {text!r}")
    return text == "true"


def _number(text: str, low: float, high: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (low <= value <= high and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"must be {what}, got {text!r}")
    return value


def nonnegative(text: str) -> float:
    return _number(text, 0.0, math.inf, "a finite number ≥ 0")


def fraction(text: str) -> float:
    return _number(text, 0.0, 1.0, "a number from 0 to 1")


def _integer(text: str, low: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if value < low:
        raise argparse.ArgumentTypeError(f"must be an integer ≥ {low}, got {text!r}")
    return value


def at_least_one(text: str) -> int:
    return _integer(text, 1)


def folds(text: str) -> int:
    return _integer(text, 2)


def count(text: str) -> int:
    return _integer(text, 0)


def character(text: str) -> str:
    r"""A character, where a shell passes `\t` or the word for a tab."""
    value = "\t" if text in (r"\t", "tab") else text
    if len(value) != 1:
        raise argparse.ArgumentTypeError(f"must be one character, or \\t for a tab, got {text!r}")
    return value


def texts(text: str) -> list[str]:
    """Texts between commas; one that holds a comma stands between quotes, as in a CSV file."""
    (found,) = csv.reader([text])
    return found


def pair(text: str) -> tuple[str, str]:
    """COL=TEXT."""
    name, _, value = text.partition("=")
    if not (name and value):
        raise argparse.ArgumentTypeError(f"must be COL=TEXT, got {text!r}")
    return name, value


def several(text: str) -> tuple[str, list[str]]:
    """COL=TEXT,TEXT."""
    name, value = pair(text)
    return name, texts(value)

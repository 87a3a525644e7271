"""Parse the values of options."""

from __future__ import annotations

import argparse
import csv
import math


class UsageError(ValueError):
    """Report an error in the command line. The exit status is 2."""


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


def positive(text: str) -> float:
    return _number(text, math.ulp(0.0), math.inf, "a finite number above 0")


def power(text: str) -> float:
    """Parse the power of a variance with a log link. 0 would be least squares."""
    return _number(text, 1.0, math.inf, "a finite number ≥ 1")


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
    r"""Parse one character. `\t` and `tab` mean a tab."""
    value = "\t" if text in (r"\t", "tab") else text
    if len(value) != 1:
        raise argparse.ArgumentTypeError(f"must be one character, or \\t for a tab, got {text!r}")
    return value


def texts(text: str) -> list[str]:
    """Parse texts between commas. Quotes protect a comma, as in a CSV file."""
    (found,) = csv.reader([text])
    return found


def pair(text: str) -> tuple[str, str]:
    """Parse COL=TEXT."""
    name, _, value = text.partition("=")
    if not (name and value):
        raise argparse.ArgumentTypeError(f"must be COL=TEXT, got {text!r}")
    return name, value


def several(text: str) -> tuple[str, list[str]]:
    """Parse COL=TEXT,TEXT."""
    name, value = pair(text)
    return name, texts(value)

"""Reword messages of the library for the command line: `sep=';'` becomes `--sep ';'`."""

from __future__ import annotations

import ast
import os
import re
import shlex
from typing import Any

from fastreg.cli.console import printable
from fastreg.sources.complaints import ComplaintsError

_QUOTED = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_LIST = rf"\[(?:{_QUOTED}(?:, {_QUOTED})*)?(?: and \d+ more)?\]"
_VALUE = rf"(?:{_QUOTED}|True|False|{_LIST}|\{{{_QUOTED}: (?:{_QUOTED}|{_LIST})\}})"
_NAMES = (
    "sep", "decimal", "thousands", "comment", "charset", "na_values", "keep_default_na", "numbers",
    "date_format", "categories", "drop", "missing", "unknown",
)  # fmt: skip
_OPTION = re.compile(rf"(?<!\w)({'|'.join(_NAMES)})=({_VALUE})")
_WORDS = (
    (re.compile(r"\bmax_iter\b"), "--max-iter"), (re.compile(r"\braise tol\b"), "raise --tol"),
    (re.compile(r"\bout with drop\b"), "out with --drop"),
    (re.compile(r"(?<!-)\bgive --?sep\b"), "give --sep"),
    (re.compile(r"\bread it with --unknown\b"), "give --unknown"),
    (re.compile(r"; see cv_certificate_"), ""),
    (re.compile(r"\blabels=True\b"), "--family binomial"),
    (re.compile(r", for proportions set target='proportions'"), ""),
    (re.compile(r"\btheta_ is\b"), "theta is"),
    (re.compile(r"\btake PoissonRegressor\b"), "take --family poisson"),
)  # fmt: skip


def as_flags(text: str) -> str:
    """Rewrite the options in a message as flags."""
    text = _OPTION.sub(lambda found: _flag(found[1], found[2]), text)
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text


def _flag(name: str, written: str) -> str:
    value = ast.literal_eval(re.sub(r" and \d+ more\]$", "]", written))
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, dict):
        ((column, own),) = value.items()
        if isinstance(own, list):
            flag, own = "--na-values-of", _joined(own)
        return f"{flag} {shlex.quote(f'{column}={own}')}"
    if isinstance(value, list):
        value = _joined(value)
    value = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
    return f"{flag} {shlex.quote(value)}".replace("\t", "\\t")


def _joined(values: list[str]) -> str:
    return ",".join(f'"{each}"' if "," in each else each for each in values)


def in_words(error: BaseException) -> str:
    """Describe an error in one line, or in one for each thing that is wrong with a table."""
    if isinstance(error, ComplaintsError):
        first, *others = (printable(as_flags(line)) for line in str(error).splitlines())
        return "\n  ".join([first, *others])
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return printable(f"{where}{error.strerror.lower()}{_ADVICE.get(error.errno or 0, '')}")
    if isinstance(error, MemoryError):
        what = printable(f"not enough memory: {error}").removesuffix(":")
        return f"{what}; --memory reads the rows in blocks, --drop leaves columns out"
    return printable(as_flags(str(error) or type(error).__name__))


_ADVICE: dict[int, Any] = {
    2: "; look at the spelling and the folder",
    13: "; look at who may read or write it",
    28: "; free some space, or write elsewhere",
}

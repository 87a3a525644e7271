"""Turn options into arguments of `fastreg.read`, and standard input into a file."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastreg.cli.values import UsageError, character, pair, several, texts, truth

STDIN = Path("-")
_SHOWN = "standard input"
_PACKED = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\x28\xb5\x2f\xfd": ".zst"}
_PLAIN = ("sep", "decimal", "thousands", "comment", "charset", "keep_default_na")


def add_reading(parser: argparse.ArgumentParser, title: str) -> None:
    """Add the options that `reading` returns."""
    group = parser.add_argument_group(title)
    group.add_argument(
        "--sep", type=character, metavar="C",
        help=r"what separates values, such as ';' (default: ',', in .tsv a tab; \t is a tab)",
    )  # fmt: skip
    group.add_argument(
        "--decimal", type=character, metavar="C", help="decimal point, such as ',' (default: '.')"
    )
    group.add_argument(
        "--thousands", type=character, metavar="C",
        help="what separates thousands in columns of --numbers, such as \"'\" (default: nothing)",
    )  # fmt: skip
    group.add_argument(
        "--comment", metavar="TEXT",
        help="leave out lines that begin so, such as '#' (default: no line)",
    )  # fmt: skip
    group.add_argument(
        "--charset", metavar="NAME", help="encoding of the text, such as cp1252 (default: utf-8)"
    )
    _add_missing_words(group)
    group.add_argument(
        "--numbers", type=texts, nargs="+", action="extend", metavar="COL,…",
        help="columns of texts to read as numbers, without signs of currency and percent: "
        "'$1,200' (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--date-format", type=pair, nargs="+", action="extend", metavar="COL=FORMAT",
        help="columns of texts to read as dates, such as day=%%d/%%m/%%Y (default: ISO dates "
        "are found)",
    )  # fmt: skip


def _add_missing_words(group: Any) -> None:
    group.add_argument(
        "--na-values", type=texts, nargs="+", action="extend", metavar="TEXT,…",
        help="texts that stand for a missing value beside NA, null, …: 'NA,?' (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--na-values-of", type=several, nargs="+", action="extend", metavar="COL=TEXT,…",
        help="the same in one column alone, such as age=-1,999 (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--keep-default-na", type=truth, metavar="true|false",
        help="false: words such as NA and null are texts (default: true)",
    )  # fmt: skip


def flat(lists: list[list[str]] | None) -> list[str] | None:
    """Join the texts of an option that occurs several times."""
    return None if lists is None else list(itertools.chain.from_iterable(lists))


def reading(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the given options as arguments of `fastreg.read`."""
    given: dict[str, Any] = {name: getattr(arguments, name) for name in _PLAIN}
    if arguments.na_values and arguments.na_values_of:
        raise UsageError("--na-values is for all columns, --na-values-of for single ones: give one")
    own = dict(arguments.na_values_of or ())
    given["na_values"] = own or flat(arguments.na_values)
    given["numbers"] = flat(arguments.numbers)
    given["date_format"] = dict(arguments.date_format or ()) or None
    return {name: value for name, value in given.items() if value is not None}


def shown(path: Path) -> str:
    """Return the name of a file for messages."""
    return _SHOWN if path == STDIN else str(path)


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Yield the file to read. Standard input becomes a temporary file, not named in messages."""
    if path != STDIN:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="fastreg-") as folder:
        copy = _copied(Path(folder))
        try:
            yield copy
        except (ValueError, ImportError) as error:
            if str(copy) not in str(error):
                raise
            raise type(error)(str(error).replace(str(copy), _SHOWN)) from None


def _copied(folder: Path) -> Path:
    """Copy standard input to a file, with a suffix for its compression."""
    stream = sys.stdin.buffer
    head = stream.read(4)
    packed = next((end for begin, end in _PACKED.items() if head.startswith(begin)), "")
    path = folder / f"stdin.csv{packed}"
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as out:
        out.write(head)
        shutil.copyfileobj(stream, out)
    return path

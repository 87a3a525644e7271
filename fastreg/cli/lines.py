"""Write predictions as lines of CSV, beside columns of the input."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fastreg.cli.reading import flat, reading
from fastreg.cli.values import UsageError

Array = np.ndarray
_ROWS = 1 << 16  # rows of a piece


def kept_columns(arguments: Any, model: Any) -> Any:
    """Return the columns of --keep, read as in the fit except for the given options, or None."""
    names = list(dict.fromkeys(flat(arguments.keep) or ()))
    if not names:
        return None
    from fastreg.sources.kept import Kept
    from fastreg.sources.text import Text

    text = Text(**reading(arguments))
    encoding = getattr(model, "encoding_", None)
    text = text if encoding is None else text.over(encoding.text)
    text.check()
    return Kept(arguments.file, names, text)


def header(kept: Any, names: Sequence[str]) -> str:
    """Return the first line. Raise UsageError if two columns have one name."""
    beside = [] if kept is None else kept.columns
    twice = [name for name in names if name in beside]
    if twice:
        raise UsageError(
            f"--keep {twice[0]}: the predictions have this name: rename the column, or leave it out"
        )
    return _csv([[*beside, *names]])


def lines(columns: list[Array], kept: Any) -> Iterator[str]:
    """Yield the lines in pieces, with the shortest digits that read back to the same number."""
    count, row = len(columns[0]), 0
    for size, texts in _alone(count) if kept is None else _beside(kept):
        _check(row + size <= count)
        numbers = [column[row : row + size].tolist() for column in columns]
        yield _csv(zip(*texts, *numbers, strict=True))
        row += size
    _check(row == count)


def _check(same: bool) -> None:
    """Raise ValueError if a file has not as many rows as it had."""
    if not same:
        raise ValueError("the rows to keep are not as many as the predictions: the file changed")


def _alone(count: int) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield (rows, no texts)."""
    return ((min(_ROWS, count - start), []) for start in range(0, count, _ROWS))


def _beside(kept: Any) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield (rows, texts of each column)."""
    return ((len(texts[0]), texts) for texts in kept.blocks())


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()

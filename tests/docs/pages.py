"""The code of pages: each Python block runs, and prints what the `text` block after it shows.

    python -m tests.docs.pages docs/quickstart.md    # write what the blocks print into the page

The blocks of a page share their names, and a folder of their own. What differs from machine to
machine agrees all the same: numbers such as 1.2e-16, and whatever `…` stands for in a `text` block.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TINY = r" *\\d(\\.\\d+)?e-\\d+"  # a gap, an error: of the size of rounding
_TINY_ESCAPED = re.compile(r"(\\ )*\d(\\\.\d+)?e\\-\d+")


class Block(NamedTuple):
    code: str
    shown: str | None  # by the `text` block that follows with nothing but blank lines between
    where: tuple[int, int]  # of what is shown


def code(text: str, language: str) -> list[str]:
    """The blocks of a language, in order."""
    return [match[2] for match in _BLOCK.finditer(text) if match[1] == language]


def blocks(text: str) -> Iterator[Block]:
    """The Python blocks of a page."""
    found = list(_BLOCK.finditer(text))
    for match, after in zip(found, [*found, None][1:], strict=True):
        if match[1] != "python":
            continue
        follows = after and after[1] == "text" and not text[match.end() : after.start()].strip()
        shown = after[2] if follows else None
        yield Block(match[2], shown, after.span(2) if follows else (0, 0))


def run(text: str, name: str) -> Iterator[tuple[Block, str]]:
    """(block, what it prints) one after the other, in a folder that is removed afterwards."""
    names: dict[str, object] = {"__name__": name}
    with tempfile.TemporaryDirectory() as folder, _inside(folder):
        for block in blocks(text):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(block.code, name, "exec"), names)
            yield block, _trimmed(out.getvalue())


def agrees(printed: str, shown: str) -> bool:
    """Whether a print is what a page shows."""
    parts = (re.escape(part) for part in _trimmed(shown).split("…"))
    pattern = _TINY_ESCAPED.sub(_TINY, ".*?".join(parts))
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


def written(text: str, name: str) -> str:
    """The page with what its blocks print; what agrees already stays."""
    for block, printed in reversed(list(run(text, name))):
        if block.shown is not None and not (block.shown and agrees(printed, block.shown)):
            first, last = block.where
            text = text[:first] + printed + text[last:]
    return text


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        page.write_text(written(page.read_text(encoding="utf-8"), str(page)), encoding="utf-8")

"""Check output files before the work begins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fastreg.cli.reading import STDIN
from fastreg.cli.values import UsageError


def check_output(path: Path, suffixes: Sequence[str], option: str, inputs: Sequence[Path]) -> None:
    """Raise UsageError if `path` cannot be written, or is an input."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{option} {path}: the file must end in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}: make it first")
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a folder: name a file in it")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{option} {path}: the folder {path.parent} is not writable: name another")
    for source in inputs:
        if source != STDIN:
            _check_apart(path, source, option)


def check_different(outputs: Sequence[tuple[str, Path | None]]) -> None:
    """Raise UsageError if two options name the same file."""
    seen: dict[Path, str] = {}
    for option, path in outputs:
        if path is None:
            continue
        other = seen.setdefault(path.resolve(), option)
        if other != option:
            raise UsageError(f"{option} {path}: this is the file of {other}: name another")


def _check_apart(path: Path, source: Path, option: str) -> None:
    """Raise UsageError if `path` is an input under any name, or lies in an input folder."""
    from fastreg.sources.formats import FORMATS, files_of

    there = files_of(source)
    if path.exists() and any(path.samefile(file) for file in there):
        raise UsageError(f"{option} {path}: this would overwrite the input: name another file")
    folder = path.parent.resolve()
    inside = source.is_dir() and source.resolve() in (folder, *folder.parents)
    if inside and path.suffix.lower() in FORMATS:
        raise UsageError(
            f"{option} {path}: the folder {source} is read as one table: name a file outside"
        )

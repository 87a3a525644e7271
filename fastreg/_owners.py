"""Who could have written what is about to be run: owners and modes of files and folders.

A process runs as code what it unpickles, so it reads such a file only where nobody else could have
put it: the file, its folder and all that decides where the folder's name leads belong to trusted
users, and others cannot write there. Windows has neither owners nor modes of this kind: there
nothing is checked.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

CHECKED = hasattr(os, "geteuid")
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_NOBODY = 65534  # in a container, whoever is not known there
_MOST_LINKS = 40


class UntrustedError(OSError):
    """What others could have written; the message says what and why."""


def trusted_users(package: Path) -> frozenset[int]:
    """The user, root, and the owner of the package, whose code runs already."""
    if not CHECKED:
        return frozenset()
    owner = package.stat().st_uid
    return frozenset({os.geteuid(), 0, *([] if owner == _NOBODY else [owner])})


def make_private(folder: Path) -> None:
    """The folder, and those above it that are not there, for their owner alone."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def check_folder(folder: Path, users: frozenset[int]) -> None:
    """Raise UntrustedError unless the folder is private to these users."""
    if CHECKED:
        _check(folder, folder.stat(), users)


def check_way(folder: Path, users: frozenset[int]) -> None:
    """Raise UntrustedError if others could put another folder in place of this one.

    Whoever owns a folder on the way, or may write to it, can rename what is in it; the sticky bit
    leaves that to owners. The owner of "/" could replace everything.
    """
    if not CHECKED:
        return
    known = users | {os.stat("/").st_uid}
    for place, found in _steps(folder.absolute()):
        if not (found.st_mode & stat.S_ISVTX and found.st_uid in known):
            _check(place, found, known)


def read_trusted(path: Path, users: frozenset[int]) -> bytes:
    """The content of a file in a folder, both private to these users.

    What is checked is what was opened: neither can be exchanged in between.

    Raises
    ------
    UntrustedError
        Others could have written it.
    OSError
        It cannot be read.
    """
    if not CHECKED:
        return path.read_bytes()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _check(path.parent, os.fstat(folder), users)
        # A link is refused, and a pipe does not keep the process waiting.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(path.name, flags, dir_fd=folder), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UntrustedError(f"{path} is not a file")
            _check(path, found, users)
            return file.read()
    finally:
        os.close(folder)


def _check(path: Path, found: os.stat_result, users: frozenset[int]) -> None:
    if found.st_uid not in users:
        raise UntrustedError(f"{path} belongs to another user ({found.st_uid})")
    if found.st_mode & _OTHERS and not stat.S_ISLNK(found.st_mode):
        raise UntrustedError(f"others can write to {path} (chmod go-w)")


def _steps(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every folder and link, from the root on, that decides where a name leads."""
    here, rest, links = Path(path.anchor), list(path.parts[1:]), 0
    while True:
        yield here, here.lstat()
        if not rest:
            return
        step = here / rest.pop(0)
        while step.is_symlink() and links < _MOST_LINKS:
            yield step, step.lstat()
            links += 1
            target = (here / os.readlink(step)).parts
            here, rest = Path(target[0]), [*target[1:], *rest]
            yield here, here.lstat()
            step = here / rest.pop(0) if rest else here
        here = step

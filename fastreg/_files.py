"""Files that are there whole or not at all, and files that have changed since they were opened."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple


def write_whole(path: Path, content: bytes | Iterable[bytes], *, mode: int | None = None) -> None:
    """Replace `path` by `content`: a reader, or a crash, sees the old file or the new one.

    content : all of it, or pieces that are made one by one
    mode : permissions; None keeps those of the file that is replaced

    Raises OSError, with the name of `path`.
    """
    pieces = [content] if isinstance(content, bytes) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with _created(temporary, path, mode) as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno is None:  # of whoever makes the pieces
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _created(temporary: Path, path: Path, mode: int | None) -> BinaryIO:
    """A new file to write to, which nobody may read who could not read `path`."""
    old = path.stat() if mode is None and path.exists() else None
    private = mode is not None or old is not None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    stream = os.fdopen(os.open(temporary, flags, 0o600 if private else 0o666), "wb")
    if mode is not None:
        os.chmod(temporary, mode)
    elif old is not None:
        os.chmod(temporary, _kept(temporary, old))
    return stream


def _kept(temporary: Path, old: os.stat_result) -> int:
    """The permissions of a file that is replaced; those of its group only to the same group."""
    mode = stat.S_IMODE(old.st_mode)
    if not hasattr(os, "chown"):
        return mode
    with contextlib.suppress(OSError):
        os.chown(temporary, old.st_uid, -1)  # root writes for others
    try:
        os.chown(temporary, -1, old.st_gid)
    except OSError:
        return mode & ~stat.S_IRWXG
    return mode


class Mark(NamedTuple):
    """What tells whether a file is the one that was opened, and as it was."""

    path: Path
    device: int
    inode: int
    size: int
    changed: int  # ns

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Mark:
        found = os.stat(path)
        return cls(Path(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def check(self) -> None:
        """Raise OSError if the file is not the same any more; the message says how."""
        try:
            now = Mark.of(self.path)
        except FileNotFoundError:
            raise OSError(f"{self.path} was removed since it was opened") from None
        if now != self:
            raise OSError(
                f"{self.path} {self._change(now)} since it was opened: open it again to read what "
                "it holds now"
            )

    def _change(self, now: Mark) -> str:
        if (now.device, now.inode) != (self.device, self.inode):
            return "was replaced"
        if now.size != self.size:
            verb = "grew" if now.size > self.size else "shrank"
            return f"{verb} from {self.size} to {now.size} bytes"
        return "was written to"


def marks(paths: Iterable[str | os.PathLike[str]]) -> tuple[Mark, ...]:
    """Those of files, and of all files in folders."""
    return tuple(Mark.of(file) for path in paths for file in _files_of(Path(path)))


def _files_of(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]

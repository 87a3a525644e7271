"""Bars on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType

_WIDTH = 40
_INTERVAL = 0.1  # seconds between two looks of a meter


def draw_bar(done: int, total: int) -> None:
    """The bar after `done` of `total`, on the same line until it is full."""
    end = "\n" if done == total else ""
    sys.stderr.write(f"\r{_bar(done / total)} {done}/{total}{end}")
    sys.stderr.flush()


def _bar(share: float) -> str:
    filled = int(_WIDTH * min(share, 1.0))
    return f"[{'#' * filled}{' ' * (_WIDTH - filled)}] {int(100 * min(share, 1.0)):3d} %"


class Meter:
    """Rows and bytes read so far, the pace, and the time left where the whole is known.

    A context; `shown` is whether anything is drawn at all.
    """

    def __init__(self, rows: int | None, size: int | None, *, shown: bool) -> None:
        self._rows, self._size, self._shown = rows, size, shown
        self._live = shown and sys.stderr.isatty()  # elsewhere, one line at the end
        self._read_rows = self._read_bytes = 0
        self._begin = self._last = time.monotonic()

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            self._draw(end="\n", whole=kind is None)

    def advance(self, rows: int, size: int) -> None:
        self._read_rows += rows
        self._read_bytes += size
        now = time.monotonic()
        if self._live and now - self._last >= _INTERVAL:
            self._last = now
            self._draw()

    def _draw(self, end: str = "", whole: bool = False) -> None:
        seconds = max(time.monotonic() - self._begin, 1e-9)
        share = 1.0 if whole else self._share()  # sizes of files are estimates of what is read
        parts = [f"{self._read_rows:,} rows".replace(",", " "), _bytes(self._read_bytes)]
        if self._rows is not None:
            parts[0] = f"{self._read_rows:,} of {self._rows:,} rows".replace(",", " ")
        if self._size is not None:
            read = min(self._read_bytes, self._size)  # a last block is counted whole
            parts[1] = f"{_bytes(read)} of {_bytes(self._size)}"
        parts.append(f"{_bytes(self._read_bytes / seconds)}/s")
        if share and not end:
            parts.append(f"{_time(seconds / share - seconds)} left")
        elif end:
            parts.append(_time(seconds))
        bar = "" if share is None else _bar(share) + " "
        around = ("\r", "\x1b[K") if self._live else ("", "")
        sys.stderr.write(f"{around[0]}{bar}{', '.join(parts)}{around[1]}{end}")
        sys.stderr.flush()

    def _share(self) -> float | None:
        if self._rows:
            return min(1.0, self._read_rows / self._rows)
        return min(1.0, self._read_bytes / self._size) if self._size else None


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

"""A bar on standard error."""

from __future__ import annotations

import sys

_WIDTH = 40


def draw_bar(done: int, total: int) -> None:
    """The bar after `done` of `total`, on the same line until it is full."""
    filled = _WIDTH * done // total
    end = "\n" if done == total else ""
    sys.stderr.write(f"\r[{'#' * filled}{' ' * (_WIDTH - filled)}] {done}/{total}{end}")
    sys.stderr.flush()

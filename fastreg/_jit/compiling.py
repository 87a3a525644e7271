"""What happens while the compiler runs: a line on the terminal, once per machine, and no collector.

Compiling makes millions of small objects that stay: passes of the collector over them are a tenth
of the time (7.4 s against 6.7 of a first lasso).
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

from numba.core import event
from numba.core.dispatcher import Dispatcher

from fastreg._interrupts import protected

_FILE = "told.txt"  # beside the machine code: this machine has seen the line
_TEXT = (
    "fastreg: compiling, once for this machine, for some seconds; fastreg.warmup() does it before\n"
)


class _Rest:
    """A context in which the collector rests. Numba compiles, and asks for what is on disk, under
    a lock: one thread at a time is inside."""

    def __init__(self) -> None:
        self._depth = 0
        self._collects = False

    def __enter__(self) -> None:
        if self._depth == 0:
            self._collects = gc.isenabled()
            gc.disable()
        self._depth += 1

    def __exit__(self, *exception: object) -> None:
        self._depth -= 1
        if self._depth == 0 and self._collects:
            gc.enable()


rest = _Rest()


class _Compiling(event.Listener):  # type: ignore[misc]
    """Lets the collector rest from the start of a compilation of ours to its end."""

    def __init__(self) -> None:
        self._depth = 0

    def on_start(self, happening: Any) -> None:
        if self._depth or _is_ours(happening):
            rest.__enter__()
            self._depth += 1

    def on_end(self, happening: Any) -> None:
        if self._depth:
            self._depth -= 1
            rest.__exit__()


def _is_ours(happening: Any) -> bool:
    function = getattr((happening.data or {}).get("dispatcher"), "py_func", None)
    return str(getattr(function, "__module__", "")).startswith("fastreg.")


def watch() -> None:
    """Begin. From now on an interrupt of a fit waits until a kernel is compiled: raised within a
    callback of LLVM it is lost, and the process with it."""
    event.register("numba:compile", _Compiling())
    protected(Dispatcher.compile)


class Notice:
    """The line, where stderr is a terminal; said once a process, and once per folder of code."""

    def __init__(self) -> None:
        self._told = False

    def tell(self, directory: Path | None) -> None:
        """A kernel is not in `directory`, or there is none."""
        if self._told:
            return
        self._told = True
        try:
            if not sys.stderr.isatty():
                return
            if directory is not None:
                (directory / _FILE).touch(exist_ok=False)
            sys.stderr.write(_TEXT)
        except (OSError, ValueError, AttributeError):  # told before; closed; no stderr
            return


notice = Notice()

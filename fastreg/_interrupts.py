"""Interrupts of other threads: Python tells only the main one."""

from __future__ import annotations

import ctypes


def interrupt(thread: int) -> None:
    """Raise KeyboardInterrupt in a thread, by its identifier, at its next step in Python."""
    _set(thread, ctypes.py_object(KeyboardInterrupt))


def forget_interrupt(thread: int) -> None:
    """Take back an interrupt that the thread has not seen yet."""
    _set(thread, None)


def _set(thread: int, kind: object) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)

"""Warnings, at the line that called fastreg; their classes are scikit-learn's."""

from __future__ import annotations

import sys
import warnings
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn.exceptions import ConvergenceWarning

_WITHIN = ("fastreg.", "sklearn.callback.")  # the second stands between a fit and its caller


def warn_of_convergence(message: str) -> None:
    """A `ConvergenceWarning`, loaded only now: what does not fit does not wait for scikit-learn."""
    warn(message, __getattr__("ConvergenceWarning"))


def warn(message: str, category: type[Warning]) -> None:
    """`warnings.warn` at the line outside of the package that led here."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_within(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_within(frame: FrameType) -> bool:
    return f"{frame.f_globals.get('__name__')}.".startswith(_WITHIN)


def __getattr__(name: str) -> Any:
    if name != "ConvergenceWarning":
        raise AttributeError(f"module 'fastreg._warnings' has no attribute {name!r}")
    from sklearn.exceptions import ConvergenceWarning

    return ConvergenceWarning


__all__ = ["ConvergenceWarning", "warn", "warn_of_convergence"]

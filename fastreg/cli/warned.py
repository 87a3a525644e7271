"""Print warnings as lines, each kind once."""

from __future__ import annotations

import re
import sys
import warnings
from types import TracebackType
from typing import Any

from fastreg.cli.console import printable
from fastreg.cli.wording import as_flags

_NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?")


class Warned:
    """Print each warning for the user, such as ConvergenceWarning, as one line.

    Warnings that differ only in numbers are of one kind. The first of a kind is printed at once,
    and the number of the others at the end.

    Attributes
    ----------
    unfinished : bool
        Whether a ConvergenceWarning came, so that a tolerance was not reached.
    """

    def __init__(self) -> None:
        self.unfinished = False
        self._seen: dict[str, list[str]] = {}
        self._context = warnings.catch_warnings()

    def __enter__(self) -> Warned:
        self._context.__enter__()
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("always", RuntimeWarning)
        warnings.simplefilter("ignore", DeprecationWarning)  # pyparsing's is a UserWarning too
        warnings.showwarning = self._show
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._context.__exit__(kind, value, trace)
        for first, *more in self._seen.values():
            if more:
                start = first if len(first) <= 60 else f"{first[:60].rsplit(' ', 1)[0]} …"
                self._line(f"{len(more)} more of this kind: {start}")

    def _show(self, message: Any, category: Any, *_: object, **__: object) -> None:
        text = printable(as_flags(str(message)))
        alike = self._seen.setdefault(_NUMBER.sub("#", text), [])
        alike.append(text)
        self.unfinished |= category.__name__ == "ConvergenceWarning"
        if len(alike) == 1:
            self._line(text)

    def _line(self, text: str) -> None:
        print(f"fastreg: warning: {text}", file=sys.stderr)

"""Names that are not there, and what to suggest for them."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from fastreg.sources.complaints import LateError

_SHOWN = 8  # names that a message lists


def near(name: str, names: Iterable[str]) -> str:
    """What to suggest for a name that is not there."""
    names = list(names)
    close = alike(name, names)
    if close:
        return f"did you mean {quoted(close)}?"
    return f"there is {quoted(names)}" if names else "there is none"


def alike(name: str, names: Iterable[str]) -> list[str]:
    """Up to three of the names that are written nearly so, the nearest first."""
    folded = {other.casefold(): other for other in reversed(list(names))}
    close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    return [folded[key] for key in close]


def quoted(names: Iterable[str]) -> str:
    """The first few of them."""
    names = list(names)
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + rest


def check_names(there: Collection[str], wanted: Iterable[str], place: str, noun: str) -> None:
    """ValueError if a name that is wanted is not there."""
    known = set(there)
    missing = [name for name in wanted if name not in known]
    if not missing:
        return
    if len(missing) == 1:
        raise ValueError(f"{place} has no {noun} {missing[0]!r}; {near(missing[0], there)}")
    raise ValueError(f"{place} has no {noun}s {quoted(missing)}; there is {quoted(there)}")


def check_order(known: Iterable[Any] | None, given: list[str] | None, advice: str) -> None:
    """ValueError if features have other names, or another order, than in the fit; None has none."""
    if known is None or given is None or [str(name) for name in known] == given:
        return
    raise ValueError(
        f"the features of X are {quoted(given)}, those of the fit were "
        f"{quoted(str(name) for name in known)}: {advice}"
    )


def check_different(names: Iterable[str], place: str) -> None:
    """ValueError if columns share a name."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{place} has columns of the same name: {quoted(repeated)}")


def guarded(place: str, load: Any, noun: str) -> Any:
    """load(), any fault of the content as one ValueError that names the file."""
    try:
        return load()
    except (PermissionError, MemoryError):
        raise
    except LateError as error:
        raise LateError(f"{place} cannot be read as {noun}: {error}", *error.topic) from error
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{place} cannot be read as {noun}: {reason}") from error

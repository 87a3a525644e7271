"""Pages of documentation, read by their tests: blocks of code, tables, and what their cells say.

A span `Name(argument=default)` in a cell says that the name takes the argument, with that default.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "coming-from"
_SPAN = re.compile(r"(?P<name>[A-Za-z_][\w.$]*)(\((?P<argument>[\w.]+)(=(?P<default>.*))?\))?")


def text_of(page: str) -> str:
    return (FOLDER / f"{page}.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading of the second level, up to the next."""
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE
    )
    assert found, heading
    return found.group(1)


def rows(text: str) -> list[list[str]]:
    """The cells of all tables, without their heads."""
    out, inside = [], False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
        elif set(line) <= set("|-: "):
            inside = True
        elif inside:
            out.append([cell.strip() for cell in line.strip("|").split("|")])
    return out


def spans(cell: str) -> list[str]:
    """What a cell has between backticks."""
    return re.findall(r"`([^`]+)`", cell)


class Named(NamedTuple):
    """A name, the argument that it takes, and the default as text, each None if not there."""

    name: str
    argument: str | None
    default: str | None


def named(span: str) -> Named:
    found = _SPAN.fullmatch(span)
    assert found, f"{span!r} names nothing"
    return Named(found["name"], found["argument"], found["default"])


def check(span: str, scope: dict[str, Any], example: Callable[[type], Any]) -> None:
    """AssertionError unless a span is true of the names in scope.

    `example` makes an instance, which has attributes that its class has not.
    """
    name, argument, default = named(span)
    head, *rest = name.split(".")
    assert head in scope, span
    found = scope[head]
    for part in rest:
        if part in {field.name for field in _fields(found)}:
            return
        if inspect.isclass(found) and not hasattr(found, part):
            found = example(found)
        assert hasattr(found, part), span
        found = getattr(found, part)
    if argument is None:
        return
    takes = inspect.signature(found).parameters
    assert argument in takes, f"{span}: it takes {', '.join(takes)}"
    if default is not None:
        says = eval(default, {"np": np})
        assert same(takes[argument].default, says), f"{span}: it is {takes[argument].default!r}"


def _fields(found: Any) -> tuple[Any, ...]:
    return dataclasses.fields(found) if dataclasses.is_dataclass(found) else ()


def same(a: Any, b: Any) -> bool:
    """Of defaults: 1 is not True."""
    return type(a) is type(b) and (a == b or a is b)


def answer(found: Any) -> np.ndarray:
    """Coefficients and then the intercept of whatever holds a fit: (n + 1,), or (n + 1, K)."""
    if isinstance(found, tuple):  # of lasso_path and its like: strengths, coefficients, gaps
        return np.vstack([found[1], np.zeros(len(found[0]))])
    if hasattr(found, "coefs"):
        return np.vstack([found.coefs, found.intercepts])
    if hasattr(found, "coef_"):
        return np.append(np.ravel(found.coef_), np.ravel(found.intercept_)[-1:])
    params = np.asarray(found.params)  # of statsmodels, with the constant first
    return np.append(params[1:], params[:1])


def assert_same(theirs: Any, ours: Any, what: str, rtol: float = 1e-6) -> None:
    """Numbers of two fits agree, relatively to the largest of each fit."""
    a, b = np.squeeze(answer(theirs)), np.squeeze(answer(ours))
    assert a.shape == b.shape, f"{what}: {a.shape} and {b.shape}"
    off = np.abs(a - b).max() / np.abs(a).max()
    assert off <= rtol, f"{what}: off by {off:.1e} of the largest"
